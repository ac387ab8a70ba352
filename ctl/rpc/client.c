/* One connection: bytes in, lines worked off in slices, answers out; and the patience with it.
 *
 * A client's turn handles a bounded number of its requests; what is left waits for the next turn of the loop, behind
 * everybody else's. While its answers are not read, no more of its requests are. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "private.h"
#include "remote.h"
#include "socle/cleanup.h"
#include "socle/log.h"

#define REQUESTS_A_TURN 16
#define TURN_NS         2000000 /* and not much longer than this */
#define OUT_HIGH        (256 * 1024)
#define CALLS_MAX       256
#define LAST_WORD_US    (5 * UINT64_C(1000000))
#define STRANGER_LINE   65536 /* without a role, a request is parsed only to be refused */
#define TRIM_LINE       (1024 * 1024)

static uint64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void client_die(struct client *client)
{
        if (client->dead)
                return;
        client->dead = true;
        (void)epoll_ctl(client->server->epoll_fd, EPOLL_CTL_DEL, client->channel.fd, NULL);
        if (client->timer)
                sd_event_source_set_enabled(client->timer, SD_EVENT_OFF);
        sd_event_source_set_enabled(client->server->bury, SD_EVENT_ONESHOT);
}

static void account(struct client *client)
{
        size_t now = client->in.capacity + client->out.bytes;

        client->server->buffered += now - client->accounted;
        client->accounted = now;
}

void client_kick(struct client *client)
{
        if (!client->working && !client->dead && !client->ready)
                server_ready(client);
}

void client_send(struct client *client, struct text *text)
{
        if (client->closing || client->dead || client->gone) {
                text_clear(text);
                return;
        }
        if (text_append(text, "\n", 1) < 0) {
                text_clear(text);
                client_die(client);
        } else if (out_queue_add(&client->out, text) < 0)
                client_die(client);
        account(client);
        client_kick(client);
}

void client_send_json(struct client *client, json_t *json)
{
        struct text text = {};

        if (!json || text_append_json(&text, json) < 0) {
                text_clear(&text);
                client_die(client);
        } else
                client_send(client, &text);
        json_decref(json);
}

static void set_timer(struct client *client, uint64_t delay_us)
{
        sd_event_source_set_time_relative(client->timer, delay_us);
        sd_event_source_set_enabled(client->timer, SD_EVENT_ONESHOT);
}

void client_last_word(struct client *client, int code, const char *message)
{
        struct errors errors = {};

        if (client->closing || client->dead)
                return;
        errors_add(&errors, -EMSGSIZE, "", "", "%s", message);
        client_send_json(client, jsonrpc_error(NULL, code, message, errors_to_json(&errors)));
        client->closing = true;
        line_clear(&client->in);
        client->lines_left = false;
        account(client);
        set_timer(client, LAST_WORD_US);
}

bool client_blocked(const struct client *client)
{
        return !client->gone && (client->out.bytes > OUT_HIGH || client->call_count >= CALLS_MAX);
}

/* ---- patience ---- */

static int on_timer(sd_event_source *source, uint64_t now_us, void *user)
{
        struct client *client = user;
        char message[160];

        if (client->closing || client->handshaking) {
                client_die(client);
                return 0;
        }
        if (client->waiting == WAIT_REQUEST) {
                client_last_word(client, RPC_LIMIT, "nothing asked for too long: closing (idle_seconds of [tls])");
                return 0;
        }
        if (client->out.bytes > 0)
                out_queue_cut(&client->out);
        snprintf(message, sizeof(message),
                 "nothing for %u s in the middle of %s: closing (idle_seconds in socled.conf)",
                 client->server->limits.idle_seconds, client->waiting == WAIT_READER ? "an answer" : "a line");
        client_last_word(client, RPC_LIMIT, message);
        return 0;
}

/* Nobody may hold a half-sent line or a half-read answer for ever. An idle connection may stay, unless it is from afar
 * and waits for nothing. */
static enum client_wait what_for(const struct client *client)
{
        if (client->out.bytes > 0)
                return WAIT_READER;
        if (line_pending(&client->in) > 0 && !client->lines_left)
                return WAIT_WRITER;
        return client->channel.tls && !client->calls && !client->subscriptions && !client->streams ? WAIT_REQUEST
                                                                                                   : WAIT_NOTHING;
}

