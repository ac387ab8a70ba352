/* Security groups and port security as workers read them: one immutable snapshot behind dp.policy. Control builds a new
 * one for every change and swaps the pointer (control/policy*.c), so that a packet sees the old rules or the new, never
 * a mix; parts that did not change are shared between snapshots and freed through RCU when the last one lets go.
 *
 * Why it scales: rules only allow, so a group is a hash from (direction, family, protocol, remote) to merged, sorted
 * ranges of ports. A remote (a CIDR of a rule, a security group, an address group) is a small number, and an address
 * maps to the numbers of the remotes that contain it. A member that joins adds to that map alone: nothing is multiplied
 * out, and no port and no group changes. */
#pragma once

#include <rte_ether.h>

#include <stdbool.h>
#include <stdint.h>

#define DP_REMOTE_ANY 0u /* the remote that contains every address */

enum dp_direction { DP_INGRESS, DP_EGRESS }; /* to the guest; from it */

/* Ports first … last are allowed. Of ICMP: type << 8 | code. */
struct dp_range {
        uint16_t first, last;
};

/* A compiled security group. Immutable. */
struct dp_group {
        uint32_t id;      /* socled's */
        uint8_t stateful; /* answers to what it allows are allowed */
        uint8_t open;     /* stateless, and allows everything of both families both ways */
        uint8_t selects;  /* a rule names a remote: the far end's address has to be looked up */
        uint32_t mask;    /* slots − 1 */
        uint32_t range_count;
        const struct dp_range *ranges; /* behind the slots */
        struct dp_group_slot {
                uint32_t key;   /* dp_group_key(); 0: free */
                uint32_t first; /* of `ranges` */
                uint32_t count; /* sorted, disjoint */
        } slots[];              /* open addressing, at most half full */
};

#define DP_PROTOCOL_ANY 256u

/* Never 0. remote < 2^21. */
static inline uint32_t dp_group_key(enum dp_direction direction, bool v6, uint32_t protocol, uint32_t remote)
{
        return (remote << 11 | protocol << 2 | (uint32_t)v6 << 1 | direction) + 1;
}

/* The same for another remote, from the key for DP_REMOTE_ANY. */
static inline uint32_t dp_group_key_of(uint32_t key, uint32_t remote)
{
        return key + (remote << 11);
}

static inline uint32_t dp_group_hash(uint32_t key)
{
        return key * 0x9e3779b97f4a7c15ULL >> 32;
}

/* An address that a port may use with a MAC. */
struct dp_allowed {
        uint8_t ip[16];  /* IPv4 mapped */
        uint16_t prefix; /* bits of ip */
        uint16_t mac;    /* index into macs */
};

#define DP_QUICK_NONE UINT64_MAX /* no IPv4 address equals it */

/* What port security says of one port. Immutable. */
struct dp_port_policy {
        uint32_t id;          /* of the port */
        uint8_t open;         /* a group is `open`: no session is needed, only the guard */
        uint16_t group_count; /* 0: nothing in, nothing out */
        uint16_t mac_count;   /* 1 …; the port's own is the first */
        uint16_t allowed_count;
        uint64_t quick_ether;   /* for dp_guard_quick(): the port's own MAC and IPv4's EtherType, as on the wire */
        uint64_t quick_ipv4[2]; /* addresses or prefixes of that MAC, as on the wire; DP_QUICK_NONE */
        uint32_t quick_mask[2]; /* of their bits those that are to be the same */
        const struct rte_ether_addr *macs;
        const struct dp_allowed *allowed; /* exact IPv4 addresses first, the quick ones */
        uint16_t groups[];                /* indices into dp_policy.groups */
};

struct dp_remotes; /* addresses and prefixes → remotes, policy_remotes.h; immutable */

struct dp_policy {
        uint32_t generation; /* grows with every change; a session made under another one is looked at again */
        uint32_t group_count;
        const struct dp_remotes *remotes;
        const struct dp_group **groups;       /* [group_count]; NULL: none at this index */
        const struct dp_port_policy *ports[]; /* [DP_PORT_MAX] by port index; NULL: no port security */
};

/* What a packet that would begin a session looks like to the rules. Host byte order. */
struct dp_subject {
        bool v6;
        uint8_t protocol;
        uint16_t port;         /* destination; ICMP: type << 8 | code; what has neither: 0 */
        const uint8_t *remote; /* 16 bytes: the far end's address, IPv4 mapped */
};

struct dp_verdict {
        bool allowed;
        bool stateful;  /* by a stateful group: answers are allowed too */
        uint32_t group; /* id of the group that allows it */
};

/* Do the groups of `port` allow it? Any thread; no allocation, lock or system call. */
struct dp_verdict dp_policy_check(const struct dp_policy *policy, const struct dp_port_policy *port,
                                  enum dp_direction direction, const struct dp_subject *subject);
