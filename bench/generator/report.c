/* See report.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <rte_cycles.h>

#include "report.h"

#define COUNTER_NAME(id, name) #name,
static const char *const names[] = {COUNTERS(COUNTER_NAME)};

static int flush(void)
{
        return fflush(stdout) == 0 ? 0 : -errno;
}

static double ms(uint64_t clocks)
{
        return 1e3 * clocks / rte_get_tsc_hz();
}

static double ns(double clocks)
{
        return 1e9 * clocks / rte_get_tsc_hz();
}

/* null when nothing was timed. */
static void print_ratio(const char *name, const struct counters grown[2], unsigned clocks, unsigned packets)
{
        uint64_t divisor = grown[0].value[packets] + grown[1].value[packets];

        if (divisor > 0)
                printf(", \"%s\": %.1f", name, (double)(grown[0].value[clocks] + grown[1].value[clocks]) / divisor);
        else
                printf(", \"%s\": null", name);
}

static void print_counters(const struct counters before[2], const struct counters after[2])
{
        struct counters grown[2];

        for (unsigned p = 0; p < 2; p++)
                for (unsigned i = 0; i < COUNTER_COUNT; i++)
                        grown[p].value[i] = after[p].value[i] - before[p].value[i];
        print_ratio("tx_clocks_per_packet", grown, COUNT_TX_CLOCKS, COUNT_TX_TIMED);
        print_ratio("rx_clocks_per_packet", grown, COUNT_RX_CLOCKS, COUNT_RX_TIMED);
        printf(", \"ports\": [");
        for (unsigned p = 0; p < 2; p++) {
                printf("%s{", p == 0 ? "" : ", ");
                for (unsigned i = 0; i < COUNTER_COUNT; i++)
                        printf("%s\"%s\": %" PRIu64, i == 0 ? "" : ", ", names[i], grown[p].value[i]);
                printf("}");
        }
        printf("]");
}

static void print_self(const struct self *self, double seconds)
{
        printf(", \"idle\": %.4f, \"paused_ms\": %.3f, \"pauses\": %" PRIu64, ms(self->idle) / 1e3 / seconds,
               ms(self->paused), self->pauses);
}

static void print_delays(const struct delay *one, const struct delay *other)
{
        uint64_t least = one->count == 0     ? other->least
                         : other->count == 0 ? one->least
                                             : RTE_MIN(one->least, other->least);

        printf(", \"latency_ns\": {\"samples\": %" PRIu64 ", \"min\": %.0f, \"p50\": %.0f, \"p99\": %.0f, "
               "\"p99.9\": %.0f, \"max\": %.0f}",
               one->count + other->count, ns(least), ns(delay_quantile(one, other, 0.5)),
               ns(delay_quantile(one, other, 0.99)), ns(delay_quantile(one, other, 0.999)),
               ns(RTE_MAX(one->most, other->most)));
}

int report_phase(const char *state, const char *load)
{
        printf("{\"state\": \"%s\", \"load\": \"%s\"}\n", state, load);
        return flush();
}

int report_line(const char *state, const char *load, double seconds, const struct counters before[2],
                const struct counters after[2])
{
        printf("{\"state\": \"%s\", \"load\": \"%s\", \"seconds\": %.6f", state, load, seconds);
        print_counters(before, after);
        printf("}\n");
        return flush();
}

int report_summary(const struct summary *summary)
{
        printf("{\"state\": \"summary\", \"load\": \"%s\", \"seconds\": %.6f", summary->load, summary->seconds);
        if (summary->offered_pps > 0)
                printf(", \"offered_pps\": %.0f", summary->offered_pps);
        print_counters(summary->before, summary->after);
        print_self(&summary->self, summary->seconds);
        printf(", \"sent\": [%" PRIu32 ", %" PRIu32 "], \"lost\": [%" PRId64 ", %" PRId64 "]", summary->sent[0],
               summary->sent[1], summary->lost[0], summary->lost[1]);
        printf(", \"silence_ms\": [%.3f, %.3f]", ms(summary->silence[0]), ms(summary->silence[1]));
        if (summary->delay[0])
                print_delays(summary->delay[0], summary->delay[1]);
        printf("}\n");
        return flush();
}

int report_dial(const struct dialer *dialer, double seconds, const struct self *self)
{
        printf("{\"state\": \"summary\", \"load\": \"dial\", \"seconds\": %.6f, \"opened\": %" PRIu32
               ", \"complete\": %" PRIu32 ", \"failed\": %" PRIu64 ", \"foreign\": %" PRIu64,
               seconds, dialer->opened, dialer->done, dialer->failed, dialer->foreign);
        print_self(self, seconds);
        printf("}\n");
        return flush();
}
