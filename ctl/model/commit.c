/* Committing a transaction: to disk first, where it may fail; then in memory, where nothing can fail any more. */
#include <errno.h>
#include <stdlib.h>

#include "private.h"
#include "socle/cleanup.h"
#include "store.h"

/* Not json_dumps(): out of memory it may drop the key of a member and say nothing (jansson 2.14, dump.c). Into a buffer
 * of ours there is nothing to go wrong. Not NUL-terminated. */
static char *dump_spec(const json_t *spec, size_t *ret_length)
{
        size_t capacity = 1024, length;

        for (;; capacity = length) {
                cleanup_free char *text = malloc(capacity);

                length = text ? json_dumpb(spec, text, capacity, JSON_COMPACT) : 0;
                if (length == 0)
                        return NULL;
                *ret_length = length;
                if (length <= capacity)
                        return TAKE_PTR(text);
        }
}

static int store_change(struct transaction *transaction, size_t i, uint64_t revision, struct errors *errors)
{
        struct planned *planned = transaction->origins[i];
        struct store *store = transaction->model->store;
        const char *kind = planned->list->kind->name;

        speak_of(errors, kind, planned->name);
        if (planned->state == PLANNED_DELETE)
                return store_delete(store, planned->before->object.id, kind, planned->name, revision, errors);

        size_t length;
        cleanup_free char *text = dump_spec(planned->after->object.spec, &length);
        if (!text)
                return -ENOMEM;
        struct store_row row = {
                .id = planned->after->object.id,
                .kind = kind,
                .name = planned->name,
                .spec = text,
                .spec_length = length,
                .revision = revision,
        };
        int r = store_put(store, &row, errors);
        if (r < 0)
                return r;
        planned->after->object.id = row.id;
        planned->after->object.revision = revision;
        return 0;
}

/* Memory first, while it can still be refused. */
static int reserve(struct transaction *transaction)
{
        for (struct kind_list *list = transaction->model->lists; list->kind; list++) {
                size_t more = 0;

                for (size_t i = 0; i < transaction->count; i++)
                        more += transaction->origins[i]->list == list && transaction->origins[i]->state == PLANNED_ADD;
                if (more > 0 && list_reserve(list, more) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int commit_to_store(struct transaction *transaction, uint64_t revision, struct errors *errors)
{
        struct store *store = transaction->model->store;

        int r = store_begin(store, errors);
        for (size_t i = 0; r == 0 && i < transaction->count; i++)
                r = store_change(transaction, i, revision, errors);
        speak_of(errors, NULL, NULL);
        if (r == 0)
                r = store_commit(store, revision, errors);
        if (r < 0)
                store_rollback(store);
        return r;
}

/* Out with all that goes before anything comes in: two objects may have swapped a claim. */
static void swap_versions(struct transaction *transaction)
{
        struct model *model = transaction->model;

        for (size_t i = 0; i < transaction->count; i++)
                if (transaction->origins[i]->before)
                        version_leave(model, transaction->origins[i]->before);
        for (size_t i = 0; i < transaction->count; i++) {
                struct planned *planned = transaction->origins[i];

                if (planned->state == PLANNED_DELETE) {
                        slot_leave(model, planned->slot);
                        continue;
                }
                if (planned->before)
                        planned->after->object.status = json_incref(planned->before->object.status);
                version_enter(model, planned->after);
                if (planned->state == PLANNED_ADD)
                        slot_enter(model, planned->slot);
        }
}

/* The versions before, and the slots of what was deleted; the versions after are the model's now. */
static void release(struct transaction *transaction)
{
        for (size_t i = 0; i < transaction->count; i++) {
                struct planned *planned = transaction->origins[i];

                version_free(planned->before);
                if (planned->state == PLANNED_DELETE)
                        slot_free(planned->slot);
                planned->after = NULL;
                planned->state = PLANNED_UNCHANGED;
        }
}

DEFINE_CLEANUP(struct transaction *, transaction_free)

int model_commit(struct model *model, struct transaction *given, uint64_t *ret_revision, struct errors *errors)
{
        cleanup_(transaction_free_p) struct transaction *transaction = given;
        uint64_t revision = model->revision + 1;

        if (transaction->base != model->revision) {
                errors_add(errors, -ESTALE, "", "planning it again",
                           "other changes came between the plan and its commit");
                return -ESTALE;
        }
        if (transaction->count > 0) {
                int r = reserve(transaction);
                if (r == 0)
                        r = commit_to_store(transaction, revision, errors);
                if (r == -ENOMEM)
                        complain_memory(errors);
                if (r < 0)
                        return r;
                model->revision = revision;
                swap_versions(transaction);
                for (struct model_observer *observer = model->observers, *next; observer; observer = next) {
                        next = observer->next;
                        if (observer->committed)
                                observer->committed(observer->user, revision, transaction->changes, transaction->count);
                }
                release(transaction);
        }
        if (ret_revision)
                *ret_revision = model->revision;
        return 0;
}
