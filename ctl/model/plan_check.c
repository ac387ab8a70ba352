/* What must hold between objects once a transaction is through: references resolve, nothing that is referred to goes,
 * nothing is claimed twice, and every kind's own check passes, of what changes and of what depends on it.
 *
 * The order matters: a later step relies on the earlier ones, and looks only at what they left unpoisoned. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

static bool is_upsert(const struct planned *planned)
{
        return planned->state == PLANNED_ADD || planned->state == PLANNED_UPDATE;
}

/* What is referred to before what refers, so that poison spreads. */
static void resolve_rank(struct transaction *transaction, int rank, struct errors *errors)
{
        for (size_t i = 0; i < transaction->planned_count; i++) {
                struct planned *planned = &transaction->planned[i];

                if (planned->list->rank != rank || !is_upsert(planned))
                        continue;
                speak_of(errors, planned->list->kind->name, planned->name);
                int r = version_resolve(transaction->model, planned->after, errors);
                if (r == -ENOMEM)
                        complain_memory(errors);
                planned->poisoned = r < 0;
        }
}

void plan_check_references(struct transaction *transaction, struct errors *errors)
{
        int highest = 0;

        for (size_t i = 0; i < transaction->planned_count; i++)
                if (transaction->planned[i].list->rank > highest)
                        highest = transaction->planned[i].list->rank;
        for (int rank = 0; rank <= highest; rank++)
                resolve_rank(transaction, rank, errors);
        speak_of(errors, NULL, NULL);
}

/* Does the referrer stay, and with it the reference? (A referrer that changes has had its new references looked at.) */
static bool still_refers(const struct transaction *transaction, const struct edge *edge)
{
        const struct planned *planned =
                plan_find(transaction, edge->source->object.kind->name, edge->source->object.name);

        return !planned || planned->state == PLANNED_UNCHANGED || planned->state == PLANNED_KEPT;
}

/* "Port vm1, Port vm2 and 3 more" */
static size_t name_referrers(const struct transaction *transaction, const struct slot *slot, char *words, size_t size)
{
        size_t count = 0, used = 0;

        words[0] = 0;
        for (const struct edge *edge = slot->referrers; edge; edge = edge->next) {
                const struct object *object = &edge->source->object;

                if (!still_refers(transaction, edge) || ++count > 3)
                        continue;
                used += snprintf(words + used, size - used, "%s%s %s", count > 1 ? ", " : "", object->kind->name,
                                 object->name);
        }
        if (count > 3)
                snprintf(words + used, size - used, " and %zu more", count - 3);
        return count;
}

void plan_check_deletions(struct transaction *transaction, struct errors *errors)
{
        char words[240], expected[256];
        bool invalid = false;

        for (size_t i = 0; i < transaction->planned_count; i++)
                invalid |= transaction->planned[i].state == PLANNED_INVALID || transaction->planned[i].poisoned;
        for (size_t i = 0; i < transaction->planned_count; i++) {
                struct planned *planned = &transaction->planned[i];

                if (planned->state != PLANNED_DELETE)
                        continue;
                size_t count = name_referrers(transaction, planned->slot, words, sizeof(words));
                if (count > 0) {
                        speak_of(errors, planned->list->kind->name, planned->name);
                        snprintf(expected, sizeof(expected), "%s deleted too, or referring elsewhere",
                                 count > 1 ? "these" : "that one");
                        errors_add(errors, -EBUSY, "", expected, "in use by %s", words);
                }
                /* What stays must find all it refers to when it is checked below. */
                if (count > 0 || invalid)
                        planned->state = PLANNED_KEPT;
        }
        speak_of(errors, NULL, NULL);
}

/* ---- claims ---- */

