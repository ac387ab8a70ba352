/* A topology for people: as a tree in a terminal, and as SVG. Both take the JSON document of topology_to_json(), to
 * which a plan ("classes": {"housekeeping": "0-3", …}) and guests ("guests":
 * [{"name","vcpus","cpus","memory_bytes","nodes"}]) may have been added, so that what socled answers and what was read
 * from a file are drawn alike. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct render_options {
        bool colour; /* ANSI, by class */
        bool unicode;
        int width; /* columns; 0: unbounded */
};

/* -EINVAL: not such a document. */
int topology_render_tree(const json_t *document, const struct render_options *options, FILE *to);
/* A self-contained SVG 1.1: packages, nodes, cores coloured by class, NICs and VFs, guests where they sit, a legend. */
int topology_render_svg(const json_t *document, FILE *to);
