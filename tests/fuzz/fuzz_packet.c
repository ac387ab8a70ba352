/* What a person may type as a packet, and what the dataplane may show: ctl/packet.
 *
 * The input is a text, parsed as a packet and as a filter: a fault must lie within it; a packet becomes a frame, which
 * described is the same packet. Then the input is a frame, whole and cut, to be described. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "packet.h"
#include "socle/cleanup.h"

static void check(bool right)
{
        if (!right)
                abort();
}

static bool parse(const char *text, enum packet_use use, struct packet *packet)
{
        struct packet_fault fault = {};

        if (packet_parse(text, use, packet, &fault) == 0)
                return true;
        check(fault.at >= 1 && fault.at <= strlen(text) + 1 && fault.message[0]);
        return false;
}

static void build_and_describe(const struct packet *packet)
{
        uint8_t frame[PACKET_ETHER_BYTES + PACKET_LENGTH_MAX];
        size_t length = packet_build(packet, frame, sizeof(frame));
        char text[PACKET_TEXT_SIZE];
        struct packet again;

        check(length <= sizeof(frame));
        packet_describe(frame, length, length, text);
        /* Extension headers have no bodies in what we build: what is behind them is not the packet that was meant. */
        if (packet->family == 6 &&
            (packet->protocol == 0 || packet->protocol == 43 || packet->protocol == 44 || packet->protocol == 60))
                return;
        /* A known protocol as "proto N" is shown by its name. */
        check(parse(text, PACKET_ONE, &again));
        check(again.arp == packet->arp && again.family == packet->family && again.protocol == packet->protocol);
        check(memcmp(again.ip, packet->ip, sizeof(again.ip)) == 0);
        check(packet->arp || again.length == (packet->length ?: packet_header_bytes(packet)));
        switch (packet->arp ? 0 : packet->protocol) {
        case 6:
                check(again.tcp_flags == packet->tcp_flags);
                break;
        case 132:
                check(again.sctp_chunk == packet->sctp_chunk);
                break;
        default:
                return;
        }
        check(memcmp(again.l4_port, packet->l4_port, sizeof(again.l4_port)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_free char *text = malloc(size + 1);
        char described[PACKET_TEXT_SIZE];
        struct packet packet;

        if (!text)
                abort();
        memcpy(text, data, size);
        text[size] = 0;
        if (parse(text, PACKET_ONE, &packet))
                build_and_describe(&packet);
        parse(text, PACKET_FILTER, &packet);

        packet_describe(data, size, size, described);
        check(strlen(described) < PACKET_TEXT_SIZE && described[0]);
        packet_describe(data, size / 2, size, described);
        return 0;
}
