/* Wishes into force, as a transaction: the journal is on disk first (what was there, what is wanted), then each knob is
 * written and read back; if one fails or does not read back as written, everything is put back in reverse order and the
 * error says which knob, what was asked, what is there. kill -9 at any point: knobs_recover() finishes the undoing, or
 * finds that all was done. The journal stays while the profile is in force: it knows what was there before. */
#pragma once

#include <jansson.h>

#include "knob.h"

enum knob_state {
        KNOB_SATISFIED,    /* was so already */
        KNOB_CHANGED,      /* was written, reads back as wanted */
        KNOB_WOULD_CHANGE, /* dry run, or drift */
        KNOB_FAILED,       /* could not be written or read back: see found and error */
        KNOB_GONE,         /* the target has vanished (a CPU, an interrupt): nothing to want */
        KNOB_UNDONE,       /* was written, then put back, since another failed */
};
extern const char *const knob_state_names[]; /* "satisfied", "changed", "would_change", "failed", "gone", "undone" */

struct knob_result {
        const struct knob *knob;
        char *target, *wanted, *why;
        char *found;  /* there, now; NULL: not to be read */
        char *before; /* there, when the call began, and then written over; else NULL */
        enum knob_state state;
        bool pending;         /* written over in this call, not put back: what an undo still has to do */
        bool put_back;        /* wanted is what was there before us: it is asked for no more */
        int error;            /* -errno of a failure; 0: it was written, and reads back as something else */
        char *detail;         /* of a failure, where the errno does not say it all; may be NULL */
        bool reboot_required; /* written, but the kernel runs with something else until it boots again */
        char *in_force;       /* then: what it runs with */
};

struct knob_results {
        struct knob_result *list;
        size_t count, room;
};
void knob_results_clear(struct knob_results *results);
json_t *knob_results_to_json(const struct knob_results *results); /* [{knob,target,wanted,found,why,state,…}] */

/* Reads every knob that is wished for, writes none: the diff of `dry_run`, together with what would be put back. */
int knobs_compare(const struct host *host, const struct wishes *wishes, struct knob_results *ret);

/* The same for drift, cheap: only what differs from the wishes is in the results; knobs that cannot be read without
 * interrupting a CPU are left out, and nothing else is looked at. */
int knobs_drift(const struct host *host, const struct wishes *wishes, struct knob_results *ret);

/* All or nothing. Knobs in the journal that are wished for no more are put back as they were before us. 0: all is as
 * wanted (results say what was changed). Else -errno, everything is as it was before the call, words in `errors`, and
 * results say what was tried. */
int knobs_apply(const struct host *host, const struct wishes *wishes, struct knob_results *ret, struct errors *errors);

/* The profile is gone: everything in the journal back to what was there before us; the journal goes when all is. What
 * cannot be put back is said, stays in the journal, and does not keep the rest from being put back. */
int knobs_restore(const struct host *host, struct knob_results *ret, struct errors *errors);

/* At start, before anything else: an apply that was cut off is undone (to what was in force before it). ret_undone:
 * that was so. A restore that was cut off is carried through. Words in `errors` although it returns 0: something could
 * not be put back; it stays in the journal and is tried again. */
int knobs_recover(const struct host *host, bool *ret_undone, struct errors *errors);

/* Drift is watched for, so that it is seen at once where that is possible: a descriptor that becomes readable when
 * somebody has written into a directory that a wish is about (inotify, which /proc and /sys have for writers), or when
 * a device or CPU came or went (uevents). What the kernel changes by itself is told by nobody, and a directory that
 * the kernel made anew is another one: so knobs_drift() is to be called every few seconds all the same.
 * -errno: nothing can be watched. */
struct drift_watch;
int drift_watch_new(struct drift_watch **ret, const struct host *host, const struct wishes *wishes);
struct drift_watch *drift_watch_free(struct drift_watch *watch);
int drift_watch_fd(const struct drift_watch *watch);
bool drift_watch_drain(struct drift_watch *watch); /* true: look again */
/* Interrupts, CPUs or devices came or went since the last call: wishes are to be made anew. Cheap enough to be asked
 * each time before knobs_drift(). */
bool drift_watch_targets_changed(struct drift_watch *watch);
