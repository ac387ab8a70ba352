/* What is on disk of an enrolment: NAME.json in the state directory, from before the first word to Ironic until all is
 * taken back. It outlives its object, which is how a deletion goes on after a crash. No secret is in it.
 *
 *   {"version": 1, "spec", "uuid", "by": what marks what we make,
 *    "written": Ironic was told something,      "made": we have asked for the node,   "deleting": to delete it,
 *    "adopted": to adopt it,                    "enrolled": manageable was reached,
 *    "settled": the revision whose target was reached, "password": when the file was written that Ironic was given} */
#pragma once

#include <jansson.h>

#include "socle/errors.h"

/* NULL: there is none. -EBADMSG with words: damaged. */
int ledger_load(const char *directory, const char *name, json_t **ret, struct errors *errors);
/* On disk when it returns 0. */
int ledger_save(const char *directory, const char *name, const json_t *ledger, struct errors *errors);
int ledger_remove(const char *directory, const char *name);
/* Calls for each; `name` is borrowed. */
void ledger_each(const char *directory, void (*call)(void *user, const char *name), void *user);
