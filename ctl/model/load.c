/* Making a model: its kinds and their order, and the objects that the store has. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "socle/cleanup.h"
#include "store.h"
#include "validate.h"

/* A kind, on the way down from one kind to those it refers to. */
struct ancestor {
        const struct ancestor *parent;
        const struct kind *kind;
};

static int kind_rank(const struct kind *kind, const struct ancestor *parent);

static int higher(int a, int b)
{
        return a > b ? a : b;
}

static int field_rank(const struct field *field, const struct ancestor *path)
{
        const struct kind *kind = field->type == FIELD_REF ? kind_find(field->ref_kind) : NULL;
        int rank = kind ? kind_rank(kind, path) + 1 : 0;

        if (field->item)
                rank = higher(rank, field_rank(field->item, path));
        for (const struct field *f = field->fields; f && f->name; f++)
                rank = higher(rank, field_rank(f, path));
        return rank;
}

/* One more than the highest kind it refers to. Where kinds refer to each other in a circle there is no order among
 * them, and -1 says that this way does not count. */
static int kind_rank(const struct kind *kind, const struct ancestor *parent)
{
        const struct ancestor here = {parent, kind};
        const struct field table = {.type = FIELD_OBJECT, .fields = kind->fields};

        for (const struct ancestor *a = parent; a; a = a->parent)
                if (a->kind == kind)
                        return -1;
        return field_rank(&table, &here);
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
                list->rank = kind_rank(kind, NULL);
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
