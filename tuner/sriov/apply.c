/* sriov_apply(), sriov_restore() and sriov_recover() of sriov.h: one transaction over all devices of an object.
 *
 *      look, check ─▶ journal: what was there ─▶ a device after the other: itself ─▶ journal: what its VFs were like ─▶
 *      its VFs ─▶ read back ─▶ journal: done.        Something fails: all that were touched go back, in reverse. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transaction.h"

/* An interface that has not come back after so long is not expected any more. */
#define INTERFACE_QUIET_MS 3000

/* Is all as wished, and known to be ours? Then nothing is written, not even the journal. */
static bool is_idle(const struct transaction *transaction)
{
        if (transaction->journal.applying) /* cut off, and to be ended */
                return false;
        for (size_t i = 0; i < transaction->count; i++) {
                const struct part *part = &transaction->parts[i];
                const struct journal_entry *ours = sriov_journal_find(&transaction->journal.before_us, part->address);

                if (!part->wish || !ours || !target_remembered(part->before, part->wish, &ours->state) ||
                    !target_satisfied(part->before, &part->target))
                        return false;
        }
        return true;
}

static int journal_begin(struct transaction *transaction)
{
        struct journal *journal = &transaction->journal;
        /* One that was cut off, and could not be undone, goes on: what was there before it is what was there. */
        int r = journal->applying ? 0 : sriov_journal_copy(&journal->before_us, &journal->undone);

        for (size_t i = 0; r == 0 && i < transaction->count; i++) {
                const struct part *part = &transaction->parts[i];
                struct pf_target state = {};

                if (!sriov_journal_find(&journal->before_apply, part->address)) {
                        r = target_of_state(part->before, &state);
                        if (r == 0)
                                r = sriov_journal_add(&journal->before_apply, part->address, &state);
                }
                if (r < 0 || sriov_journal_find(&journal->before_us, part->address))
                        continue;
                state = (struct pf_target){
                        .count = part->before->count,
                        .link = part->before->interface[0] && !part->before->up ? LINK_DOWN : LINK_ANY,
                        .autoprobe = part->before->autoprobe,
                };
                r = sriov_journal_add(&journal->before_us, part->address, &state);
        }
        if (r < 0)
                return sriov_no_memory(transaction->errors);
        journal->applying = true;
        return sriov_journal_store(transaction->host, transaction->name, journal, transaction->errors);
}

static int journal_end(struct transaction *transaction)
{
        struct journal *journal = &transaction->journal;

        for (size_t i = 0; i < transaction->count; i++) {
                const struct part *part = &transaction->parts[i];

                if (part->wish)
                        target_forget(part->wish, &sriov_journal_find(&journal->before_us, part->address)->state);
                else
                        sriov_journal_remove(&journal->before_us, part->address);
        }
        journal->applying = false;
        int r = sriov_journal_store(transaction->host, transaction->name, journal, transaction->errors);
        journal->applying = r < 0; /* then what is needed to undo is still there */
        return r;
}

/* All is as it was before this apply: so is the journal. */
static int journal_undo(struct transaction *transaction)
{
        struct journal *journal = &transaction->journal;

        sriov_journal_entries_clear(&journal->before_us);
        journal->before_us = journal->undone;
        journal->undone = (struct journal_entries){};
        sriov_journal_entries_clear(&journal->before_apply);
        journal->applying = false;
        return sriov_journal_store(transaction->host, transaction->name, journal, transaction->errors);
}

static int reread(struct change *change, const char *address, const struct pf_target *target, struct pf **ret)
{
        int r = pf_read(change->host, address, target->eswitch != ESWITCH_UNKNOWN, ret);

        if (r < 0)
                pf_unreadable(change, address, r);
        return r;
}

