/* The session table's memory (table.h). Control only; the one file of this folder that may allocate. Address space is
 * taken for the whole capacity at once; memory is made ahead of use, in huge pages where the kernel has them to give:
 * a worker that waits for pages to be zeroed spends two thirds of its time there while a node fills up. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/random.h>

#include <rte_malloc.h>
#include <rte_ring.h>

#include "table.h"

#define AHEAD      65536 /* entries whose memory is there before they are used, at least */
#define HUGE_PAGE  (2UL << 20)
#define PER_BUCKET 4 /* sessions that a bucket of 7 slots is meant for */

static uint32_t prefaulted; /* entries with memory */

static void *reserve(size_t bytes)
{
        bytes = RTE_ALIGN_CEIL(bytes, HUGE_PAGE);
        /* A page more, to begin at a huge page's border. */
        uint8_t *space = mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (space == MAP_FAILED)
                return NULL;
        space = RTE_PTR_ALIGN_CEIL(space, HUGE_PAGE);
        madvise(space, bytes, MADV_HUGEPAGE); /* a wish */
        return space;
}

static void populate(void *array, size_t item, uint32_t first, uint32_t count)
{
        uint8_t *start = RTE_PTR_ALIGN_FLOOR((uint8_t *)array + item * first, HUGE_PAGE);
        uint8_t *end = (uint8_t *)array + item * ((size_t)first + count);

        madvise(start, end - start, MADV_POPULATE_WRITE); /* if not: the first use does it */
}

void dp_session_table_prefault(uint32_t more)
{
        uint32_t wanted = __atomic_load_n(&dp_sessions.touched, __ATOMIC_RELAXED) + AHEAD;

        wanted = RTE_MIN(RTE_MAX(wanted, prefaulted + more), dp_sessions.capacity);
        if (wanted <= prefaulted)
                return;
        populate(dp_sessions.entries, sizeof(*dp_sessions.entries), prefaulted, wanted - prefaulted);
        populate(dp_sessions.protocols, sizeof(*dp_sessions.protocols), prefaulted, wanted - prefaulted);
        populate(dp_sessions.next, sizeof(*dp_sessions.next), prefaulted, wanted - prefaulted);
        populate(dp_sessions.next_batch, sizeof(*dp_sessions.next_batch), prefaulted, wanted - prefaulted);
        populate(dp_sessions.embryonic, sizeof(struct dp_session_birth), prefaulted, wanted - prefaulted);
        prefaulted = wanted;
}

static struct rte_ring *make_queue(uint32_t capacity, unsigned int workers)
{
        /* Relaxed tails: a worker that is scheduled away in the middle does not hold the others up. */
        unsigned int flags = workers > 1 ? RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ : RING_F_SP_ENQ | RING_F_SC_DEQ;
        uint32_t count = rte_align32pow2(capacity + 1);
        ssize_t bytes = rte_ring_get_memsize_elem(sizeof(struct dp_session_birth), count);
        struct rte_ring *ring = bytes > 0 ? reserve(bytes) : NULL;

        if (!ring || rte_ring_init(ring, "embryonic", count, flags) < 0)
                return NULL;
        return ring;
}

int dp_session_table_init(uint32_t capacity, unsigned int workers)
{
        uint32_t overflow = RTE_MAX(rte_align32pow2(capacity) / PER_BUCKET, 16u);
        uint32_t home = RTE_MIN(overflow, 1u << DP_SESSION_HOME_BITS);
        size_t pools = sizeof(struct dp_session_pool) * (workers + 1);

        dp_sessions = (struct dp_session_table){
                .workers = workers,
                .capacity = capacity,
                .home_mask = home - 1,
                .overflow_mask = overflow - 1,
                .reserve = RTE_MIN(capacity / 64 + 64, capacity / 4),
                .home = reserve(sizeof(struct dp_session_bucket) * home),
                .overflow = reserve(sizeof(struct dp_session_bucket) * overflow),
                .entries = reserve(sizeof(struct dp_session) * (capacity + 1ul)),
                .protocols = reserve(sizeof(union dp_session_protocol) * (capacity + 1ul)),
                .next = reserve(sizeof(uint32_t) * capacity),
                .next_batch = reserve(sizeof(uint32_t) * capacity),
                .embryonic = make_queue(capacity, workers),
                .pools = rte_zmalloc("session pools", pools, RTE_CACHE_LINE_SIZE),
                .port_live = rte_zmalloc("port sessions", sizeof(uint32_t) * DP_PORT_MAX, RTE_CACHE_LINE_SIZE),
                .port_next = rte_zmalloc("port rates", sizeof(uint64_t) * DP_PORT_MAX, RTE_CACHE_LINE_SIZE),
        };
        if (!dp_sessions.home || !dp_sessions.overflow || !dp_sessions.entries || !dp_sessions.protocols ||
            !dp_sessions.next || !dp_sessions.next_batch || !dp_sessions.embryonic || !dp_sessions.pools ||
            !dp_sessions.port_live || !dp_sessions.port_next)
                return -ENOMEM;
        dp_sessions.entries++; /* behind nobody */
        dp_sessions.protocols++;
        if (getrandom(dp_sessions.seeds, sizeof(dp_sessions.seeds), 0) != sizeof(dp_sessions.seeds))
                return -errno;
        populate(dp_sessions.home, sizeof(*dp_sessions.home), 0, home);
        populate(dp_sessions.overflow, sizeof(*dp_sessions.overflow), 0, overflow);
        dp_session_table_prefault(0);
        return 0;
}

size_t dp_session_table_bytes(void)
{
        size_t entry = sizeof(struct dp_session) + sizeof(union dp_session_protocol) + 2 * sizeof(uint32_t) +
                       sizeof(struct dp_session_birth);

        return entry * __atomic_load_n(&dp_sessions.touched, __ATOMIC_RELAXED) +
               (dp_sessions.home_mask + 1 + dp_sessions.overflow_mask + 1) * sizeof(struct dp_session_bucket);
}
