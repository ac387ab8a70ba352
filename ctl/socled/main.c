/* socled: holds what is wanted, and makes the node so. This file: options, signals, start and stop; the work is done by
 * rpc/ (the control socket), model/ and store/ (the objects), reconcile/ (the dataplane), host/ (the machine). */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "config.h"
#include "socle/errors.h"
#include "metrics.h"
#include "baremetal.h"
#include "model.h"
#include "network.h"
#include "noise/noise.h"
#include "socle/cleanup.h"
#include "socle/log.h"
#include "store.h"
#include "status_log.h"
#include "tuning.h"

static const char help[] =
        "socled [OPTION]…\n"
        "\n"
        "Holds what is wanted of this node, and makes socle-dataplane do it. Asked over a control socket (JSON-RPC "
        "2.0),\n"
        "usually by soclectl or an orchestrator.\n"
        "\n"
        "  -c, --config FILE            configuration (default: " CONFIG_PATH ", which may be absent)\n"
        "      --control-socket PATH    where it is asked (default: /run/socle/control.sock)\n"
        "      --store PATH             what is wanted, on disk (default: /var/lib/socle/intent.db)\n"
        "      --dataplane-socket PATH  where socle-dataplane listens (default: /run/socle/dataplane.sock)\n"
        "      --log-level LEVEL        error, warning, notice, info (default) or debug\n"
        "      --log-format FORM        auto (default: the journal with fields if stderr is its), text, journal or "
        "json\n"
        "      --check-config           only read the configuration, and exit 0 if it is right\n"
        "      --version                say the version and exit\n"
        "  -h, --help                   this\n"
        "\n"
        "Signals: SIGTERM and SIGINT stop it cleanly; SIGHUP reads log_level, [roles], [tls_roles]\n"
        "and the certificate anew.\n"
        "Exit: 0 after a clean stop, 1 on a failure (told on stderr), 2 on wrong usage or configuration.\n";

#define READY_PATIENCE_S 120 /* less than TimeoutStartSec= of socled.service */

struct override {
        const char *name, *value;
};

struct daemon {
        struct config config;
        const char *config_path;
        bool config_required; /* named on the command line */
        struct override overrides[8];
        size_t override_count;

        sd_event *event;
        struct store *store;
        struct model *model;
        struct network *network;
        struct tuning *tuning;
        struct baremetal *baremetal;
        struct rpc_server *server;
        bool ready; /* told to systemd */
        sd_event_source *patience;
        struct metrics *metrics;
};

/* ---- configuration ---- */

static void complain(const char *text)
{
        log_error("%s", text);
}

static void warn(const char *text)
{
        log_warning("%s", text);
}

static int read_config(const struct daemon *daemon, struct config *config)
{
        static const struct config_talk talk = {.complain = complain, .warn = warn};
        char why[256];

        config_init(config);
        int r = config_read(config, daemon->config_path, &talk);
        if (r == -ENOENT && !daemon->config_required)
                r = 0;
        if (r < 0) {
                if (r != -EINVAL)
                        log_error("%s: %s", daemon->config_path, strerror(-r));
                return r;
        }
        for (size_t i = 0; i < daemon->override_count; i++) {
                r = config_set(config, "socled", daemon->overrides[i].name, daemon->overrides[i].value, why,
                               sizeof(why));
                if (r < 0) {
                        log_error("%s: %s", daemon->overrides[i].name, why);
                        return r;
                }
        }
        return 0;
}

static void reload_certificate(struct daemon *daemon)
{
        char why[512];

        if (!daemon->config.tls_listen[0])
                return;
        if (rpc_server_reload_certificate(daemon->server, why, sizeof(why)) < 0)
                log_error("TLS: %s; new connections go on with the certificate that was there", why);
        else
                log_notice("TLS: certificate, key, CA and revocation list were read anew");
}

/* Only what can change while clients and the store are there. */
static void reload(struct daemon *daemon)
{
        struct config fresh;

        if (read_config(daemon, &fresh) < 0) {
                log_error("the configuration stays as it was");
                config_clear(&fresh);
                return;
        }
        role_table_clear(&daemon->config.roles);
        daemon->config.roles = fresh.roles;
        name_roles_clear(&daemon->config.name_roles);
        daemon->config.name_roles = fresh.name_roles;
        daemon->config.log_level = fresh.log_level;
        socle_log_level(fresh.log_level);
        rpc_server_roles_changed(daemon->server);
        log_notice("log level and roles were read anew");
        reload_certificate(daemon);
}