static void update_timer(struct client *client, bool progressed)
{
        enum client_wait waiting = what_for(client);

        if (client->closing || client->handshaking || (waiting == client->waiting && !progressed))
                return;
        client->waiting = waiting;
        if (waiting == WAIT_NOTHING)
                sd_event_source_set_enabled(client->timer, SD_EVENT_OFF);
        else if (waiting == WAIT_REQUEST)
                set_timer(client, remote_options(client->server->remote)->idle_seconds * UINT64_C(1000000));
        else
                set_timer(client, client->server->limits.idle_seconds * UINT64_C(1000000));
}

/* ---- a turn ---- */

static void work(struct client *client)
{
        uint64_t until = now_ns() + TURN_NS;
        bool trim = false;

        for (int i = 0; i < REQUESTS_A_TURN && !client->closing && !client->dead && !client_blocked(client); i++) {
                size_t length;
                char *line;

                if (client->batch) {
                        jsonrpc_batch_step(client);
                } else {
                        int r = line_next(&client->in, &line, &length);
                        if (r < 0) {
                                char message[128];
                                snprintf(message, sizeof(message),
                                         "a line is longer than %zu bytes (line_bytes in socled.conf)",
                                         client->in.limit);
                                client_last_word(client, RPC_LIMIT, message);
                                break;
                        }
                        client->lines_left = r > 0;
                        if (r == 0)
                                break;
                        trim = trim || length > TRIM_LINE;
                        jsonrpc_line(client, line, length);
                }
                if (now_ns() > until)
                        break;
        }
        if (trim && !client->lines_left)
                malloc_trim(0);
}

/* It has closed its half: what it asked is still answered; half a line is not a request. */
static void check_eof(struct client *client)
{
        if (!client->eof || ((client->lines_left || client->batch) && !client->closing) || client->dead)
                return;
        if (line_pending(&client->in) > 0 && !client->closing)
                client_last_word(client, RPC_PARSE_ERROR, "the last line does not end with a newline: it is not run");
        if (client->gone || (client->out.bytes == 0 && !client->calls && !client->subscriptions && !client->streams))
                client_die(client);
}

static void update_events(struct client *client)
{
        bool blocked = client_blocked(client);
        bool read = !client->eof && (client->closing || (!client->lines_left && !client->batch && !blocked));

        uint32_t events = (read ? EPOLLIN : 0) | (client->out.bytes > 0 ? EPOLLOUT : 0);
        struct epoll_event event = {.data.ptr = client};

        event.events = client->handshaking ? tls_events(client->channel.tls)
                                           : events | (read ? channel_events(&client->channel) : 0);

        if (event.events != client->events) {
                client->events = event.events;
                (void)epoll_ctl(client->server->epoll_fd, EPOLL_CTL_MOD, client->channel.fd, &event);
        }
        if ((client->lines_left || client->batch) && !blocked && !client->closing)
                client_kick(client);
}

void client_turn(struct client *client)
{
        bool progressed = client->progressed;
        size_t before;

        if (client->dead)
                return;
        client->working = true;
        client->progressed = false;
        work(client);
        if (client->out.bytes < OUT_HIGH)
                watch_drained(client);
        before = client->out.bytes;
        if (!client->dead && out_queue_flush(&client->out, &client->channel) < 0)
                client_die(client);
        client->working = false;
        account(client);
        if (client->dead)
                return;

        check_eof(client);
        if (client->dead)
                return;
        update_timer(client, progressed || client->out.bytes < before);
        if (client->closing && client->out.bytes == 0 && !client->shut) {
                client->shut = true;
                channel_shutdown(&client->channel); /* what it is still writing is read, so that it sees no reset */
        }
        update_events(client);
        if (watch_pending(client))
                client_kick(client);
}

/* Reads a slice. */
static void receive(struct client *client)
{
        char *scratch = client->server->scratch;
        ssize_t size = channel_read(&client->channel, scratch, SCRATCH_BYTES);

        if (size < 0) {
                if (size != -EAGAIN)
                        client_die(client);
                return;
        }
        if (size == 0) {
                client->eof = true;
                if (client->closing && client->out.bytes == 0)
                        client_die(client);
                return;
        }
        if (client->closing)
                return;
        if (line_append(&client->in, scratch, (size_t)size) < 0)
                client_last_word(client, RPC_LIMIT, "socled is out of memory");
        else
                client->lines_left = true; /* line_next will tell */
        account(client);
        server_relieve(client->server);
}

