/* See remote.h. Files are followed by their directories, since certmonger writes beside them and renames. */
#include <errno.h>
#include <libgen.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>

#include "listen.h"
#include "peers.h"
#include "private.h"
#include "remote.h"
#include "socle/cleanup.h"
#include "socle/log.h"

#define ACCEPTS_A_TURN 16     /* a handshake costs a millisecond: others want their turn */
#define SETTLE_US      500000 /* certificate and key are written one after the other */

struct remote {
        struct rpc_server *server;
        struct remote_options options;
        char *listen, *files[4];     /* what options point to */
        struct tls_context *context; /* NULL: the files were never right; nobody is let in until they are */
        char error[512];             /* what was wrong with them when they were last read; "": nothing */
        int fd;
        sd_event_source *accept, *settle, *watches[4];
        struct peers *peers;
        uint64_t reloads, refused; /* renewals taken, connections turned away */
};

/* ---- connections ---- */

static void tune_socket(int fd)
{
        static const struct {
                int level, name, value;
        } settings[] = {
                {IPPROTO_TCP, TCP_NODELAY, 1},    {SOL_SOCKET, SO_KEEPALIVE, 1}, {IPPROTO_TCP, TCP_KEEPIDLE, 30},
                {IPPROTO_TCP, TCP_KEEPINTVL, 10}, {IPPROTO_TCP, TCP_KEEPCNT, 3}, {IPPROTO_TCP, TCP_USER_TIMEOUT, 60000},
        };

        for (size_t i = 0; i < ARRAY_LEN(settings); i++)
                (void)setsockopt(fd, settings[i].level, settings[i].name, &settings[i].value,
                                 sizeof(settings[i].value));
}

static void take(struct remote *remote, int fd, const struct sockaddr_storage *peer)
{
        struct rpc_server *server = remote->server;
        struct tls *tls = NULL;

        /* Nothing can be said before the handshake; a closed connection is all there is. */
        if (!remote->context || !server_has_room(server, fd) ||
            peers_add(remote->peers, peer, remote->options.clients_per_peer) < 0) {
                remote->refused++;
                close(fd);
                return;
        }
        tune_socket(fd);
        if (tls_new(&tls, remote->context, fd, NULL) < 0) {
                peers_remove(remote->peers, peer);
                close(fd);
                return;
        }
        client_new_remote(server, fd, tls, peer);
}

static int on_accept(sd_event_source *source, int listener, uint32_t revents, void *user)
{
        struct remote *remote = user;

        for (int i = 0; i < ACCEPTS_A_TURN; i++) {
                struct sockaddr_storage peer = {};
                socklen_t size = sizeof(peer);
                int fd = accept4(listener, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
                if (fd < 0) {
                        if (errno == EMFILE || errno == ENFILE)
                                server_make_room(remote->server, listener);
                        return 0;
                }
                take(remote, fd, &peer);
        }
        return 0;
}

void remote_forget(struct remote *remote, const struct sockaddr_storage *peer)
{
        peers_remove(remote->peers, peer);
}

const struct remote_options *remote_options(const struct remote *remote)
{
        return &remote->options;
}

/* ---- certificates ---- */

int remote_reload(struct remote *remote, char *why, size_t size)
{
        struct tls_context *fresh;
        int r = tls_context_new(&fresh, TLS_SERVER, &remote->options.files, remote->error, sizeof(remote->error));

        if (r < 0) {
                snprintf(why, size, "%s", remote->error);
                return r;
        }
        remote->error[0] = 0;
        tls_context_unref(remote->context);
        remote->context = fresh;
        remote->reloads++;
        return 0;
}

static int on_settled(sd_event_source *source, uint64_t now_us, void *user)
{
        struct remote *remote = user;
        char why[512];

        if (remote_reload(remote, why, sizeof(why)) < 0)
                log_error("TLS: %s; new connections go on with the certificate that was there", why);
        else
                log_notice("TLS: the certificate of %s is in use for new connections",
                           tls_context_subject(remote->context));
        return 0;
}

/* Whatever happens in the directory: only ours are looked at, and the pair once it has come to rest. */
static int on_file(sd_event_source *source, const struct inotify_event *event, void *user)
{
        struct remote *remote = user;

        for (size_t i = 0; event->len > 0 && i < ARRAY_LEN(remote->files); i++) {
                const char *slash = remote->files[i] ? strrchr(remote->files[i], '/') : NULL;
                if (!slash || strcmp(slash + 1, event->name) != 0)
                        continue;
                sd_event_source_set_time_relative(remote->settle, SETTLE_US);
                sd_event_source_set_enabled(remote->settle, SD_EVENT_ONESHOT);
        }
        return 0;
}

static int follow_files(struct remote *remote)
{
        sd_event *event = remote->server->event;
        int r = sd_event_add_time(event, &remote->settle, CLOCK_MONOTONIC, 0, 0, on_settled, remote);

        if (r >= 0)
                r = sd_event_source_set_enabled(remote->settle, SD_EVENT_OFF);
        for (size_t i = 0; r >= 0 && i < ARRAY_LEN(remote->files); i++) {
                cleanup_free char *copy = remote->files[i] ? strdup(remote->files[i]) : NULL;
                if (copy)
                        r = sd_event_add_inotify(event, &remote->watches[i], dirname(copy),
                                                 IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE, on_file, remote);
        }
        return r;
}

/* ---- coming and going ---- */

static json_t *certificate_info(const struct tls_context *context)
{
        time_t expiry = tls_context_expiry(context);
        char text[32];
        struct tm tm;

        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&expiry, &tm));
        return json_pack("{ss, ss, sI}", "subject", tls_context_subject(context), "expires", text, "expires_in_seconds",
                         (json_int_t)(expiry - time(NULL)));
}

