/* Who we are to Ironic: nobody, a user by HTTP basic, or a token of Keystone's. One way, one file, behind a struct of
 * functions. Works with ironic.c, which signs every request and renews on 401. */
#pragma once

#include "fault.h"
#include "transfer.h"

struct identity;

struct identity_way {
        const char *name; /* as in spec/ironic/auth */
        /* Puts into the request what proves who we are; may ask Keystone first. Words unless FAULT_NONE. */
        enum fault (*sign)(struct identity *identity, struct request *request, char words[FAULT_WORDS]);
        /* It was not believed (401). True: it is worth signing and sending once more. */
        bool (*renew)(struct identity *identity);
};

struct identity {
        const struct identity_way *way;
        struct transfer *transfer; /* to Keystone; borrowed */
        json_t *spec;              /* of the way */
        json_t *ironic;            /* spec/ironic */
        char *secret;              /* as last read; NULL: not yet */
        char *token_header;        /* "X-Auth-Token: …" */
        char *endpoint;            /* of the catalogue */
};

extern const struct identity_way identity_none, identity_basic, identity_password, identity_application_credential;

/* `ironic`: spec/ironic. -ENOMEM. */
int identity_new(struct identity **ret, const json_t *ironic, struct transfer *transfer);
struct identity *identity_free(struct identity *identity);
DEFINE_CLEANUP(struct identity *, identity_free)

/* The secret that `member` of the way's spec refers to, into identity->secret. */
enum fault identity_read_secret(struct identity *identity, const char *member, char words[FAULT_WORDS]);
/* A failed transfer as a fault. */
enum fault fault_of_transfer(int r);

/* The URL of the service of type baremetal in a token's body; NULL: there is none. Pure. */
const char *catalogue_find(const json_t *token, const char *interface, const char *region);
