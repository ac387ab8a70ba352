/* Planning an apply: upserts a list of objects; with `replace`, the list is the whole truth for its kinds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "socle/cleanup.h"
#include "validate.h"

/* "id", "revision" and "status" come with what `get` answered, and mean nothing here. */
static const char *const members[] = {"kind", "name", "spec", "id", "revision", "status", NULL};

/* Decides what the object is: invalid, unchanged, an addition or an update. 0 or -ENOMEM. */
static int plan_spec(struct planned *planned, const json_t *spec, struct errors *errors)
{
        json_t *normal;

        int r = validate_spec(planned->list->kind, spec, &normal, errors);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        if (planned->before && json_equal(planned->before->object.spec, normal)) {
                json_decref(normal);
                planned->state = PLANNED_UNCHANGED;
                return 0;
        }
        struct slot *slot = planned->slot ? planned->slot : slot_new(planned->list, planned->name);
        planned->after = slot ? version_new(slot, normal) : NULL;
        if (!planned->after) {
                if (!planned->slot)
                        slot_free(slot);
                return -ENOMEM;
        }
        planned->slot = slot;
        planned->name = slot->name;
        planned->state = planned->before ? PLANNED_UPDATE : PLANNED_ADD;
        return 0;
}

static int plan_entry(struct transaction *transaction, const json_t *entry, size_t i, enum role role,
                      struct errors *errors)
{
        const char *name;
        char pointer[64];
        struct kind_list *list = request_head(transaction->model, entry, i, members, &name, errors);

        if (!list)
                return 0;
        speak_of(errors, list->kind->name, name);
        if (plan_find(transaction, list->kind->name, name)) {
                snprintf(pointer, sizeof(pointer), "/objects/%zu", i);
                errors_add(errors, -EINVAL, pointer, "each object once", "the request has this object twice");
                return 0;
        }
        struct planned *planned = plan_add(transaction, list, name);
        planned->named = true;
        int r = plan_spec(planned, json_object_get(entry, "spec"), errors);
        if (r < 0)
                return r;
        if (planned->state == PLANNED_ADD || planned->state == PLANNED_UPDATE)
                plan_check_role(planned, role, errors);
        if (planned->state == PLANNED_UPDATE)
                validate_immutable(list->kind, planned->before->object.spec, planned->after->object.spec, errors);
        return 0;
}

/* Deletes what the list does not name, of the kinds that it does name. */
static void plan_sweep(struct transaction *transaction, enum role role, struct errors *errors)
{
        struct model *model = transaction->model;
        size_t listed = transaction->planned_count;

        for (struct kind_list *list = model->lists; list->kind; list++) {
                bool occurs = false;

                for (size_t i = 0; i < listed && !occurs; i++)
                        occurs = transaction->planned[i].list == list;
                for (size_t i = 0; occurs && i < list->used; i++) {
                        struct slot *slot = list->slots[i];

                        if (!slot || plan_find(transaction, list->kind->name, slot->name))
                                continue;
                        struct planned *planned = plan_add(transaction, list, slot->name);
                        planned->state = PLANNED_DELETE;
                        speak_of(errors, list->kind->name, slot->name);
                        plan_check_role(planned, role, errors);
                }
        }
}

static size_t room_needed(const struct model *model, const struct apply_request *request)
{
        size_t room = json_array_size(request->objects);

        for (size_t i = 0; request->replace && i < model->list_count; i++)
                room += model->lists[i].count;
        return room;
}

static int plan_all(struct transaction *transaction, const struct apply_request *request, struct errors *errors)
{
        for (size_t i = 0; i < json_array_size(request->objects); i++) {
                int r = plan_entry(transaction, json_array_get(request->objects, i), i, request->role, errors);
                if (r < 0)
                        return r;
        }
        if (request->replace)
                plan_sweep(transaction, request->role, errors);
        speak_of(errors, NULL, NULL);
        if (request->has_if_revision)
                plan_check_revision(transaction, request->if_revision, errors);
        plan_check_references(transaction, errors);
        plan_check_deletions(transaction, errors);
        plan_check_claims(transaction, errors);
        plan_check_kinds(transaction, errors);
        return errors->count ? errors->code : plan_finish(transaction);
}

DEFINE_CLEANUP(struct transaction *, transaction_free)

int model_plan_apply(struct model *model, const struct apply_request *request, struct transaction **ret,
                     struct errors *errors)
{
        if (!json_is_array(request->objects)) {
                errors_add(errors, -EINVAL, "/objects", "a list of objects with kind, name and spec",
                           request->objects ? "objects is no list" : "objects is missing");
                return errors->code;
        }
        cleanup_(transaction_free_p) struct transaction *transaction =
                transaction_new(model, room_needed(model, request));
        int r = -ENOMEM;

        if (transaction) {
                model->plan = transaction;
                r = plan_all(transaction, request, errors);
                model->plan = NULL;
        }
        speak_of(errors, NULL, NULL);
        if (r == -ENOMEM && errors->code != -ENOMEM)
                complain_memory(errors);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(transaction);
        return 0;
}
