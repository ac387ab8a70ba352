/* See window.h. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "knob/host.h"
#include "socle/cleanup.h"
#include "window.h"

struct window {
        struct window_options options;
        pthread_t thread;
        int stop_fd, done_fd; /* eventfds: the window ends early; the thread is done */
        sd_event_source *done;

        /* the thread's until it is done */
        int r;
        struct noise_report report;
        struct errors errors;
};

static unsigned client_count, check_count; /* of the whole process: one thread answers all clients */

static unsigned *count_of(const struct window *window)
{
        return window->options.check ? &check_count : &client_count;
}

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

/* ---- whose CPUs they are ---- */

struct owners {
        const struct host *host;
        const struct cpu_set *cpus;
        pid_t *list;
        size_t count, room;
};

static void add_owner(struct owners *owners, pid_t thread)
{
        if (owners->count == owners->room) {
                size_t room = owners->room ? owners->room * 2 : 64;
                pid_t *more = reallocarray(owners->list, room, sizeof(*more));
                if (!more)
                        return; /* then it is noise: no isolation is proven by lack of memory */
                owners->list = more;
                owners->room = room;
        }
        owners->list[owners->count++] = thread;
}

/* The kernel's list behind "Cpus_allowed_list:". */
static bool may_run_elsewhere(const char *status, const struct cpu_set *cpus)
{
        static const char label[] = "\nCpus_allowed_list:";
        const char *at = strstr(status, label);
        struct cpu_set allowed;
        char list[1024];

        if (!at)
                return true;
        at += strlen(label);
        snprintf(list, sizeof(list), "%.*s", (int)strcspn(at, "\n"), at);
        return cpu_set_from_list(list, &allowed) < 0 || !cpu_set_within(&allowed, cpus);
}

static void add_threads(struct owners *owners, const char *process)
{
        cleanup_strings char **threads = NULL;

        if (host_list(owners->host, &threads, "/proc/%s/task", process) < 0)
                return;
        for (size_t i = 0; threads[i]; i++) {
                cleanup_free char *status = NULL;
                if (host_read(owners->host, &status, "/proc/%s/task/%s/status", process, threads[i]) == 0 &&
                    !may_run_elsewhere(status, owners->cpus))
                        add_owner(owners, (pid_t)strtol(threads[i], NULL, 10));
        }
}

/* Guests and the dataplane, as far as they are pinned to these CPUs. And ourselves, who are not there: so that there is
 * someone, and nobody is guessed. */
static int own(struct noise *noise, const struct cpu_set *cpus)
{
        const struct host host = {.root = "/"};
        struct owners owners = {.host = &host, .cpus = cpus};
        cleanup_strings char **processes = NULL;

        add_owner(&owners, gettid());
        if (host_list(&host, &processes, "/proc") < 0)
                processes = NULL;
        for (size_t i = 0; processes && processes[i]; i++) {
                cleanup_free char *name = NULL;
                if (processes[i][0] < '0' || processes[i][0] > '9' ||
                    host_read(&host, &name, "/proc/%s/comm", processes[i]) < 0)
                        continue;
                if (strncmp(name, "qemu", strlen("qemu")) == 0 || strcmp(name, "socle-dataplane") == 0)
                        add_threads(&owners, processes[i]);
        }
        int r = noise_own(noise, owners.list, owners.count);
        free(owners.list);
        return r;
}

/* ---- the thread ---- */

static bool wait_out(const struct window *window)
{
        struct pollfd stop = {.fd = window->stop_fd, .events = POLLIN};
        int r;

        do
                r = poll(&stop, 1, (int)window->options.seconds * 1000);
        while (r < 0 && errno == EINTR);
        return r == 0;
}

static void *run_window(void *user)
{
        struct window *window = user;
        struct noise *noise = NULL;

        window->r = noise_start(&noise, &window->options.cpus, &window->errors);
        if (window->r == 0 && wait_out(window)) {
                if (window->options.check)
                        window->r = own(noise, &window->options.cpus);
                if (window->r == 0)
                        window->r = noise_read(noise, &window->report, &window->errors);
        }
        noise_stop(noise);
        eventfd_write(window->done_fd, 1);
        return NULL;
}

/* ---- the loop's side ---- */

static int on_done(sd_event_source *source, int fd, uint32_t revents, void *user)
{
        cleanup_(window_free_p) struct window *window = user;

        pthread_join(window->thread, NULL);
        --*count_of(window);
        if (window->r < 0 && window->errors.count == 0)
                errors_add(&window->errors, window->r, "", "", "cannot count: %s", strerror(-window->r));
        window->options.done(window->options.user, window->r, &window->report, &window->errors);
        return 0;
}

void window_cancel(struct window *window)
{
        if (!window)
                return;
        eventfd_write(window->stop_fd, 1);
        pthread_join(window->thread, NULL);
        --*count_of(window);
        window_free(window);
}

int window_begin(struct window **ret, sd_event *event, const struct window_options *options)
{
        cleanup_(window_free_p) struct window *window = calloc(1, sizeof(*window));

        if (!window)
                return -ENOMEM;
        window->options = *options;
        window->stop_fd = window->done_fd = -1;
        if (*count_of(window) >= (options->check ? 1 : WINDOWS_MAX))
                return -EMFILE;
        window->stop_fd = eventfd(0, EFD_CLOEXEC);
        window->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (window->stop_fd < 0 || window->done_fd < 0)
                return -errno;
        int r = sd_event_add_io(event, &window->done, window->done_fd, EPOLLIN, on_done, window);
        if (r >= 0)
                r = -pthread_create(&window->thread, NULL, run_window, window);
        if (r < 0)
                return r;
        ++*count_of(window);
        *ret = TAKE_PTR(window);
        return 0;
}