/* VFs may go by themselves, or by somebody's hand, from one moment to the next; who counts on as many reads further. */
static int check_present(struct change *change, const struct pf *fresh, const struct pf_target *target)
{
        char name[PF_NAME_SIZE];

        if (fresh->count == target->count && pf_present(fresh) == fresh->count)
                return 0;
        errors_add(change->errors, -ENODEV, change->wish ? "/spec/numvfs" : "", "VFs that stay while they are set up",
                   "%s has %u VFs any more, of %u", pf_name(fresh, name), pf_present(fresh), target->count);
        return -ENODEV;
}

struct returning {
        const struct change *change;
        const char *address;
};

static int has_interface(void *user, uint64_t *progress)
{
        const struct returning *returning = user;
        struct pf pf = {};

        return pf_identify(returning->change->host, returning->address, &pf) == 0 && pf.interface[0];
}

/* Some drivers make their interface anew with their VFs: without it no value is written. */
static int await_interface(struct change *change, const struct pf_target *target, struct pf **fresh)
{
        struct returning returning = {change, (*fresh)->address};
        char address[PCI_ADDRESS_SIZE];

        if ((*fresh)->interface[0] || !wish_needs_interface(change->wish))
                return 0;
        memcpy(address, (*fresh)->address, sizeof(address));
        if (patience_wait(&change->patience, INTERFACE_QUIET_MS, has_interface, &returning) > 0) {
                *fresh = pf_free(*fresh);
                int r = reread(change, address, target, fresh);

                if (r < 0 || (*fresh)->interface[0])
                        return r;
        }
        errors_add(change->errors, -ENODEV, "/spec/device", "its interface in the host's network namespace",
                   "%s has no interface any more, by which its VFs' values are set", address);
        return -ENODEV;
}

static int remember(struct transaction *transaction, const struct part *part, const struct pf *fresh)
{
        struct journal_entry *ours = sriov_journal_find(&transaction->journal.before_us, part->address);

        if (target_remember(part->before, fresh, part->wish, &ours->state) < 0)
                return sriov_no_memory(transaction->errors);
        return sriov_journal_store(transaction->host, transaction->name, &transaction->journal, transaction->errors);
}

/* From what is there to a target; on the way to a wish, with what its VFs were like into the journal. */
static int bring_about(struct transaction *transaction, struct change *change, const struct pf *pf,
                       const struct pf_target *target, const struct part *part)
{
        bool remakes = target_remakes(pf, target);
        cleanup_(pf_free_p) struct pf *fresh = NULL;
        int r;

        change->patience = patience_owned(change->patience, pf->address);
        r = change_device(change, pf, target);
        if (r == 0)
                r = reread(change, pf->address, target, &fresh);
        if (r == 0)
                r = await_interface(change, target, &fresh);
        if (r == 0)
                r = check_present(change, fresh, target);
        if (r == 0 && part && part->wish)
                r = remember(transaction, part, fresh);
        if (r == 0)
                r = change_vfs(change, fresh, target, remakes);
        if (r == 0)
                r = change_settle(change, fresh, target);
        return r == 0 ? change_verify(change, pf->address, target) : r;
}

static int go_forth(struct transaction *transaction, struct part *part)
{
        struct change change = sriov_transaction_change(transaction, part->wish, FORTH_MS);

        part->touched = true;
        return bring_about(transaction, &change, part->before, &part->target, part);
}

/* Whatever was reached of one device, to a state that was there. */
static int go_back(struct transaction *transaction, const char *address, const struct pf_target *state, bool force)
{
        struct change change = sriov_transaction_change(transaction, NULL, BACK_MS);
        cleanup_(pf_free_p) struct pf *now = NULL;
        struct pf_target target = *state; /* its VFs are the state's */
        int r = sriov_transaction_free_to_begin(transaction, address);

        if (r < 0)
                return r;
        change.force = force;
        usage_clear(&transaction->usage);
        r = reread(&change, address, state, &now);
        if (r < 0)
                return r;
        sriov_transaction_spare_interface(transaction, now, &target);
        r = change_check(&change, now, &target);
        return r == 0 ? bring_about(transaction, &change, now, &target, NULL) : r;
}

