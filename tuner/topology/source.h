/* What topology_read() is to read, made ready: a root directory, an XML text that is well-formed, a synthetic string
 * that is not too large, or a JSON document. */
#pragma once

#include "discover.h"
#include "topology.h"

struct opened {
        struct discovery discovery;
        char name[128];
        int root;          /* the directory that has proc and sys in it; -1: none */
        json_t *document;  /* of a file with JSON: then nothing is to be discovered; else, when it is */
        char *text, *path; /* what `discovery` points to */
        char *unpacked;    /* a temporary directory, removed by source_close() */
};

/* 0, or -errno with words in `errors`; source_close() either way. */
int source_open(struct opened *ret, const struct topology_source *source, struct errors *errors);
void source_close(struct opened *opened);

/* unpack.c: an archive into a new temporary directory, with tar(1). */
int unpack(char **ret_directory, const char *file, struct errors *errors);
void remove_unpacked(const char *directory);
/* check_xml.c: says where a text is not well-formed, or is of something else than hwloc. */
int check_xml(const char *name, const char *text, size_t size, struct errors *errors);
/* check_synthetic.c: refuses more CPUs than there can be, before hwloc makes them. */
int check_synthetic(const char *text, struct errors *errors);
