/* See pcapfile.h. */
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "pcapfile.h"
#include "say.h"

static int read_frame(pcap_t *pcap, const char *path, unsigned long number, uint8_t **ret, size_t *ret_length)
{
        struct pcap_pkthdr *header;
        const u_char *data;
        int r = 1;

        if (pcap_datalink(pcap) != DLT_EN10MB) {
                complain("%s holds frames of link type %s", path,
                         pcap_datalink_val_to_name(pcap_datalink(pcap)) ?: "?");
                advise("Ethernet frames (EN10MB) are what a port gets");
                return CLI_USAGE;
        }
        for (unsigned long i = 0; i < number; i++)
                if ((r = pcap_next_ex(pcap, &header, &data)) != 1) {
                        if (r == PCAP_ERROR_BREAK)
                                complain("%s holds %lu packet%s, there is no number %lu", path, i, i == 1 ? "" : "s",
                                         number);
                        else
                                complain("%s: packet %lu: %s", path, i + 1, pcap_geterr(pcap));
                        return CLI_USAGE;
                }
        *ret = malloc(header->caplen ? header->caplen : 1);
        if (!*ret) {
                complain("out of memory");
                return CLI_REFUSED;
        }
        memcpy(*ret, data, header->caplen);
        *ret_length = header->caplen;
        if (header->caplen < header->len)
                advise("packet %lu is cut: %u of its %u bytes are in the file", number, header->caplen, header->len);
        return CLI_OK;
}

int pcapfile_read(const char *path, unsigned long number, uint8_t **ret, size_t *ret_length)
{
        char error[PCAP_ERRBUF_SIZE] = "";
        pcap_t *pcap = pcap_open_offline(path, error);
        int status;

        if (!pcap) {
                /* Some of libpcap's messages name the file, some do not. */
                complain("%s%s%s", strstr(error, path) ? "" : path, strstr(error, path) ? "" : ": ", error);
                return CLI_USAGE;
        }
        status = read_frame(pcap, path, number, ret, ret_length);
        pcap_close(pcap);
        return status;
}
