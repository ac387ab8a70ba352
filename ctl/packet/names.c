/* The names of numbers in packets: see packet.h. */
#include <string.h>
#include <strings.h>

#include "packet.h"

const struct packet_name packet_tcp_flags[] = {
        {"fin", 0x01}, {"syn", 0x02}, {"rst", 0x04},
        {"psh", 0x08}, {"ack", 0x10}, {"urg", 0x20},
        {"ece", 0x40}, {"cwr", 0x80}, {},
};

/* RFC 9260 3.2 */
const struct packet_name packet_sctp_chunks[] = {
        {"data", 0},
        {"init", 1},
        {"init-ack", 2},
        {"sack", 3},
        {"heartbeat", 4},
        {"heartbeat-ack", 5},
        {"abort", 6},
        {"shutdown", 7},
        {"shutdown-ack", 8},
        {"error", 9},
        {"cookie-echo", 10},
        {"cookie-ack", 11},
        {"shutdown-complete", 14},
        {},
};

const char *packet_name_of(const struct packet_name *table, int number)
{
        for (; table->name; table++)
                if (table->number == number)
                        return table->name;
        return NULL;
}

int packet_number_of(const struct packet_name *table, const char *name, size_t length)
{
        for (; table->name; table++)
                if (strlen(table->name) == length && strncasecmp(table->name, name, length) == 0)
                        return table->number;
        return -1;
}
