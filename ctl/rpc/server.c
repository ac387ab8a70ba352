/* See server.h: the listening socket, and what concerns all clients together. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "private.h"
#include "remote.h"
#include "socle/cleanup.h"

#define ACCEPTS_A_TURN  64
#define BACKLOG         4096
#define FDS_KEPT        256 /* or a quarter of what there are: not for clients */
#define SOCKETS_AT_ONCE 128
#define TURNS_AT_ONCE   8 /* before the loop looks at the sockets again */

const struct rpc_limits rpc_limits_default = {
        .line_bytes = 64 << 20,
        .buffered_bytes = 256 << 20,
        .watch_events = 65536,
        .clients = 4096,
        .json_depth = 128,
        .idle_seconds = 30,
        .batch_requests = 1000,
};

/* ---- accepting ---- */

/* Says why, and closes. */
static void turn_away(int fd, const char *message)
{
        struct errors errors = {};
        struct text text = {};

        errors_add(&errors, -EMSGSIZE, "", "fewer clients at a time, or a higher `clients` in socled.conf", "%s",
                   message);
        json_t *json = jsonrpc_error(NULL, RPC_LIMIT, message, errors_to_json(&errors));
        if (text_append_json(&text, json) >= 0 && text_append(&text, "\n", 1) >= 0)
                (void)!send(fd, text.data, text.size, MSG_DONTWAIT | MSG_NOSIGNAL);
        json_decref(json);
        text_clear(&text);
        close(fd);
}

/* Out of descriptors: the connection would stay in the backlog and wake us for ever. The spare one makes room for a
 * moment. */
void server_make_room(struct rpc_server *server, int listener)
{
        close(server->spare_fd);
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0)
                turn_away(fd, "socled has no file descriptor left for another client");
        server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* The rest of socled needs some as well, and not all of it bears to have none: libvirt's client library ends the whole
 * process when it cannot make a pipe. The kernel gives the lowest number that is free. */
bool server_has_room(const struct rpc_server *server, int fd)
{
        return server->client_count < server->limits.clients && fd < server->client_fds;
}

static int client_fds(void)
{
        long limit = sysconf(_SC_OPEN_MAX);

        if (limit < 0 || limit > INT_MAX)
                return INT_MAX;
        return (int)limit - (limit / 4 < FDS_KEPT ? (int)limit / 4 : FDS_KEPT);
}

static int on_accept(sd_event_source *source, int listener, uint32_t revents, void *user)
{
        struct rpc_server *server = user;

        for (int i = 0; i < ACCEPTS_A_TURN; i++) {
                int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
                if (fd < 0) {
                        if (errno == EMFILE || errno == ENFILE)
                                server_make_room(server, listener);
                        return 0;
                }
                if (!server_has_room(server, fd))
                        turn_away(fd, server->client_count >= server->limits.clients
                                              ? "too many clients"
                                              : "socled has no file descriptor left for another client");
                else
                        client_new(server, fd);
        }
        return 0;
}

static int on_bury(sd_event_source *source, void *user)
{
        struct rpc_server *server = user;
        struct client *next;

        for (struct client *c = server->clients; c; c = next) {
                next = c->next;
                if (c->dead)
                        client_free(c);
        }
        return 0;
}

/* ---- turns ---- */

/* sd-event dispatches one source each time it has asked the kernel for all that are ready, which is quadratic when
 * thousands of clients hang up at once. So the clients have a set of their own, taken in by the hundred. */
static int on_sockets(sd_event_source *source, int fd, uint32_t revents, void *user)
{
        struct epoll_event events[SOCKETS_AT_ONCE];
        int count = epoll_wait(fd, events, SOCKETS_AT_ONCE, 0);

        for (int i = 0; i < count; i++)
                client_io(events[i].data.ptr, events[i].events);
        return 0;
}

/* Not sd-event's defer sources: one that enables itself again runs before all else, for ever. An eventfd is dispatched
 * in turn with everybody's sockets and timers. */
void server_ready(struct client *client)
{
        struct rpc_server *server = client->server;

        if (!server->ready)
                (void)eventfd_write(server->ready_fd, 1);
        client->ready = true;
        client->next_ready = NULL;
        *server->ready_tail = client;
        server->ready_tail = &client->next_ready;
}

void server_not_ready(struct client *client)
{
        struct rpc_server *server = client->server;

        if (!client->ready)
                return;
        for (struct client **at = &server->ready; *at; at = &(*at)->next_ready) {
                if (*at != client)
                        continue;
                *at = client->next_ready;
                if (!*at)
                        server->ready_tail = at;
                break;
        }
        client->ready = false;
}

static int on_ready(sd_event_source *source, int fd, uint32_t revents, void *user)
{
        struct rpc_server *server = user;
        eventfd_t value;

        for (int i = 0; i < TURNS_AT_ONCE && server->ready; i++) {
                struct client *client = server->ready;
                server_not_ready(client);
                client_turn(client);
        }
        (void)eventfd_read(fd, &value);
        if (server->ready)
                (void)eventfd_write(fd, 1);
        return 0;
}

