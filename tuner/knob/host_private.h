/* What functions share that take the path of a file as a format. */
#pragma once

#include <stdio.h>

#include "host.h"
#include "socle/cleanup.h"

/* The path of a function that has a format and arguments, in path_text, freed at the end of the block;
 * `failure` is returned when there is no memory. */
#define FORMAT_PATH(format, failure)                                                                                   \
        cleanup_free char *path_text = NULL;                                                                           \
        do {                                                                                                           \
                va_list path_args;                                                                                     \
                va_start(path_args, format);                                                                           \
                int path_length = vasprintf(&path_text, format, path_args);                                            \
                va_end(path_args);                                                                                     \
                if (path_length < 0)                                                                                   \
                        return path_text = NULL, failure;                                                              \
        } while (0)

int host_open_path(const struct host *host, const char *path, int flags);
