/* What the model's own files share: how objects, what refers to them and what they claim hang together.
 *
 *      slot     an object's place, from its making to its deletion; referred to by edges
 *      version  the object with one spec; an update swaps the slot's version
 *      planned  one object of a transaction: its slot and its versions before and after
 *
 * While a transaction is planned, model->plan is set, and model_find() sees the world as it will be. */
#pragma once

#include "socle/errors.h"
#include "index.h"
#include "model.h"
#include "pointer.h"

struct version;

/* "This version refers to that slot"; in the target's list once committed. */
struct edge {
        struct edge *next, **link; /* link: what points to this edge; NULL: in no list */
        struct version *source;
        struct slot *target;
};

/* Something that only one object may have. Lies in the version's `claims`, one behind the other. */
struct claim {
        struct index_node node;
        struct version *owner;
        uint32_t size; /* of this claim with its key, a multiple of 8 */
        char key[];    /* words: "kernel interface eth1" */
};

struct version {
        struct object object; /* first: a struct object of the model's is a struct version */
        struct slot *slot;
        struct edge *edges; /* an array, one for each object referred to */
        size_t edge_count;
        char *claims;
        size_t claims_size; /* bytes */
};

struct slot {
        struct index_node by_name, by_id;
        struct kind_list *list;
        size_t position;     /* in the list */
        struct version *now; /* NULL: not committed yet */
        struct edge *referrers;
        uint64_t visited; /* serial of the last plan that came by, see plan_check.c */
        char *name;
};

/* The objects of a kind. */
struct kind_list {
        const struct kind *kind;
        int rank;            /* above every kind it refers to */
        struct slot **slots; /* NULL where one was deleted; in the order of names when `sorted` */
        size_t used, capacity;
        size_t count; /* without the holes */
        bool sorted;
};

enum planned_state {
        PLANNED_INVALID, /* its spec was refused; what it was before, if anything, is still seen */
        PLANNED_UNCHANGED,
        PLANNED_ADD,
        PLANNED_UPDATE,
        PLANNED_DELETE,
        PLANNED_KEPT, /* its deletion was refused */
};

struct planned {
        struct index_node by_name;
        enum planned_state state;
        struct kind_list *list;
        const char *name;
        struct slot *slot; /* of PLANNED_ADD: its own until committed */
        struct version *before, *after;
        bool named;    /* by the request, not just swept by `replace` */
        bool poisoned; /* refers to something wrong: checking it would only tell of that again */
};

struct transaction {
        struct model *model;
        uint64_t base;        /* the model's revision it was planned on */
        struct index by_name; /* planned */
        struct index claims;  /* of the versions after, while planning */
        struct planned *planned;
        size_t planned_count, planned_capacity;
        struct change *changes;
        struct planned **origins; /* of the changes */
        size_t count;
};

struct model {
        struct store *store;
        uint64_t revision;
        struct index names, ids, claims;
        struct kind_list *lists; /* one a kind, sorted by name */
        size_t list_count;
        struct model_observer *observers;
        const struct transaction *plan;
        uint64_t serial;
};

/* model.c */
struct kind_list *model_list(const struct model *model, const char *kind);
struct slot *model_slot(const struct model *model, const char *kind, const char *name);
uint64_t name_hash(const char *kind, const char *name);
int list_reserve(struct kind_list *list, size_t more);

/* version.c */
struct slot *slot_new(struct kind_list *list, const char *name);
struct slot *slot_free(struct slot *slot);
/* Takes over the spec, also on failure (NULL). */
struct version *version_new(struct slot *slot, json_t *spec);
struct version *version_free(struct version *version);
/* Finds what it refers to, and complains about what is not there. 0, -ENOMEM, or -EINVAL when something is wrong with a
 * reference (which may have been complained about elsewhere). */
int version_resolve(struct model *model, struct version *version, struct errors *errors);
int version_collect_claims(struct model *model, struct version *version);
/* Where in the object the `skip + 1`th claim of that key is. */
const char *version_claim_pointer(struct model *model, struct version *version, const char *key, size_t skip,
                                  char buffer[PLACE_SIZE]);
struct claim *claim_next(const struct version *version, const struct claim *previous);
struct claim *claim_find(const struct index *index, const char *key);
uint64_t claim_hash(const char *key);
/* Into and out of the lists and indexes of the model. */
void version_enter(struct model *model, struct version *version);
void version_leave(struct model *model, struct version *version);
void slot_enter(struct model *model, struct slot *slot);
void slot_leave(struct model *model, struct slot *slot);

/* plan.c */
struct transaction *transaction_new(struct model *model, size_t capacity);
struct planned *plan_find(const struct transaction *transaction, const char *kind, const char *name);
struct planned *plan_add(struct transaction *transaction, struct kind_list *list, const char *name);
/* Turns what was planned into the list of changes. 0 or -ENOMEM. */
int plan_finish(struct transaction *transaction);
void speak_of(struct errors *errors, const char *kind, const char *name);
void complain_memory(struct errors *errors);
/* The kind and the name of entry i of a request, or NULL after complaining. */
struct kind_list *request_head(struct model *model, const json_t *entry, size_t i, const char *const *members,
                               const char **ret_name, struct errors *errors);
/* Not changed since `if_revision`? Complains otherwise. */
void plan_check_revision(struct transaction *transaction, uint64_t if_revision, struct errors *errors);
void plan_check_role(const struct planned *planned, enum role role, struct errors *errors);

/* plan_check.c */
void plan_check_references(struct transaction *transaction, struct errors *errors);
void plan_check_deletions(struct transaction *transaction, struct errors *errors);
void plan_check_claims(struct transaction *transaction, struct errors *errors);
void plan_check_kinds(struct transaction *transaction, struct errors *errors);
