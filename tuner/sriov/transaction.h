/* All devices that an object concerns, what is there of each and what is to be: looked at once, then planned (plan.c)
 * or applied (apply.c). */
#pragma once

#include "change.h"
#include "journal.h"

/* Of the 30 s that a device may take; each with GRACE_MS. */
#define FORTH_MS 18000
#define BACK_MS  8000

/* One device in a transaction. */
struct part {
        char address[PCI_ADDRESS_SIZE];
        const struct sriov_wish *wish; /* NULL: back to what was there before us */
        struct pf *before;
        struct pf_target target;
        bool touched;
};

struct transaction {
        const struct host *host;
        const char *name;
        struct usage usage;
        struct errors *errors;
        struct journal journal;
        struct part *parts;
        size_t count;
};

void sriov_transaction_clear(struct transaction *transaction);
/* With its journal. */
int sriov_transaction_begin(struct transaction *transaction, const struct host *host, const char *name,
                            const struct sriov_users *users, struct errors *errors);
/* The devices that are meant. */
int sriov_transaction_add_meant(struct transaction *transaction, const struct sriov_wish *wish);
/* Devices that we have changed, and that are not meant any more, go back. What has left the machine is forgotten. */
int sriov_transaction_add_former(struct transaction *transaction);
/* change_check() of all. */
int sriov_transaction_check(struct transaction *transaction);
struct change sriov_transaction_change(struct transaction *transaction, const struct sriov_wish *wish, unsigned ms);
/* -EBUSY, with words, while a driver still does what it was told to of that device: nothing is to be piled on that. */
int sriov_transaction_free_to_begin(struct transaction *transaction, const char *address);
/* What was down before us and has become the host's own network meanwhile stays up. */
void sriov_transaction_spare_interface(struct transaction *transaction, const struct pf *pf, struct pf_target *target);
int sriov_no_memory(struct errors *errors);
