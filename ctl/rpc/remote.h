/* The control socket from afar: TLS 1.3 on a TCP port, for whom a certificate vouches and a role is configured. A valid
 * chain alone lets nobody do anything. Works with server.c (clients are the same from there on) and tls/. */
#pragma once

#include <stddef.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "kind.h"
#include "tls.h"

/* Names in certificates to roles: "dns:orchestrator.example.org", "dn:CN=ansible,O=Cloud". */
struct name_role {
        enum role role;
        char *name;
};

struct name_roles {
        struct name_role *list;
        size_t count;
};
int name_roles_add(struct name_roles *roles, enum role role, const char *name); /* -EINVAL: no name, -ENOMEM */
void name_roles_clear(struct name_roles *roles);
/* The best of the roles that the names have; *ret_name: by which of them, or the first, or "nobody". */
enum role name_roles_find(const struct name_roles *roles, const char *const *names, const char **ret_name);

struct remote_options {
        const char *listen; /* "0.0.0.0:9696", "[::]:9696"; "": nobody from afar */
        struct tls_files files;
        unsigned handshake_seconds; /* from connect(2) to the end of the handshake */
        unsigned idle_seconds;      /* without a request, an answer or a subscription */
        unsigned clients_per_peer;  /* connections of one address (IPv6: of one /64) */
};

struct remote;
struct rpc_server;

/* Listens, and follows the files: as long as they are wrong, nobody is let in. -EINVAL and words: an address that is
 * none. */
int remote_new(struct remote **ret, struct rpc_server *server, const struct remote_options *options, char *why,
               size_t size);
struct remote *remote_free(struct remote *remote);
const struct remote_options *remote_options(const struct remote *remote);

/* Reads the files anew. On failure (words in `why`) new connections go on with what was there. */
int remote_reload(struct remote *remote, char *why, size_t size);

/* One connection less of this address. */
void remote_forget(struct remote *remote, const struct sockaddr_storage *peer);
/* {listen, clients, certificate: {subject, expires, …}, error}; a new reference. */
json_t *remote_info(const struct remote *remote);
