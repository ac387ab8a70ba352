/* An identity from files. All is checked before it is used: a bad renewal must not replace a good certificate. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "socle/cleanup.h"

const char *tls_words(char *ret, size_t size)
{
        unsigned long code = ERR_peek_error();
        const char *reason = ERR_reason_error_string(code);

        snprintf(ret, size, "%s", reason ?: code ? "unknown" : "nothing in it");
        ERR_clear_error();
        return ret;
}

static int fail(char *why, size_t size, const char *what, const char *file)
{
        char words[128];

        snprintf(why, size, "%s %s: %s", what, file, tls_words(words, sizeof(words)));
        return -EINVAL;
}

/* ---- the certificate and its key ---- */

static int take_certificate(struct tls_context *context, const struct tls_files *files, char *why, size_t size)
{
        if (SSL_CTX_use_certificate_chain_file(context->ssl, files->certificate) != 1)
                return fail(why, size, "no certificate can be read from", files->certificate);
        if (SSL_CTX_use_PrivateKey_file(context->ssl, files->key, SSL_FILETYPE_PEM) != 1)
                return ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH
                               ? fail(why, size, "the certificate is not that of the key", files->key)
                               : fail(why, size, "no private key can be read from", files->key);
        if (SSL_CTX_check_private_key(context->ssl) != 1)
                return fail(why, size, "the certificate is not that of the key", files->key);
        return 0;
}

static int check_dates(struct tls_context *context, const char *file, char *why, size_t size)
{
        X509 *certificate = SSL_CTX_get0_certificate(context->ssl);
        struct tm tm;

        if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
                return fail(why, size, "no date of expiry in", file);
        context->expiry = timegm(&tm);
        X509_NAME_oneline(X509_get_subject_name(certificate), context->subject, sizeof(context->subject));
        if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
                snprintf(why, size, "the certificate in %s has expired, on %04d-%02d-%02d", file, tm.tm_year + 1900,
                         tm.tm_mon + 1, tm.tm_mday);
                return -EINVAL;
        }
        if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) {
                snprintf(why, size, "the certificate in %s is not valid yet: is the clock right?", file);
                return -EINVAL;
        }
        return 0;
}

/* ---- who vouches, and who is vouched for no more ---- */

static int take_revoked(struct tls_context *context, const char *file, char *why, size_t size)
{
        X509_STORE *store = SSL_CTX_get_cert_store(context->ssl);
        cleanup_fclose FILE *f = fopen(file, "re");
        X509_CRL *crl;
        int count = 0;

        if (!f) {
                snprintf(why, size, "%s: %s", file, strerror(errno));
                return -EINVAL;
        }
        while ((crl = PEM_read_X509_CRL(f, NULL, NULL, NULL))) {
                const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);
                bool expired = next && X509_cmp_current_time(next) < 0;
                bool taken = !expired && X509_STORE_add_crl(store, crl) == 1;
                X509_CRL_free(crl);
                if (expired) {
                        snprintf(why, size, "the revocation list in %s has expired: fetch the CA's newest", file);
                        return -EINVAL;
                }
                if (!taken)
                        return fail(why, size, "a revocation list cannot be taken from", file);
                count++;
        }
        if (count == 0)
                return fail(why, size, "no revocation list can be read from", file);
        ERR_clear_error(); /* the end of the file is told as one */
        X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
        return 0;
}

static int take_authorities(struct tls_context *context, const struct tls_files *files, char *why, size_t size)
{
        if (SSL_CTX_load_verify_locations(context->ssl, files->ca, NULL) != 1)
                return fail(why, size, "no CA certificate can be read from", files->ca);
        if (files->crl && files->crl[0])
                return take_revoked(context, files->crl, why, size);
        return 0;
}

/* ---- the context ---- */

/* No session is taken up again: whoever comes back is looked at anew, by the list of the day. */
static void harden(SSL_CTX *ssl)
{
        SSL_CTX_set_min_proto_version(ssl, TLS1_3_VERSION);
        SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
        SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_num_tickets(ssl, 0);
        SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
}

struct tls_context *tls_context_ref(struct tls_context *context)
{
        context->references++;
        return context;
}

struct tls_context *tls_context_unref(struct tls_context *context)
{
        if (context && --context->references == 0) {
                SSL_CTX_free(context->ssl);
                free(context);
        }
        return NULL;
}
DEFINE_CLEANUP(struct tls_context *, tls_context_unref)

time_t tls_context_expiry(const struct tls_context *context)
{
        return context->expiry;
}

const char *tls_context_subject(const struct tls_context *context)
{
        return context->subject;
}

int tls_context_new(struct tls_context **ret, enum tls_side side, const struct tls_files *files, char *why, size_t size)
{
        cleanup_(tls_context_unref_p) struct tls_context *context = calloc(1, sizeof(*context));

        if (!context)
                return -ENOMEM;
        ERR_clear_error();
        context->references = 1;
        context->side = side;
        context->ssl = SSL_CTX_new(side == TLS_SERVER ? TLS_server_method() : TLS_client_method());
        if (!context->ssl)
                return -ENOMEM;
        harden(context->ssl);
        int r = take_certificate(context, files, why, size);
        if (r == 0)
                r = check_dates(context, files->certificate, why, size);
        if (r == 0)
                r = take_authorities(context, files, why, size);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(context);
        return 0;
}
