/* The story of an enrolment for its object's status: each step with its time, Ironic's request id and what became of
 * it. Works with node.c. */
#pragma once

#include <jansson.h>

enum step_state { STEP_DONE, STEP_ACTIVE, STEP_WAITING, STEP_FAILED };

struct progress {
        json_t *steps; /* the oldest first */
};

void progress_clear(struct progress *progress);
/* The step's last entry is rewritten if it is the newest one or not done yet, else there is a new one. Empty texts:
 * none. */
void progress_note(struct progress *progress, const char *step, enum step_state state, const char *request_id,
                   const char *words);
/* What was under way is over, but for the step named (NULL: all of it). */
void progress_over(struct progress *progress, const char *but);
/* The wait that this step was, if there was one, is over. */
void progress_resolve(struct progress *progress, const char *step);
