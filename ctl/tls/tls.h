/* TLS 1.3 with certificates on both sides (OpenSSL), for socled and soclectl: an identity from files as an IdM's
 * certmonger writes them, connections over sockets that do not block, and the names a peer has proven. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum tls_side { TLS_SERVER, TLS_CLIENT };

struct tls_files {
        const char *certificate; /* PEM: ours, then its intermediates */
        const char *key;         /* PEM */
        const char *ca;          /* PEM: who vouches for the peers */
        const char *crl;         /* PEM: certificates that were revoked; NULL or "": none is looked at */
};

/* What is needed to speak as somebody: immutable, counted; connections keep the one they began with. */
struct tls_context;
/* -EINVAL with words in `why`: a file that is none, a key that is another certificate's, an expired certificate or CRL.
 */
int tls_context_new(struct tls_context **ret, enum tls_side side, const struct tls_files *files, char *why,
                    size_t size);
struct tls_context *tls_context_ref(struct tls_context *context);
struct tls_context *tls_context_unref(struct tls_context *context);
time_t tls_context_expiry(const struct tls_context *context); /* of our certificate */
const char *tls_context_subject(const struct tls_context *context);

struct tls;
/* On a connected socket, which stays the caller's. `name`: of the server, as its certificate must have it (TLS_CLIENT).
 */
int tls_new(struct tls **ret, struct tls_context *context, int fd, const char *name);
struct tls *tls_free(struct tls *tls);

/* 0: done; -EAGAIN: when the socket is ready for tls_events(); -EPROTO and words in `why`. */
int tls_handshake(struct tls *tls, char *why, size_t size);
/* Bytes, 0 at the end, -EAGAIN, -ECONNRESET, -EPROTO. */
ssize_t tls_read(struct tls *tls, char *buffer, size_t size);
ssize_t tls_write(struct tls *tls, const char *data, size_t size);
/* EPOLLIN, EPOLLOUT: what the last -EAGAIN waits for. */
uint32_t tls_events(const struct tls *tls);
/* Says goodbye, as far as the socket takes it. */
void tls_bye(struct tls *tls);

/* ---- who is it ---- */

/* The names in the peer's certificate: "dns:…", "ip:…", "email:…", "uri:…", and "dn:…" as RFC 2253 writes it.
 * NULL-terminated; valid as long as the connection. */
const char *const *tls_peer_names(const struct tls *tls);

/* Does a name say what is asked for? DNS without regard to case, and "dns:*.example.org" stands for one label. */
bool tls_name_matches(const char *wanted, const char *name);
/* Is it of one of the five types, with something behind the colon? */
bool tls_name_valid(const char *wanted);
