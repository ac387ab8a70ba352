/* One HTTP request and its reply, by libcurl: with certificates checked by a CA of one's own, in bounded time, and with
 * what failed told apart. Blocks; called from a node's thread, which `cancel` gets out of it. Works with ironic.c,
 * auth.c and bmc_redfish.c. */
#pragma once

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "socle/cleanup.h"

struct transfer;

struct transfer_options {
        const char *ca;            /* PEM; NULL: the system's */
        bool unverified;           /* certificates are not checked */
        const atomic_bool *cancel; /* becomes true: -ECANCELED within a second */
};

/* Keeps connections. Texts are copied. */
int transfer_new(struct transfer **ret, const struct transfer_options *options);
struct transfer *transfer_free(struct transfer *transfer);
DEFINE_CLEANUP(struct transfer *, transfer_free)

struct request {
        const char *method, *url;
        const char *headers[6];            /* "Name: value"; NULL ends them */
        const char *username, *password;   /* HTTP basic; NULL: none */
        json_t *body;                      /* NULL: none; borrowed */
};

struct reply {
        int status;
        char *body; /* NUL-terminated */
        size_t length;
        char request_id[96];   /* Openstack-Request-Id; "": none */
        char *token;           /* X-Subject-Token; a secret */
};
void reply_clear(struct reply *reply);

enum { TRANSFER_WORDS = 384 };
/* 0 whatever the status is. Else words in `why`, and -EHOSTUNREACH (name, address, connection), -EKEYREJECTED
 * (certificate, TLS), -ETIMEDOUT, -ECANCELED, -EFBIG, -EPROTO, -ENOENT (the CA's file), -ENOMEM. */
int transfer_send(struct transfer *transfer, const struct request *request, struct reply *ret,
                  char why[TRANSFER_WORDS]);
