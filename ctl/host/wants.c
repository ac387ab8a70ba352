/* See wants.h. */
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "socle/cleanup.h"
#include "values.h"
#include "wants.h"

static const struct {
        const char *kind;
        size_t offset;
} lists[] = {
        {"HostProfile", offsetof(struct wants, profiles)},
        {"SriovDevice", offsetof(struct wants, devices)},
        {"Guest", offsetof(struct wants, guests)},
};

static struct want_list *list_at(struct wants *wants, size_t i)
{
        return (struct want_list *)((char *)wants + lists[i].offset);
}

/* A Port's vhost-user attachment may name the guest whose domain gets the interface. */
static const char *guest_of(const struct object *port)
{
        const json_t *vhost = json_object_get(json_object_get(port->spec, "attachment"), "vhost_user");

        return vhost ? spec_string(vhost, "guest") : NULL;
}

bool wants_kind(const struct kind *kind)
{
        for (size_t i = 0; i < ARRAY_LEN(lists); i++)
                if (strcmp(kind->name, lists[i].kind) == 0)
                        return true;
        return false;
}

bool wants_concern(const struct object *object)
{
        if (strcmp(object->kind->name, "Port") == 0)
                return guest_of(object) != NULL;
        if (strcmp(object->kind->name, "BaremetalNode") == 0)
                return true;
        return wants_kind(object->kind);
}

/* ---- the world after a transaction ---- */

static const struct change *change_of(const struct transaction *transaction, const char *kind, const char *name)
{
        for (size_t i = 0; transaction && i < transaction_count(transaction); i++) {
                const struct change *change = transaction_change(transaction, i);
                const struct object *object = change->after ?: change->before;
                if (strcmp(object->kind->name, kind) == 0 && strcmp(object->name, name) == 0)
                        return change;
        }
        return NULL;
}

/* Calls `take` for each object of a kind, as it will be. */
static int each(const struct model *model, const struct transaction *transaction, const char *kind,
                int (*take)(void *user, const struct object *object), void *user)
{
        const struct kind *k = kind_find(kind);
        int r = 0;

        if (!k)
                return 0;
        for (struct object *o = NULL; r == 0 && (o = model_next(model, k, o));) {
                const struct change *change = change_of(transaction, kind, o->name);
                if (!change || change->after)
                        r = take(user, change ? change->after : o);
        }
        for (size_t i = 0; r == 0 && transaction && i < transaction_count(transaction); i++) {
                const struct change *change = transaction_change(transaction, i);
                if (change->type == CHANGE_ADD && change->after->kind == k)
                        r = take(user, change->after);
        }
        return r;
}

/* ---- gathering ---- */

static int take_want(void *user, const struct object *object)
{
        struct want_list *list = user;
        struct want *more = reallocarray(list->list, list->count + 1, sizeof(*more));

        if (!more)
                return -1;
        list->list = more;
        struct want *want = &list->list[list->count++];
        *want = (struct want){
                .id = object->id,
                .revision = object->revision,
                .name = strdup(object->name),
                .spec = json_deep_copy(object->spec),
                .interfaces = json_array(),
        };
        return want->name && want->spec && want->interfaces ? 0 : -1;
}

/* A Port that names its guest and is attached by vhost-user. */
static int take_port(void *user, const struct object *object)
{
        struct wants *wants = user;
        const char *guest = guest_of(object);
        const json_t *vhost = json_object_get(json_object_get(object->spec, "attachment"), "vhost_user");
        const struct want *want = guest ? want_find(&wants->guests, guest) : NULL;

        if (!want)
                return 0;
        return json_array_append_new(want->interfaces,
                                     json_pack("{ss, ss, ss, sI, sI}", "port", object->name, "mac_address",
                                               spec_string(object->spec, "mac_address"), "socket",
                                               spec_string(vhost, "socket"), "queues",
                                               (json_int_t)spec_int(vhost, "queues", 1), "mtu",
                                               (json_int_t)spec_int(object->spec, "mtu", 0)));
}

/* A BaremetalNode that means this host, and wants it to be deployed by others. */
static int take_cordon(void *user, const struct object *object)
{
        struct wants *wants = user;

        if (json_object_get(object->spec, "hardware") || strcmp(spec_string(object->spec, "target"), "available") != 0)
                return 0;
        free(wants->cordon);
        wants->cordon = strdup(object->name);
        return wants->cordon ? 0 : -1;
}

const struct want *want_find(const struct want_list *list, const char *name)
{
        for (size_t i = 0; i < list->count; i++)
                if (strcmp(list->list[i].name, name) == 0)
                        return &list->list[i];
        return NULL;
}

static void standing_clear(struct standing *standing)
{
        free(standing->error);
        json_decref(standing->status);
        *standing = (struct standing){};
}

void wants_take_standings(struct wants *wants, struct wants *before)
{
        for (size_t i = 0; before && i < ARRAY_LEN(lists); i++) {
                struct want_list *list = list_at(wants, i), *old = list_at(before, i);
                for (size_t j = 0; j < list->count; j++) {
                        struct want *want = &list->list[j];
                        struct want *same = (struct want *)want_find(old, want->name);
                        if (!same || same->id != want->id || same->revision != want->revision ||
                            !json_equal(same->interfaces, want->interfaces))
                                continue;
                        want->standing = same->standing;
                        same->standing = (struct standing){};
                }
        }
}

struct wants *wants_free(struct wants *wants)
{
        if (!wants)
                return NULL;
        for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
                struct want_list *list = list_at(wants, i);
                for (size_t j = 0; j < list->count; j++) {
                        standing_clear(&list->list[j].standing);
                        free(list->list[j].name);
                        json_decref(list->list[j].spec);
                        json_decref(list->list[j].interfaces);
                }
                free(list->list);
        }
        free(wants->cordon);
        free(wants);
        return NULL;
}
DEFINE_CLEANUP(struct wants *, wants_free)

struct wants *wants_new(const struct model *model, const struct transaction *transaction)
{
        cleanup_(wants_free_p) struct wants *wants = calloc(1, sizeof(*wants));

        if (!wants)
                return NULL;
        wants->revision = model_revision(model);
        for (size_t i = 0; i < ARRAY_LEN(lists); i++)
                if (each(model, transaction, lists[i].kind, take_want, list_at(wants, i)) < 0)
                        return NULL;
        if (wants->guests.count > 0 && each(model, transaction, "Port", take_port, wants) < 0)
                return NULL;
        if (each(model, transaction, "BaremetalNode", take_cordon, wants) < 0)
                return NULL;
        return TAKE_PTR(wants);
}
