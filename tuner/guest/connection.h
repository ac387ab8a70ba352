/* The connection to libvirtd, and what it tells of by itself. A thread of its own opens it (which may hang), opens it
 * again with back-off when it was lost, and runs libvirt's event loop; who asks gets the open connection or an error,
 * at once. libvirtd that is stopped is found out by keep-alives, so that a call lasts CONNECTION_PATIENCE_S at most. */
#pragma once

#include <libvirt/libvirt.h>
#include <stdbool.h>
#include <stddef.h>

#include "socle/cleanup.h"
#include "socle/errors.h"

#define CONNECTION_PATIENCE_S 9

struct connection;
/* One in a process: libvirt's event loop is. -EBUSY: there is one, or one that was freed still hangs in libvirt. */
int connection_new(struct connection **ret, const char *uri);
struct connection *connection_free(struct connection *connection);
/* Readable after every change: it was opened or lost, or a domain changed. */
int connection_fd(const struct connection *connection);

/* Drains it. True: it was readable. */
bool connection_drain(const struct connection *connection);

/* What has changed since the last call; the descriptor stays as it is. */
struct connection_news {
        bool any;
        bool all;                              /* libvirtd was lost or came back, or too much to tell one by one */
        char (*uuids)[VIR_UUID_STRING_BUFLEN]; /* of domains; the caller's to free */
        size_t count;
};
int connection_news(struct connection *connection, struct connection_news *ret);

/* A reference, to be closed by the caller; -ENOTCONN and words. */
int connection_get(struct connection *connection, virConnectPtr *ret, struct errors *errors);

/* Many calls at a time: `call` runs on the thread that has the connection, where one costs half: libvirt need not
 * keep its event loop off the socket, and wake it twice, for each. Waits for it; what it returns, or -ENOTCONN. */
int connection_call(struct connection *connection, int (*call)(virConnectPtr open, void *user), void *user);

static inline void connection_put_p(virConnectPtr *connection)
{
        if (*connection)
                virConnectClose(*connection);
}
#define cleanup_connection cleanup_(connection_put_p)

static inline void domain_put_p(virDomainPtr *domain)
{
        if (*domain)
                virDomainFree(*domain);
}
#define cleanup_domain cleanup_(domain_put_p)

/* libvirt's last error in this thread, in words: "WHAT: libvirt's words". Returns what it comes to: -ENOENT (no such
 * domain), -EBUSY (a job keeps it), -EACCES, -ENOTCONN, -ENOMEM, else -EIO. */
int connection_complain(struct errors *errors, const char *pointer, const char *expected, const char *what, ...)
        __attribute__((format(printf, 4, 5)));
/* That, without complaining. */
int connection_error(void);
