/* Fuzzer: any bytes, with any claims about offloads, under policies that change: what a trace says of a packet is what
 * the path does with it, and the trace itself changes nothing. Input as fuzz_path's; the upper half of the flags
 * chooses the policy: 0 none, then those below; a bit more lets the time go on. */
#include <stdlib.h>

#include "frame_input.h"
#include "tracing.h"
#include "worker.h"

#define TIME_STEP_MS 7000

static const struct tracing_rule web[] = {{DP_INGRESS, 6, 1, 1024},
                                          {DP_INGRESS, 17, 1, 1024},
                                          {DP_INGRESS, 1, 0, 65535},
                                          {DP_EGRESS, DP_PROTOCOL_ANY, 0, 65535}};
static const struct tracing_rule all[] = {{DP_INGRESS, DP_PROTOCOL_ANY, 0, 65535},
                                          {DP_EGRESS, DP_PROTOCOL_ANY, 0, 65535}};
static const struct tracing_rule few[] = {{DP_EGRESS, 6, 80, 80}};

static const struct tracing_port off = {0}, stateful = {true, true, RTE_DIM(web), web},
                                 stateless = {true, false, RTE_DIM(web), web}, open = {true, false, RTE_DIM(all), all},
                                 narrow = {true, true, RTE_DIM(few), few}, none = {true, true, 0, NULL};

static const struct tracing_port *const policies[][2] = {
        {&off, &off},         {&stateful, &stateful},  {&stateful, &off}, {&off, &stateful},
        {&narrow, &stateful}, {&stateless, &stateful}, {&open, &none},    {&open, &open},
};

static void set_policy(unsigned int wanted)
{
        static unsigned int now;

        if (wanted != now)
                tracing_policy(policies[wanted][0], policies[wanted][1]);
        now = wanted;
}

/* Twice: the second packet may find what the first one began. */
static void check(unsigned int policy, const uint8_t *data, size_t size)
{
        set_policy(policy);
        for (unsigned int i = 0; i < 2; i++) {
                const char *wrong = tracing_agrees(data[0] % HARNESS_PORTS, frame_input_make(data, size));
                if (!wrong)
                        continue;
                fprintf(stderr, "policy %u: %s\n", policy, wrong);
                abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static bool ready;

        if (!ready)
                tracing_init();
        ready = true;
        if (!frame_input_fits(data, size))
                return 0;
        if (data[1] & 0x80)
                dp.workers->now_ms += TIME_STEP_MS;
        check((data[1] >> 4 ^ size) % RTE_DIM(policies), data, size);
        check(1, data, size);
        return 0;
}