/* ---- news of dataplane and host ---- */

/* Ready once the host is as it is wanted, so that guests which systemd starts after us find their VFs. */
static void be_ready(struct daemon *daemon)
{
        daemon->ready = true;
        daemon->patience = sd_event_source_disable_unref(daemon->patience);
        sd_notifyf(0, "READY=1\nSTATUS=Revision %llu", (unsigned long long)model_revision(daemon->model));
        log_notice("socled " SOCLE_VERSION " serves %s at revision %llu", daemon->config.control_socket,
                   (unsigned long long)model_revision(daemon->model));
}

static void tell_ready(struct daemon *daemon)
{
        if (!daemon->ready && (!daemon->tuning || tuning_in_force(daemon->tuning, UINT64_MAX)))
                be_ready(daemon);
}

static int on_patience_over(sd_event_source *source, uint64_t now_us, void *user)
{
        log_warning("the host is not as wanted after %d s; guests are not kept waiting any longer", READY_PATIENCE_S);
        be_ready(user);
        return 0;
}

/* A first pass of many slow objects: systemd is to see that it goes on. */
static void on_step(void *user)
{
        const struct daemon *daemon = user;

        if (!daemon->ready)
                sd_notify(0, "EXTEND_TIMEOUT_USEC=60000000");
}

static void on_progress(void *user)
{
        struct daemon *daemon = user;

        if (daemon->baremetal)
                baremetal_host_changed(daemon->baremetal);
        if (!daemon->server)
                return;
        tell_ready(daemon);
        rpc_server_progress(daemon->server);
        sd_notifyf(0, "STATUS=Revision %llu, %s", (unsigned long long)model_revision(daemon->model),
                   network_in_force(daemon->network, model_revision(daemon->model)) ? "in force" : "not in force yet");
}

static void on_note(void *user, int priority, const char *text)
{
        socle_log(priority, "%s", text);
}

/* ---- signals ---- */

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *user)
{
        struct daemon *daemon = user;

        if (info->ssi_signo == SIGHUP) {
                reload(daemon);
                return 0;
        }
        log_notice("stopping: signal %u from pid %u", info->ssi_signo, info->ssi_pid);
        sd_notify(0, "STOPPING=1");
        return sd_event_exit(daemon->event, 0);
}

