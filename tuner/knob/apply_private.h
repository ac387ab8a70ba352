/* What comparing, applying, undoing and restoring share: one list of results, whose entries are also the steps. */
#pragma once

#include "apply.h"
#include "journal.h"

/* Texts are copied; `wanted` or `why` may be NULL. NULL: no memory. */
struct knob_result *results_add(struct knob_results *results, const struct knob *knob, const char *target,
                                const char *wanted, const char *why);
void result_clear(struct knob_result *result);
/* Reads into result->found; -ENOENT makes it gone, another failure failed. */
int result_read(const struct host *host, struct knob_result *result);
/* For knobs of the boot loader: does the kernel run with it? */
int result_in_force(const struct host *host, struct knob_result *result);
/* "KNOB TARGET: asked …, found …" */
void result_complain(const struct knob_result *result, const char *doing, struct errors *errors);

/* What is wished for, and what is to be put back since it is no more: the latter first, in descending order. */
int compare_with_journal(const struct host *host, const struct wishes *wishes, const json_t *journal,
                         struct knob_results *ret);

/* Makes the knob read as result->wanted again, and reads it back. 0; -ENOENT: gone; else what failed, with found,
 * detail and error in the result. */
int put_back(const struct host *host, struct knob_result *result);
/* Puts `before` back of all that are pending, the last first. What fails is tried once more after the others, since a
 * knob may wait for another one; then it is complained of, and stays pending. How many do. */
size_t undo_steps(const struct host *host, struct knob_results *results, struct errors *errors);
/* After undo_steps(): forgets the change, or keeps in the journal what could not be put back, so that it is tried again
 * by the next apply or restore. */
int undo_finish(const struct host *host, const struct knob_results *results, json_t *journal, struct errors *errors);
