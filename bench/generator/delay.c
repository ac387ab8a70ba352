/* See delay.h. The histogram is log-linear: the highest DELAY_PRECISE + 1 bits of a value tell its bucket. */
#include <string.h>

#include <rte_common.h>

#include "delay.h"

static unsigned bucket_of(uint64_t value)
{
        unsigned bits = value >> DELAY_PRECISE ? 63 - __builtin_clzll(value) - DELAY_PRECISE : 0;
        unsigned bucket = (bits << DELAY_PRECISE) + (unsigned)(value >> bits);

        return RTE_MIN(bucket, DELAY_BUCKETS - 1);
}

/* The middle of what is in the bucket. */
static double value_of(unsigned bucket)
{
        unsigned octave = bucket >> DELAY_PRECISE, bits = octave > 0 ? octave - 1 : 0;
        uint64_t least = (uint64_t)(bucket - (bits << DELAY_PRECISE)) << bits;

        return least + ((1ULL << bits) - 1) / 2.0;
}

void delay_take(struct delay *delay, uint32_t sequence, uint64_t now, uint64_t from)
{
        unsigned at = sequence / DELAY_SAMPLE % DELAY_STAMPS;
        uint64_t sent = delay->stamps[at].sent, took = now - sent;

        if (sequence % DELAY_SAMPLE != 0 || delay->stamps[at].sequence != sequence || sent == 0)
                return;
        delay->stamps[at].sent = 0;
        if (sent < from)
                return;
        delay->buckets[bucket_of(took)]++;
        delay->least = delay->count == 0 ? took : RTE_MIN(delay->least, took);
        delay->most = RTE_MAX(delay->most, took);
        delay->sum += took;
        delay->count++;
}

void delay_reset(struct delay *delay)
{
        delay->count = delay->least = delay->most = 0;
        delay->sum = 0;
        memset(delay->buckets, 0, sizeof(delay->buckets));
}

double delay_quantile(const struct delay *one, const struct delay *other, double quantile)
{
        double wanted = quantile * (one->count + other->count), seen = 0;

        if (one->count + other->count == 0)
                return 0;
        for (unsigned i = 0; i < DELAY_BUCKETS; i++) {
                seen += one->buckets[i] + other->buckets[i];
                if (seen >= wanted && seen > 0)
                        return value_of(i);
        }
        return RTE_MAX(one->most, other->most);
}
