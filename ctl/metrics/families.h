/* All metrics there are, from what socled and the dataplane say of themselves. */
#pragma once

#include <jansson.h>

#include "exposition.h"

struct model;

struct metric_facts {
        const struct model *model;
        const json_t *info;  /* as the method `info` answers */
        const json_t *stats; /* as `stats` does; NULL: there is no dataplane */
};

void families_render(const struct metric_facts *facts, struct exposition *to);
