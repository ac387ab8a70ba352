/* See identity.h; here: nobody, and HTTP basic. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "identity.h"
#include "secret.h"
#include "values.h"

enum fault fault_of_transfer(int r)
{
        switch (r) {
        case 0:
                return FAULT_NONE;
        case -ECANCELED:
                return FAULT_CANCELLED;
        case -EKEYREJECTED:
        case -ENOENT:
                return FAULT_CERTIFICATE;
        case -EFBIG:
                return FAULT_GARBAGE;
        default:
                return FAULT_UNREACHABLE;
        }
}

enum fault identity_read_secret(struct identity *identity, const char *member, char words[FAULT_WORDS])
{
        struct errors errors = {};

        if (identity->secret)
                return FAULT_NONE;
        if (secret_read(&identity->secret, NULL, json_object_get(identity->spec, member), &errors) == 0)
                return FAULT_NONE;
        snprintf(words, FAULT_WORDS, "/spec/ironic/auth/%s/%s: %.240s; %.180s", identity->way->name, member,
                 errors.list[0].message, errors.list[0].expected);
        return FAULT_DENIED;
}

/* ---- nobody ---- */

static enum fault sign_not(struct identity *identity, struct request *request, char words[FAULT_WORDS])
{
        return FAULT_NONE;
}

static bool renew_not(struct identity *identity)
{
        return false;
}

const struct identity_way identity_none = {.name = "none", .sign = sign_not, .renew = renew_not};

/* ---- HTTP basic ---- */

static enum fault sign_basic(struct identity *identity, struct request *request, char words[FAULT_WORDS])
{
        enum fault fault = identity_read_secret(identity, "password", words);

        request->username = spec_string(identity->spec, "username");
        request->password = identity->secret;
        return fault;
}

/* The file may have another password by now. */
static bool renew_basic(struct identity *identity)
{
        cleanup_secret char *before = TAKE_PTR(identity->secret);
        char words[FAULT_WORDS];

        return identity_read_secret(identity, "password", words) == FAULT_NONE &&
               (!before || strcmp(before, identity->secret) != 0);
}

const struct identity_way identity_basic = {.name = "basic", .sign = sign_basic, .renew = renew_basic};

/* ---- all ways ---- */

int identity_new(struct identity **ret, const json_t *ironic, struct transfer *transfer)
{
        static const struct identity_way *const ways[] = {&identity_none, &identity_basic, &identity_password,
                                                          &identity_application_credential};
        cleanup_(identity_free_p) struct identity *identity = calloc(1, sizeof(*identity));
        json_t *spec;
        const char *name = spec_choice(json_object_get(ironic, "auth"), &spec);

        if (!identity)
                return -ENOMEM;
        for (size_t i = 0; i < ARRAY_LEN(ways); i++)
                if (strcmp(ways[i]->name, name) == 0)
                        identity->way = ways[i];
        identity->transfer = transfer;
        identity->spec = json_incref(spec);
        identity->ironic = json_incref((json_t *)ironic);
        *ret = TAKE_PTR(identity);
        return 0;
}

struct identity *identity_free(struct identity *identity)
{
        if (!identity)
                return NULL;
        secret_free(identity->secret);
        secret_free(identity->token_header);
        free(identity->endpoint);
        json_decref(identity->spec);
        json_decref(identity->ironic);
        free(identity);
        return NULL;
}
