/* Transactions: what apply and delete have in common. An object of a request becomes a `planned`; what is wrong with it
 * is complained about; what is left becomes a list of changes in which references resolve. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "nearest.h"
#include "private.h"
#include "store.h"
#include "validate.h"
#include "values.h"

void speak_of(struct errors *errors, const char *kind, const char *name)
{
        errors->kind = kind;
        errors->name = name;
}

void complain_memory(struct errors *errors)
{
        errors_add(errors, -ENOMEM, "", "", "out of memory");
}

struct transaction *transaction_new(struct model *model, size_t capacity)
{
        struct transaction *transaction = calloc(1, sizeof(*transaction));

        if (!transaction)
                return NULL;
        transaction->model = model;
        transaction->base = model->revision;
        transaction->planned_capacity = capacity;
        transaction->planned = calloc(capacity + 1, sizeof(*transaction->planned));
        return transaction->planned ? transaction : transaction_free(transaction);
}

struct transaction *transaction_free(struct transaction *transaction)
{
        if (!transaction)
                return NULL;
        for (size_t i = 0; i < transaction->planned_count; i++) {
                struct planned *planned = &transaction->planned[i];

                version_free(planned->after);
                if (planned->state == PLANNED_ADD)
                        slot_free(planned->slot);
        }
        free(transaction->planned);
        free(transaction->changes);
        free(transaction->origins);
        index_clear(&transaction->by_name);
        index_clear(&transaction->claims);
        free(transaction);
        return NULL;
}

size_t transaction_count(const struct transaction *transaction)
{
        return transaction->count;
}

const struct change *transaction_change(const struct transaction *transaction, size_t i)
{
        return &transaction->changes[i];
}

struct planned *plan_find(const struct transaction *transaction, const char *kind, const char *name)
{
        struct index_node *node = index_first(&transaction->by_name, name_hash(kind, name));

        for (; node; node = index_more(node)) {
                struct planned *planned = container_of(node, struct planned, by_name);
                if (strcmp(planned->name, name) == 0 && strcmp(planned->list->kind->name, kind) == 0)
                        return planned;
        }
        return NULL;
}

struct planned *plan_add(struct transaction *transaction, struct kind_list *list, const char *name)
{
        struct planned *planned = &transaction->planned[transaction->planned_count++];
        struct slot *slot = model_slot(transaction->model, list->kind->name, name);

        planned->list = list;
        planned->name = slot ? slot->name : name;
        planned->slot = slot;
        planned->before = slot ? slot->now : NULL;
        index_add(&transaction->by_name, &planned->by_name, name_hash(list->kind->name, name));
        return planned;
}

/* Additions and updates, what is referred to first; then deletions, what refers first. */
static int compare_order(const void *a, const void *b)
{
        const struct planned *x = *(struct planned *const *)a, *y = *(struct planned *const *)b;
        bool x_goes = x->state == PLANNED_DELETE, y_goes = y->state == PLANNED_DELETE;

        if (x_goes != y_goes)
                return x_goes - y_goes;
        if (x->list->rank != y->list->rank)
                return x_goes ? y->list->rank - x->list->rank : x->list->rank - y->list->rank;
        return x < y ? -1 : x > y;
}

int plan_finish(struct transaction *transaction)
{
        size_t count = 0;

        transaction->changes = calloc(transaction->planned_count + 1, sizeof(*transaction->changes));
        transaction->origins = calloc(transaction->planned_count + 1, sizeof(struct planned *));
        if (!transaction->changes || !transaction->origins)
                return -ENOMEM;
        for (size_t i = 0; i < transaction->planned_count; i++) {
                enum planned_state state = transaction->planned[i].state;

                if (state == PLANNED_ADD || state == PLANNED_UPDATE || state == PLANNED_DELETE)
                        transaction->origins[count++] = &transaction->planned[i];
        }
        if (count > 1)
                qsort(transaction->origins, count, sizeof(struct planned *), compare_order);
        for (size_t i = 0; i < count; i++) {
                const struct planned *planned = transaction->origins[i];

                transaction->changes[i] = (struct change){
                        .type = planned->state == PLANNED_ADD      ? CHANGE_ADD
                                : planned->state == PLANNED_UPDATE ? CHANGE_UPDATE
                                                                   : CHANGE_DELETE,
                        .before = planned->before ? &planned->before->object : NULL,
                        .after = planned->after ? &planned->after->object : NULL,
                };
        }
        transaction->count = count;
        /* The claims' nodes go into the model's index at the commit. */
        index_clear(&transaction->claims);
        return 0;
}

/* ---- the head of an object in a request ---- */

static void complain_kind(const struct model *model, const char *kind, const char *pointer, struct errors *errors)
{
        struct nearest nearest = nearest_start(kind);
        char expected[256] = "one of:";

        for (size_t i = 0; i < model->list_count; i++) {
                size_t used = strlen(expected);

                nearest_try(&nearest, model->lists[i].kind->name);
                snprintf(expected + used, sizeof(expected) - used, "%s %s", i ? "," : "", model->lists[i].kind->name);
        }
        if (nearest.best)
                snprintf(expected, sizeof(expected), "did you mean %s?", nearest.best);
        errors_add(errors, -EINVAL, pointer, expected, "there is no kind \"%.60s\"", kind);
}

