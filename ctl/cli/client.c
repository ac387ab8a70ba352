/* See client.h. */
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "client.h"
#include "tls.h"

#define READ_BYTES (256 * 1024)

struct client {
        int fd;
        struct tls *tls; /* NULL: the unix socket */
        long long last_id;
        char *buffer; /* what was read and not yet handed out */
        size_t used, size;
        size_t scanned; /* so far there is no newline in it */
};

static int64_t now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t deadline_of(int timeout_ms)
{
        return timeout_ms < 0 ? INT64_MAX : now_ms() + timeout_ms;
}

int client_open(struct client **ret, const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        cleanup_close int fd = -1;
        struct client *client;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path) + 1);

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        /* On a unix socket a non-blocking connect(2) is done or has failed at once; EAGAIN means a full backlog. */
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;

        client = calloc(1, sizeof(*client));
        if (!client)
                return -ENOMEM;
        client->fd = TAKE_FD(fd);
        *ret = client;
        return 0;
}

struct client *client_close(struct client *client)
{
        if (!client)
                return NULL;
        if (client->tls)
                tls_bye(client->tls);
        tls_free(client->tls);
        close(client->fd);
        free(client->buffer);
        free(client);
        return NULL;
}

int client_fd(const struct client *client)
{
        return client->fd;
}

/* Waits until the socket can be read or written as asked; 0 with *ret_events, or -ETIMEDOUT. */
static int wait_for(struct client *client, short events, int64_t deadline, short *ret_events)
{
        for (;;) {
                struct pollfd poll_fd = {.fd = client->fd, .events = events};
                int64_t left = deadline == INT64_MAX ? -1 : deadline - now_ms();
                int r;

                if (deadline != INT64_MAX && left <= 0)
                        left = 0;
                r = poll(&poll_fd, 1, left > INT_MAX ? INT_MAX : (int)left);
                if (r < 0 && errno != EINTR)
                        return -errno;
                if (r > 0) {
                        *ret_events = poll_fd.revents;
                        return 0;
                }
                if (deadline != INT64_MAX && now_ms() >= deadline)
                        return -ETIMEDOUT;
        }
}

static ssize_t receive(struct client *client, char *buffer, size_t size)
{
        if (client->tls)
                return tls_read(client->tls, buffer, size);
        ssize_t n = read(client->fd, buffer, size);
        return n < 0 ? -errno : n;
}

static ssize_t transmit(struct client *client, const char *data, size_t size)
{
        if (client->tls)
                return tls_write(client->tls, data, size);
        ssize_t n = send(client->fd, data, size, MSG_NOSIGNAL);
        return n < 0 ? -errno : n;
}

/* Reads what is there. 0 (also when there was nothing), -ECONNRESET at its end. */
static int read_some(struct client *client)
{
        ssize_t n;

        if (client->size - client->used < READ_BYTES) {
                size_t size = client->size * 2 + READ_BYTES;
                char *buffer = realloc(client->buffer, size);

                if (!buffer)
                        return -ENOMEM;
                client->buffer = buffer;
                client->size = size;
        }
        n = receive(client, client->buffer + client->used, client->size - client->used);
        if (n < 0)
                return n == -EAGAIN || n == -EINTR ? 0 : n == -EPIPE ? -ECONNRESET : (int)n;
        if (n == 0)
                return -ECONNRESET;
        client->used += n;
        return 0;
}

/* Writes it all, and reads meanwhile. When socled stops listening half-way, what it said is still in the buffer. */
static int write_all(struct client *client, const char *text, size_t length, int64_t deadline)
{
        size_t written = 0;

        while (written < length) {
                short events = 0;
                ssize_t n;
                int r = wait_for(client, POLLIN | POLLOUT, deadline, &events);

                if (r < 0)
                        return r;
                if (events & POLLIN) {
                        r = read_some(client);
                        if (r < 0)
                                return r;
                }
                if (!(events & (POLLOUT | POLLERR | POLLHUP)))
                        continue;
                n = transmit(client, text + written, length - written);
                if (n >= 0)
                        written += n;
                else if (n == -EPIPE)
                        return -ECONNRESET;
                else if (n != -EAGAIN && n != -EINTR)
                        return (int)n;
        }
        return 0;
}

/* ---- from afar ---- */

static int connect_to(const struct addrinfo *address, int64_t deadline)
{
        static const int on = 1;
        cleanup_close int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct client waiting = {.fd = fd};
        int error = 0;
        socklen_t size = sizeof(error);
        short events;

        if (fd < 0)
                return -errno;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (connect(fd, address->ai_addr, address->ai_addrlen) < 0) {
                if (errno != EINPROGRESS)
                        return -errno;
                int r = wait_for(&waiting, POLLOUT, deadline, &events);
                if (r < 0)
                        return r;
                if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error)
                        return -(error ?: errno);
        }
        return TAKE_FD(fd);
}

