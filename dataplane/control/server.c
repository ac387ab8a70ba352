/* See server.h. A socled that does not read is disconnected rather than waited for: its states would be stale anyhow,
 * and it gets all of them when it comes back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>

#include "generation.h"
#include "objects.h"
#include "observe.h"
#include "report.h"
#include "server.h"
#include "socle/cleanup.h"
#include "socle/log.h"

#define QUEUE_MAX  4096 /* datagrams waiting for socled to read: 500 ports' counters are 10 */
#define QUEUE_BUSY 64   /* with so many, observers wait */

struct datagram {
        struct datagram *next;
        size_t size;
        char data[];
};

struct server {
        sd_event *event;
        char path[WIRE_PATH_SIZE];
        uint64_t started_ns;
        uint64_t generation; /* last in force */
        int listen_fd, client_fd;
        sd_event_source *listen_source, *client_source;
        struct datagram *first, **last;
        unsigned int queued;
        bool greeted;   /* HELLO seen, versions agree */
        bool committed; /* the first commit of this connection is done: states flow */
        struct generation *staging;
        struct wire_writer writer;
        struct observe *observe;
        struct observe_outlet outlet; /* its way to the client */
        uint64_t buffer[WIRE_DATAGRAM_MAX / 8];
};

/* ---- sending ---- */

static void clear_queue(struct server *server)
{
        struct datagram *next;

        for (; server->first; server->first = next) {
                next = server->first->next;
                free(server->first);
        }
        server->last = &server->first;
        server->queued = 0;
}

static void disconnect(struct server *server, const char *why)
{
        if (server->client_fd < 0)
                return;
        log_notice("socled disconnected: %s", why);
        server->client_source = sd_event_source_disable_unref(server->client_source);
        close(server->client_fd);
        server->client_fd = -1;
        server->greeted = server->committed = false;
        server->staging = generation_free(server->staging);
        observe_disconnect(server->observe);
        server->writer.used = 0;
        clear_queue(server);
}

