/* What the files of tls/ share. */
#pragma once

#include <openssl/ssl.h>

#include "tls.h"

struct tls_context {
        SSL_CTX *ssl;
        unsigned references;
        enum tls_side side;
        time_t expiry;
        char subject[256];
};

/* The names of a certificate as a NULL-terminated array in one piece; free() it. NULL: no memory. */
char **tls_names_of(X509 *certificate);
/* The first error that OpenSSL has to tell, in words; forgets the others. */
const char *tls_words(char *ret, size_t size);