/* ---- all clients ---- */

void server_relieve(struct rpc_server *server)
{
        while (server->buffered > server->limits.buffered_bytes) {
                struct client *largest = NULL;

                for (struct client *c = server->clients; c; c = c->next)
                        if (!c->closing && !c->dead && (!largest || c->accounted > largest->accounted))
                                largest = c;
                if (!largest)
                        return;
                out_queue_cut(&largest->out);
                client_last_word(largest, RPC_LIMIT,
                                 "all clients together hold too much unread or unfinished, and this one "
                                 "the most (buffered_bytes in socled.conf)");
        }
}

void rpc_server_roles_changed(struct rpc_server *server)
{
        for (struct client *c = server->clients; c; c = c->next)
                client_find_role(c);
}

int rpc_server_reload_certificate(struct rpc_server *server, char *why, size_t size)
{
        return server->remote ? remote_reload(server->remote, why, size) : 0;
}

void rpc_server_progress(struct rpc_server *server)
{
        wait_check(server);
}

/* ---- coming and going ---- */

static bool somebody_listens(const struct sockaddr_un *address)
{
        cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        return fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN);
}

static int listen_on(const char *path, int *ret)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return -errno;
        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path) + 1);
        if (somebody_listens(&address))
                return -EADDRINUSE;
        (void)unlink(path);

        /* Never, not for a moment, open to others. */
        mode_t mask = umask(0117);
        int r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
        umask(mask);
        if (r < 0)
                return r;
        if (listen(fd, BACKLOG) < 0)
                return -errno;
        *ret = TAKE_FD(fd);
        return 0;
}

/* The socket that systemd has made for us (sd_listen_fds(3)), if it is that one. 1: taken. */
static int take_activated(const char *path, int *ret)
{
        for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + sd_listen_fds(0); fd++) {
                if (sd_is_socket_unix(fd, SOCK_STREAM, 1, path, 0) <= 0)
                        continue;
                int r = fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : 1;
                if (r > 0)
                        *ret = fd;
                return r;
        }
        return 0;
}

struct rpc_server *rpc_server_free(struct rpc_server *server)
{
        if (!server)
                return NULL;
        while (server->clients) {
                (void)out_queue_flush(&server->clients->out, &server->clients->channel);
                client_free(server->clients);
        }
        server->remote = remote_free(server->remote);
        watch_free(server->watch);
        sd_event_source_disable_unref(server->accept);
        sd_event_source_disable_unref(server->bury);
        sd_event_source_disable_unref(server->sockets);
        if (server->epoll_fd >= 0)
                close(server->epoll_fd);
        sd_event_source_disable_unref(server->ready_source);
        if (server->ready_fd >= 0)
                close(server->ready_fd);
        if (server->fd >= 0) {
                if (!server->activated)
                        unlink(server->socket_path);
                close(server->fd);
        }
        if (server->spare_fd >= 0)
                close(server->spare_fd);
        free(server->socket_path);
        free(server->scratch);
        sd_event_unref(server->event);
        free(server);
        return NULL;
}
DEFINE_CLEANUP(struct rpc_server *, rpc_server_free)

int rpc_server_new(struct rpc_server **ret, sd_event *event, const struct rpc_options *options, char *why, size_t size)
{
        cleanup_(rpc_server_free_p) struct rpc_server *server = calloc(1, sizeof(*server));
        int r;

        if (!server)
                return -ENOMEM;
        why[0] = 0;
        server->event = sd_event_ref(event);
        server->fd = -1;
        server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        server->ready_tail = &server->ready;
        server->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        server->limits = options->limits;
        server->roles = options->roles;
        server->name_roles = options->name_roles;
        server->context = options->context;
        server->started = time(NULL);
        server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        server->client_fds = client_fds();
        server->socket_path = strdup(options->socket_path);
        server->scratch = malloc(SCRATCH_BYTES);
        if (!server->socket_path || !server->scratch)
                return -ENOMEM;
        if (server->ready_fd < 0 || server->epoll_fd < 0)
                return -errno;

        r = watch_new(server);
        if (r >= 0)
                r = sd_event_add_defer(event, &server->bury, on_bury, server);
        if (r >= 0)
                r = sd_event_source_set_enabled(server->bury, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_io(event, &server->sockets, server->epoll_fd, EPOLLIN, on_sockets, server);
        if (r >= 0)
                r = sd_event_add_io(event, &server->ready_source, server->ready_fd, EPOLLIN, on_ready, server);
        if (r >= 0)
                r = take_activated(options->socket_path, &server->fd);
        server->activated = r > 0;
        if (r == 0)
                r = listen_on(options->socket_path, &server->fd);
        if (r >= 0)
                r = sd_event_add_io(event, &server->accept, server->fd, EPOLLIN, on_accept, server);
        if (r >= 0 && options->remote && options->remote->listen[0])
                r = remote_new(&server->remote, server, options->remote, why, size);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(server);
        return 0;
}
