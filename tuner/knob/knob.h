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

struct wishes {
        struct wish *list;
        size_t count, room;
};
/* Texts are copied. -ENOMEM. */
int wishes_add(struct wishes *wishes, const struct knob *knob, const char *target, const char *value, const char *why,
               ...) __attribute__((format(printf, 5, 6)));
void wishes_clear(struct wishes *wishes);

struct knob {
        const char *name; /* "irq_affinity", "hugepages", "kernel_command_line", … */
        const char *help; /* one sentence, with the kernel's document it follows */
        int order;        /* applied in ascending order, undone in descending */
        bool boot; /* in force only after a reboot: read() tells what is written, in_force() what the kernel runs with
                    */

        /* What this plan wants of this host: only targets that are there and can be written at all (an interrupt the
         * kernel manages itself is none). Not asked for: no wish. */
        int (*wish)(const struct host *host, const struct topology *topology, const struct plan *plan,
                    struct wishes *wishes, struct errors *errors);
        int (*read)(const struct host *host, const char *target, char **ret_value);
        int (*write)(const struct host *host, const char *target, const char *value);
        /* Puts back what read() said before the first write; NULL: write(before). */
        int (*undo)(const struct host *host, const char *target, const char *before);
        /* Does what is there do what was wanted? NULL: the same text. */
        bool (*satisfied)(const char *wanted, const char *found);
        int (*in_force)(const struct host *host, const char *target, const char *wanted, bool *ret, char **ret_found);

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
