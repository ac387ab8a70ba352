/* Are the isolated CPUs left alone? Claimed by the profile, counted by the kernel (tuner/noise): a window after what
 * may have changed it, and one now and then. On the event loop. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "plan/profile.h"

struct proof;

struct proof_options {
        /* Another result: {cpus, proven: true | false | null, verdict, limit_us, seconds, at, worst, not_seen}; see
         * kind_host_profile.c. Borrowed. NULL: there is nothing to prove. */
        void (*told)(void *user, const json_t *isolation);
        void *user;
};

int proof_new(struct proof **ret, sd_event *event, const struct proof_options *options);
struct proof *proof_free(struct proof *proof);

/* After a pass. `check`: what the profile asks for, NULL: there is none. `isolated`: a list, or NULL. `changed`: the
 * pass has changed something. `not_yet`: words, if the isolation is to come only with the next boot; NULL: it is there.
 */
void proof_consider(struct proof *proof, const struct profile_check *check, const char *isolated, bool changed,
                    const char *not_yet);
/* The last result, borrowed; NULL: none. */
const json_t *proof_result(const struct proof *proof);
