/* Names that the kernel side leaves to us, and those of the kinds. */
#include <stdio.h>

#include "private.h"
#include "socle/cleanup.h"

const char *const noise_kind_names[NOISE_KIND_COUNT] = {
        [NOISE_TASK] = "task",   [NOISE_IRQ] = "irq", [NOISE_SOFTIRQ] = "softirq",
        [NOISE_TIMER] = "timer", [NOISE_IPI] = "ipi",
};

/* include/linux/interrupt.h, as /proc/softirqs writes them */
static const char *const softirq_names[] = {"HI",       "TIMER",   "NET_TX", "NET_RX",  "BLOCK",
                                            "IRQ_POLL", "TASKLET", "SCHED",  "HRTIMER", "RCU"};

static const char *const vector_names[NOISE_VECTOR_COUNT] = {
#define X(name, kind) #name,
        NOISE_VECTORS(X)
#undef X
};

void noise_name(const struct noise_key *key, char who[NOISE_WHO_SIZE])
{
        if (who[0])
                return;
        if (key->kind == NOISE_SOFTIRQ && key->id >= 0 && (size_t)key->id < ARRAY_LEN(softirq_names))
                snprintf(who, NOISE_WHO_SIZE, "%s", softirq_names[key->id]);
        else if (key->address >= 1 && key->address <= NOISE_VECTOR_COUNT)
                snprintf(who, NOISE_WHO_SIZE, "%s", vector_names[key->address - 1]);
        else
                snprintf(who, NOISE_WHO_SIZE, "%d", key->id);
}