static int look_up_and_connect(const char *host, const char *port, int64_t deadline, char *why, size_t size)
{
        const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
        struct addrinfo *found = NULL;
        int r = getaddrinfo(host, port, &hints, &found);

        if (r != 0) {
                snprintf(why, size, "%s", gai_strerror(r));
                return -EHOSTUNREACH;
        }
        r = -EHOSTUNREACH;
        for (const struct addrinfo *address = found; r < 0 && r != -ETIMEDOUT && address; address = address->ai_next)
                r = connect_to(address, deadline);
        freeaddrinfo(found);
        return r;
}

static int shake_hands(struct client *client, int64_t deadline, char *why, size_t size)
{
        int r;

        while ((r = tls_handshake(client->tls, why, size)) == -EAGAIN) {
                short events;
                r = wait_for(client, tls_events(client->tls) & EPOLLOUT ? POLLOUT : POLLIN, deadline, &events);
                if (r < 0)
                        return r;
        }
        return r;
}

int client_open_remote(struct client **ret, const char *host, const char *port, struct tls_context *context,
                       int timeout_ms, char *why, size_t size)
{
        int64_t deadline = deadline_of(timeout_ms);
        int fd = look_up_and_connect(host, port, deadline, why, size);

        if (fd < 0)
                return fd;
        cleanup_(client_close_p) struct client *client = calloc(1, sizeof(*client));
        if (!client) {
                close(fd);
                return -ENOMEM;
        }
        client->fd = fd;
        int r = tls_new(&client->tls, context, fd, host);
        if (r == 0)
                r = shake_hands(client, deadline, why, size);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(client);
        return 0;
}

/* ---- messages ---- */

/* Takes one line out of the buffer: 1 with *ret_message, 0 when there is no whole line, -EBADMSG. */
static int take_line(struct client *client, json_t **ret_message)
{
        char *newline = client->used > client->scanned
                                ? memchr(client->buffer + client->scanned, '\n', client->used - client->scanned)
                                : NULL;
        json_t *message;
        size_t length;

        if (!newline) {
                client->scanned = client->used;
                return 0;
        }
        length = newline - client->buffer;
        message = json_loadb(client->buffer, length, JSON_ALLOW_NUL, NULL);
        client->used -= length + 1;
        memmove(client->buffer, newline + 1, client->used);
        client->scanned = 0;
        if (!message)
                return -EBADMSG;
        *ret_message = message;
        return 1;
}

static int next_before(struct client *client, int64_t deadline, json_t **ret_message)
{
        for (;;) {
                short events;
                int r = take_line(client, ret_message);

                if (r != 0)
                        return r < 0 ? r : 0;
                r = wait_for(client, POLLIN, deadline, &events);
                if (r < 0)
                        return r;
                r = read_some(client);
                if (r < 0)
                        return r;
        }
}

int client_next(struct client *client, int timeout_ms, json_t **ret_message)
{
        return next_before(client, deadline_of(timeout_ms), ret_message);
}

/* A reply is ours by its id; one with a null id is an error about a request that socled could not even read. */
static bool is_reply_to(const json_t *message, long long id)
{
        const json_t *reply_id = json_object_get(message, "id");

        if (!json_object_get(message, "result") && !json_object_get(message, "error"))
                return false;
        return json_is_null(reply_id) || json_integer_value(reply_id) == id;
}

static char *request_text(const char *method, json_t *params, long long id, size_t *ret_length)
{
        json_t *request = json_pack("{s:s, s:I, s:s, s:o}", "jsonrpc", "2.0", "id", (json_int_t)id, "method", method,
                                    "params", params ? params : json_object());
        char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;

        json_decref(request);
        if (!text)
                return NULL;
        *ret_length = strlen(text) + 1;
        text[*ret_length - 1] = '\n'; /* in the place of the NUL: from here on it is bytes */
        return text;
}

int client_post(struct client *client, const char *method, json_t *params, int timeout_ms)
{
        size_t length = 0;
        cleanup_free char *text = request_text(method, params, ++client->last_id, &length);

        return text ? write_all(client, text, length, deadline_of(timeout_ms)) : -ENOMEM;
}

int client_call(struct client *client, const char *method, json_t *params, int timeout_ms, json_t **ret_reply)
{
        int64_t deadline = deadline_of(timeout_ms);
        long long id = ++client->last_id;
        size_t length = 0;
        cleanup_free char *text = request_text(method, params, id, &length);
        int write_error;

        if (!text)
                return -ENOMEM;
        write_error = write_all(client, text, length, deadline);
        if (write_error < 0 && write_error != -ECONNRESET)
                return write_error;

        for (;;) {
                json_t *message = NULL;
                int r = next_before(client, deadline, &message);

                if (r < 0)
                        return r;
                if (is_reply_to(message, id)) {
                        *ret_reply = message;
                        return 0;
                }
                json_decref(message); /* a notification, or the answer to a request that we gave up */
        }
}
