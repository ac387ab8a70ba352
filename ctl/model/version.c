/* An object's versions and slots: what they refer to, what they claim, and how they enter and leave the model. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "nearest.h"
#include "private.h"
#include "socle/cleanup.h"
#include "validate.h"

struct slot *slot_new(struct kind_list *list, const char *name)
{
        struct slot *slot = calloc(1, sizeof(*slot));

        if (!slot || !(slot->name = strdup(name)))
                return slot_free(slot);
        slot->list = list;
        return slot;
}

struct slot *slot_free(struct slot *slot)
{
        if (!slot)
                return NULL;
        free(slot->name);
        free(slot);
        return NULL;
}

struct version *version_new(struct slot *slot, json_t *spec)
{
        struct version *version = calloc(1, sizeof(*version));

        if (!version) {
                json_decref(spec);
                return NULL;
        }
        version->slot = slot;
        version->object.kind = slot->list->kind;
        version->object.name = slot->name;
        version->object.spec = spec;
        if (slot->now)
                version->object.id = slot->now->object.id;
        return version;
}

struct version *version_free(struct version *version)
{
        if (!version)
                return NULL;
        json_decref(version->object.spec);
        json_decref(version->object.status);
        free(version->edges);
        free(version->claims);
        free(version);
        return NULL;
}

/* ---- references ---- */

struct resolving {
        struct model *model;
        struct version *version;
        struct errors *errors;
        size_t capacity;
        int result;
};

static void complain_dangling(struct resolving *resolving, const char *kind, const char *name, bool going,
                              const struct place *place)
{
        struct errors *errors = resolving->errors;
        const struct transaction *plan = resolving->model->plan;
        struct nearest nearest = nearest_start(name);
        char pointer[PLACE_SIZE], expected[160];

        snprintf(expected, sizeof(expected), "the name of an object of kind %s, in the same request or made before",
                 kind);
        if (errors->count < ERRORS_MAX && !going) {
                struct kind_list *list = model_list(resolving->model, kind);

                for (size_t i = 0; list && i < list->used; i++)
                        if (list->slots[i])
                                nearest_try(&nearest, list->slots[i]->name);
                for (size_t i = 0; plan && i < plan->planned_count; i++)
                        if (plan->planned[i].list == list && plan->planned[i].state == PLANNED_ADD)
                                nearest_try(&nearest, plan->planned[i].name);
                if (nearest.best)
                        snprintf(expected, sizeof(expected), "did you mean %s?", nearest.best);
        }
        errors_add(errors, -EINVAL, place_pointer(place, pointer), expected,
                   going ? "%s %s is deleted by this same request" : "there is no %s %s", kind, name);
}

static int resolve_one(void *user, const struct field *field, const char *name, const struct place *place)
{
        struct resolving *resolving = user;
        struct version *version = resolving->version;
        const struct transaction *plan = resolving->model->plan;
        const struct planned *planned = plan ? plan_find(plan, field->ref_kind, name) : NULL;
        struct slot *slot = planned ? planned->slot : model_slot(resolving->model, field->ref_kind, name);
        bool going = planned && planned->state == PLANNED_DELETE;

        if (planned && (planned->state == PLANNED_INVALID || planned->poisoned))
                resolving->result = -EINVAL; /* complained about over there */
        if (!slot || going) {
                if (!planned || going)
                        complain_dangling(resolving, field->ref_kind, name, going, place);
                resolving->result = -EINVAL;
                return 0;
        }

        for (size_t i = version->edge_count; i > 0 && version->edge_count - i < 4; i--)
                if (version->edges[i - 1].target == slot)
                        return 0; /* most repetitions are near; the others are removed below */
        if (version->edge_count == resolving->capacity) {
                size_t capacity = resolving->capacity ? resolving->capacity * 2 : 2;
                struct edge *edges = realloc(version->edges, capacity * sizeof(*edges));

                if (!edges)
                        return -ENOMEM;
                version->edges = edges;
                resolving->capacity = capacity;
        }
        version->edges[version->edge_count++] = (struct edge){.source = version, .target = slot};
        return 0;
}

static int compare_targets(const void *a, const void *b)
{
        const struct edge *x = a, *y = b;

        return x->target < y->target ? -1 : x->target > y->target;
}

static void unique_edges(struct version *version)
{
        size_t kept = 0;

        if (version->edge_count < 2)
                return;
        qsort(version->edges, version->edge_count, sizeof(*version->edges), compare_targets);
        for (size_t i = 0; i < version->edge_count; i++)
                if (kept == 0 || version->edges[kept - 1].target != version->edges[i].target)
                        version->edges[kept++] = version->edges[i];
        version->edge_count = kept;
}

int version_resolve(struct model *model, struct version *version, struct errors *errors)
{
        struct resolving resolving = {.model = model, .version = version, .errors = errors};

        version->edge_count = 0;
        free(version->edges);
        version->edges = NULL;
        if (spec_references(version->object.kind, version->object.spec, resolve_one, &resolving) < 0)
                return -ENOMEM;
        unique_edges(version);
        return resolving.result;
}

