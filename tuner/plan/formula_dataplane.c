/* See formula_dataplane.h. */
#include <inttypes.h>
#include <stdio.h>

#include "formula_dataplane.h"
#include "words.h"

static uint64_t round_up(uint64_t value, uint64_t to)
{
        return (value + to - 1) / to * to;
}

/* OVS, lib/netdev-dpdk.c: dpdk_buf_size() is the frame with two VLAN tags rounded up to 1,024; mbuf, headroom and the
 * mempool's header are 960 more by the sizes of Documentation/topics/dpdk/memory.rst (1500 → 3,008, 9000 → 10,176). */
uint64_t ovs_mbuf_bytes(unsigned mtu)
{
        return round_up(mtu + 14 + 4 + 2 * 4, 1024) + 960;
}

/* OVS, Documentation/topics/dpdk/memory.rst, "Shared Memory Calculations": a pool for each distinct size, 262,144 mbufs
 * from an MTU of 1500 on, 16,384 below. */
uint64_t ovs_shared_bytes(const unsigned *mtus, size_t count)
{
        uint64_t bytes = 0;

        for (size_t i = 0; i < count; i++) {
                uint64_t size = ovs_mbuf_bytes(mtus[i]), mbufs = mtus[i] >= 1500 ? 262144 : 16384;
                bool shared = false;

                for (size_t j = 0; j < i && !shared; j++)
                        shared = ovs_mbuf_bytes(mtus[j]) == size && (mtus[j] >= 1500) == (mtus[i] >= 1500);
                bytes += shared ? 0 : size * mbufs;
        }
        return bytes;
}

/* The same page, "Per Port Memory Calculations"; a transmit queue for each PMD thread and one more. */
uint64_t ovs_port_mbufs(const struct profile_dataplane *profile, unsigned workers)
{
        const uint64_t lcores = 128 /* RTE_MAX_LCORE */, burst = 32 /* NETDEV_MAX_BURST */,
                       corner = 16384 /* MIN_NB_MBUF */;
        uint64_t queues = profile->rx_queues;

        return queues * profile->rx_descriptors + (workers + 1ULL) * profile->tx_descriptors +
               (queues < lcores ? queues : lcores) * burst + corner;
}

static unsigned largest(const unsigned *mtus, size_t count)
{
        unsigned mtu = 0;

        for (size_t i = 0; i < count; i++)
                mtu = mtus[i] > mtu ? mtus[i] : mtu;
        return mtu;
}

/* TripleO's "derived parameters" (tripleo-common, actions/derive_params.py, GetDpdkSocketMemoryAction): for each
 * distinct MTU, rounded up to 1,024, (MTU + 800) · 4,096 · 64 bytes, in MB; 512 MB more; all rounded up to a GB. */
uint64_t director_bytes(const unsigned *mtus, size_t count)
{
        uint64_t mb = 0;

        for (size_t i = 0; i < count; i++) {
                uint64_t rounded = round_up(mtus[i], 1024);
                bool seen = false;

                for (size_t j = 0; j < i && !seen; j++)
                        seen = round_up(mtus[j], 1024) == rounded;
                mb += seen ? 0 : (rounded + 800) * (4096 * 64) / MIB;
        }
        return (mb > 0 ? round_up(mb + 512, 1024) : 1024) * MIB;
}

/* socle-dataplane itself: dataplane/pool.c (one pool a node), what --memory stands for, dataplane/session/setup.c (the
 * session table is ordinary memory, wherever the control thread touched it first). */
static void socle(const struct profile_dataplane *profile, struct dataplane_memory *ret)
{
        ret->huge_bytes = (uint64_t)profile->mbufs * SOCLE_MBUF_BYTES + profile->heap_bytes;
        ret->session_bytes = (uint64_t)profile->sessions * SOCLE_SESSION_BYTES + SOCLE_SESSION_HOME;
        snprintf(ret->words, sizeof(ret->words),
                 "%u mbufs × %d B + %" PRIu64 " MiB heap (what socle-dataplane allocates)", profile->mbufs,
                 SOCLE_MBUF_BYTES, profile->heap_bytes / MIB);
}

void dataplane_memory(const struct profile_dataplane *profile, unsigned workers, struct dataplane_memory *ret)
{
        unsigned mtu = largest(profile->mtus, profile->mtu_count);

        *ret = (struct dataplane_memory){0};
        switch (profile->formula) {
        case FORMULA_SOCLE:
                socle(profile, ret);
                break;
        case FORMULA_OVS_SHARED:
                ret->huge_bytes = ovs_shared_bytes(profile->mtus, profile->mtu_count);
                snprintf(ret->words, sizeof(ret->words), "mbufs of each MTU, %" PRIu64 " B at %u (OVS, shared memory)",
                         ovs_mbuf_bytes(mtu), mtu);
                break;
        case FORMULA_OVS_PER_PORT:
                ret->huge_bytes = profile->ports * ovs_port_mbufs(profile, workers) * ovs_mbuf_bytes(mtu);
                snprintf(ret->words, sizeof(ret->words),
                         "%u ports × %" PRIu64 " mbufs × %" PRIu64 " B (OVS, memory per port)", profile->ports,
                         ovs_port_mbufs(profile, workers), ovs_mbuf_bytes(mtu));
                break;
        case FORMULA_DIRECTOR:
                ret->huge_bytes = director_bytes(profile->mtus, profile->mtu_count);
                snprintf(ret->words, sizeof(ret->words),
                         "(MTU + 800) × 4096 × 64 B of each MTU, + 512 MB, in GB (TripleO's derived parameters)");
                break;
        }
        if (profile->memory_bytes > 0) {
                ret->huge_bytes = profile->memory_bytes;
                snprintf(ret->words, sizeof(ret->words), "%" PRIu64 " MiB, as the profile says",
                         profile->memory_bytes / MIB);
        }
}
