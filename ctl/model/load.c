/* Making a model: its kinds and their order, and the objects that the store has. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "socle/cleanup.h"
#include "store.h"
#include "validate.h"

static int kind_rank(const struct kind *kind, int depth);

static int table_rank(const struct field *fields, int depth)
{
        int rank = 0;

        for (const struct field *f = fields; f && f->name; f++) {
                int r = table_rank(f->fields, depth);
                const struct kind *kind = f->type == FIELD_REF ? kind_find(f->ref_kind) : NULL;

                if (f->item) {
                        const struct field item[2] = {{.name = "", .type = f->item->type, .ref_kind = f->item->ref_kind,
                                                       .fields = f->item->fields, .item = f->item->item}};
                        int below = table_rank(item, depth);
                        r = below > r ? below : r;
                }
                if (kind && depth > 0) {
                        int below = kind_rank(kind, depth - 1) + 1;
                        r = below > r ? below : r;
                }
                rank = r > rank ? r : rank;
        }
        return rank;
}

/* Kinds may refer to each other in a circle; the depth ends that. */
static int kind_rank(const struct kind *kind, int depth)
{
        return table_rank(kind->fields, depth);
}

static int make_lists(struct model *model)
{
        for (const struct kind *kind = kind_first(); kind; kind = kind->next)
                model->list_count++;
        model->lists = calloc(model->list_count + 1, sizeof(*model->lists));
        if (!model->lists)
                return -ENOMEM;
        struct kind_list *list = model->lists;
        for (const struct kind *kind = kind_first(); kind; kind = kind->next, list++) {
                list->kind = kind;
                list->rank = kind_rank(kind, 8);
        }
        return 0;
}

struct loading {
        struct model *model;
        struct errors *errors;
};

static int load_row(void *user, const struct store_row *row)
{
        struct loading *loading = user;
        struct errors *errors = loading->errors;
        struct kind_list *list = model_list(loading->model, row->kind);
        json_t *spec = NULL;

        speak_of(errors, row->kind, row->name);
        if (!list) {
                errors_add(errors, -EBADMSG, "", "socled of the version that wrote the store",
                           "the store holds an object of a kind that this socled does not know");
                return -EBADMSG;
        }
        cleanup_(json_decrefp) json_t *stored = json_loadb(row->spec, row->spec_length, JSON_REJECT_DUPLICATES, NULL);
        if (!stored || validate_spec(list->kind, stored, &spec, errors) < 0) {
                errors_add(errors, -EBADMSG, "/spec", "socled of the version that wrote the store, or a backup",
                           "what the store holds of this object is not valid");
                return -EBADMSG;
        }

        struct slot *slot = slot_new(list, row->name);
        struct version *version = slot ? version_new(slot, spec) : (json_decref(spec), NULL);
        if (!version || list_reserve(list, 1) < 0) {
                version_free(version);
                slot_free(slot);
                return -ENOMEM;
        }
        version->object.id = row->id;
        version->object.revision = row->revision;
        slot->now = version;
        slot_enter(loading->model, slot);
        speak_of(errors, NULL, NULL);
        return 0;
}

/* Once all are there: what they refer to and what they claim. */
static int link_all(struct model *model, struct errors *errors)
{
        for (struct kind_list *list = model->lists; list->kind; list++)
                for (size_t i = 0; i < list->used; i++) {
                        struct version *version = list->slots[i]->now;

                        speak_of(errors, list->kind->name, version->object.name);
                        int r = version_resolve(model, version, errors);
                        if (r == 0)
                                r = version_collect_claims(model, version);
                        if (r == -EINVAL)
                                errors_add(errors, -EBADMSG, "", "a backup of the store", "the store is inconsistent");
                        if (r < 0)
                                return r == -EINVAL ? -EBADMSG : r;
                        version_enter(model, version);
                }
        speak_of(errors, NULL, NULL);
        return 0;
}

DEFINE_CLEANUP(struct model *, model_free)

int model_new(struct model **ret, struct store *store, struct errors *errors)
{
        cleanup_(model_free_p) struct model *model = calloc(1, sizeof(*model));
        struct loading loading = {.model = model, .errors = errors};

        int r = model ? make_lists(model) : -ENOMEM;
        if (r == 0) {
                model->store = store;
                model->revision = store_revision(store);
                r = store_load(store, load_row, &loading, errors);
        }
        if (r == 0)
                r = link_all(model, errors);
        if (r == -ENOMEM)
                complain_memory(errors);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(model);
        return 0;
}

struct model *model_free(struct model *model)
{
        if (!model)
                return NULL;
        for (struct kind_list *list = model->lists; list && list->kind; list++) {
                for (size_t i = 0; i < list->used; i++) {
                        if (!list->slots[i])
                                continue;
                        version_free(list->slots[i]->now);
                        slot_free(list->slots[i]);
                }
                free(list->slots);
        }
        free(model->lists);
        index_clear(&model->names);
        index_clear(&model->ids);
        index_clear(&model->claims);
        free(model);
        return NULL;
}
