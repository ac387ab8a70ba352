/* The objects in the files of -f: many files, many documents, lists of objects, {objects: […]} wrappers; and where
 * each of them stands, so that a complaint about one can name file and line. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "socle/cleanup.h"

struct manifest_file {
        char *name; /* as a person would call it */
        char *text;
        size_t length;
};

struct place {
        size_t file, document;
        char pointer[48]; /* from the document to the object: "", "/3", "/objects/3" */
};

struct manifest {
        json_t *objects; /* an array, as `apply` takes it */
        struct place *places;
        size_t place_size;
        struct manifest_file *files;
        size_t file_count;
};

/* Both say what is wrong and answer an exit_status. */
int manifest_read(struct manifest *manifest, const char *path); /* "-": standard input */
struct arguments;
int manifest_read_all(struct manifest *manifest, const struct arguments *arguments); /* every -f */

void manifest_done(struct manifest *manifest);

/* The line of a value in an object: of the value itself, or of the closest that contains it. False: not known. */
bool manifest_locate(const struct manifest *manifest, size_t object, const char *pointer, const char **ret_file,
                     int *ret_line);
/* The index of an object by kind and name; −1: none. */
long manifest_find(const struct manifest *manifest, const char *kind, const char *name);