/* A step of it. Who does not get through it is told by TLS itself, and forgotten. */
static void shake_hands(struct client *client)
{
        char why[256];
        int r = tls_handshake(client->channel.tls, why, sizeof(why));

        if (r == -EAGAIN) {
                update_events(client);
                return;
        }
        if (r < 0) {
                log_notice("TLS: %s: %s", client->identity.from, why);
                client_die(client);
                return;
        }
        client->handshaking = false;
        identity_proven(client);
        client_find_role(client);
        client_kick(client);
}

void client_io(struct client *client, uint32_t revents)
{
        if (client->dead)
                return;
        if (client->handshaking) {
                shake_hands(client);
                return;
        }
        if (revents & EPOLLIN)
                receive(client);
        else if (revents & (EPOLLHUP | EPOLLERR)) {
                /* Gone both ways. The requests that are here already are still run, as if it had waited. */
                client->gone = true;
                out_queue_clear(&client->out);
                if (!client->lines_left && !client->batch)
                        receive(client);
        }
        client->progressed = client->progressed || (revents & EPOLLIN);
        client_kick(client);
}

/* ---- coming and going ---- */

void client_find_role(struct client *client)
{
        client->role = client->handshaking ? ROLE_NONE : identity_role(client);
        client->in.limit = client->server->limits.line_bytes;
        if (client->role == ROLE_NONE && client->in.limit > STRANGER_LINE)
                client->in.limit = STRANGER_LINE;
}

void client_free(struct client *client)
{
        struct rpc_server *server = client->server;

        jsonrpc_forget(client);
        watch_forget(client);
        stream_forget(client);
        server_not_ready(client);
        server->buffered -= client->accounted;
        line_clear(&client->in);
        out_queue_clear(&client->out);
        if (!client->dead)
                (void)epoll_ctl(server->epoll_fd, EPOLL_CTL_DEL, client->channel.fd, NULL);
        sd_event_source_disable_unref(client->timer);
        if (client->channel.tls)
                remote_forget(server->remote, &client->identity.peer);
        free(client->identity.groups);
        channel_close(&client->channel);

        if (client->linked) {
                if (client->previous)
                        client->previous->next = client->next;
                else
                        server->clients = client->next;
                if (client->next)
                        client->next->previous = client->previous;
                server->client_count--;
        }
        free(client);
}

static void link_client(struct rpc_server *server, struct client *client)
{
        client->next = server->clients;
        if (client->next)
                client->next->previous = client;
        server->clients = client;
        server->client_count++;
        client->linked = true;
}

static int add_sources(struct client *client)
{
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
        int r = sd_event_add_time(client->server->event, &client->timer, CLOCK_MONOTONIC, 0, 250000, on_timer, client);

        if (r >= 0)
                r = sd_event_source_set_enabled(client->timer, SD_EVENT_OFF);
        if (r >= 0 && epoll_ctl(client->server->epoll_fd, EPOLL_CTL_ADD, client->channel.fd, &event) < 0)
                r = -errno;
        client->events = event.events;
        return r;
}

/* With its socket, and with TLS if it has it. */
static struct client *client_alloc(struct rpc_server *server, int fd, struct tls *tls)
{
        struct client *client = calloc(1, sizeof(*client));

        if (!client) {
                tls_free(tls);
                close(fd);
                return NULL;
        }
        client->server = server;
        client->channel = (struct channel){fd, tls};
        out_queue_init(&client->out);
        return client;
}

int client_new(struct rpc_server *server, int fd)
{
        struct client *client = client_alloc(server, fd, NULL);

        if (!client)
                return -ENOMEM;
        int r = identity_local(client);
        if (r >= 0)
                r = add_sources(client);
        if (r < 0) {
                client_free(client);
                return r;
        }
        client_find_role(client);
        link_client(server, client);
        return 0;
}

int client_new_remote(struct rpc_server *server, int fd, struct tls *tls, const struct sockaddr_storage *peer)
{
        struct client *client = client_alloc(server, fd, tls);

        if (!client) {
                remote_forget(server->remote, peer);
                return -ENOMEM;
        }
        client->handshaking = true;
        identity_remote(client, peer);
        int r = add_sources(client);
        if (r < 0) {
                client_free(client);
                return r;
        }
        set_timer(client, remote_options(server->remote)->handshake_seconds * UINT64_C(1000000));
        client_find_role(client);
        link_client(server, client);
        return 0;
}
