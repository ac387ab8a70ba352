/* A made-up host for tests of the tuner: files below a directory of its own, a state directory beside them, and an
 * observer that counts steps, makes the n-th fail or die, or answers a write as the kernel would. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "knob/host.h"

struct tree {
        char directory[64], root[96], state[96];
        struct host host;
        struct host_observer observer;
        int steps;              /* counted by the observer */
        int fail_at, fail_with; /* the n-th step fails; 0: none does */
        bool fail_on;           /* and all that write to disk after it */
        int die_at;             /* the process ends before the n-th step */
        void (*answer)(struct tree *tree, enum host_step step, const char *path); /* after each, as the kernel would */
        int (*refuse)(struct tree *tree, enum host_step step, const char *path);  /* before each step */
};

int tree_setup(void **state); /* cmocka: *state is a struct tree * */
int tree_teardown(void **state);

/* Makes the directories too; the text gets a newline. */
void tree_put(struct tree *tree, const char *path, const char *text, ...) __attribute__((format(printf, 3, 4)));
void tree_remove(struct tree *tree, const char *path);
void tree_protect(struct tree *tree, const char *path); /* as the kernel shows what nobody may write: 0444 */
void tree_assert(struct tree *tree, const char *path, const char *text);
void tree_assert_absent(struct tree *tree, const char *path);
bool tree_has(struct tree *tree, const char *path);
char *tree_get(struct tree *tree, const char *path);

/* All files and their texts (the state directory not among them), as one text. free() it. */
char *tree_image(struct tree *tree);
