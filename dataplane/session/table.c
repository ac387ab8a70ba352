/* See table.h: the slow half of the table, insertion, deletion, and where free entries come from. */
#include <rte_branch_prediction.h>
#include <rte_pause.h>
#include <rte_ring.h>

#include "rcu.h"
#include "settings.h"
#include "table.h"

#define BATCH      64   /* entries that go to and from the shared stack together */
#define LOCK_TRIES 4096 /* some 100 us: whoever holds it was scheduled away */
#define EVICT_LOOK 32   /* entries of the embryonic queue looked at to find one that still is */

struct dp_session_table dp_sessions;

/* ---- look-up ---- */

static struct dp_session_bucket *bucket_behind(uint64_t hash, unsigned int n)
{
        return n == 0 ? dp_session_home(hash) : dp_session_overflow(hash, n - 1);
}

struct dp_session *dp_session_find(const uint64_t *key, unsigned int words, uint64_t hash)
{
        for (unsigned int n = 0; n <= DP_SESSION_SPILL_MAX; n++) {
                const struct dp_session_bucket *bucket = bucket_behind(hash, n);
                for (unsigned int i = 0; i < DP_SESSION_SLOTS; i++) {
                        uint64_t slot = __atomic_load_n(&bucket->slots[i], __ATOMIC_ACQUIRE);
                        if (!(uint32_t)slot || (slot ^ hash) >> 32)
                                continue;
                        struct dp_session *session = &dp_sessions.entries[(uint32_t)slot - 1];
                        if (dp_session_same(session, key, words))
                                return session;
                }
                if (__atomic_load_n(&bucket->spilled, __ATOMIC_ACQUIRE) == 0)
                        break;
        }
        return NULL;
}

/* ---- insertion and deletion ---- */

static bool lock_bucket(struct dp_session_bucket *bucket)
{
        for (unsigned int i = 0; i < LOCK_TRIES; i++) {
                if (__atomic_load_n(&bucket->lock, __ATOMIC_RELAXED) == 0 &&
                    __atomic_exchange_n(&bucket->lock, 1, __ATOMIC_ACQUIRE) == 0)
                        return true;
                rte_pause();
        }
        return false;
}

static void note_spill(uint64_t hash, unsigned int buckets, int by)
{
        for (unsigned int n = 0; n < buckets; n++)
                __atomic_fetch_add(&bucket_behind(hash, n)->spilled, by, __ATOMIC_ACQ_REL);
}

