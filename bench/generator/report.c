/* The generator's output: JSON lines. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "report.h"

#define COUNTER_NAME(id, name) #name,
static const char *const names[] = {COUNTERS(COUNTER_NAME)};

/* null when nothing was timed. */
static void print_ratio(const char *name, const struct counters grown[2], unsigned clocks, unsigned packets)
{
        uint64_t divisor = grown[0].value[packets] + grown[1].value[packets];

        if (divisor > 0)
                printf("\"%s\": %.1f, ", name, (double)(grown[0].value[clocks] + grown[1].value[clocks]) / divisor);
        else
                printf("\"%s\": null, ", name);
}

int report_line(const char *state, double seconds, const struct counters before[2], const struct counters after[2])
{
        struct counters grown[2];

        for (unsigned p = 0; p < 2; p++)
                for (unsigned i = 0; i < COUNTER_COUNT; i++)
                        grown[p].value[i] = after[p].value[i] - before[p].value[i];
        printf("{\"state\": \"%s\", \"seconds\": %.6f, ", state, seconds);
        print_ratio("tx_clocks_per_packet", grown, COUNT_TX_CLOCKS, COUNT_TX_TIMED);
        print_ratio("rx_clocks_per_packet", grown, COUNT_RX_CLOCKS, COUNT_RX_TIMED);
        printf("\"ports\": [");
        for (unsigned p = 0; p < 2; p++) {
                printf("%s{", p == 0 ? "" : ", ");
                for (unsigned i = 0; i < COUNTER_COUNT; i++)
                        printf("%s\"%s\": %" PRIu64, i == 0 ? "" : ", ", names[i], grown[p].value[i]);
                printf("}");
        }
        printf("]}\n");
        return fflush(stdout) == 0 ? 0 : -errno;
}
