/* What is to be of a device, as a pure function of what is there, of a wish and of what was there before us; and what
 * of it still differs. Works with state.h; change.h brings it about. */
#pragma once

#include "state.h"
#include "wish.h"

/* `wish` NULL: back to what was there before us. `before_us` NULL: we have not touched it yet. -ENOMEM.
 *
 * What is not wished for, and what we have not changed, stays as it is: nothing is said about it, unless the VFs must
 * be made anew, and it would be lost with them. */
int target_make(const struct pf *pf, const struct sriov_wish *wish, const struct pf_target *before_us,
                struct pf_target *ret);
/* Exactly what is there, for putting it back. */
int target_of_state(const struct pf *pf, struct pf_target *ret);
/* Must all VFs go and new ones be made? The kernel changes their number only from and to 0. */
bool target_remakes(const struct pf *pf, const struct pf_target *target);

/* Before VFs are written to: what of theirs is about to change goes into `before_us`, unless it is there already, and
 * all of those that are gone. `fresh` is the device with the VFs that it has now, `pf` as it was before. */
int target_remember(const struct pf *pf, const struct pf *fresh, const struct sriov_wish *wish,
                    struct pf_target *before_us);
/* Is all that target_remember() would note in `before_us` already? What the device does not tell it cannot note. */
bool target_remembered(const struct pf *pf, const struct sriov_wish *wish, const struct pf_target *before_us);
/* What is wished for no more has been put back, and is not ours any more. */
void target_forget(const struct sriov_wish *wish, struct pf_target *before_us);

/* Is that value of that VF to be written? Not whether it is good enough: see vf_value_satisfied(). */
bool target_differs(const struct pf *pf, const struct pf_target *target, unsigned number, enum vf_value value);
/* Calls back for all that is not as it should be, VFs' values last. number -1: of the device itself. */
enum difference { DIFFERENT_COUNT, DIFFERENT_ESWITCH, DIFFERENT_LINK, DIFFERENT_VALUE };
void target_compare(const struct pf *pf, const struct pf_target *target,
                    void (*different)(void *user, enum difference what, unsigned number, enum vf_value value),
                    void *user);
bool target_satisfied(const struct pf *pf, const struct pf_target *target);
