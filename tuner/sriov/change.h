/* A target into force on one device, in the steps between which apply.c keeps its journal. Works with target.h (what is
 * to be), driver.h and link.h (how). Complains with the spec's pointers while there is a wish, and in words alone when
 * going back. */
#pragma once

#include "patience.h"
#include "target.h"
#include "usage.h"

struct change {
        const struct host *host;
        const struct sriov_wish *wish; /* NULL: going back */
        bool force;                    /* also takes away what is used */
        struct usage *usage;
        struct patience patience;
        struct errors *errors;
};

/* Complains that the device cannot be read any more. */
void pf_unreadable(struct change *change, const char *address, int error);
/* Can it be, as far as one sees without touching anything? Complains about all that is wrong. */
int change_check(struct change *change, const struct pf *pf, const struct pf_target *target);
/* The users alone, asked anew: of VF `number`, or of all (-1), before it is taken away. Who has come to use it since
 * change_check() is not robbed: -EBUSY. */
int change_check_users(struct change *change, const char *address, const struct pf_target *target, int number);
/* The device itself: its interface up, its eswitch's mode, the number of VFs. New VFs are not shown to drivers
 * yet, but reserved for those that they are for. */
int change_device(struct change *change, const struct pf *pf, const struct pf_target *target);
/* The VFs that are there now: values, then drivers. `fresh`: change_device() has made them, and nobody has seen them.
 */
int change_vfs(struct change *change, const struct pf *pf, const struct pf_target *target, bool fresh);
/* What comes last: its interface down, which would be in the way of the rest. */
int change_settle(struct change *change, const struct pf *pf, const struct pf_target *target);
/* Reads back, and complains about all that is not as it should be. */
int change_verify(struct change *change, const char *address, const struct pf_target *target);
