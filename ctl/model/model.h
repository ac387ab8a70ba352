/* What is wanted: all objects, in memory, as the store has them on disk; and transactions on them.
 *
 *      request ─ model_plan (validates, changes nothing) ─▶ transaction ─ model_commit (store, then memory) ─▶
 * observers
 *
 * Single-threaded: everything runs on socled's event loop. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "kind.h"

struct store;
struct errors;

struct object {
        uint32_t id; /* stable as long as the object lives, over restarts; the wire's id; never reused */
        const struct kind *kind;
        char *name;        /* 1 … 63 of [A-Za-z0-9._-], unique in the kind */
        json_t *spec;      /* validated, normalised, defaults filled in */
        uint64_t revision; /* of the transaction that last changed the spec */
        json_t *status;    /* seen, by the reconcilers; not stored; NULL: nothing yet */
        /* the model's own book-keeping follows in model.c's private struct */
};

enum change_type { CHANGE_ADD, CHANGE_UPDATE, CHANGE_DELETE };

struct change {
        enum change_type type;
        const struct object *before; /* NULL for ADD */
        const struct object *after;  /* NULL for DELETE */
};

struct model;
struct transaction;

/* Loads everything from the store. The store stays the caller's. 0 or -errno. */
int model_new(struct model **ret, struct store *store, struct errors *errors);
struct model *model_free(struct model *model);

uint64_t model_revision(const struct model *model);
struct object *model_find(const struct model *model, const char *kind, const char *name);
struct object *model_find_id(const struct model *model, uint32_t id);
size_t model_count(const struct model *model, const struct kind *kind);
/* In the order of names, until the next commit: `const struct object *o = NULL; while ((o = model_next(m, kind, o)))`.
 */
struct object *model_next(const struct model *model, const struct kind *kind, const struct object *previous);
/* The objects that refer to this one, as a new array; free() it. */
size_t model_referrers(const struct model *model, const struct object *object, const struct object ***ret);

struct apply_request {
        json_t *objects; /* array of {kind, name, spec}; borrowed */
        bool replace;    /* the list is the whole truth for the kinds that occur in it */
        bool has_if_revision;
        uint64_t if_revision; /* fails when a named object was changed, made or deleted after that revision */
        enum role role;       /* of the caller; below a kind's write_role is an error */
};

struct delete_request {
        json_t *objects; /* array of {kind, name}; borrowed */
        bool ignore_missing;
        bool has_if_revision;
        uint64_t if_revision;
        enum role role;
};

/* Validates; on success (0) *ret holds the changes: additions and updates, what is referred to first, then deletions,
 * what refers first. Equal objects are no change. A plan must be committed or freed before the next commit (-ESTALE).
 * On failure -EINVAL (or -EPERM, -ESTALE, -ENOENT, -ENOMEM) and everything that is wrong is in `errors`. */
int model_plan_apply(struct model *model, const struct apply_request *request, struct transaction **ret,
                     struct errors *errors);
int model_plan_delete(struct model *model, const struct delete_request *request, struct transaction **ret,
                      struct errors *errors);

size_t transaction_count(const struct transaction *transaction);
const struct change *transaction_change(const struct transaction *transaction, size_t i);
struct transaction *transaction_free(struct transaction *transaction);

/* Durable on disk, then in memory, then told to the observers. 0, or -errno with words in `errors` and nothing changed
 * (-ENOSPC: disk full). Consumes the transaction either way. An empty one makes no revision. ret_revision: the
 * model's revision after it. */
int model_commit(struct model *model, struct transaction *transaction, uint64_t *ret_revision, struct errors *errors);

/* Observers: called after a commit (changes, in order; `before` objects are valid during the call), and when a
 * status changed (`before`: what it was, NULL: none). */
struct model_observer {
        void (*committed)(void *user, uint64_t revision, const struct change *changes, size_t count);
        void (*status_changed)(void *user, const struct object *object, const json_t *before);
        void *user;
        struct model_observer *next;
};
void model_observe(struct model *model, struct model_observer *observer);
void model_unobserve(struct model *model, struct model_observer *observer);

/* Takes over the reference to `status`. No call to observers when it equals what is there. */
void model_set_status(struct model *model, struct object *object, json_t *status);

/* {"kind","name","id","revision","spec","status"}; a new reference. */
json_t *object_to_json(const struct object *object);
/* The schema of one kind, or (NULL) an array of all, as `schema` answers it. */
json_t *kind_to_json(const struct kind *kind);