json_t *remote_info(const struct remote *remote)
{
        json_t *info = json_pack("{ss, sI, sI, sI}", "listen", remote->listen, "clients",
                                 (json_int_t)peers_total(remote->peers), "refused", (json_int_t)remote->refused,
                                 "reloads", (json_int_t)remote->reloads);

        if (remote->context)
                json_object_set_new(info, "certificate", certificate_info(remote->context));
        if (remote->error[0])
                json_object_set_new(info, "error", json_string(remote->error));
        return info;
}

struct remote *remote_free(struct remote *remote)
{
        if (!remote)
                return NULL;
        sd_event_source_disable_unref(remote->accept);
        sd_event_source_disable_unref(remote->settle);
        for (size_t i = 0; i < ARRAY_LEN(remote->watches); i++) {
                sd_event_source_disable_unref(remote->watches[i]);
                free(remote->files[i]);
        }
        if (remote->fd >= 0)
                close(remote->fd);
        tls_context_unref(remote->context);
        peers_free(remote->peers);
        free(remote->listen);
        free(remote);
        return NULL;
}
DEFINE_CLEANUP(struct remote *, remote_free)

/* The options' texts are the caller's: ours are copies. */
static int copy_options(struct remote *remote, const struct remote_options *options)
{
        const char *const from[] = {options->files.certificate, options->files.key, options->files.ca,
                                    options->files.crl};

        remote->options = *options;
        remote->listen = strdup(options->listen);
        for (size_t i = 0; i < ARRAY_LEN(from); i++)
                if (from[i] && from[i][0] && !(remote->files[i] = strdup(from[i])))
                        return -ENOMEM;
        remote->options.listen = remote->listen;
        remote->options.files =
                (struct tls_files){remote->files[0], remote->files[1], remote->files[2], remote->files[3]};
        return remote->listen ? 0 : -ENOMEM;
}

int remote_new(struct remote **ret, struct rpc_server *server, const struct remote_options *options, char *why,
               size_t size)
{
        cleanup_(remote_free_p) struct remote *remote = calloc(1, sizeof(*remote));

        if (!remote)
                return -ENOMEM;
        remote->server = server;
        remote->fd = -1;
        int r = copy_options(remote, options);
        if (r == 0 && !(remote->peers = peers_new()))
                r = -ENOMEM;
        if (r == 0 && (!remote->files[0] || !remote->files[1] || !remote->files[2])) {
                snprintf(why, size, "[tls] listen needs certificate, key and ca too");
                r = -EINVAL;
        }
        /* At boot the certificate may be on its way: it is taken when it is there. */
        if (r == 0 && remote_reload(remote, why, size) < 0)
                log_error("TLS: %s; nobody is let in from afar until it is right", remote->error);
        if (r == 0)
                r = listen_at(options->listen, &remote->fd, why, size);
        if (r == 0)
                r = follow_files(remote);
        if (r >= 0)
                r = sd_event_add_io(server->event, &remote->accept, remote->fd, EPOLLIN, on_accept, remote);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(remote);
        return 0;
}
