/* One blocking connection to socled, over its Unix socket or TLS 1.3. Whatever fails ends the program with words. */
#pragma once

#include <stddef.h>

struct connection;

/* `tls`: host and port, with the three files in PEM; else `path` of the socket. */
struct connection_options {
        const char *path;
        const char *host, *port, *ca, *certificate, *key;
};

struct connection *connection_open(const struct connection_options *options);
struct connection *connection_close(struct connection *connection);
void connection_write(struct connection *connection, const char *bytes, size_t count);
/* At least one byte. */
size_t connection_read(struct connection *connection, char *ret, size_t size);
