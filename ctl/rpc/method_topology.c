/* topology: the machine socled runs on. */
#include "method.h"
#include "tuning.h"

static const struct param params[] = {{}};

static void run(struct call *call, json_t *json)
{
        call_ask_tuning(call, TUNING_TOPOLOGY);
}

static struct method topology = {
        .name = "topology",
        .help = "The machine: CPUs, cores, NUMA nodes, NICs and their virtual functions; with the classes of the "
                "profile in "
                "force, and the guests where they are.",
        .role = ROLE_READ,
        .params = params,
        .run = run,
};
REGISTER_METHOD(topology);
