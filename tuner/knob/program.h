/* Programs that a knob cannot do without (update-grub, grubby, systemctl): found in fixed places, run without a shell,
 * in bounded time, their output kept for whoever must be told. Only on the real host: in a made-up tree there is
 * nothing to run them in, and what they would do is left to the test. */
#pragma once

#include "knob.h"

/* 0: it ended with status 0, or the host is a tree. -ENOENT: no such program; -ETIMEDOUT: it was killed; -EIO: it
 * failed, and its last words are in `detail`. argv[0] is an absolute path; NULL ends the list. */
int program_run(const struct host *host, unsigned timeout_s, struct knob_detail *detail, const char *const argv[]);
#define PROGRAM(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The first of these paths that is there; NULL ends the list. NULL: none is. */
const char *program_find(const struct host *host, const char *const paths[]);
