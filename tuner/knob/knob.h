/* A knob: one thing on the host that can be read, written and put back. One file each (knob_*.c), all behind this
 * struct; REGISTER_KNOB makes it known. A knob has targets ("irq 24", "node0 2048kB", "cpu3", or "" when there is one
 * only).
 *
 *      plan ─ wish() ─▶ wishes ─ apply.h: journal, write, read back, undo ─▶ host ─ audit.h ─▶ drift */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "host.h"
#include "plan/plan.h"
#include "socle/errors.h"

struct knob;

struct wish {
        const struct knob *knob;
        char *target;
        char *value; /* wanted, in the knob's own normal form */
        char *why;   /* for people: "interrupts stay off the isolated CPUs 2-7" */
};

/* What could not be wished for, for people: an interrupt that the kernel manages itself, a switch this kernel has not.
 */
struct wish_note {
        const struct knob *knob;
        char *target, *text;
};

struct wishes {
        struct wish *list;
        size_t count, room;
        struct wish_note *notes;
        size_t note_count, note_room;
};
/* Texts are copied; the list stays in the order of the knobs. -ENOMEM. */
int wishes_add(struct wishes *wishes, const struct knob *knob, const char *target, const char *value, const char *why,
               ...) __attribute__((format(printf, 5, 6)));
int wishes_note(struct wishes *wishes, const struct knob *knob, const char *target, const char *text, ...)
        __attribute__((format(printf, 4, 5)));
void wishes_clear(struct wishes *wishes);
/* A wish for knob->path, or a note that this host has no such file. */
int wishes_add_file(struct wishes *wishes, const struct knob *knob, const struct host *host, const char *target,
                    const char *value, const char *why);

/* Why a write failed, where the errno does not say it all ("update-grub ended with status 1: …"). */
struct knob_detail {
        char text[256];
};
void knob_say(struct knob_detail *detail, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct knob {
        const char *name;    /* "irq_affinity", "hugepages", "kernel_command_line", … */
        const char *help;    /* one sentence, with the kernel's document it follows */
        const char *pointer; /* JSON pointer into a HostProfile: where a person asks for it */
        int order;           /* applied in ascending order, undone in descending */
        bool boot; /* in force only after a reboot: read() tells what is written, in_force() what the kernel runs with
                    */
        bool persistent; /* kept in a file that survives a reboot; all else begins anew when the kernel does */
        bool disturbs;   /* reading it interrupts the CPU it is about: not to be polled */

        /* A file of the kernel's that takes and shows the value as plain text; "*" in it is the target. Then read and
         * write may be NULL. */
        const char *path;

        /* What this plan wants of this host: only targets that are there and can be written at all (an interrupt the
         * kernel manages itself is none). Not asked for: no wish. */
        int (*wish)(const struct knob *knob, const struct host *host, const struct topology *topology,
                    const struct plan *plan, struct wishes *wishes, struct errors *errors);
        int (*read)(const struct host *host, const char *target, char **ret_value);
        int (*write)(const struct host *host, const char *target, const char *value, struct knob_detail *detail);
        /* Puts back what read() said before the first write; NULL: write(before). */
        int (*undo)(const struct host *host, const char *target, const char *before, struct knob_detail *detail);
        /* Does what is there do what was wanted? NULL: the same text. */
        bool (*satisfied)(const char *wanted, const char *found);
        int (*in_force)(const struct host *host, const char *target, const char *wanted, bool *ret, char **ret_found);

        /* A file of this target, by whose directory it is watched (apply.h, drift_watch_new()); "*" in it is the
         * target's last word. NULL: path; without that too, it is only polled. */
        const char *watch;

        const struct knob *next;
};

const struct knob *knob_first(void); /* by order, then by name */
const struct knob *knob_find(const char *name);
void knob_register(struct knob *knob);
#define REGISTER_KNOB(variable)                                                                                        \
        __attribute__((constructor)) static void register_##variable(void)                                             \
        {                                                                                                              \
                knob_register(&variable);                                                                              \
        }

/* knob->path with the target in it; a new string, NULL: no memory. */
char *knob_path(const struct knob *knob, const char *target);

/* The functions of a knob, with what stands in for those it has not. A target that has vanished is always -ENOENT. */
int knob_read(const struct knob *knob, const struct host *host, const char *target, char **ret_value);
int knob_write(const struct knob *knob, const struct host *host, const char *target, const char *value,
               struct knob_detail *detail);
int knob_undo(const struct knob *knob, const struct host *host, const char *target, const char *before,
              struct knob_detail *detail);
bool knob_satisfied(const struct knob *knob, const char *wanted, const char *found);

/* All that the plan wants, by every knob, in their order. */
int knobs_wish(const struct host *host, const struct topology *topology, const struct plan *plan,
               struct wishes *ret_wishes, struct errors *errors);
