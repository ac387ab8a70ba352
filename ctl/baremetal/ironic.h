/* A connection to one Ironic: the endpoint, the microversion that both sides speak, who we are; and one request at a
 * time, with its answer decoded. Blocks. Works with transfer.c, identity.c, fault.c. */
#pragma once

#include <jansson.h>
#include <stdatomic.h>

#include "fault.h"
#include "socle/cleanup.h"

struct ironic;

struct answer {
        enum fault fault;
        int status;              /* 0: there was no reply */
        char words[FAULT_WORDS]; /* why, unless FAULT_NONE */
        char request_id[96];
        json_t *body; /* NULL: none, or no JSON */
};
void answer_clear(struct answer *answer);

/* `spec`: spec/ironic. -ENOMEM. Nothing is sent yet. */
int ironic_new(struct ironic **ret, const json_t *spec, const atomic_bool *cancel);
struct ironic *ironic_free(struct ironic *ironic);
DEFINE_CLEANUP(struct ironic *, ironic_free)

/* Finds the endpoint and the microversion, unless they are known. FAULT_NONE, or the answer says why not. */
enum fault ironic_open(struct ironic *ironic, struct answer *ret);
/* The first call opens. `path`: "/v1/nodes"; `body` is borrowed. */
void ironic_call(struct ironic *ironic, const char *method, const char *path, json_t *body, struct answer *ret);
/* All pages of a list: `path` with its query, `list` the member that holds the entries. */
void ironic_list(struct ironic *ironic, const char *path, const char *list, struct answer *ret);

/* 82 of 1.82; 0: not known yet. */
int ironic_version(const struct ironic *ironic);
const char *ironic_endpoint(const struct ironic *ironic); /* NULL: not known yet */

/* Microversions, by what came with them (webapi-version-history of Ironic). */
enum {
        API_LEAST = 11,   /* nodes are made in enroll; before, in available */
        API_LINK = 19,    /* local_link_connection, pxe_enabled */
        API_CLASS = 21,   /* resource_class */
        API_GROUPS = 26,  /* port groups, with mode and properties */
        API_NETWORK = 34, /* physical_network */
        API_TRAITS = 37,
        API_RESET = 45, /* ?reset_interfaces= beside a new driver */
        API_DESCRIPTION = 51,
        API_INSPECTION = 84, /* POST /v1/continue_inspection?node_uuid= */
        API_MOST = 95,       /* the newest that was read through */
};
/* What of `GET /` both speak; 0: nothing, with words. Pure. */
int api_negotiate(const json_t *versions, char words[FAULT_WORDS]);