static int undo(struct transaction *transaction)
{
        int result = 0;

        for (size_t i = transaction->count; i-- > 0;) {
                const struct part *part = &transaction->parts[i];
                const struct journal_entry *before =
                        sriov_journal_find(&transaction->journal.before_apply, part->address);
                int r = 0;

                if (!part->touched)
                        continue;
                if (patience_pending(part->address, NULL)) /* as has been said */
                        r = -ETIMEDOUT;
                else
                        r = go_back(transaction, part->address, &before->state, part->wish && part->wish->force);
                if (r < 0)
                        errors_add(transaction->errors, r, "", "",
                                   "%s could not be put back as it was; that is tried again before anything else is "
                                   "done with it",
                                   part->address);
                result = result ?: r;
        }
        return result;
}

/* `wish` and `ret_status` may be NULL. The status belongs to what may fail: who gets none has nothing changed. */
static int run(struct transaction *transaction, const struct sriov_wish *wish, json_t **ret_status)
{
        json_t *status = NULL;
        int r = journal_begin(transaction);

        if (r < 0)
                return r;
        for (size_t i = 0; r == 0 && i < transaction->count; i++)
                r = go_forth(transaction, &transaction->parts[i]);
        if (r == 0 && ret_status)
                r = sriov_status(transaction->host, wish, transaction->usage.users, &status, transaction->errors);
        if (r == 0)
                r = journal_end(transaction);
        if (r == 0 && ret_status)
                *ret_status = TAKE_PTR(status);
        json_decref(status);
        /* What could not be undone stays in the journal as an apply that was cut off. */
        if (r < 0 && undo(transaction) == 0)
                (void)journal_undo(transaction);
        return r;
}

int sriov_apply(const struct host *host, const char *name, const struct sriov_wish *wish,
                const struct sriov_users *users, json_t **ret_status, struct errors *errors)
{
        cleanup_(sriov_transaction_clear) struct transaction transaction = {};
        struct errors in_use = *errors;
        int r = sriov_recover(host, name, users, &in_use);

        /* Somebody uses by now what the apply that was cut off had made: it is not undone, but ended by this one. */
        if (r == -EBUSY)
                r = 0;
        else
                *errors = in_use;
        if (r == 0)
                r = sriov_transaction_begin(&transaction, host, name, users, errors);
        if (r == 0)
                r = sriov_transaction_add_meant(&transaction, wish);
        if (r == 0)
                r = sriov_transaction_add_former(&transaction);
        if (r == 0)
                r = sriov_transaction_check(&transaction);
        if (r == 0 && !is_idle(&transaction))
                return run(&transaction, wish, ret_status);
        return r == 0 && ret_status ? sriov_status(host, wish, users, ret_status, errors) : r;
}

int sriov_restore(const struct host *host, const char *name, const struct sriov_users *users, struct errors *errors)
{
        cleanup_(sriov_transaction_clear) struct transaction transaction = {};
        int r = sriov_recover(host, name, users, errors);

        if (r == 0)
                r = sriov_transaction_begin(&transaction, host, name, users, errors);
        if (r == 0)
                r = sriov_transaction_add_former(&transaction);
        if (r == 0)
                r = sriov_transaction_check(&transaction);
        return r == 0 ? run(&transaction, NULL, NULL) : r;
}

int sriov_recover(const struct host *host, const char *name, const struct sriov_users *users, struct errors *errors)
{
        cleanup_(sriov_transaction_clear) struct transaction transaction = {};
        int r = sriov_transaction_begin(&transaction, host, name, users, errors);
        const struct journal_entries *before = &transaction.journal.before_apply;
        int result = r;

        if (r < 0 || !transaction.journal.applying)
                return r;
        for (size_t i = before->count; i-- > 0;) {
                if (!host_exists(host, PCI_DEVICES "/%s", before->list[i].address))
                        continue; /* has left the machine */
                r = go_back(&transaction, before->list[i].address, &before->list[i].state, false);
                result = result ?: r;
        }
        return result == 0 ? journal_undo(&transaction) : result;
}
