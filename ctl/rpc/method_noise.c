/* noise: who interrupted which of these CPUs, over a window. To load the BPF program, and to unload it, takes the
 * kernel tens of milliseconds, for which the event loop must not stand still: a thread of its own does it all, waits
 * the window out, and says when it is done. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "noise/noise.h"
#include "private.h"
#include "socle/cleanup.h"

#define SECONDS_DEFAULT 10
#define TOP_DEFAULT     20
#define WINDOWS_MAX     4 /* at a time: each is a set of programs in the kernel */

static const struct param params[] = {
        {"cpus", PARAM_STRING, "\"isolated\" (default), or a list such as \"2-5,8\""},
        {"seconds", PARAM_INT, "how long to count (10)", .unit = "s", .min = 1, .max = 3600},
        {"top", PARAM_INT, "so many sources at most (20), the costliest first; `source_count` counts all", .min = 1,
         .max = 10000},
        {"limit_us", PARAM_INT, "also says whether no interruption took longer (`proven`), and which did (`verdict`)",
         .unit = "µs", .min = 1, .max = 10000000},
        {},
};

struct window {
        struct call *call;
        struct cpu_set cpus;
        int seconds;
        size_t top;
        uint64_t limit_ns; /* 0: no verdict is asked for */

        pthread_t thread;
        int stop_fd, done_fd; /* eventfds: the window ends early; the thread is done */
        sd_event_source *done;

        /* the thread's until it is done */
        int r;
        struct noise_report report;
        struct errors errors;
};

static unsigned window_count; /* of the whole process: one thread answers all clients */

static struct window *window_free(struct window *window)
{
        if (!window)
                return NULL;
        sd_event_source_disable_unref(window->done);
        close_p(&window->stop_fd);
        close_p(&window->done_fd);
        noise_report_clear(&window->report);
        free(window);
        return NULL;
}
DEFINE_CLEANUP(struct window *, window_free)

/* ---- the thread ---- */

static bool wait_out(const struct window *window)
{
        struct pollfd stop = {.fd = window->stop_fd, .events = POLLIN};
        int r;

        do
                r = poll(&stop, 1, window->seconds * 1000);
        while (r < 0 && errno == EINTR);
        return r == 0;
}

static void *run_window(void *user)
{
        struct window *window = user;
        struct noise *noise = NULL;

        window->r = noise_start(&noise, &window->cpus, &window->errors);
        if (window->r == 0 && wait_out(window))
                window->r = noise_read(noise, &window->report, &window->errors);
        noise_stop(noise);
        eventfd_write(window->done_fd, 1);
        return NULL;
}

/* ---- the answer ---- */

static json_t *answer_of(struct window *window)
{
        struct noise_report *report = &window->report;
        size_t found = report->count;
        char verdict[1024];
        bool proven = false;

        if (window->limit_ns > 0)
                proven = noise_proves_isolation(report, window->limit_ns, verdict, sizeof(verdict));
        report->count = found < window->top ? found : window->top;
        json_t *answer = noise_report_to_json(report);
        json_object_set_new(answer, "source_count", json_integer((json_int_t)found));
        if (window->limit_ns > 0) {
                json_object_set_new(answer, "proven", json_boolean(proven));
                json_object_set_new(answer, "verdict", json_string(verdict));
        }
        return answer;
}

static int on_done(sd_event_source *source, int fd, uint32_t revents, void *user)
{
        cleanup_(window_free_p) struct window *window = user;
        struct call *call = window->call;

        pthread_join(window->thread, NULL);
        window_count--;
        call->cancel = NULL;
        if (window->r < 0)
                call_fail_errors(call, &window->errors);
        else
                call_reply(call, answer_of(window));
        return 0;
}

/* The client is gone. If the program is just being loaded, this waits for it. */
static void on_cancel(void *user)
{
        struct window *window = user;

        eventfd_write(window->stop_fd, 1);
        pthread_join(window->thread, NULL);
        window_count--;
        window_free(window);
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

static int open_window(struct window *window)
{
        window->stop_fd = eventfd(0, EFD_CLOEXEC);
        window->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (window->stop_fd < 0 || window->done_fd < 0)
                return -errno;
        int r = sd_event_add_io(window->call->client->server->event, &window->done, window->done_fd, EPOLLIN, on_done,
                                window);
        return r < 0 ? r : -pthread_create(&window->thread, NULL, run_window, window);
}

static void run(struct call *call, json_t *json)
{
        cleanup_(window_free_p) struct window *window = calloc(1, sizeof(*window));

        if (!window) {
                call_fail(call, RPC_INTERNAL, "out of memory");
                return;
        }
        *window = (struct window){
                .call = call,
                .seconds = (int)number_or(json, "seconds", SECONDS_DEFAULT),
                .top = (size_t)number_or(json, "top", TOP_DEFAULT),
                .limit_ns = (uint64_t)number_or(json, "limit_us", 0) * 1000,
                .stop_fd = -1,
                .done_fd = -1,
        };
        if (take_cpus(call_context(call), json, &window->cpus, &window->errors) < 0) {
                call_fail_errors(call, &window->errors);
                return;
        }
        if (window_count >= WINDOWS_MAX) {
                call_fail(call, RPC_LIMIT, "noise is being counted four times already: wait for one to end");
                return;
        }
        int r = open_window(window);
        if (r < 0) {
                errors_add(&window->errors, r, "", "", "cannot count: %s", strerror(-r));
                call_fail_errors(call, &window->errors);
                return;
        }
        window_count++;
        call->cancel = on_cancel;
        call->cancel_user = TAKE_PTR(window);
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
