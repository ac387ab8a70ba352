/* What a transaction changes, for people. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct manifest;

/* `result` is what apply or delete answered. `details`: values too, an added object's from `manifest`. */
void diff_print(const json_t *result, const struct manifest *manifest, bool details);
/* "2 added, 1 updated, 0 deleted, 5 unchanged" */
void diff_print_counts(const json_t *result);
