/* A bucket of the session table (table.h): one cache line of tagged slots. A slot is one 64-bit word, so that who reads
 * it without a lock sees all of it or nothing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define DP_SESSION_SLOTS 7

struct dp_session_bucket {
        uint32_t lock;
        uint32_t spilled;                 /* entries of this bucket or an earlier one that went past it */
        uint64_t slots[DP_SESSION_SLOTS]; /* hash's upper half << 32 | index + 1; 0: free */
} __rte_cache_aligned;

/* Which slots have the hash's tag: bit n + 1 for slot n. Without a branch, since which one it is cannot be predicted.
 */
static __rte_always_inline unsigned int dp_session_bucket_match(const struct dp_session_bucket *bucket, uint64_t hash)
{
#if defined(__SSE2__) && !defined(__SANITIZE_THREAD__) /* it knows no vector of atomics */
        const __m128 *words = (const __m128 *)bucket;
        const __m128i tag = _mm_set1_epi32(hash >> 32);
        __m128i low = _mm_castps_si128(_mm_shuffle_ps(words[0], words[1], _MM_SHUFFLE(3, 1, 3, 1)));
        __m128i high = _mm_castps_si128(_mm_shuffle_ps(words[2], words[3], _MM_SHUFFLE(3, 1, 3, 1)));
        __m128i same = _mm_packs_epi32(_mm_cmpeq_epi32(low, tag), _mm_cmpeq_epi32(high, tag));

        return _mm_movemask_epi8(_mm_packs_epi16(same, _mm_setzero_si128())) & ~1u; /* the first word is no slot */
#else
        unsigned int match = 0;

        for (unsigned int i = 0; i < DP_SESSION_SLOTS; i++) {
                uint64_t slot = __atomic_load_n(&bucket->slots[i], __ATOMIC_RELAXED);
                match |= (unsigned int)((slot ^ hash) >> 32 == 0) << (i + 1);
        }
        return match;
#endif
}

/* Is there an entry that has the hash's tag? *ret is the index + 1 of the first one, nearly always the only one; 0 if
 * it was taken out this very moment. */
static __rte_always_inline bool dp_session_bucket_first(const struct dp_session_bucket *bucket, uint64_t hash,
                                                        uint32_t *ret)
{
        const uint64_t *words = (const uint64_t *)bucket;
        unsigned int match = dp_session_bucket_match(bucket, hash);

        *ret = match ? __atomic_load_n(&words[rte_bsf32(match)], __ATOMIC_ACQUIRE) : 0;
        return match != 0;
}
