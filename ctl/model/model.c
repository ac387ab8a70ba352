/* See model.h: the objects in memory, finding and listing them, and their status. See load.c for where they come from.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

uint64_t name_hash(const char *kind, const char *name)
{
        return index_hash(index_hash(0, kind, strlen(kind) + 1), name, strlen(name));
}

struct kind_list *model_list(const struct model *model, const char *kind)
{
        for (size_t i = 0; i < model->list_count; i++)
                if (strcmp(model->lists[i].kind->name, kind) == 0)
                        return &model->lists[i];
        return NULL;
}

struct slot *model_slot(const struct model *model, const char *kind, const char *name)
{
        struct index_node *node = index_first(&model->names, name_hash(kind, name));

        for (; node; node = index_more(node)) {
                struct slot *slot = container_of(node, struct slot, by_name);
                if (strcmp(slot->name, name) == 0 && strcmp(slot->list->kind->name, kind) == 0)
                        return slot;
        }
        return NULL;
}

struct object *model_find(const struct model *model, const char *kind, const char *name)
{
        const struct planned *planned = model->plan ? plan_find(model->plan, kind, name) : NULL;
        const struct slot *slot;

        if (planned) {
                bool changes = planned->after && !planned->poisoned;
                struct version *version = changes ? planned->after : planned->before;
                return version && planned->state != PLANNED_DELETE ? &version->object : NULL;
        }
        slot = model_slot(model, kind, name);
        return slot ? &slot->now->object : NULL;
}

struct object *model_find_id(const struct model *model, uint32_t id)
{
        struct index_node *node = index_first(&model->ids, index_hash(0, &id, sizeof(id)));

        for (; node; node = index_more(node)) {
                struct slot *slot = container_of(node, struct slot, by_id);
                if (slot->now->object.id == id)
                        return &slot->now->object;
        }
        return NULL;
}

uint64_t model_revision(const struct model *model)
{
        return model->revision;
}

size_t model_count(const struct model *model, const struct kind *kind)
{
        return model_list(model, kind->name)->count;
}

static int compare_slots(const void *a, const void *b)
{
        return strcmp((*(struct slot *const *)a)->name, (*(struct slot *const *)b)->name);
}

/* Closes the holes and sorts; a list that nobody reads is never sorted. */
static void list_sort(struct kind_list *list)
{
        size_t used = 0;

        if (list->sorted && list->used < list->count * 2 + 16)
                return;
        for (size_t i = 0; i < list->used; i++)
                if (list->slots[i])
                        list->slots[used++] = list->slots[i];
        list->used = used;
        if (!list->sorted && used > 1)
                qsort(list->slots, used, sizeof(struct slot *), compare_slots);
        for (size_t i = 0; i < used; i++)
                list->slots[i]->position = i;
        list->sorted = true;
}

struct object *model_next(const struct model *model, const struct kind *kind, const struct object *previous)
{
        struct kind_list *list = model_list(model, kind->name);
        size_t i = 0;

        if (previous)
                i = ((const struct version *)previous)->slot->position + 1;
        else
                list_sort(list);
        while (i < list->used && !list->slots[i])
                i++;
        return i < list->used ? &list->slots[i]->now->object : NULL;
}

size_t model_referrers(const struct model *model, const struct object *object, const struct object ***ret)
{
        const struct slot *slot = ((const struct version *)object)->slot;
        size_t count = 0;

        for (const struct edge *edge = slot->referrers; edge; edge = edge->next)
                count++;
        *ret = calloc(count ? count : 1, sizeof(**ret));
        if (!*ret)
                return 0;
        count = 0;
        for (const struct edge *edge = slot->referrers; edge; edge = edge->next)
                (*ret)[count++] = &edge->source->object;
        return count;
}

int list_reserve(struct kind_list *list, size_t more)
{
        size_t capacity = list->capacity ? list->capacity : 16;

        while (capacity < list->used + more)
                capacity *= 2;
        if (capacity == list->capacity)
                return 0;
        struct slot **slots = realloc(list->slots, capacity * sizeof(struct slot *));
        if (!slots)
                return -ENOMEM;
        list->slots = slots;
        list->capacity = capacity;
        return 0;
}

/* ---- observers and status ---- */

void model_observe(struct model *model, struct model_observer *observer)
{
        struct model_observer **link = &model->observers;

        while (*link)
                link = &(*link)->next;
        observer->next = NULL;
        *link = observer;
}

void model_unobserve(struct model *model, struct model_observer *observer)
{
        struct model_observer **link = &model->observers;

        while (*link && *link != observer)
                link = &(*link)->next;
        if (*link)
                *link = observer->next;
}

void model_set_status(struct model *model, struct object *object, json_t *status)
{
        bool equal = status ? json_equal(object->status, status) : !object->status;

        if (equal) {
                json_decref(status);
                return;
        }
        json_t *before = object->status;
        object->status = status;
        for (struct model_observer *observer = model->observers, *next; observer; observer = next) {
                next = observer->next;
                if (observer->status_changed)
                        observer->status_changed(observer->user, object, before);
        }
        json_decref(before);
}

json_t *object_to_json(const struct object *object)
{
        return json_pack("{s:s, s:s, s:I, s:I, s:O, s:O?}", "kind", object->kind->name, "name", object->name, "id",
                         (json_int_t)object->id, "revision", (json_int_t)object->revision, "spec", object->spec,
                         "status", object->status);
}