static bool text_valid(const json_t *value)
{
        return json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value);
}

static void complain_members(const json_t *entry, size_t i, const char *const *members, struct errors *errors)
{
        char pointer[PLACE_SIZE], index[24], expected[160];
        const char *member;
        json_t *value;

        snprintf(index, sizeof(index), "%zu", i);
        json_object_foreach ((json_t *)entry, member, value) {
                struct place objects = {.name = "objects"}, here = {.parent = &objects, .index = i},
                             there = {.parent = &here, .name = member};
                struct nearest nearest = nearest_start(member);
                bool known = false;

                for (const char *const *m = members; *m; m++) {
                        known |= strcmp(*m, member) == 0;
                        nearest_try(&nearest, *m);
                }
                if (known)
                        continue;
                if (nearest.best)
                        snprintf(expected, sizeof(expected), "did you mean %s?", nearest.best);
                else
                        snprintf(expected, sizeof(expected), "an object of: %s, %s%s", members[0], members[1],
                                 members[2] ? ", spec" : "");
                errors_add(errors, -EINVAL, place_pointer(&there, pointer), expected, "there is no field \"%.60s\"",
                           member);
        }
}

struct kind_list *request_head(struct model *model, const json_t *entry, size_t i, const char *const *members,
                               const char **ret_name, struct errors *errors)
{
        const json_t *kind = json_object_get(entry, "kind"), *name = json_object_get(entry, "name");
        char pointer[64], shown[SHOW_SIZE];

        speak_of(errors, text_valid(kind) ? json_string_value(kind) : NULL,
                 text_valid(name) ? json_string_value(name) : NULL);
        if (!json_is_object(entry)) {
                snprintf(pointer, sizeof(pointer), "/objects/%zu", i);
                errors_add(errors, -EINVAL, pointer, "an object with kind, name and spec", "the entry is %s",
                           show_value(entry, shown));
                return NULL;
        }
        size_t before = errors->count;
        complain_members(entry, i, members, errors);

        struct kind_list *list = text_valid(kind) ? model_list(model, json_string_value(kind)) : NULL;
        snprintf(pointer, sizeof(pointer), "/objects/%zu/kind", i);
        if (!text_valid(kind))
                errors_add(errors, -EINVAL, pointer, "the name of a kind", kind ? "kind is %s" : "kind is missing",
                           kind ? show_value(kind, shown) : "");
        else if (!list)
                complain_kind(model, json_string_value(kind), pointer, errors);

        snprintf(pointer, sizeof(pointer), "/objects/%zu/name", i);
        if (!text_valid(name) || !object_name_valid(json_string_value(name)))
                errors_add(errors, -EINVAL, pointer, "a name of 1 to 63 letters, digits, '.', '_' and '-'",
                           name ? "name is %s" : "name is missing", name ? show_value(name, shown) : "");
        if (errors->count > before)
                return NULL;
        *ret_name = json_string_value(name);
        return list;
}

/* ---- guards ---- */

void plan_check_role(const struct planned *planned, enum role role, struct errors *errors)
{
        static const char *const names[] = {
                [ROLE_NONE] = "none", [ROLE_READ] = "read", [ROLE_OPERATE] = "operate", [ROLE_ADMIN] = "admin"};
        enum role needed = planned->list->kind->write_role;
        char expected[64];

        if (role >= needed)
                return;
        snprintf(expected, sizeof(expected), "a caller with the role %s", names[needed]);
        errors_add(errors, -EPERM, "", expected, "the role %s may not change objects of kind %s", names[role],
                   planned->list->kind->name);
}

struct looking {
        struct transaction *transaction;
        struct errors *errors;
};

static int look_at_deletion(void *user, const char *kind, const char *name, uint64_t revision)
{
        struct looking *looking = user;
        const struct planned *planned = plan_find(looking->transaction, kind, name);

        if (!planned || !planned->named || planned->before)
                return 0;
        speak_of(looking->errors, kind, planned->name);
        errors_add(looking->errors, -ESTALE, "", "get it again, and decide anew", "deleted in revision %" PRIu64,
                   revision);
        return 0;
}

void plan_check_revision(struct transaction *transaction, uint64_t if_revision, struct errors *errors)
{
        struct looking looking = {.transaction = transaction, .errors = errors};
        bool absent = false;

        speak_of(errors, NULL, NULL);
        if (if_revision > transaction->model->revision) {
                errors_add(errors, -ESTALE, "/if_revision", "a revision that an earlier answer gave",
                           "revision %" PRIu64 " is yet to come: the newest is %" PRIu64, if_revision,
                           transaction->model->revision);
                return;
        }
        for (size_t i = 0; i < transaction->planned_count; i++) {
                const struct planned *planned = &transaction->planned[i];

                absent |= planned->named && !planned->before;
                if (!planned->before || planned->before->object.revision <= if_revision)
                        continue;
                speak_of(errors, planned->list->kind->name, planned->name);
                errors_add(errors, -ESTALE, "", "get it again, and decide anew",
                           "changed in revision %" PRIu64 ", after revision %" PRIu64, planned->before->object.revision,
                           if_revision);
        }
        if (absent)
                (void)store_deleted_since(transaction->model->store, if_revision, look_at_deletion, &looking, errors);
        speak_of(errors, NULL, NULL);
}
