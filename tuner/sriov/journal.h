/* What was there before us, on disk (host->state/sriov-NAME.json) as long as an object is in force; and, while an apply
 * is under way, what was there before that, so that one which is cut off can be undone. Works with apply.c. */
#pragma once

#include "knob/host.h"
#include "socle/errors.h"
#include "state.h"

struct journal_entry {
        char address[PCI_ADDRESS_SIZE];
        struct pf_target state;
};

struct journal_entries {
        struct journal_entry *list;
        size_t count;
};

struct journal {
        struct journal_entries before_us; /* what deleting the object restores */
        bool applying;
        struct journal_entries before_apply; /* while applying: of the devices that it touches */
        struct journal_entries undone;       /* while applying: what `before_us` was, and is again once undone */
};

void sriov_journal_clear(struct journal *journal);
/* None on disk: an empty one. -EBADMSG with words: not one of ours. */
int sriov_journal_load(const struct host *host, const char *name, struct journal *ret, struct errors *errors);
/* An empty one is removed. Complains. */
int sriov_journal_store(const struct host *host, const char *name, const struct journal *journal,
                        struct errors *errors);

struct journal_entry *sriov_journal_find(const struct journal_entries *entries, const char *address);
/* Takes over the state, also on failure: -ENOMEM. */
int sriov_journal_add(struct journal_entries *entries, const char *address, struct pf_target *state);
void sriov_journal_remove(struct journal_entries *entries, const char *address);
int sriov_journal_copy(const struct journal_entries *from, struct journal_entries *ret);
void sriov_journal_entries_clear(struct journal_entries *entries);

/* The object, other than `name`, in whose journal the device is; "": none. */
int sriov_journal_owner(const struct host *host, const char *name, const char *address, char ret[64]);
