/* One connection: OpenSSL's ways in errno's words. */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "private.h"
#include "socle/cleanup.h"

struct tls {
        SSL *ssl;
        struct tls_context *context;
        uint32_t events;
        char **names;
};

struct tls *tls_free(struct tls *tls)
{
        if (!tls)
                return NULL;
        SSL_free(tls->ssl);
        tls_context_unref(tls->context);
        free(tls->names);
        free(tls);
        return NULL;
}
DEFINE_CLEANUP(struct tls *, tls_free)

/* The certificate must be that of the name one meant to reach: a DNS name, or an address. */
static int expect(SSL *ssl, const char *name)
{
        struct in6_addr address;

        if (inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1)
                return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1 ? 0 : -EINVAL;
        SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1 ? 0 : -EINVAL;
}

int tls_new(struct tls **ret, struct tls_context *context, int fd, const char *name)
{
        cleanup_(tls_free_p) struct tls *tls = calloc(1, sizeof(*tls));

        if (!tls)
                return -ENOMEM;
        tls->context = tls_context_ref(context);
        tls->events = EPOLLIN;
        tls->ssl = SSL_new(context->ssl);
        if (!tls->ssl || SSL_set_fd(tls->ssl, fd) != 1)
                return -ENOMEM;
        if (context->side == TLS_SERVER)
                SSL_set_accept_state(tls->ssl);
        else
                SSL_set_connect_state(tls->ssl);
        if (name && expect(tls->ssl, name) < 0)
                return -EINVAL;
        *ret = TAKE_PTR(tls);
        return 0;
}

/* What OpenSSL said, as -errno; 0: the end. */
static int outcome(struct tls *tls, int r)
{
        int saved = errno;

        switch (SSL_get_error(tls->ssl, r)) {
        case SSL_ERROR_WANT_READ:
                tls->events = EPOLLIN;
                return -EAGAIN;
        case SSL_ERROR_WANT_WRITE:
                tls->events = EPOLLOUT;
                return -EAGAIN;
        case SSL_ERROR_ZERO_RETURN:
                return 0;
        case SSL_ERROR_SYSCALL:
                ERR_clear_error();
                return saved == EINTR ? -EAGAIN : -ECONNRESET;
        default: {
                /* An end without a goodbye is an end, not a broken protocol: each line says itself whether it is whole.
                 */
                bool cut = ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
                if (cut)
                        ERR_clear_error();
                return cut ? -ECONNRESET : -EPROTO;
        }
        }
}

/* Of a failed handshake: the verifier's word is better than the protocol's. */
static void explain(struct tls *tls, int r, char *why, size_t size)
{
        long verdict = SSL_get_verify_result(tls->ssl);
        char words[128];

        if (r == -ECONNRESET || r == 0)
                snprintf(why, size, "the peer hung up");
        else if (verdict != X509_V_OK)
                snprintf(why, size, "the peer's certificate is not accepted: %s",
                         X509_verify_cert_error_string(verdict));
        else
                snprintf(why, size, "%s", tls_words(words, sizeof(words)));
        ERR_clear_error();
}

int tls_handshake(struct tls *tls, char *why, size_t size)
{
        ERR_clear_error();
        errno = 0;
        int r = SSL_do_handshake(tls->ssl);

        if (r != 1) {
                r = outcome(tls, r);
                if (r == -EAGAIN)
                        return r;
                explain(tls, r, why, size);
                return -EPROTO;
        }
        X509 *peer = SSL_get0_peer_certificate(tls->ssl);
        tls->names = peer ? tls_names_of(peer) : NULL;
        tls->events = EPOLLIN;
        return tls->names ? 0 : -ENOMEM;
}

ssize_t tls_read(struct tls *tls, char *buffer, size_t size)
{
        size_t done;

        ERR_clear_error();
        errno = 0;
        int r = SSL_read_ex(tls->ssl, buffer, size, &done);
        return r == 1 ? (ssize_t)done : outcome(tls, r);
}

ssize_t tls_write(struct tls *tls, const char *data, size_t size)
{
        size_t done;

        ERR_clear_error();
        errno = 0;
        int r = SSL_write_ex(tls->ssl, data, size, &done);
        if (r == 1)
                return (ssize_t)done;
        r = outcome(tls, r);
        return r == 0 ? -ECONNRESET : r;
}

uint32_t tls_events(const struct tls *tls)
{
        return tls->events;
}

void tls_bye(struct tls *tls)
{
        ERR_clear_error();
        (void)SSL_shutdown(tls->ssl);
        ERR_clear_error();
}

const char *const *tls_peer_names(const struct tls *tls)
{
        static const char *const nobody[] = {NULL};

        return tls->names ? (const char *const *)tls->names : nobody;
}
