/* The table of sessions, shared by all workers: buckets of tagged slots that point into an array of entries. A look-up
 * reads one line of a bucket and the session's own lines; no lock, no fence, and a batch of look-ups overlaps its cache
 * misses (prefetch, then candidate, then use).
 *
 * Who may do what: any worker looks up, inserts and deletes; control deletes. A slot is one 64-bit word. An insertion
 * holds its bucket's lock against other insertions of the same key (workers only: control is not pinned, and must never
 * be waited for). A deletion is one compare-and-swap of the slot: who succeeds retires the entry, which is free again
 * after a grace period, so that nobody's batch ever sees it turn into another.
 *
 * A session's bucket is its home; when that is full, one of the overflow, and those behind it. There are few homes (1
 * MiB of them, room for 114,688 sessions) however many sessions there may be: on most nodes there never are more, and
 * buckets for a million would lie in thousands of pages, more than a CPU remembers the translations of. */
#pragma once

#include <rte_pause.h>
#include <rte_prefetch.h>

#include "bucket.h"
#include "session.h"
#include "state.h"

#define DP_SESSION_SPILL_MAX  17 /* buckets behind its own that an entry may be in: 8 were too few for a full table */
#define DP_SESSION_HOME_BITS  14 /* log2 of the home buckets, at most: 1 MiB, what a second-level cache holds */
#define DP_SESSION_LOCK_TRIES 256
#define DP_SESSION_NONE       0 /* index + 1 of no entry */

/* Entries that are free, or wait for a grace period to be: of one worker, or of control. */
struct dp_session_pool {
        uint32_t free;    /* chain of entries ready for use */
        uint32_t retired; /* chain being gathered */
        uint32_t retired_count;
        uint32_t head, tail; /* of `waiting` */
        struct {
                uint64_t token; /* of RCU */
                uint32_t chain, count;
        } waiting[256];
        uint64_t created, evicted, cut, reevaluated; /* counters; the owner's */
        uint64_t deleted;
} __rte_cache_aligned;

struct dp_session_table {
        /* read by all */
        struct dp_session_bucket *home, *overflow;
        struct dp_session *entries;           /* [-1]: nobody */
        union dp_session_protocol *protocols; /* by entry */
        uint32_t *next,
                *next_batch; /* by entry: the free ones' chains; not in the entries, which a late reader may write */
        uint64_t home_mask, overflow_mask;
        uint64_t seeds[5];
        uint32_t workers; /* a bucket's lock is for more than one */
        uint32_t capacity;
        uint32_t reserve;              /* with fewer free entries than this, embryonic ones give way */
        struct dp_session_pool *pools; /* one a worker, the last one control's */
        struct rte_ring *embryonic;    /* struct dp_session_birth, oldest first */
        uint32_t *port_live;           /* [DP_PORT_MAX]: sessions that count against the port; atomic */
        uint64_t *port_next;           /* [DP_PORT_MAX]: when the next one is due, TSC; atomic */

        /* written by all, seldom */
        uint64_t stack __rte_cache_aligned; /* free batches: ABA count << 32 | first entry */
        uint32_t free_count;                /* on the stack */
        uint32_t touched;                   /* entries ever used: behind it nothing is to be swept */
};

extern struct dp_session_table dp_sessions;

/* When a session was made, to tell whether an entry is still the one that was queued. */
struct dp_session_birth {
        uint32_t index, created_ms;
};

/* ---- shared fields of an entry ---- */

/* Flags are set by either direction's worker and by control. */
static inline void dp_session_flag(struct dp_session *session, uint8_t flags)
{
        if ((session->flags & flags) != flags)
                __atomic_fetch_or(&session->flags, flags, __ATOMIC_RELAXED);
}

static inline void dp_session_unflag(struct dp_session *session, uint8_t flags)
{
        if (session->flags & flags)
                __atomic_fetch_and(&session->flags, ~flags, __ATOMIC_RELAXED);
}

static __rte_always_inline union dp_session_protocol *dp_session_protocol(const struct dp_session *session)
{
        return &dp_sessions.protocols[session - dp_sessions.entries];
}

static __rte_always_inline struct dp_session_way dp_session_way(const struct dp_session *session, unsigned int d)
{
        return (struct dp_session_way){.word = __atomic_load_n(&session->ways[d].word, __ATOMIC_RELAXED)};
}

/* Both directions of a conversation may be on different workers: the protocol's state, and changes of the ways, have
 * one writer at a time. false: whoever holds it was scheduled away. */