/* ---- claims ---- */

struct collecting {
        struct claims claims; /* first */
        struct version *version;
        size_t capacity;
        bool failed;
        /* searching for one: */
        const char *key;
        size_t skip;
        char *pointer;
};

uint64_t claim_hash(const char *key)
{
        return index_hash(0, key, strlen(key));
}

static void collect_claim(struct claims *claims, const char *pointer, const char *format, ...)
{
        struct collecting *collecting = container_of(claims, struct collecting, claims);
        struct version *version = collecting->version;
        va_list args;

        if (version->claims_size + sizeof(struct claim) + 512 > collecting->capacity) {
                size_t capacity = collecting->capacity ? collecting->capacity * 2 : 1024;
                char *bytes = realloc(version->claims, capacity);

                collecting->failed |= !bytes;
                if (!bytes)
                        return;
                version->claims = bytes;
                collecting->capacity = capacity;
        }

        struct claim *claim = (void *)(version->claims + version->claims_size);
        va_start(args, format);
        int n = vsnprintf(claim->key, 512, format, args);
        va_end(args);
        n = n > 511 ? 511 : n;
        claim->owner = version;
        claim->node = (struct index_node){.hash = claim_hash(claim->key)};
        claim->size = (sizeof(*claim) + n + 1 + 7) & ~7u;
        version->claims_size += claim->size;
}

int version_collect_claims(struct model *model, struct version *version)
{
        struct collecting collecting = {.claims = {collect_claim}, .version = version};

        version->claims_size = 0;
        free(version->claims);
        version->claims = NULL;
        if (version->object.kind->keys)
                version->object.kind->keys(model, &version->object, &collecting.claims);
        if (collecting.failed)
                return -ENOMEM;
        if (version->claims_size > 0) {
                char *fitting = realloc(version->claims, version->claims_size);
                version->claims = fitting ? fitting : version->claims;
        }
        return 0;
}

static void search_claim(struct claims *claims, const char *pointer, const char *format, ...)
{
        struct collecting *collecting = container_of(claims, struct collecting, claims);
        char key[512];
        va_list args;

        va_start(args, format);
        vsnprintf(key, sizeof(key), format, args);
        va_end(args);
        if (collecting->pointer[0] || strcmp(key, collecting->key) != 0)
                return;
        if (collecting->skip-- == 0)
                snprintf(collecting->pointer, PLACE_SIZE, "%s", pointer);
}

const char *version_claim_pointer(struct model *model, struct version *version, const char *key, size_t skip,
                                  char buffer[PLACE_SIZE])
{
        struct collecting collecting = {.claims = {search_claim}, .key = key, .skip = skip, .pointer = buffer};

        buffer[0] = 0;
        version->object.kind->keys(model, &version->object, &collecting.claims);
        return buffer;
}

struct claim *claim_next(const struct version *version, const struct claim *previous)
{
        char *next = previous ? (char *)previous + previous->size : version->claims;

        return next == version->claims + version->claims_size ? NULL : (struct claim *)(void *)next;
}

struct claim *claim_find(const struct index *index, const char *key)
{
        struct index_node *node = index_first(index, claim_hash(key));

        for (; node; node = index_more(node)) {
                struct claim *claim = container_of(node, struct claim, node);
                if (strcmp(claim->key, key) == 0)
                        return claim;
        }
        return NULL;
}

/* ---- in and out ---- */

void version_enter(struct model *model, struct version *version)
{
        for (size_t i = 0; i < version->edge_count; i++) {
                struct edge *edge = &version->edges[i];

                edge->next = edge->target->referrers;
                edge->link = &edge->target->referrers;
                if (edge->next)
                        edge->next->link = &edge->next;
                *edge->link = edge;
        }
        for (struct claim *c = claim_next(version, NULL); c; c = claim_next(version, c))
                index_add(&model->claims, &c->node, c->node.hash);
        version->slot->now = version;
}

void version_leave(struct model *model, struct version *version)
{
        for (size_t i = 0; i < version->edge_count; i++) {
                struct edge *edge = &version->edges[i];

                if (!edge->link)
                        continue;
                *edge->link = edge->next;
                if (edge->next)
                        edge->next->link = edge->link;
                edge->link = NULL;
        }
        for (struct claim *c = claim_next(version, NULL); c; c = claim_next(version, c))
                index_remove(&model->claims, &c->node);
}

/* The list has room: see list_reserve(). */
void slot_enter(struct model *model, struct slot *slot)
{
        struct kind_list *list = slot->list;

        index_add(&model->names, &slot->by_name, name_hash(list->kind->name, slot->name));
        index_add(&model->ids, &slot->by_id, index_hash(0, &slot->now->object.id, sizeof(slot->now->object.id)));
        slot->position = list->used;
        list->slots[list->used++] = slot;
        list->count++;
        list->sorted = false;
}

void slot_leave(struct model *model, struct slot *slot)
{
        index_remove(&model->names, &slot->by_name);
        index_remove(&model->ids, &slot->by_id);
        slot->list->slots[slot->position] = NULL;
        slot->list->count--;
}
