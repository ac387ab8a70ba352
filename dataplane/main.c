/* socle-dataplane: the process that sees tenants' packets. The main thread is control: it obeys socled over the wire,
 * resolves the underlay's neighbours and looks after devices; the workers switch. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <time.h>

#include <rte_eal.h>

#include "control/assign.h"
#include "control/learning.h"
#include "control/objects.h"
#include "control/resolver.h"
#include "control/server.h"
#include "eal.h"
#include "heartbeat.h"
#include "io/io.h"
#include "pool.h"
#include "session/ageing.h"
#include "socle/log.h"
#include "state/clock.h"
#include "state/meta.h"
#include "state/rcu.h"
#include "worker.h"

#define TICK_US       100000 /* the resolver's beat; ageing and care every tenth */
#define BALANCE_TICKS 50
#define SESSIONS_MIN  1024
#define PREFAULT      131072 /* sessions a tick: where packets have huge pages, memory for all is soon there */
#define SESSIONS_MAX  (1 << 26)

struct options {
        const char *socket;
        unsigned int mbufs, sessions, log_level;
        struct dp_eal_options eal;
        struct dp_worker_options workers;
};

static struct server *server;
static uint64_t start_ms;

static uint64_t now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

static int on_tick(sd_event_source *source, uint64_t usec, void *user)
{
        static unsigned int ticks;

        __atomic_store_n(&dp.now_s, (now_ms() - start_ms) / 1000, __ATOMIC_RELAXED);
        resolver_tick(now_ms() - start_ms);
        if (++ticks % 10 == 0) {
                learning_age();
                ports_look_after(true);
        }
        if (ticks % BALANCE_TICKS == 0)
                assign_balance();
        dp_rcu_enter();
        dp_session_age(dp.worker_count, dp_clock_ms(rte_rdtsc()));
        dp_rcu_leave();
        dp_session_table_prefault(rte_eal_has_hugepages() ? PREFAULT : 0);
        objects_settle();
        server_report(server);

        sd_event_source_set_time_relative(source, TICK_US);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* Workers have something for us. */
static int on_worker(sd_event_source *source, int fd, uint32_t events, void *user)
{
        eventfd_t value;

        eventfd_read(fd, &value);
        learning_drain();
        resolver_drain();
        server_drain(server);
        objects_settle();
        server_report(server);
        return 0;
}

/* A device changed: a guest came or went, an interface vanished. */
static int on_device(sd_event_source *source, int fd, uint32_t events, void *user)
{
        eventfd_t value;

        eventfd_read(fd, &value);
        ports_look_after(false);
        objects_settle();
        server_report(server);
        return 0;
}

/* Before any thread is made, so that only the event loop ever sees these signals. */
static void block_signals(void)
{
        sigset_t signals;

        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGINT);
        sigprocmask(SIG_BLOCK, &signals, NULL);
}

static int run(const struct options *options)
{
        sd_event *event = NULL;
        sd_event_source *tick = NULL;
        int r;

        if ((r = sd_event_default(&event)) < 0 || (r = server_new(&server, event, options->socket)) < 0)
                return r;
        sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
        sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
        sd_event_add_io(event, NULL, dp_workers_notify_fd(), EPOLLIN, on_worker, NULL);
        sd_event_add_io(event, NULL, dp_io_notify_fd(), EPOLLIN, on_device, NULL);
        r = sd_event_add_time_relative(event, &tick, CLOCK_MONOTONIC, TICK_US, 1000, on_tick, NULL);
        if (r < 0)
                return r;
        r = heartbeat_start(event);
        if (r < 0)
                return r;

        log_info("ready on %s: %u worker(s), %s pages", options->socket, dp.worker_count,
                 rte_eal_has_hugepages() ? "huge" : "ordinary");
        sd_notify(0, "READY=1");
        r = sd_event_loop(event);
        sd_notify(0, "STOPPING=1");
        server = server_free(server);
        sd_event_source_unref(tick);
        sd_event_unref(event);
        return r;
}

static void help(void)
{
        puts("Usage: socle-dataplane [OPTION…]\n"
             "The packet switch of a socle node. It holds no configuration: socled gives it all over --socket.\n\n"
             "  --socket PATH       where socled connects (/run/socle/dataplane.sock)\n"
             "  --workers N         threads that switch packets (1)\n"
             "  --cpus LIST         their CPUs, one each: 2,4-6 (unpinned)\n"
             "  --memory MB         packet memory, from huge pages where there are (256)\n"
             "  --mbufs N           packet buffers a NUMA node (16384)\n"
             "  --sessions N        conversations tracked at once, at most; 224 bytes each (1048576)\n"
             "  --no-huge           ordinary pages\n"
             "  --idle-us N         poll in vain this long before sleeping (50)\n"
             "  --state-dir DIR     what must outlive a restart (/run/socle)\n"
             "  --file-prefix NAME  tells several dataplanes on a host apart (socle)\n"
             "  --log-level LEVEL   error, warning, notice, info, debug (info)\n"
             "  --log-format FORM   auto (the journal with fields if stderr is its), text, journal, json (auto)\n"
             "  --version, --help");
}

static bool parse_number(const char *text, unsigned int min, unsigned int max, const char *name, unsigned int *ret)
{
        char *end;
        errno = 0;
        unsigned long value = strtoul(text, &end, 10);

        if (errno || *end || end == text || value < min || value > max) {
                log_error("%s %s: a whole number from %u to %u is wanted", name, text, min, max);
                return false;
        }
        *ret = value;
        return true;
}

