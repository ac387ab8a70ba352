/* See dataplane_client.h. One non-blocking SOCK_SEQPACKET socket, one timer (back-off, or the patience with a dataplane
 * that does not greet), a list of datagrams that wait for room. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "dataplane_client.h"
#include "dataplane_reader.h"
#include "socle/cleanup.h"

#define BACKOFF_MIN_US    (50 * 1000)
#define BACKOFF_MAX_US    (1000 * 1000)
#define HELLO_PATIENCE_US (5 * 1000 * 1000)
#define READS_A_TURN      16 /* others on the loop get their turn */

struct datagram {
        struct datagram *next;
        size_t size;
        uint8_t data[];
};

struct dataplane_client {
        sd_event *event;
        struct sockaddr_un address;
        const struct dataplane_handlers *handlers;
        void *user;
        enum dataplane_state state;
        int fd;      /* -1: not connected */
        bool absent; /* there was no socket, or nobody at it, when last tried */
        sd_event_source *io, *timer;
        uint64_t backoff_us;
        struct dataplane_reader reader;
        uint32_t peer_version; /* of the last one that was not ours */
        struct datagram *queue, **queue_tail;
        char last_failure[128]; /* so that a hundred equal failures are told once */
};

static int try_connect(struct dataplane_client *client);

static void clear_queue(struct dataplane_client *client)
{
        struct datagram *next;

        for (struct datagram *d = client->queue; d; d = next) {
                next = d->next;
                free(d);
        }
        client->queue = NULL;
        client->queue_tail = &client->queue;
}

static int timer_after(struct dataplane_client *client, uint64_t delay_us)
{
        int r = sd_event_source_set_time_relative(client->timer, delay_us);

        return r < 0 ? r : sd_event_source_set_enabled(client->timer, SD_EVENT_ONESHOT);
}

static void disconnect(struct dataplane_client *client)
{
        client->io = sd_event_source_disable_unref(client->io);
        if (client->fd >= 0)
                close(client->fd);
        client->fd = -1;
        clear_queue(client);
}

void dataplane_client_drop(struct dataplane_client *client, const char *why)
{
        enum dataplane_state before = client->state;

        disconnect(client);
        if (client->state == DATAPLANE_CONNECTED)
                client->state = DATAPLANE_CONNECTING;
        timer_after(client, client->backoff_us);
        client->backoff_us = client->backoff_us * 2 < BACKOFF_MAX_US ? client->backoff_us * 2 : BACKOFF_MAX_US;

        if (before == DATAPLANE_CONNECTED || strcmp(client->last_failure, why) != 0) {
                snprintf(client->last_failure, sizeof(client->last_failure), "%s", why);
                client->handlers->disconnected(client->user, client->last_failure);
        }
}

static void drop_for(struct dataplane_client *client, int error)
{
        char why[128];

        if (error == -EPROTONOSUPPORT) {
                client->peer_version = client->reader.peer_version;
                if (client->state != DATAPLANE_CONNECTED)
                        client->state = DATAPLANE_INCOMPATIBLE;
                snprintf(why, sizeof(why),
                         "the dataplane speaks version %u of the wire, socled speaks %u: install one build",
                         client->reader.peer_version, WIRE_VERSION);
        } else if (error == -EBADMSG || error == -EPROTO)
                snprintf(why, sizeof(why), "the dataplane sent what is not in the protocol");
        else if (error == -ECONNRESET || error == -EPIPE)
                snprintf(why, sizeof(why), "the dataplane closed the connection");
        else
                snprintf(why, sizeof(why), "%.60s: %s", client->address.sun_path, strerror(-error));
        dataplane_client_drop(client, why);
}

static int on_record(void *user, const struct wire_header *record)
{
        struct dataplane_client *client = user;

        if (record->type != WIRE_HELLO)
                return client->handlers->record(client->user, record);

        client->state = DATAPLANE_CONNECTED;
        client->last_failure[0] = 0;
        sd_event_source_set_enabled(client->timer, SD_EVENT_OFF);
        client->handlers->connected(client->user, (const struct wire_hello *)record);
        return 0;
}

