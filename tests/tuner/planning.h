/* What tests of plans share: profiles from short JSON (single quotes), plans that must or must not be, and what is true
 * of every plan. */
#pragma once

#include "support.h"

#include "plan/plan.h"
#include "machine.h"

/* Validated by the kind's table as socled does; must be right. */
struct host_profile *profile_of(const char *quoted);
struct host_profile *profile_of_json(const json_t *spec);

struct plan *plan_ok(const struct topology *t, const char *quoted);
/* Refused with one complaint: about `pointer`, with `words` in its message or in what is expected. */
void plan_bad(const struct topology *t, const char *quoted, const char *pointer, const char *words);

void assert_cpus(const struct cpu_set *set, const char *list);
void assert_class(const struct plan *plan, enum cpu_class class, const char *list);
/* Some reason about the subject has these words. */
void assert_reason(const struct plan *plan, const char *subject, const char *words);
const struct plan_pages *pages_of(const struct plan *plan, int node, uint64_t page_bytes); /* NULL: none */
bool has_argument(const struct plan *plan, const char *argument);

/* The invariants of plan.h; `what` is printed when one is broken. */
void check_plan(const struct topology *t, const struct host_profile *profile, const struct plan *plan,
                const char *what);
