/* What tests of knobs and of applying share: a small plan, wishes by hand, errors in words. */
#pragma once

#include "knob/apply.h"
#include "socle/cleanup.h"
#include "tree.h"

/* Nothing is asked for: switches at -1, no CPUs. */
struct plan plan_nothing(void);
struct cpu_set cpus(const char *list);
/* Online CPUs, one node a list ("0-3", "4-7", NULL). For static use: clear with topology_small_clear(). */
struct topology *topology_small(const char *online, ...) __attribute__((sentinel));
struct topology *topology_small_free(struct topology *topology);
DEFINE_CLEANUP(struct topology *, topology_small_free)
#define cleanup_topology cleanup_(topology_small_free_p)

void wishes_clear_p(struct wishes *wishes);
void knob_results_clear_p(struct knob_results *results);
#define cleanup_wishes  cleanup_(wishes_clear_p)
#define cleanup_results cleanup_(knob_results_clear_p)

/* A wish by the knob's name; fails the test when there is no such knob. */
void wish_for(struct wishes *wishes, const char *knob, const char *target, const char *value);
const struct wish *find_wish(const struct wishes *wishes, const char *knob, const char *target);
const struct knob_result *find_result(const struct knob_results *results, const char *knob, const char *target);

/* Must succeed, saying how many knobs changed; must fail, with these words in a complaint. */
void apply_changes(struct tree *tree, const struct wishes *wishes, int changed);
void apply_fails(struct tree *tree, const struct wishes *wishes, int code, const char *words);
void restore_ok(struct tree *tree);
bool has_words(const struct errors *errors, const char *words);
void print_errors(const struct errors *errors);

/* Applies the plan, a second time without any change, and restores: the tree is as it was. */
void there_and_back(struct tree *tree, const struct topology *topology, const struct plan *plan, int changed);
/* The wish is there, with this value. */
void assert_wish(const struct wishes *wishes, const char *knob, const char *target, const char *value);
/* There is a note about this knob, with these words. */
void assert_note(const struct wishes *wishes, const char *knob, const char *words);
/* What the knob reads. */
void assert_reads(struct tree *tree, const char *knob, const char *target, const char *value);

/* The wishes of one plan by all knobs. */
void wishes_of(struct tree *tree, const struct topology *topology, const struct plan *plan, struct wishes *ret);
