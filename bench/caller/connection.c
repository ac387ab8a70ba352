/* See connection.h. */
#include <err.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "connection.h"

struct connection {
        int fd;
        SSL_CTX *context;
        SSL *ssl; /* NULL: a Unix socket */
};

static void tls_check(int ok, const char *what)
{
        if (ok == 1)
                return;
        ERR_print_errors_fp(stderr);
        errx(1, "TLS: %s failed", what);
}

static int open_unix(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >= sizeof(address.sun_path))
                errx(1, "%s: too long for a socket", path);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                err(1, "%s", path);
        return fd;
}

static int open_tcp(const char *host, const char *port)
{
        const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
        struct addrinfo *found;
        int r = getaddrinfo(host, port, &hints, &found), on = 1;

        if (r != 0)
                errx(1, "%s: %s", host, gai_strerror(r));
        int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) < 0)
                err(1, "%s port %s", host, port);
        freeaddrinfo(found);
        if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
                err(1, "TCP_NODELAY");
        return fd;
}

static void handshake(struct connection *connection, const struct connection_options *options)
{
        SSL_CTX *context = SSL_CTX_new(TLS_client_method());

        tls_check(context != NULL, "a context");
        tls_check(SSL_CTX_load_verify_locations(context, options->ca, NULL), options->ca);
        tls_check(SSL_CTX_use_certificate_chain_file(context, options->certificate), options->certificate);
        tls_check(SSL_CTX_use_PrivateKey_file(context, options->key, SSL_FILETYPE_PEM), options->key);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
        connection->context = context;
        connection->ssl = SSL_new(context);
        tls_check(connection->ssl != NULL, "a connection");
        tls_check(SSL_set1_host(connection->ssl, options->host), options->host);
        tls_check(SSL_set_fd(connection->ssl, connection->fd), "its socket");
        tls_check(SSL_connect(connection->ssl), "the handshake");
}

struct connection *connection_open(const struct connection_options *options)
{
        struct connection *connection = calloc(1, sizeof(*connection));

        if (!connection)
                errx(1, "out of memory");
        connection->fd = options->path ? open_unix(options->path) : open_tcp(options->host, options->port);
        if (!options->path)
                handshake(connection, options);
        return connection;
}

struct connection *connection_close(struct connection *connection)
{
        if (!connection)
                return NULL;
        SSL_free(connection->ssl);
        SSL_CTX_free(connection->context);
        close(connection->fd);
        free(connection);
        return NULL;
}

void connection_write(struct connection *connection, const char *bytes, size_t count)
{
        while (count > 0) {
                size_t done = 0;
                if (connection->ssl)
                        tls_check(SSL_write_ex(connection->ssl, bytes, count, &done), "writing");
                else {
                        ssize_t n = send(connection->fd, bytes, count, MSG_NOSIGNAL);
                        if (n < 0)
                                err(1, "writing");
                        done = (size_t)n;
                }
                bytes += done;
                count -= done;
        }
}

size_t connection_read(struct connection *connection, char *ret, size_t size)
{
        size_t done = 0;

        if (connection->ssl)
                tls_check(SSL_read_ex(connection->ssl, ret, size, &done), "reading");
        else {
                ssize_t n = recv(connection->fd, ret, size, 0);
                if (n < 0)
                        err(1, "reading");
                done = (size_t)n;
        }
        if (done == 0)
                errx(1, "socled has closed the connection");
        return done;
}
