/* See control_fixture.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_malloc.h>
#include <rte_ring.h>

#include "control_fixture.h"
#include "generation.h"
#include "meta.h"
#include "objects.h"
#include "rcu.h"
#include "socle/log.h"
#include "table.h"
#include "worker.h"

#define MUST(x)                                                                                                        \
        do {                                                                                                           \
                if (!(x)) {                                                                                            \
                        fprintf(stderr, "fixture: %s failed\n", #x);                                                   \
                        abort();                                                                                       \
                }                                                                                                      \
        } while (0)

#define DEVICE 7 /* none of enum wire_device */

static struct generation *generation;
static char failure[WIRE_TEXT_SIZE];
static struct {
        unsigned int count;
        bool secured;
} opened[DP_PORT_MAX];

/* ---- the device ---- */

static uint16_t send_nowhere(struct dp_port *port, unsigned int worker, struct rte_mbuf **packets, uint16_t n,
                             enum socle_drop *ret_reason)
{
        return 0;
}

static int device_open(struct dp_io *io, const struct wire_attachment *attachment, struct dp_io_error *error)
{
        opened[io->port->index].count++;
        opened[io->port->index].secured = io->port->secured;
        io->tx = send_nowhere;
        return 0;
}

static void device_close(struct dp_io *io)
{
}

static bool device_refresh(struct dp_io *io)
{
        return false;
}

static struct dp_io_ops device = {
        .device = DEVICE, .name = "test", .open = device_open, .close = device_close, .refresh = device_refresh};

unsigned int fixture_opened(uint32_t port, bool *ret_secured)
{
        *ret_secured = opened[fixture_index(port)].secured;
        return opened[fixture_index(port)].count;
}

/* ---- generations ---- */

void fixture_begin(bool full)
{
        static uint64_t number;
        struct wire_begin begin;

        wire_init(&begin, WIRE_BEGIN);
        begin.generation = ++number;
        begin.full = full;
        MUST(generation_begin(&generation, &begin) == 0);
}

static void stage(const void *record)
{
        bool alone = !generation;

        if (alone)
                fixture_begin(false);
        MUST(generation_stage(generation, record) == 0);
        if (alone)
                fixture_commit();
}

void fixture_put(const void *record)
{
        stage(record);
}

void fixture_delete(const void *record)
{
        const struct wire_header *header = record;
        struct wire_delete delete;

        wire_init(&delete, WIRE_DELETE);
        delete.type = header->type;
        memcpy(delete.key, wire_key(header), wire_type_info[header->type].key_size);
        stage(&delete);
}

static void failed(void *user, const struct wire_result *result)
{
        memcpy(failure, result->text, sizeof(failure));
}

struct wire_committed fixture_commit(void)
{
        struct generation *committing = generation;
        struct wire_committed committed;

        generation = NULL;
        failure[0] = 0;
        generation_commit(committing, &committed, failed, NULL);
        return committed;
}

int fixture_clear(void **state)
{
        fixture_begin(true);
        fixture_commit();
        return 0;
}

const char *fixture_failure(void)
{
        return failure;
}

void fixture_init(void)
{
        const char *arguments[] = {"fixture",     "--no-huge",      "-m", "96", "--no-pci",
                                   "--no-shconf", "--no-telemetry", "-l", "0",  "--log-level",
                                   "error",       "--iova-mode=va", NULL};
        struct wire_network network;

        socle_log_level(LOG_WARNING);
        MUST(rte_eal_init(RTE_DIM(arguments) - 1, (char **)arguments) >= 0);
        MUST(dp_meta_register() == 0 && dp_rcu_init(8) == 0);
        dp.worker_count = 1;
        dp.workers = rte_zmalloc(NULL, sizeof(*dp.workers), 64);
        dp.workers->rxqs = rte_zmalloc(NULL, sizeof(*dp.workers->rxqs), 64);
        dp.workers->learn = rte_ring_create_elem("learn", sizeof(struct dp_learn), 64, SOCKET_ID_ANY, 0);
        MUST(dp.workers->learn && objects_init() == 0 && dp_session_table_init(1024, 1) == 0);
        dp_io_register(&device);

        wire_init(&network, WIRE_NETWORK);
        network.id = FIXTURE_NETWORK;
        network.mtu = 1450;
        network.encapsulation = WIRE_ENCAP_VXLAN;
        network.tag = 100;
        fixture_put(&network);
}

/* ---- records ---- */

struct rte_ether_addr fixture_mac(uint8_t n)
{
        return (struct rte_ether_addr){.addr_bytes = {0xfa, 0x16, 0x3e, 0, 0, n}};
}

struct wire_port fixture_port(uint32_t id, bool port_security)
{
        struct wire_port port;
        struct rte_ether_addr mac = fixture_mac(id);

        wire_init(&port, WIRE_PORT);
        port.id = id;
        port.network = FIXTURE_NETWORK;
        port.attachment.device = DEVICE;
        port.mtu = 1450;
        port.admin_up = 1;
        port.port_security = port_security;
        memcpy(port.mac, &mac, sizeof(port.mac));
        snprintf(port.name, sizeof(port.name), "port-%u", id);
        return port;
}

struct wire_security_group fixture_group(uint32_t id, bool stateful)
{
        struct wire_security_group group;

        wire_init(&group, WIRE_SECURITY_GROUP);
        group.id = id;
        group.stateful = stateful;
        snprintf(group.name, sizeof(group.name), "group-%u", id);
        return group;
}

