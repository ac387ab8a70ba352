/* One-way delay through the switch: when a frame was due to be sent, remembered by its sequence number, until it comes
 * back; and a histogram of the differences. Every DELAY_SAMPLE-th frame of a stream is measured. */
#pragma once

#include <stdint.h>

#define DELAY_SAMPLE  16U
#define DELAY_STAMPS  4096U /* in flight at once, at most */
#define DELAY_PRECISE 6     /* bits of a value that are kept: within 1.6 % */
#define DELAY_OCTAVES 34
#define DELAY_BUCKETS (DELAY_OCTAVES << DELAY_PRECISE)

struct delay {
        struct {
                uint64_t sent; /* TSC; 0: none, or taken */
                uint32_t sequence;
        } stamps[DELAY_STAMPS];
        uint64_t count, least, most; /* clocks */
        double sum;
        uint64_t buckets[DELAY_BUCKETS];
};

static inline void delay_stamp(struct delay *delay, uint32_t sequence, uint64_t now)
{
        unsigned at = sequence / DELAY_SAMPLE % DELAY_STAMPS;

        if (sequence % DELAY_SAMPLE == 0) {
                delay->stamps[at].sent = now;
                delay->stamps[at].sequence = sequence;
        }
}

/* Of a frame that came back at `now`; nothing counts that was sent before `from`. */
void delay_take(struct delay *delay, uint32_t sequence, uint64_t now, uint64_t from);

/* Forgets what was measured, not the stamps. */
void delay_reset(struct delay *delay);

/* The clocks that the share `quantile` of the samples of both does not exceed. 0 without samples. */
double delay_quantile(const struct delay *one, const struct delay *other, double quantile);
