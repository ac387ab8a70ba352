/* "Did you mean …": the known name nearest to a misspelt one. */
#pragma once

#include <stddef.h>

struct nearest {
        const char *word; /* the misspelt one */
        const char *best; /* NULL: nothing near enough */
        size_t distance;
};

struct nearest nearest_start(const char *word);
void nearest_try(struct nearest *nearest, const char *candidate);