/* wire_writer.send: at once where possible, queued otherwise. */
static int send_datagram(void *user, const void *data, size_t size)
{
        struct server *server = user;

        if (!server->first) {
                if (send(server->client_fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
                        return 0;
                if (errno != EAGAIN && errno != ENOBUFS)
                        return -errno;
        }
        struct datagram *datagram = server->queued < QUEUE_MAX ? malloc(sizeof(*datagram) + size) : NULL;
        if (!datagram)
                return -ENOBUFS;
        *datagram = (struct datagram){.size = size};
        memcpy(datagram->data, data, size);
        *server->last = datagram;
        server->last = &datagram->next;
        server->queued++;
        sd_event_source_set_io_events(server->client_source, EPOLLIN | EPOLLOUT);
        return 0;
}

static int send_queued(struct server *server)
{
        while (server->first) {
                struct datagram *datagram = server->first;
                if (send(server->client_fd, datagram->data, datagram->size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                        return errno == EAGAIN || errno == ENOBUFS ? 0 : -errno;
                server->first = datagram->next;
                if (!server->first)
                        server->last = &server->first;
                server->queued--;
                free(datagram);
        }
        sd_event_source_set_io_events(server->client_source, EPOLLIN);
        return 0;
}

/* ---- the observers' outlet ---- */

static bool is_busy(void *user)
{
        const struct server *server = user;

        return server->queued >= QUEUE_BUSY;
}

static void settle(void *user)
{
        struct server *server = user;

        if (server->writer.error)
                disconnect(server, "it does not read");
}

static void result_failed(void *user, const struct wire_result *result)
{
        struct server *server = user;

        uint32_t id;

        memcpy(&id, result->key, sizeof(id));
        if ((result->type != WIRE_PORT && result->type != WIRE_UNDERLAY) ||
            !port_say_failed(result->type == WIRE_UNDERLAY, id, result->text))
                log_warning("%s not in force: %s", wire_type_info[result->type].name, result->text);
        wire_put(&server->writer, result);
}

/* ---- receiving ---- */

static int take_hello(struct server *server, const struct wire_hello *hello)
{
        struct wire_hello answer;

        wire_init(&answer, WIRE_HELLO);
        answer.version = WIRE_VERSION;
        answer.pid = getpid();
        answer.generation = server->generation;
        answer.started_ns = server->started_ns;
        answer.workers = dp.worker_count;
        answer.hugepages = rte_eal_has_hugepages();
        snprintf(answer.software, sizeof(answer.software), "%s", SOCLE_VERSION);
        wire_put(&server->writer, &answer);
        wire_flush(&server->writer);
        if (hello->version != WIRE_VERSION) {
                log_error("socled %s speaks wire version %u, this dataplane %u: install the same release of both",
                          hello->software, hello->version, WIRE_VERSION);
                return -EPROTO;
        }
        server->greeted = true;
        log_info("%s connected, pid %u", hello->software, hello->pid);
        return 0;
}

static int take_commit(struct server *server, const struct wire_commit *commit)
{
        struct wire_committed committed;

        if (!server->staging)
                return -EPROTO;
        generation_commit(TAKE_PTR(server->staging), &committed, result_failed, server);
        server->generation = commit->generation;
        log_info("generation %lu in force after %.1f ms: %u kept, %u added, %u changed, %u removed, %u failed",
                 commit->generation, committed.took_ns / 1e6, committed.adopted, committed.added, committed.changed,
                 committed.removed, committed.failed);
        wire_put(&server->writer, &committed);
        wire_flush(&server->writer);
        report_states(&server->writer, !server->committed);
        server->committed = true;
        observe_objects_changed(server->observe);
        return 0;
}

static int take_record(struct server *server, const struct wire_header *record)
{
        if (!server->greeted)
                return record->type == WIRE_HELLO ? take_hello(server, (const void *)record) : -EPROTO;

        switch (record->type) {
        case WIRE_BEGIN:
                server->staging = generation_free(server->staging);
                return generation_begin(&server->staging, (const void *)record);
        case WIRE_COMMIT:
                return take_commit(server, (const void *)record);
        case WIRE_STATS_GET:
                report_stats(&server->writer, ((const struct wire_stats_get *)record)->cookie);
                return 0;
        default:
                if (observe_take(server->observe, record))
                        return 0;
                return server->staging ? generation_stage(server->staging, record) : -EPROTO;
        }
}

static int take_datagram(struct server *server, size_t size)
{
        const struct wire_header *record;
        size_t offset = 0;
        int r;

        while ((r = wire_next(server->buffer, size, &offset, &record)) > 0) {
                r = take_record(server, record);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : server->writer.error;
}

static int on_client(sd_event_source *source, int fd, uint32_t events, void *user)
{
        struct server *server = user;

        if (events & EPOLLOUT && send_queued(server) < 0) {
                disconnect(server, "cannot send");
                return 0;
        }
        if (server->queued < QUEUE_BUSY)
                observe_wake(server->observe);
        /* A few datagrams a turn, so that ARP and timers go on during a large generation. */
        for (int i = 0; i < 16 && server->client_fd == fd; i++) {
                ssize_t size = recv(fd, server->buffer, sizeof(server->buffer), MSG_DONTWAIT | MSG_TRUNC);
                if (size < 0 && (errno == EAGAIN || errno == EINTR))
                        return 0;
                if (size <= 0) {
                        disconnect(server, size == 0 ? "it closed" : strerror(errno));
                        return 0;
                }
                int r = (size_t)size > sizeof(server->buffer) ? -EMSGSIZE : take_datagram(server, size);
                if (r < 0) {
                        disconnect(server,
                                   r == -EPROTO || r == -EBADMSG ? "it does not keep to the protocol" : strerror(-r));
                        return 0;
                }
        }
        return 0;
}

static int on_listen(sd_event_source *source, int listen_fd, uint32_t events, void *user)
{
        struct server *server = user;
        cleanup_close int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        int size = 4 << 20;
        struct ucred peer;
        socklen_t length = sizeof(peer);

        if (fd < 0)
                return 0;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 || (peer.uid != 0 && peer.uid != getuid())) {
                log_warning("refused a connection of uid %d", peer.uid);
                return 0;
        }
        setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
        disconnect(server, "another one connected");
        server->writer.error = 0;
        if (sd_event_add_io(server->event, &server->client_source, fd, EPOLLIN, on_client, server) < 0)
                return 0;
        server->client_fd = TAKE_FD(fd);
        return 0;
}

/* ---- the listening socket ---- */

static int open_socket(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
                return -EADDRINUSE;
        unlink(path);
        mode_t mask = umask(0177);
        int r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 16) < 0 ? -errno : 0;
        umask(mask);
        return r < 0 ? r : TAKE_FD(fd);
}

int server_new(struct server **ret, sd_event *event, const char *path)
{
        struct server *server = calloc(1, sizeof(*server));
        struct timespec now;

        if (!server)
                return -ENOMEM;
        server->event = event;
        server->client_fd = -1;
        server->last = &server->first;
        server->writer.send = send_datagram;
        server->writer.user = server;
        clock_gettime(CLOCK_BOOTTIME, &now);
        server->started_ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
        snprintf(server->path, sizeof(server->path), "%s", path);
        server->listen_fd = open_socket(path);
        if (server->listen_fd < 0) {
                int r = server->listen_fd;
                log_error(r == -EADDRINUSE ? "%s: another dataplane answers there" : "cannot listen on %s: %s", path,
                          strerror(-r));
                free(server);
                return r;
        }
        server->outlet = (struct observe_outlet){&server->writer, is_busy, settle, server};
        int r = sd_event_add_io(event, &server->listen_source, server->listen_fd, EPOLLIN, on_listen, server);
        if (r >= 0)
                r = observe_new(&server->observe, event, &control_names, &server->outlet);
        if (r < 0) {
                server_free(server);
                return r;
        }
        *ret = server;
        return 0;
}

struct server *server_free(struct server *server)
{
        if (!server)
                return NULL;
        disconnect(server, "shutting down");
        observe_free(server->observe);
        sd_event_source_disable_unref(server->listen_source);
        close(server->listen_fd);
        unlink(server->path);
        free(server);
        return NULL;
}

void server_drain(struct server *server)
{
        observe_wake(server->observe);
}

void server_report(struct server *server)
{
        if (!server->committed)
                return;
        report_states(&server->writer, false);
        if (server->writer.error)
                disconnect(server, "it does not read");
}