struct wire_address_group fixture_address_group(uint32_t id)
{
        struct wire_address_group group;

        wire_init(&group, WIRE_ADDRESS_GROUP);
        group.id = id;
        return group;
}

struct wire_port_group fixture_port_group(uint32_t port, uint32_t group)
{
        struct wire_port_group record;

        wire_init(&record, WIRE_PORT_GROUP);
        record.port = port;
        record.group = group;
        return record;
}

uint16_t fixture_address(const char *text, uint8_t ip[16])
{
        char copy[64];
        uint8_t v4[4];

        snprintf(copy, sizeof(copy), "%s", text);
        char *slash = strchr(copy, '/');
        if (slash)
                *slash = 0;
        if (inet_pton(AF_INET6, copy, ip) == 1)
                return slash ? strtoul(slash + 1, NULL, 10) : 128;
        MUST(inet_pton(AF_INET, copy, v4) == 1);
        dp_ip_mapped(ip, v4);
        return 96 + (slash ? strtoul(slash + 1, NULL, 10) : 32);
}

struct wire_member fixture_member(uint32_t set, uint32_t owner, const char *address)
{
        struct wire_member member;

        wire_init(&member, WIRE_MEMBER);
        member.set = set;
        member.owner = owner;
        member.prefix = fixture_address(address, member.ip);
        return member;
}

struct wire_allowed fixture_allowed(uint32_t port, uint8_t mac, const char *address)
{
        struct wire_allowed allowed;
        struct rte_ether_addr ether = fixture_mac(mac);

        wire_init(&allowed, WIRE_ALLOWED);
        allowed.port = port;
        allowed.prefix = fixture_address(address, allowed.ip);
        memcpy(allowed.mac, &ether, sizeof(allowed.mac));
        return allowed;
}

static uint16_t protocol_of(const char *name, bool v6)
{
        if (strcmp(name, "any") == 0)
                return WIRE_PROTOCOL_ANY;
        if (strcmp(name, "tcp") == 0)
                return IPPROTO_TCP;
        if (strcmp(name, "udp") == 0)
                return IPPROTO_UDP;
        if (strcmp(name, "icmp") == 0)
                return v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
        return strtoul(name, NULL, 10);
}

/* "80", "80-90", "8.0"; of ICMP alone "8": every code. */
static void set_range(const char *text, bool icmp, uint16_t *ret_first, uint16_t *ret_last)
{
        char *end;
        uint16_t first = strtoul(text, &end, 10);

        *ret_first = *ret_last = icmp ? first << 8 : first;
        if (*end == '.')
                *ret_first = *ret_last = first << 8 | strtoul(end + 1, NULL, 10);
        else if (*end == '-')
                *ret_last = strtoul(end + 1, NULL, 10);
        else if (icmp)
                *ret_last = first << 8 | 0xff;
}

struct wire_rule fixture_rule(uint32_t group, uint32_t number, const char *text)
{
        char copy[128], *save, *word;
        struct wire_rule rule;

        wire_init(&rule, WIRE_RULE);
        rule.group = group;
        rule.number = number;
        rule.last = UINT16_MAX;
        snprintf(copy, sizeof(copy), "%s", text);
        rule.direction = strcmp(strtok_r(copy, " ", &save), "ingress") == 0 ? WIRE_INGRESS : WIRE_EGRESS;
        rule.family = strtoul(strtok_r(NULL, " ", &save), NULL, 10);
        word = strtok_r(NULL, " ", &save);
        rule.protocol = protocol_of(word, rule.family == 6);
        bool icmp = strcmp(word, "icmp") == 0;
        while ((word = strtok_r(NULL, " ", &save))) {
                if (strcmp(word, "from") == 0 || strcmp(word, "to") == 0) {
                        rule.remote = WIRE_REMOTE_CIDR;
                        rule.prefix = fixture_address(strtok_r(NULL, " ", &save), rule.ip);
                } else if (strcmp(word, "set") == 0) {
                        rule.remote = WIRE_REMOTE_SET;
                        rule.remote_set = strtoul(strtok_r(NULL, " ", &save), NULL, 10);
                } else {
                        set_range(word, icmp, &rule.first, &rule.last);
                }
        }
        return rule;
}

/* ---- what is in force ---- */

uint16_t fixture_index(uint32_t port)
{
        return indices_find(&port_indices, port_key(false, port));
}

const struct dp_port_policy *fixture_policy(uint32_t port)
{
        return dp.policy->ports[fixture_index(port)];
}

struct dp_verdict fixture_check(uint32_t port, enum dp_direction direction, const char *packet, const char *far)
{
        char copy[64], *save;
        uint8_t ip[16];
        uint16_t port_or_type = 0, unused;

        fixture_address(far, ip);
        bool v6 = !wire_ip_is_v4(ip);
        snprintf(copy, sizeof(copy), "%s", packet);
        char *name = strtok_r(copy, " ", &save), *value = strtok_r(NULL, " ", &save);
        if (value)
                set_range(value, strcmp(name, "icmp") == 0, &port_or_type, &unused);
        struct dp_subject subject = {.v6 = v6, .protocol = protocol_of(name, v6), .port = port_or_type, .remote = ip};
        return dp_policy_check(dp.policy, fixture_policy(port), direction, &subject);
}