static bool fill_slot(uint64_t *place, uint64_t slot)
{
        uint64_t free = 0;

        if (__atomic_load_n(place, __ATOMIC_RELAXED) != 0)
                return false;
        if (dp_sessions.workers > 1)
                return __atomic_compare_exchange_n(place, &free, slot, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
        __atomic_store_n(place, slot, __ATOMIC_RELEASE); /* control only empties slots */
        return true;
}

/* Into the first free slot near its bucket. Slots are taken by others meanwhile: of neighbours' sessions. */
static bool take_slot(uint64_t hash, uint64_t slot)
{
        for (unsigned int n = 0; n <= DP_SESSION_SPILL_MAX; n++) {
                struct dp_session_bucket *bucket = bucket_behind(hash, n);
                for (unsigned int i = 0; i < DP_SESSION_SLOTS; i++) {
                        if (fill_slot(&bucket->slots[i], slot)) {
                                note_spill(hash, n, 1);
                                return true;
                        }
                }
        }
        return false;
}

struct dp_session *dp_session_insert(struct dp_session *session, uint64_t hash, unsigned int words)
{
        struct dp_session_bucket *bucket = dp_session_home(hash);
        uint32_t index = session - dp_sessions.entries;
        uint64_t key[5] = {session->key[0], session->key[1], session->key6[0], session->key6[1], session->key6[2]};
        bool alone = dp_sessions.workers == 1;

        if (!alone && !lock_bucket(bucket))
                return NULL;
        struct dp_session *result = alone ? NULL : dp_session_find(key, words, hash);
        if (!result && take_slot(hash, dp_session_slot(hash, index)))
                result = session;
        if (!alone)
                __atomic_store_n(&bucket->lock, 0, __ATOMIC_RELEASE);

        if (result == session && dp_sessions.embryonic) {
                struct dp_session_birth birth = {index, session->created_ms}, oldest;
                if (rte_ring_enqueue_elem(dp_sessions.embryonic, &birth, sizeof(birth)) < 0 &&
                    rte_ring_dequeue_elem(dp_sessions.embryonic, &oldest, sizeof(oldest)) == 0)
                        rte_ring_enqueue_elem(dp_sessions.embryonic, &birth, sizeof(birth));
        }
        return result;
}

static void retire(struct dp_session_pool *pool, uint32_t index)
{
        dp_sessions.next[index] = pool->retired;
        pool->retired = index + 1;
        pool->retired_count++;
}

bool dp_session_delete(unsigned int pool, struct dp_session *session)
{
        uint64_t key[5] = {session->key[0], session->key[1], session->key6[0], session->key6[1], session->key6[2]};
        uint64_t hash = dp_session_hash(key, dp_session_words(session));
        uint32_t index = session - dp_sessions.entries;
        uint64_t wanted = dp_session_slot(hash, index);

        for (unsigned int n = 0; n <= DP_SESSION_SPILL_MAX; n++) {
                struct dp_session_bucket *bucket = bucket_behind(hash, n);
                for (unsigned int i = 0; i < DP_SESSION_SLOTS; i++) {
                        uint64_t slot = wanted;
                        if (__atomic_load_n(&bucket->slots[i], __ATOMIC_RELAXED) != wanted ||
                            !__atomic_compare_exchange_n(&bucket->slots[i], &slot, 0, false, __ATOMIC_ACQ_REL,
                                                         __ATOMIC_RELAXED))
                                continue;
                        note_spill(hash, n, -1);
                        dp_session_unflag(session, DP_SESSION_LIVE);
                        uint16_t owner = session->ways[0].owner;
                        if (owner < DP_PORT_MAX)
                                __atomic_fetch_sub(&dp_sessions.port_live[owner], 1, __ATOMIC_RELAXED);
                        retire(&dp_sessions.pools[pool], index);
                        dp_sessions.pools[pool].deleted++;
                        return true;
                }
        }
        return false;
}

/* ---- free entries ---- */

static void push_batch(uint32_t chain, uint32_t count)
{
        uint64_t stack = __atomic_load_n(&dp_sessions.stack, __ATOMIC_RELAXED), replaced;

        do {
                dp_sessions.next_batch[chain - 1] = stack;
                replaced = ((stack >> 32) + 1) << 32 | chain;
        } while (!__atomic_compare_exchange_n(&dp_sessions.stack, &stack, replaced, true, __ATOMIC_RELEASE,
                                              __ATOMIC_RELAXED));
        __atomic_fetch_add(&dp_sessions.free_count, count, __ATOMIC_RELAXED);
}

static uint32_t chain_length(uint32_t chain)
{
        uint32_t count = 0;

        for (; chain; chain = dp_sessions.next[chain - 1])
                count++;
        return count;
}

static uint32_t pop_batch(void)
{
        uint64_t stack = __atomic_load_n(&dp_sessions.stack, __ATOMIC_ACQUIRE), replaced;

        do {
                if (!(uint32_t)stack)
                        return DP_SESSION_NONE;
                uint32_t below = __atomic_load_n(&dp_sessions.next_batch[(uint32_t)stack - 1], __ATOMIC_RELAXED);
                replaced = ((stack >> 32) + 1) << 32 | below;
        } while (!__atomic_compare_exchange_n(&dp_sessions.stack, &stack, replaced, true, __ATOMIC_ACQUIRE,
                                              __ATOMIC_ACQUIRE));
        __atomic_fetch_sub(&dp_sessions.free_count, chain_length((uint32_t)stack), __ATOMIC_RELAXED);
        return (uint32_t)stack;
}

/* Entries that were never used. */
static uint32_t fresh_batch(void)
{
        uint32_t first = __atomic_load_n(&dp_sessions.touched, __ATOMIC_RELAXED), count;

        do {
                count = RTE_MIN(BATCH, dp_sessions.capacity - first);
                if (count == 0)
                        return DP_SESSION_NONE;
        } while (!__atomic_compare_exchange_n(&dp_sessions.touched, &first, first + count, true, __ATOMIC_RELAXED,
                                              __ATOMIC_RELAXED));
        for (uint32_t i = first; i < first + count; i++)
                dp_sessions.next[i] = i + 1 < first + count ? i + 2 : DP_SESSION_NONE;
        return first + 1;
}

/* The oldest embryonic session gives way. */
static void evict(unsigned int worker)
{
        struct dp_session_birth birth;

        for (unsigned int i = 0; i < EVICT_LOOK; i++) {
                if (rte_ring_dequeue_elem(dp_sessions.embryonic, &birth, sizeof(birth)) < 0)
                        return;
                struct dp_session *session = &dp_sessions.entries[birth.index];
                if ((session->flags & (DP_SESSION_LIVE | DP_SESSION_ASSURED)) == DP_SESSION_LIVE &&
                    session->created_ms == birth.created_ms && dp_session_delete(worker, session)) {
                        dp_sessions.pools[worker].evicted++;
                        return;
                }
        }
}

struct dp_session *dp_session_alloc(unsigned int worker)
{
        struct dp_session_pool *pool = &dp_sessions.pools[worker];

        if (unlikely(dp_sessions.capacity - __atomic_load_n(&dp_sessions.touched, __ATOMIC_RELAXED) +
                             __atomic_load_n(&dp_sessions.free_count, __ATOMIC_RELAXED) <
                     dp_sessions.reserve))
                evict(worker);
        if (!pool->free && !(pool->free = pop_batch()) && !(pool->free = fresh_batch()))
                return NULL;
        struct dp_session *session = &dp_sessions.entries[pool->free - 1];
        pool->free = dp_sessions.next[pool->free - 1];
        if (pool->free) { /* the next one's lines */
                struct dp_session *next = &dp_sessions.entries[pool->free - 1];
                rte_prefetch0_write(next);
                rte_prefetch0_write(RTE_PTR_ADD(next, RTE_CACHE_LINE_SIZE));
                rte_prefetch0_write(dp_session_protocol(next));
        }
        pool->created++;
        return session;
}

bool dp_session_table_is_full(void)
{
        for (unsigned int i = 0; i < dp.worker_count; i++)
                if (__atomic_load_n(&dp_sessions.pools[i].free, __ATOMIC_RELAXED))
                        return false;
        return __atomic_load_n(&dp_sessions.touched, __ATOMIC_RELAXED) >= dp_sessions.capacity &&
               !(uint32_t)__atomic_load_n(&dp_sessions.stack, __ATOMIC_RELAXED);
}

void dp_session_discard(unsigned int worker, struct dp_session *session)
{
        struct dp_session_pool *pool = &dp_sessions.pools[worker];
        uint32_t index = session - dp_sessions.entries;

        session->flags = 0;
        dp_sessions.next[index] = pool->free;
        pool->free = index + 1;
        pool->created--;
}

void dp_session_reclaim(unsigned int number)
{
        struct dp_session_pool *pool = &dp_sessions.pools[number];

        if (likely(!pool->retired && pool->head == pool->tail))
                return;
        while (pool->head != pool->tail) {
                unsigned int at = pool->head % RTE_DIM(pool->waiting);
                if (!rte_rcu_qsbr_check(dp_rcu, pool->waiting[at].token, false))
                        break;
                push_batch(pool->waiting[at].chain, pool->waiting[at].count);
                pool->head++;
        }
        if (pool->retired && pool->tail - pool->head < RTE_DIM(pool->waiting)) {
                unsigned int at = pool->tail++ % RTE_DIM(pool->waiting);
                pool->waiting[at].token = rte_rcu_qsbr_start(dp_rcu);
                pool->waiting[at].chain = pool->retired;
                pool->waiting[at].count = pool->retired_count;
                pool->retired = DP_SESSION_NONE;
                pool->retired_count = 0;
        }
}
