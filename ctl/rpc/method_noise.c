/* noise: who interrupted which of these CPUs, over a window (host/window.h). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "noise/noise.h"
#include "private.h"
#include "socle/cleanup.h"
#include "window.h"

#define SECONDS_DEFAULT 10
#define TOP_DEFAULT     20

static const struct param params[] = {
        {"cpus", PARAM_STRING, "\"isolated\" (default), or a list such as \"2-5,8\""},
        {"seconds", PARAM_INT, "how long to count (10)", .unit = "s", .min = 1, .max = 3600},
        {"top", PARAM_INT, "so many sources at most (20), the costliest first; `source_count` counts all", .min = 1,
         .max = 10000},
        {"limit_us", PARAM_INT, "also says whether no interruption took longer (`proven`), and which did (`verdict`)",
         .unit = "µs", .min = 1, .max = 10000000},
        {},
};

/* What a client asked for. */
struct asking_noise {
        struct call *call;
        struct window *window;
        size_t top;
        uint64_t limit_ns; /* 0: no verdict is asked for */
};

/* ---- the answer ---- */

static json_t *answer_of(const struct asking_noise *asking, struct noise_report *report)
{
        size_t found = report->count;
        char verdict[1024];
        bool proven = false;

        if (asking->limit_ns > 0)
                proven = noise_proves_isolation(report, asking->limit_ns, verdict, sizeof(verdict));
        report->count = found < asking->top ? found : asking->top;
        json_t *answer = noise_report_to_json(report);
        json_object_set_new(answer, "source_count", json_integer((json_int_t)found));
        if (asking->limit_ns > 0) {
                json_object_set_new(answer, "proven", json_boolean(proven));
                json_object_set_new(answer, "verdict", json_string(verdict));
        }
        return answer;
}

static void on_done(void *user, int r, struct noise_report *report, const struct errors *errors)
{
        cleanup_free struct asking_noise *asking = user;

        asking->call->cancel = NULL;
        if (r < 0)
                call_fail_errors(asking->call, errors);
        else
                call_reply(asking->call, answer_of(asking, report));
}

static void on_cancel(void *user)
{
        cleanup_free struct asking_noise *asking = user;

        window_cancel(asking->window);
}

/* ---- asking ---- */

static int isolated_cpus(const struct rpc_context *context, struct cpu_set *ret, struct errors *errors)
{
        struct cpu_set set = {};
        int r = context->isolated_cpus ? context->isolated_cpus(context->isolated_user, &set)
                                       : noise_isolated_cpus("", &set);

        if (r < 0) {
                errors_add(errors, r, "/cpus", "a list such as 2-5", "which CPUs are isolated cannot be told: %s",
                           strerror(-r));
                return r;
        }
        if (cpu_set_empty(&set)) {
                errors_add(errors, -EINVAL, "/cpus", "a list such as 2-5", "no CPU of this host is isolated");
                return -EINVAL;
        }
        *ret = set;
        return 0;
}

static int take_cpus(const struct rpc_context *context, const json_t *json, struct cpu_set *ret, struct errors *errors)
{
        const char *text = json_string_value(json_object_get(json, "cpus"));

        if (!text || strcmp(text, "isolated") == 0)
                return isolated_cpus(context, ret, errors);
        int r = cpu_set_from_list(text, ret);
        if (r < 0)
                errors_add(errors, -EINVAL, "/cpus", "\"isolated\", or a list such as 2-5,8",
                           r == -ERANGE ? "no host has as many CPUs as \"%.64s\" names"
                                        : "\"%.64s\" is no list of CPUs",
                           text);
        return r;
}

static json_int_t number_or(const json_t *json, const char *name, json_int_t fallback)
{
        const json_t *value = json_object_get(json, name);

        return value ? json_integer_value(value) : fallback;
}

static void run(struct call *call, json_t *json)
{
        cleanup_free struct asking_noise *asking = calloc(1, sizeof(*asking));
        struct window_options options = {
                .seconds = (unsigned)number_or(json, "seconds", SECONDS_DEFAULT), .done = on_done, .user = asking};
        struct errors errors = {};

        if (!asking) {
                call_fail(call, RPC_INTERNAL, "out of memory");
                return;
        }
        *asking = (struct asking_noise){
                .call = call,
                .top = (size_t)number_or(json, "top", TOP_DEFAULT),
                .limit_ns = (uint64_t)number_or(json, "limit_us", 0) * 1000,
        };
        if (take_cpus(call_context(call), json, &options.cpus, &errors) < 0) {
                call_fail_errors(call, &errors);
                return;
        }
        int r = window_begin(&asking->window, call->client->server->event, &options);
        if (r == -EMFILE) {
                call_fail(call, RPC_LIMIT, "noise is being counted four times already: wait for one to end");
                return;
        }
        if (r < 0) {
                errors_add(&errors, r, "", "", "cannot count: %s", strerror(-r));
                call_fail_errors(call, &errors);
                return;
        }
        call->cancel = on_cancel;
        call->cancel_user = TAKE_PTR(asking);
}

static struct method noise = {
        .name = "noise",
        .help = "Who interrupted which of these CPUs, how often and for how long: tasks, interrupts, softirqs, timers, "
                "IPIs. The CPUs' idle tasks and owners (the thread pinned there that runs most) are no noise. Answers "
                "when the time is over.",
        .role = ROLE_OPERATE,
        .params = params,
        .run = run,
};
REGISTER_METHOD(noise);