/* 1: one was read, 0: nothing there. */
static int receive(struct dataplane_client *client)
{
        static uint64_t buffer[WIRE_DATAGRAM_MAX / 8 + 1];
        ssize_t size = recv(client->fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_TRUNC);

        if (size < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (size == 0)
                return -ECONNRESET;
        if (size > WIRE_DATAGRAM_MAX)
                return -EBADMSG;
        int r = dataplane_read(&client->reader, buffer, size);
        return r < 0 ? r : 1;
}

static int send_now(struct dataplane_client *client, const void *data, size_t size)
{
        if (send(client->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                return errno == EINTR ? -EAGAIN : -errno;
        return 0;
}

static int flush(struct dataplane_client *client)
{
        while (client->queue) {
                struct datagram *d = client->queue;
                int r = send_now(client, d->data, d->size);
                if (r == -EAGAIN)
                        return 0;
                if (r < 0)
                        return r;
                client->queue = d->next;
                if (!client->queue)
                        client->queue_tail = &client->queue;
                free(d);
        }
        return sd_event_source_set_io_events(client->io, EPOLLIN);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *user)
{
        struct dataplane_client *client = user;
        int r = 0;

        if (revents & EPOLLOUT)
                r = flush(client);
        /* What it said before it went is still read: EPOLLHUP alone ends at recv()'s 0. */
        for (int i = 0; r >= 0 && i < READS_A_TURN && (revents & (EPOLLIN | EPOLLHUP | EPOLLERR)); i++) {
                r = receive(client);
                if (r == 0)
                        break;
        }
        if (r < 0)
                drop_for(client, r);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t now_us, void *user)
{
        struct dataplane_client *client = user;

        if (client->fd >= 0) {
                dataplane_client_drop(client, "the dataplane does not answer HELLO");
                return 0;
        }
        int r = try_connect(client);
        client->absent = r == -ENOENT || r == -ECONNREFUSED;
        if (r < 0)
                drop_for(client, r);
        return 0;
}

static int send_hello(struct dataplane_client *client)
{
        struct wire_hello hello;
        struct timespec now;

        wire_init(&hello, WIRE_HELLO);
        clock_gettime(CLOCK_BOOTTIME, &now);
        hello.version = WIRE_VERSION;
        hello.pid = getpid();
        hello.started_ns = now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
        snprintf(hello.software, sizeof(hello.software), "socled %s", SOCLE_VERSION);
        return send_now(client, &hello, sizeof(hello));
}

static int try_connect(struct dataplane_client *client)
{
        cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *)&client->address, sizeof(client->address)) < 0)
                return -errno;
        int r = sd_event_add_io(client->event, &client->io, fd, EPOLLIN, on_io, client);
        if (r < 0)
                return r;
        client->fd = TAKE_FD(fd);
        client->reader = (struct dataplane_reader){.record = on_record, .user = client};
        r = send_hello(client);
        return r < 0 ? r : timer_after(client, HELLO_PATIENCE_US);
}

int dataplane_client_send(void *user, const void *data, size_t size)
{
        struct dataplane_client *client = user;

        if (client->fd < 0)
                return -ENOTCONN;
        if (!client->queue) {
                int r = send_now(client, data, size);
                /* A broken connection is noticed by the loop: nothing is torn down under the caller. */
                if (r != -EAGAIN)
                        return r == 0 ? 0 : -ENOTCONN;
        }
        struct datagram *d = malloc(sizeof(*d) + size);
        if (!d)
                return -ENOMEM;
        d->next = NULL;
        d->size = size;
        memcpy(d->data, data, size);
        *client->queue_tail = d;
        client->queue_tail = &d->next;
        return sd_event_source_set_io_events(client->io, EPOLLIN | EPOLLOUT);
}

void dataplane_client_settled(struct dataplane_client *client)
{
        client->backoff_us = BACKOFF_MIN_US;
}

enum dataplane_state dataplane_client_state(const struct dataplane_client *client)
{
        return client->state;
}

bool dataplane_client_absent(const struct dataplane_client *client)
{
        return client->absent;
}

uint32_t dataplane_client_peer_version(const struct dataplane_client *client)
{
        return client->peer_version;
}

struct dataplane_client *dataplane_client_free(struct dataplane_client *client)
{
        if (!client)
                return NULL;
        disconnect(client);
        sd_event_source_disable_unref(client->timer);
        sd_event_unref(client->event);
        free(client);
        return NULL;
}
DEFINE_CLEANUP(struct dataplane_client *, dataplane_client_free)

int dataplane_client_new(struct dataplane_client **ret, sd_event *event, const char *path,
                         const struct dataplane_handlers *handlers, void *user)
{
        cleanup_(dataplane_client_free_p) struct dataplane_client *client = calloc(1, sizeof(*client));

        if (!client)
                return -ENOMEM;
        client->event = sd_event_ref(event);
        client->fd = -1;
        client->handlers = handlers;
        client->user = user;
        client->backoff_us = BACKOFF_MIN_US;
        client->queue_tail = &client->queue;
        client->address.sun_family = AF_UNIX;
        if (strlen(path) >= sizeof(client->address.sun_path))
                return -ENAMETOOLONG;
        memcpy(client->address.sun_path, path, strlen(path) + 1);

        int r = sd_event_add_time_relative(event, &client->timer, CLOCK_MONOTONIC, 0, 1000, on_timer, client);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(client);
        return 0;
}
