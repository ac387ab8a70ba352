/* Planning a delete: every object must be there (unless ignore_missing), and nothing that stays may refer to it. */
#include <errno.h>
#include <stdlib.h>

#include "nearest.h"
#include "private.h"
#include "socle/cleanup.h"

static const char *const members[] = {"kind", "name", NULL};

static void complain_missing(const struct kind_list *list, const char *name, struct errors *errors)
{
        struct nearest nearest = nearest_start(name);
        char expected[160] = "an object that is there, or ignore_missing";

        for (size_t i = 0; errors->count < ERRORS_MAX && i < list->used; i++)
                if (list->slots[i])
                        nearest_try(&nearest, list->slots[i]->name);
        if (nearest.best)
                snprintf(expected, sizeof(expected), "did you mean %s?", nearest.best);
        errors_add(errors, -ENOENT, "", expected, "there is no %s %s", list->kind->name, name);
}

static void plan_entry(struct transaction *transaction, const struct delete_request *request, size_t i,
                       struct errors *errors)
{
        const char *name;
        char pointer[64];
        struct kind_list *list =
                request_head(transaction->model, json_array_get(request->objects, i), i, members, &name, errors);

        if (!list)
                return;
        speak_of(errors, list->kind->name, name);
        if (plan_find(transaction, list->kind->name, name)) {
                snprintf(pointer, sizeof(pointer), "/objects/%zu", i);
                errors_add(errors, -EINVAL, pointer, "each object once", "the request has this object twice");
                return;
        }
        struct planned *planned = plan_add(transaction, list, name);
        planned->named = true;
        if (!planned->before) {
                planned->state = PLANNED_UNCHANGED;
                if (!request->ignore_missing)
                        complain_missing(list, name, errors);
                return;
        }
        planned->state = PLANNED_DELETE;
        plan_check_role(planned, request->role, errors);
}

static int plan_all(struct transaction *transaction, const struct delete_request *request, struct errors *errors)
{
        for (size_t i = 0; i < json_array_size(request->objects); i++)
                plan_entry(transaction, request, i, errors);
        speak_of(errors, NULL, NULL);
        if (request->has_if_revision)
                plan_check_revision(transaction, request->if_revision, errors);
        plan_check_deletions(transaction, errors);
        return errors->count ? errors->code : plan_finish(transaction);
}

DEFINE_CLEANUP(struct transaction *, transaction_free)

int model_plan_delete(struct model *model, const struct delete_request *request, struct transaction **ret,
                      struct errors *errors)
{
        if (!json_is_array(request->objects)) {
                errors_add(errors, -EINVAL, "/objects", "a list of objects with kind and name",
                           request->objects ? "objects is no list" : "objects is missing");
                return errors->code;
        }
        cleanup_(transaction_free_p) struct transaction *transaction =
                transaction_new(model, json_array_size(request->objects));
        int r = -ENOMEM;

        if (transaction) {
                model->plan = transaction;
                r = plan_all(transaction, request, errors);
                model->plan = NULL;
        }
        speak_of(errors, NULL, NULL);
        if (r == -ENOMEM)
                complain_memory(errors);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(transaction);
        return 0;
}