static int add_signals(struct daemon *daemon)
{
        static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
        sigset_t set;

        sigemptyset(&set);
        for (size_t i = 0; i < ARRAY_LEN(signals); i++)
                sigaddset(&set, signals[i]);
        sigprocmask(SIG_BLOCK, &set, NULL);
        signal(SIGPIPE, SIG_IGN);
        for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
                int r = sd_event_add_signal(daemon->event, NULL, signals[i], on_signal, daemon);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- start ---- */

/* The directory of a file, and those above it, as far as they are missing. */
static int make_directory_of(const char *path)
{
        char directory[4096];

        snprintf(directory, sizeof(directory), "%s", path);
        for (char *slash = strchr(directory + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = 0;
                if (mkdir(directory, 0750) < 0 && errno != EEXIST) {
                        log_error("cannot make the directory %s: %s", directory, strerror(errno));
                        return -errno;
                }
                *slash = '/';
        }
        return 0;
}

static void raise_descriptor_limit(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return;
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int fail_errors(const char *what, int r, const struct errors *errors)
{
        for (size_t i = 0; i < errors->count && i < ERRORS_MAX; i++)
                log_error("%s: %s%s%s", what, errors->list[i].message, errors->list[i].expected[0] ? "; " : "",
                          errors->list[i].expected);
        if (errors->count == 0)
                log_error("%s: %s", what, strerror(-r));
        return r;
}

static int open_model(struct daemon *daemon)
{
        struct errors errors = {};
        int r = store_open(&daemon->store, daemon->config.store, &errors);

        if (r < 0)
                return fail_errors(daemon->config.store, r, &errors);
        r = model_new(&daemon->model, daemon->store, &errors);
        if (r < 0)
                return fail_errors(daemon->config.store, r, &errors);
        status_log_start(daemon->model);
        return 0;
}

/* The tuner's journals are beside the store, unless it is said where. */
static int start_tuner(struct daemon *daemon)
{
        const struct config *config = &daemon->config;
        const struct tuning_events events = {.progress = on_progress, .step = on_step, .note = on_note, .user = daemon};
        const char *slash = strrchr(config->store, '/');
        cleanup_free char *state = NULL;

        if (!config->tuner)
                return 0;
        if (config->tuner_state[0] ? asprintf(&state, "%s", config->tuner_state) < 0
                                   : asprintf(&state, "%.*s/tuner", (int)(slash - config->store), config->store) < 0)
                return -ENOMEM;
        const struct tuning_options options = {
                .root = config->tuner_root[0] ? config->tuner_root : NULL,
                .state = state,
                .libvirt_uri = config->libvirt_uri,
        };
        int r = tuning_new(&daemon->tuning, daemon->event, daemon->model, &options);
        if (r < 0) {
                log_error("the tuner could not be started: %s", strerror(-r));
                return r;
        }
        tuning_set_events(daemon->tuning, &events);
        return 0;
}

/* Its ledgers are beside the store. */
static int start_baremetal(struct daemon *daemon)
{
        const struct config *config = &daemon->config;
        const struct baremetal_events events = {.progress = on_progress, .note = on_note, .user = daemon};
        const char *slash = strrchr(config->store, '/');
        cleanup_free char *state = NULL;

        if (asprintf(&state, "%.*s/baremetal", (int)(slash - config->store), config->store) < 0)
                return -ENOMEM;
        const struct baremetal_options options = {
                .root = config->tuner_root[0] ? config->tuner_root : NULL,
                .state = state,
                .libvirt_uri = config->tuner ? config->libvirt_uri : "",
                .tuning = daemon->tuning,
                .network = daemon->network,
        };
        int r = baremetal_new(&daemon->baremetal, daemon->event, daemon->model, &options);
        if (r < 0) {
                log_error("bare-metal nodes cannot be looked after: %s", strerror(-r));
                return r;
        }
        baremetal_set_events(daemon->baremetal, &events);
        return 0;
}

/* Those of the plan in force; without one, what the kernel calls so. */
static int isolated_cpus(void *user, struct cpu_set *ret)
{
        const struct daemon *daemon = user;
        const char *list = daemon->tuning ? tuning_isolated_cpus(daemon->tuning) : NULL;

        return list && list[0] ? cpu_set_from_list(list, ret) : noise_isolated_cpus("", ret);
}

static int serve(struct daemon *daemon)
{
        const struct config *config = &daemon->config;
        const struct remote_options remote = {
                .listen = config->tls_listen,
                .files = {config->tls_certificate, config->tls_key, config->tls_ca, config->tls_crl},
                .handshake_seconds = config->tls_handshake_seconds,
                .idle_seconds = config->tls_idle_seconds,
                .clients_per_peer = config->tls_clients_per_peer,
        };
        char why[512];
        const struct rpc_options options = {
                .socket_path = config->control_socket,
                .limits = config->limits,
                .roles = &config->roles,
                .name_roles = &config->name_roles,
                .remote = &remote,
                .context = {daemon->model, daemon->store, daemon->network, daemon->tuning, config->store,
                            config->dataplane_socket, isolated_cpus, daemon, daemon->baremetal,
                            config->tuner_root[0] ? config->tuner_root : NULL},
        };
        int r = rpc_server_new(&daemon->server, daemon->event, &options, why, sizeof(why));

        if (r == -EADDRINUSE)
                log_error("%s: another socled answers there: stop it first, or choose another control_socket",
                          config->control_socket);
        else if (r < 0 && why[0])
                log_error("%s", why);
        else if (r < 0)
                log_error("%s: %s", config->control_socket, strerror(-r));
        return r;
}

static int start_metrics(struct daemon *daemon)
{
        const struct metrics_options options = {
                .listen = daemon->config.metrics_listen,
                .model = daemon->model,
                .network = daemon->network,
                .server = daemon->server,
        };
        char why[256];

        if (!options.listen[0])
                return 0;
        int r = metrics_new(&daemon->metrics, daemon->event, &options, why, sizeof(why));
        if (r < 0)
                log_error("metrics: %s", why);
        return r;
}

static int start(struct daemon *daemon)
{
        const struct network_events events = {.progress = on_progress, .note = on_note, .user = daemon};
        int r = sd_event_new(&daemon->event);

        if (r >= 0)
                r = add_signals(daemon);
        if (r >= 0)
                (void)sd_event_set_watchdog(daemon->event, true);
        if (r >= 0)
                r = make_directory_of(daemon->config.control_socket);
        if (r >= 0)
                r = make_directory_of(daemon->config.store);
        if (r >= 0)
                r = open_model(daemon);
        if (r < 0)
                return r;

        r = network_new(&daemon->network, daemon->event, daemon->model, daemon->config.dataplane_socket);
        if (r < 0) {
                log_error("%s: %s", daemon->config.dataplane_socket, strerror(-r));
                return r;
        }
        network_set_events(daemon->network, &events);
        r = start_tuner(daemon);
        if (r >= 0)
                r = start_baremetal(daemon);
        if (r >= 0)
                r = serve(daemon);
        return r < 0 ? r : start_metrics(daemon);
}

static int run(struct daemon *daemon)
{
        raise_descriptor_limit();
        int r = start(daemon);
        if (r < 0)
                return r;
        malloc_trim(0); /* reading the store left holes */
        tell_ready(daemon);
        if (!daemon->ready)
                (void)sd_event_add_time_relative(daemon->event, &daemon->patience, CLOCK_MONOTONIC,
                                                 READY_PATIENCE_S * 1000000ULL, 0, on_patience_over, daemon);
        return sd_event_loop(daemon->event);
}

static void stop(struct daemon *daemon)
{
        if (daemon->network)
                network_set_events(daemon->network, &(struct network_events){});
        if (daemon->tuning)
                tuning_set_events(daemon->tuning, &(struct tuning_events){});
        if (daemon->baremetal)
                baremetal_set_events(daemon->baremetal, &(struct baremetal_events){});
        sd_event_source_disable_unref(daemon->patience);
        metrics_free(daemon->metrics);
        rpc_server_free(daemon->server);
        baremetal_free(daemon->baremetal);
        tuning_free(daemon->tuning);
        network_free(daemon->network);
        model_free(daemon->model);
        store_close(daemon->store);
        sd_event_unref(daemon->event);
        config_clear(&daemon->config);
}

/* ---- the command line ---- */

enum { OPTION_CHECK = 256, OPTION_VERSION, OPTION_OVERRIDE };

static const struct option long_options[] = {
        {"config", required_argument, NULL, 'c'},
        {"check-config", no_argument, NULL, OPTION_CHECK},
        {"version", no_argument, NULL, OPTION_VERSION},
        {"help", no_argument, NULL, 'h'},
        {"control-socket", required_argument, NULL, OPTION_OVERRIDE},
        {"store", required_argument, NULL, OPTION_OVERRIDE},
        {"dataplane-socket", required_argument, NULL, OPTION_OVERRIDE},
        {"log-level", required_argument, NULL, OPTION_OVERRIDE},
        {"log-format", required_argument, NULL, OPTION_OVERRIDE},
        {},
};

/* The setting of [socled] that an option overrides. */
static const char *setting_of(const char *option)
{
        static const char *const settings[][2] = {
                {"control-socket", "control_socket"},
                {"store", "store"},
                {"dataplane-socket", "dataplane_socket"},
                {"log-level", "log_level"},
                {"log-format", "log_format"},
        };

        for (size_t i = 0; i < ARRAY_LEN(settings); i++)
                if (strcmp(settings[i][0], option) == 0)
                        return settings[i][1];
        return option;
}

/* 0: go on; 1: done; -EINVAL. */
static int parse_options(struct daemon *daemon, int argc, char **argv, bool *ret_check)
{
        int c, index;

        while ((c = getopt_long(argc, argv, "c:h", long_options, &index)) != -1) {
                switch (c) {
                case 'c':
                        daemon->config_path = optarg;
                        daemon->config_required = true;
                        break;
                case 'h':
                        fputs(help, stdout);
                        return 1;
                case OPTION_VERSION:
                        puts("socled " SOCLE_VERSION);
                        return 1;
                case OPTION_CHECK:
                        *ret_check = true;
                        break;
                case OPTION_OVERRIDE:
                        if (daemon->override_count == ARRAY_LEN(daemon->overrides))
                                return -E2BIG;
                        daemon->overrides[daemon->override_count++] =
                                (struct override){setting_of(long_options[index].name), optarg};
                        break;
                default:
                        return -EINVAL;
                }
        }
        if (optind < argc) {
                log_error("\"%s\" is no option; --help lists them", argv[optind]);
                return -EINVAL;
        }
        return 0;
}

int main(int argc, char **argv)
{
        static struct daemon daemon = {.config_path = CONFIG_PATH};
        bool check = false;
        int r = parse_options(&daemon, argc, argv, &check);

        if (r > 0)
                return 0;
        if (r < 0 || read_config(&daemon, &daemon.config) < 0)
                return 2;
        socle_log_level(daemon.config.log_level);
        if (check) {
                config_clear(&daemon.config);
                return 0;
        }
        r = run(&daemon);
        stop(&daemon);
        return r < 0 ? 1 : 0;
}