static bool parse_level(const char *text, unsigned int *ret)
{
        static const char *const names[] = {[LOG_ERR] = "error",
                                            [LOG_WARNING] = "warning",
                                            [LOG_NOTICE] = "notice",
                                            [LOG_INFO] = "info",
                                            [LOG_DEBUG] = "debug"};
        for (unsigned int i = LOG_ERR; i <= LOG_DEBUG; i++)
                if (strcmp(text, names[i]) == 0) {
                        *ret = i;
                        return true;
                }
        log_error("--log-level %s: error, warning, notice, info or debug is wanted", text);
        return false;
}

/* 1: go on; 0: done; -EINVAL: said why. */
static int parse(int argc, char *argv[], struct options *options)
{
        enum {
                SOCKET = 256,
                WORKERS,
                CPUS,
                MEMORY,
                MBUFS,
                SESSIONS,
                NO_HUGE,
                IDLE,
                STATE,
                PREFIX,
                LEVEL,
                FORM,
                VERSION,
                HELP
        };
        static const struct option known[] = {
                {"socket", required_argument, NULL, SOCKET},
                {"workers", required_argument, NULL, WORKERS},
                {"cpus", required_argument, NULL, CPUS},
                {"memory", required_argument, NULL, MEMORY},
                {"mbufs", required_argument, NULL, MBUFS},
                {"sessions", required_argument, NULL, SESSIONS},
                {"no-huge", no_argument, NULL, NO_HUGE},
                {"idle-us", required_argument, NULL, IDLE},
                {"state-dir", required_argument, NULL, STATE},
                {"file-prefix", required_argument, NULL, PREFIX},
                {"log-level", required_argument, NULL, LEVEL},
                {"log-format", required_argument, NULL, FORM},
                {"version", no_argument, NULL, VERSION},
                {"help", no_argument, NULL, HELP},
                {0},
        };
        bool ok = true;
        int c;

        while (ok && (c = getopt_long(argc, argv, "", known, NULL)) >= 0) {
                switch (c) {
                case SOCKET:
                        options->socket = optarg;
                        break;
                case WORKERS:
                        ok = parse_number(optarg, 1, 64, "--workers", &options->eal.workers);
                        break;
                case CPUS:
                        options->eal.cpus = optarg;
                        break;
                case MEMORY:
                        ok = parse_number(optarg, 64, 1 << 20, "--memory", &options->eal.memory);
                        break;
                case MBUFS:
                        ok = parse_number(optarg, 1024, 1 << 24, "--mbufs", &options->mbufs);
                        break;
                case SESSIONS:
                        ok = parse_number(optarg, SESSIONS_MIN, SESSIONS_MAX, "--sessions", &options->sessions);
                        break;
                case NO_HUGE:
                        options->eal.no_huge = true;
                        break;
                case IDLE:
                        ok = parse_number(optarg, 0, 1000000, "--idle-us", &options->workers.idle_us);
                        break;
                case STATE:
                        dp_io_state_dir = optarg;
                        break;
                case PREFIX:
                        options->eal.file_prefix = optarg;
                        break;
                case LEVEL:
                        ok = parse_level(optarg, &options->log_level);
                        break;
                case FORM:
                        ok = socle_log_format(optarg) == 0;
                        if (!ok)
                                log_error("--log-format %s: auto, text, journal or json is wanted", optarg);
                        break;
                case VERSION:
                        puts("socle-dataplane " SOCLE_VERSION);
                        return 0;
                case HELP:
                        help();
                        return 0;
                default:
                        ok = false;
                }
        }
        if (ok && optind < argc) {
                log_error("unexpected argument: %s (see --help)", argv[optind]);
                ok = false;
        }
        return ok ? 1 : -EINVAL;
}

int main(int argc, char *argv[])
{
        struct options options = {
                .socket = "/run/socle/dataplane.sock",
                .mbufs = 16384,
                .sessions = 1 << 20,
                .log_level = LOG_INFO,
                .eal = {.workers = 1, .memory = 256, .file_prefix = "socle"},
                .workers = {.idle_us = 50},
        };
        struct rlimit files = {1 << 16, 1 << 16};
        int r = parse(argc, argv, &options);

        if (r <= 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        socle_log_level(options.log_level);
        setrlimit(RLIMIT_NOFILE, &files); /* a vhost-user port takes a handful each */
        mkdir(dp_io_state_dir, 0755);
        start_ms = now_ms();
        block_signals();
        dp_pool_configure(options.mbufs);
        options.workers.count = options.eal.workers;

        if (dp_eal_init(argv[0], &options.eal) < 0)
                return EXIT_FAILURE;
        if (dp_meta_register() < 0 || dp_rcu_init(options.workers.count) < 0 || objects_init() < 0 ||
            !dp_pool_get(SOCKET_ID_ANY)) {
                log_error("out of packet memory: raise --memory or lower --mbufs");
                return EXIT_FAILURE;
        }
        dp_clock_start();
        if (dp_session_table_init(options.sessions, options.workers.count) < 0) {
                log_error("no memory for %u sessions: lower --sessions", options.sessions);
                return EXIT_FAILURE;
        }
        if (dp_workers_init(&options.workers) < 0 || dp_workers_launch() < 0)
                return EXIT_FAILURE;
        r = run(&options);
        dp_workers_stop();
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