static inline bool dp_session_lock(struct dp_session *session)
{
        if (dp.worker_count == 1)
                return true;
        for (unsigned int i = 0; i < DP_SESSION_LOCK_TRIES; i++) {
                if (__atomic_exchange_n(&session->lock, 1, __ATOMIC_ACQUIRE) == 0)
                        return true;
                rte_pause();
        }
        return false;
}

static inline void dp_session_unlock(struct dp_session *session)
{
        if (dp.worker_count > 1)
                __atomic_store_n(&session->lock, 0, __ATOMIC_RELEASE);
}

/* Control, at start: address space for all, memory for the first. 0 or -ENOMEM. Later calls of _prefault() keep memory
 * ahead of use, and make that of `more` entries beyond what is there. */
int dp_session_table_init(uint32_t capacity, unsigned int workers);
void dp_session_table_prefault(uint32_t more);
size_t dp_session_table_bytes(void); /* in use; all that the table will ever take when `touched` is the capacity */

/* Keyed, and not linear as a CRC is: guests choose their ports, and should not be able to choose a bucket. */
static __rte_always_inline uint64_t dp_session_mix(uint64_t a, uint64_t b)
{
        __uint128_t product = (__uint128_t)a * b;

        return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static __rte_always_inline uint64_t dp_session_hash(const uint64_t *key, unsigned int words)
{
        const uint64_t *seeds = dp_sessions.seeds;
        uint64_t hash = dp_session_mix(key[0] ^ seeds[0], key[1] ^ seeds[1]);

        if (words == 5)
                hash = dp_session_mix(hash ^ key[4] ^ seeds[4],
                                      dp_session_mix(key[2] ^ seeds[2], key[3] ^ seeds[3]) ^ seeds[0]);
        return hash;
}

static __rte_always_inline struct dp_session_bucket *dp_session_home(uint64_t hash)
{
        return &dp_sessions.home[hash & dp_sessions.home_mask];
}

/* Where a session goes that finds its home full; and `n` further. */
static __rte_always_inline struct dp_session_bucket *dp_session_overflow(uint64_t hash, unsigned int n)
{
        return &dp_sessions.overflow[((hash >> DP_SESSION_HOME_BITS) + n) & dp_sessions.overflow_mask];
}

static __rte_always_inline uint64_t dp_session_slot(uint64_t hash, uint32_t index)
{
        return (hash & 0xffffffff00000000ULL) | (index + 1);
}

static __rte_always_inline bool dp_session_same(const struct dp_session *session, const uint64_t *key,
                                                unsigned int words)
{
        bool same = (session->key[0] == key[0]) & (session->key[1] == key[1]);

        if (words == 5)
                same &= (session->key6[0] == key[2]) & (session->key6[1] == key[3]) & (session->key6[2] == key[4]);
        return same;
}

/* The candidate where there is none: an entry before the first, that fits no packet. */
static __rte_always_inline struct dp_session *dp_session_nobody(void)
{
        return dp_sessions.entries - 1;
}

/* The session with this key, or NULL. The whole look-up: spilled entries and equal tags too. */
struct dp_session *dp_session_find(const uint64_t *key, unsigned int words, uint64_t hash);

/* A free entry, its memory as it was left; NULL: the table is full. May let an embryonic session give way. */
struct dp_session *dp_session_alloc(unsigned int worker);

/* No worker has a free entry, nor could it get one as things are. (One that is on its way back is not counted.) */
bool dp_session_table_is_full(void);

/* Gives an entry back that was never inserted. */
void dp_session_discard(unsigned int worker, struct dp_session *session);

/* Puts a whole session, with LIVE in its flags, into the table. The caller has looked for its key, and not found it.
 * Returns the session, or the one with this key that another worker put there first (the caller discards its own), or
 * NULL: no room near its bucket, or the bucket's lock could not be had. */
struct dp_session *dp_session_insert(struct dp_session *session, uint64_t hash, unsigned int words);

/* Takes it out of the table. false: somebody else did. `pool`: a worker's index, or dp.worker_count for control. */
bool dp_session_delete(unsigned int pool, struct dp_session *session);

/* Frees what was retired, when its grace period is over; never waits. Once a round, cheap when there is nothing. */
void dp_session_reclaim(unsigned int pool);

static __rte_always_inline unsigned int dp_session_words(const struct dp_session *session)
{
        return session->key[0] >> 56 & 2 ? 5 : 2;
}

static __rte_always_inline uint16_t dp_session_network(const struct dp_session *session)
{
        return session->key[0] >> 32;
}
