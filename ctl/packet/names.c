/* The names of numbers in packets: see packet.h. */
#include <netinet/in.h>
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

/* IANA's protocol numbers; those that Neutron's security groups have names for. */
const struct packet_name packet_protocols[] = {
        {"tcp", IPPROTO_TCP},
        {"udp", IPPROTO_UDP},
        {"sctp", IPPROTO_SCTP},
        {"icmp", IPPROTO_ICMP},
        {"icmpv6", IPPROTO_ICMPV6},
        {"icmp6", IPPROTO_ICMPV6},
        {"ipv6-icmp", IPPROTO_ICMPV6},
        {"igmp", IPPROTO_IGMP},
        {"ipip", IPPROTO_IPIP},
        {"egp", IPPROTO_EGP},
        {"dccp", IPPROTO_DCCP},
        {"rsvp", IPPROTO_RSVP},
        {"gre", IPPROTO_GRE},
        {"esp", IPPROTO_ESP},
        {"ah", IPPROTO_AH},
        {"ospf", 89},
        {"pgm", 113},
        {"vrrp", 112},
        {"udplite", IPPROTO_UDPLITE},
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
