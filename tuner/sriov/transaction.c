/* See transaction.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bounded.h"
#include "transaction.h"

void sriov_transaction_clear(struct transaction *transaction)
{
        for (size_t i = 0; i < transaction->count; i++) {
                pf_free(transaction->parts[i].before);
                pf_target_clear(&transaction->parts[i].target);
        }
        free(transaction->parts);
        sriov_journal_clear(&transaction->journal);
        usage_clear(&transaction->usage);
}

int sriov_no_memory(struct errors *errors)
{
        errors_add(errors, -ENOMEM, "", "", "out of memory");
        return -ENOMEM;
}

int sriov_transaction_begin(struct transaction *transaction, const struct host *host, const char *name,
                            const struct sriov_users *users, struct errors *errors)
{
        *transaction = (struct transaction){.host = host, .name = name, .usage = {host, users}, .errors = errors};
        return sriov_journal_load(host, name, &transaction->journal, errors);
}

struct change sriov_transaction_change(struct transaction *transaction, const struct sriov_wish *wish, unsigned ms)
{
        return (struct change){
                .host = transaction->host,
                .wish = wish,
                .force = wish && wish->force,
                .usage = &transaction->usage,
                .patience = patience_of(ms),
                .errors = transaction->errors,
        };
}

int sriov_transaction_free_to_begin(struct transaction *transaction, const char *address)
{
        return bounded_complain(transaction->errors, -EBUSY, "/spec/device", address, address) ? -EBUSY : 0;
}

void sriov_transaction_spare_interface(struct transaction *transaction, const struct pf *pf, struct pf_target *target)
{
        if (target->link == LINK_DOWN && pf->interface[0] && usage_of_interface(&transaction->usage, pf->interface))
                target->link = LINK_ANY;
}

static int add_part(struct transaction *transaction, const char *address, const struct sriov_wish *wish)
{
        const struct journal_entry *ours = sriov_journal_find(&transaction->journal.before_us, address);
        struct part *more = reallocarray(transaction->parts, transaction->count + 1, sizeof(*more)), *part;
        bool eswitch = (wish && wish->eswitch != ESWITCH_UNKNOWN) || (ours && ours->state.eswitch != ESWITCH_UNKNOWN);
        int r = sriov_transaction_free_to_begin(transaction, address);

        if (!more)
                return sriov_no_memory(transaction->errors);
        transaction->parts = more;
        if (r < 0)
                return r;
        part = &more[transaction->count++];
        *part = (struct part){.wish = wish};
        memcpy(part->address, address, strnlen(address, sizeof(part->address) - 1));
        r = pf_read(transaction->host, address, eswitch, &part->before);
        if (r < 0) {
                char words[PATIENCE_WORDS_SIZE];

                errors_add(transaction->errors, r, "/spec/device", "a device that can be read", "%s cannot be read: %s",
                           address, bounded_failure(r, address, words));
                return r;
        }
        r = target_make(part->before, wish, ours ? &ours->state : NULL, &part->target);
        if (r < 0)
                return sriov_no_memory(transaction->errors);
        sriov_transaction_spare_interface(transaction, part->before, &part->target);
        return 0;
}

int sriov_transaction_add_former(struct transaction *transaction)
{
        struct journal_entries *before_us = &transaction->journal.before_us;
        size_t meant = transaction->count;
        int r = 0;

        for (size_t i = before_us->count; r == 0 && i-- > 0;) {
                char address[PCI_ADDRESS_SIZE];
                bool is_meant = false;

                memcpy(address, before_us->list[i].address, sizeof(address));
                for (size_t j = 0; j < meant; j++)
                        is_meant |= strcmp(transaction->parts[j].address, address) == 0;
                if (is_meant)
                        continue;
                if (host_exists(transaction->host, PCI_DEVICES "/%s", address))
                        r = add_part(transaction, address, NULL);
                else
                        sriov_journal_remove(before_us, address);
        }
        return r;
}

int sriov_transaction_add_meant(struct transaction *transaction, const struct sriov_wish *wish)
{
        cleanup_names char **addresses = NULL;
        char owner[64];
        int r = wish_devices(transaction->host, wish, &addresses, transaction->errors);

        for (size_t i = 0; r == 0 && addresses[i]; i++) {
                r = sriov_journal_owner(transaction->host, transaction->name, addresses[i], owner);
                if (r == 0 && owner[0]) {
                        errors_add(transaction->errors, -EEXIST, "/spec/device",
                                   "a device of which no other SriovDevice speaks",
                                   "the VFs of %s belong to SriovDevice %s already", addresses[i], owner);
                        r = -EEXIST;
                }
                if (r == 0)
                        r = add_part(transaction, addresses[i], wish);
        }
        return r;
}

int sriov_transaction_check(struct transaction *transaction)
{
        int result = 0;

        for (size_t i = 0; i < transaction->count; i++) {
                struct part *part = &transaction->parts[i];
                struct change change = sriov_transaction_change(transaction, part->wish, FORTH_MS);
                int r = change_check(&change, part->before, &part->target);

                result = result ?: r;
        }
        return result;
}
