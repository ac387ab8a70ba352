/* Cores that a tree shows as one line: in the same place, of the same class and kind. Works with render_tree.c. */
#pragma once

#include "picture.h"

struct bunch {
        int package, node, class, kind, l3; /* as in struct picture_core */
        struct cpu_set cpus;
        size_t cores;
};

struct bunches {
        struct bunch *list; /* by package, node, cache, then the lowest CPU */
        size_t count;
};

int bunches_make(struct bunches *ret, const struct picture *picture);
void bunches_done(struct bunches *bunches);
/* Those of a node in a package: `*ret_count` of them, from the one that is answered. */
const struct bunch *bunches_in(const struct bunches *bunches, int package, int node, size_t *ret_count);
