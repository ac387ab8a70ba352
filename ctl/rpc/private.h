/* What the files of the server share. */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>

#include "channel.h"
#include "line.h"
#include "method.h"
#include "model.h"
#include "out_queue.h"
#include "server.h"

struct stream;
struct subscription;
struct wait;

/* A batch while its requests are worked off, over as many turns of the loop as they take. */
struct batch {
        json_t *requests;
        size_t next;    /* to be started */
        size_t pending; /* started, not answered */
        struct text answers;
};

/* What its timer waits for. */
enum client_wait { WAIT_NOTHING, WAIT_WRITER, WAIT_READER, WAIT_REQUEST };

/* Who it is: by the kernel's word on a unix socket, by a certificate's from afar. */
struct identity {
        uid_t uid;
        gid_t gid;
        pid_t pid;
        gid_t *groups;
        size_t group_count;
        struct sockaddr_storage peer; /* from afar: its address */
        char who[128];                /* for people: "uid 0", "dns:orchestrator.example.org" */
        char from[64];                /* "pid 4711", "192.0.2.7:51234" */
};

struct client {
        struct rpc_server *server;
        struct channel channel;
        struct identity identity;
        enum role role;
        bool handshaking; /* TLS has not said yet who it is */

        struct line_buffer in;
        struct out_queue out;
        uint32_t events;        /* that server->epoll_fd looks for */
        sd_event_source *timer; /* patience: in the middle of a line, of an answer, or after the last word */
        enum client_wait waiting;
        bool ready;       /* in server->ready: wants a turn */
        bool progressed;  /* it sent something since its last turn */
        bool working;     /* in its own turn */
        bool lines_left;  /* there may be whole lines in `in` */
        bool eof;         /* it will send no more */
        bool gone;        /* and read no more */
        bool shut;        /* we will send no more */
        bool linked;      /* in server->clients */
        bool closing;     /* the last word is queued; what it still sends is thrown away */
        bool dead;        /* to be freed at the end of the turn */
        size_t accounted; /* its share of server->buffered */

        struct batch *batch; /* not all of it started yet */
        struct call *calls;  /* not answered yet */
        size_t call_count;
        struct subscription *subscriptions;
        size_t subscription_count;
        struct stream *streams; /* its captures */
        size_t stream_count;
        struct client *next, *previous;
        struct client *next_ready;
};

struct rpc_server {
        sd_event *event;
        int fd;
        char *socket_path;
        bool activated; /* the socket is systemd's, which keeps it when we go */
        int epoll_fd; /* of all clients' sockets; itself in the event loop */
        sd_event_source *accept, *sockets;
        sd_event_source *bury; /* frees dead clients when nobody is working on them */
        int spare_fd;          /* given up to turn a client away when descriptors run out */
        int client_fds;        /* a client's descriptor is below this */
        struct rpc_limits limits;
        const struct role_table *roles;
        const struct name_roles *name_roles;
        struct rpc_context context;
        struct remote *remote; /* NULL: nobody from afar */
        struct client *clients;
        struct client *ready, **ready_tail; /* who wants a turn, first come first served */
        int ready_fd;                       /* an eventfd: readable while somebody does */
        sd_event_source *ready_source;
        size_t client_count;
        size_t buffered;
        char *scratch; /* reads go here first */
        time_t started;

        struct wait *waits; /* wait.c */
        struct watch_hub *watch;
        size_t stream_count; /* stream.c: of all clients */
        uint64_t last_stream;
};

#define SCRATCH_BYTES 65536

/* client.c */
int client_new(struct rpc_server *server, int fd); /* takes over fd */
int client_new_remote(struct rpc_server *server, int fd, struct tls *tls, const struct sockaddr_storage *peer);
void client_free(struct client *client);
void client_send(struct client *client, struct text *text);                  /* takes over the text; adds the '\n' */
void client_send_json(struct client *client, json_t *json);                  /* takes over the reference */
void client_last_word(struct client *client, int code, const char *message); /* an error, then the end */
void client_kick(struct client *client); /* there may be something to do: looks at it in the next turn */
void client_find_role(struct client *client);
bool client_blocked(const struct client *client);

/* jsonrpc.c */
void jsonrpc_line(struct client *client, const char *line, size_t length);
void jsonrpc_batch_step(struct client *client);
void jsonrpc_forget(struct client *client);                                     /* its calls and batch */
json_t *jsonrpc_error(json_t *id, int code, const char *message, json_t *data); /* takes over `data`, borrows id */

void client_turn(struct client *client);
void client_io(struct client *client, uint32_t revents); /* its socket is ready, see epoll_ctl(2) */

/* identity.c: -errno of a peer that the kernel does not tell of. */
int identity_local(struct client *client);
void identity_remote(struct client *client, const struct sockaddr_storage *peer); /* before the handshake */
void identity_proven(struct client *client);                                      /* after it */
enum role identity_role(struct client *client);

/* audit_log.c: `changes` as the answer has them; `result`: "done", or why not. */
void audit_log(const struct call *call, const json_t *changes, const char *result, uint64_t revision);

/* server.c: may a connection with this descriptor become a client? */
bool server_has_room(const struct rpc_server *server, int fd);

/* server.c: out of descriptors: one connection of the backlog is taken and turned away. */
void server_make_room(struct rpc_server *server, int listener);

/* server.c: puts a client at the end of those who want a turn, and takes one out who is going. */
void server_ready(struct client *client);
void server_not_ready(struct client *client);
/* When all clients' buffers together are over the limit, the largest one's owner has to go. */
void server_relieve(struct rpc_server *server);

/* watch.c */
int watch_new(struct rpc_server *server);
void watch_free(struct watch_hub *hub);
void watch_forget(struct client *client);
void watch_drained(struct client *client);       /* there is room in its queue: moves events there */
bool watch_pending(const struct client *client); /* there are more */

/* stream.c */
void stream_forget(struct client *client);

/* wait.c */
void wait_check(struct rpc_server *server);