static void complain_claim(struct model *model, const struct claim *claim, struct version *other, struct errors *errors)
{
        char here[PLACE_SIZE], there[PLACE_SIZE], expected[64];
        bool self = other == claim->owner;

        if (errors->count >= ERRORS_MAX) {
                errors_add(errors, -EINVAL, "", "", "claimed twice");
                return;
        }
        version_claim_pointer(model, claim->owner, claim->key, self ? 1 : 0, here);
        version_claim_pointer(model, other, claim->key, 0, there);
        if (self) {
                snprintf(expected, sizeof(expected), "each once");
                errors_add(errors, -EINVAL, here, expected, "%s is there twice, see %s", claim->key, there);
                return;
        }
        snprintf(expected, sizeof(expected), "one that no other object has");
        errors_add(errors, -EINVAL, here, expected, "%s belongs to %s %s already (%s)", claim->key,
                   other->object.kind->name, other->object.name, there);
}

/* Another version that will hold this claim after the transaction, or NULL. */
static struct version *other_claimant(const struct transaction *transaction, const struct claim *claim)
{
        const struct claim *planned = claim_find(&transaction->claims, claim->key);

        if (planned)
                return planned->owner;
        const struct claim *held = claim_find(&transaction->model->claims, claim->key);
        if (!held)
                return NULL;
        const struct object *holder = &held->owner->object;
        const struct planned *fate = plan_find(transaction, holder->kind->name, holder->name);
        bool stays = !fate || fate->state == PLANNED_UNCHANGED || fate->state == PLANNED_KEPT;
        return stays ? held->owner : NULL;
}

void plan_check_claims(struct transaction *transaction, struct errors *errors)
{
        struct model *model = transaction->model;

        for (size_t i = 0; i < transaction->planned_count; i++) {
                struct planned *planned = &transaction->planned[i];

                if (!is_upsert(planned) || planned->poisoned)
                        continue;
                speak_of(errors, planned->list->kind->name, planned->name);
                if (version_collect_claims(model, planned->after) < 0) {
                        complain_memory(errors);
                        continue;
                }
                for (struct claim *c = claim_next(planned->after, NULL); c; c = claim_next(planned->after, c)) {
                        struct version *other = other_claimant(transaction, c);

                        if (other)
                                complain_claim(model, c, other, errors);
                        else
                                index_add(&transaction->claims, &c->node, c->node.hash);
                }
        }
        speak_of(errors, NULL, NULL);
}

/* ---- the kinds' own checks ---- */

static void check_one(struct model *model, const struct version *version, struct errors *errors)
{
        const struct kind *kind = version->object.kind;

        speak_of(errors, kind->name, version->object.name);
        if (kind->check)
                kind->check(model, &version->object, errors);
}

/* A complaint about an object that the request does not name says why it comes up. */
static void explain(struct errors *errors, size_t before, const struct slot *cause)
{
        for (size_t i = before; i < errors->count && i < ERRORS_MAX; i++) {
                char *message = errors->list[i].message;
                size_t used = strlen(message);

                snprintf(message + used, sizeof(errors->list[i].message) - used, " (with this change of %s %s)",
                         cause->list->kind->name, cause->name);
        }
}

/* Whatever depends on the slot, directly or not, and is not in the plan's hands itself. On what is opaque nothing does.
 */
static void check_dependents(struct transaction *transaction, struct slot *slot, const struct slot *cause,
                             struct errors *errors)
{
        for (const struct edge *edge = slot->list->kind->opaque ? NULL : slot->referrers; edge; edge = edge->next) {
                struct slot *source = edge->source->slot;
                size_t before = errors->count;

                if (source->visited == transaction->model->serial)
                        continue;
                source->visited = transaction->model->serial;
                if (still_refers(transaction, edge)) {
                        check_one(transaction->model, edge->source, errors);
                        explain(errors, before, cause);
                }
                check_dependents(transaction, source, cause, errors);
        }
}

void plan_check_kinds(struct transaction *transaction, struct errors *errors)
{
        transaction->model->serial++;
        for (size_t i = 0; i < transaction->planned_count; i++) {
                struct planned *planned = &transaction->planned[i];

                if (is_upsert(planned) && !planned->poisoned)
                        check_one(transaction->model, planned->after, errors);
        }
        for (size_t i = 0; i < transaction->planned_count; i++) {
                struct planned *planned = &transaction->planned[i];

                if (planned->state == PLANNED_UPDATE && !planned->poisoned)
                        check_dependents(transaction, planned->slot, planned->slot, errors);
        }
        speak_of(errors, NULL, NULL);
}
