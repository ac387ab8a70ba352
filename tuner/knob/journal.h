/* What is on disk about knobs, in host->state; private to this folder.
 *
 *   journal.json  what is in force: {"version", "serial", "boot_id", "knobs": {KNOB: {TARGET: {"before", "wanted"}}}}.
 *                 "before" is what was there before the first apply, and outlives later ones. No file: nothing is.
 *   change.json   there only while an apply is under way: {"boot_id", "steps": [{"knob", "target", "before",
 *                 "wanted", "put_back"}], "next": the journal that is in force when all steps are done}; or {"restore":
 * true}.
 *
 * An apply writes change.json, the knobs, journal.json, and removes change.json. To take it back needs no space on
 * disk: the knobs, then change.json away. Whether the third step was reached is told by the journal's serial. */
#pragma once

#include <jansson.h>

#include "knob.h"
#include "socle/cleanup.h"

DEFINE_CLEANUP(json_t *, json_decref)
#define cleanup_json cleanup_(json_decref_p)

/* An empty one when there is no file. What was in force when the machine ran under another boot, and does not survive
 * one, is left out. -EBADMSG and words: damaged, or of a newer version. */
int journal_load(const struct host *host, json_t **ret, struct errors *errors);
/* A copy with the serial raised by one; NULL: no memory. */
json_t *journal_next(const json_t *journal);
/* An empty journal is no file. */
int journal_save(const struct host *host, const json_t *journal);

const char *journal_before(const json_t *journal, const char *knob, const char *target); /* NULL: not in it */
int journal_set(json_t *journal, const char *knob, const char *target, const char *before, const char *wanted);
void journal_forget(json_t *journal, const char *knob, const char *target);
json_t *journal_targets(const json_t *journal, const char *knob); /* borrowed; NULL: none */
/* Is `journal`, as loaded, the one that a change had as its `next`? */
bool journal_is(const json_t *journal, const json_t *next);

/* NULL: there is none. */
int change_load(const struct host *host, json_t **ret, struct errors *errors);
int change_save(const struct host *host, const json_t *change);
int change_remove(const struct host *host);
/* *ret: the machine has booted since it was written. */
int change_is_old(const struct host *host, const json_t *change, bool *ret);

/* "" when the kernel does not say. */
int journal_boot_id(const struct host *host, char **ret);
