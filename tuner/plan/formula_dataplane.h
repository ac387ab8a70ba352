/* What the dataplane takes of a NUMA node's memory, by the formula that the profile names. Pure arithmetic; the sources
 * are with each function. */
#pragma once

#include "profile.h"

struct dataplane_memory {
        uint64_t huge_bytes;    /* in huge pages */
        uint64_t session_bytes; /* in ordinary memory */
        char words[200];        /* the formula with its numbers, and its source */
};

/* `workers`: of this node. */
void dataplane_memory(const struct profile_dataplane *profile, unsigned workers, struct dataplane_memory *ret);

/* Parts of it, each by its source's examples: tests/tuner/test_plan_formulas.c. */
uint64_t ovs_mbuf_bytes(unsigned mtu);
uint64_t ovs_shared_bytes(const unsigned *mtus, size_t count);
uint64_t ovs_port_mbufs(const struct profile_dataplane *profile, unsigned workers);
uint64_t director_bytes(const unsigned *mtus, size_t count);
#define SOCLE_MBUF_BYTES    2368 /* of the packet pool; as DPDK makes it: tests/tuner/test_plan_dataplane.c */
#define SOCLE_SESSION_BYTES 224  /* of the session table, a bucket's share and the queue of births in it; likewise */
#define SOCLE_SESSION_HOME  (1 << 20) /* bytes of its home buckets, at most; likewise */
