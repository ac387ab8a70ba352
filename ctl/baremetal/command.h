/* A program run without a shell, in bounded time, its output kept: ipmitool. Works with inventory_bmc.c, bmc_ipmi.c. */
#pragma once

#include <stdatomic.h>

/* All that it writes (64 KiB at most), the caller's. 0: it ended with status 0; -EIO: with another (the output is
 * returned all the same); -ENOENT: no such program; -ETIMEDOUT: it was killed; -ECANCELED: so it was, since `cancel`
 * became true (NULL: it does not). `environment`: "NAME=value" that is added, for what must not be seen in the process
 * list; NULL: nothing. argv[0] is an absolute path; NULL ends it. */
int command_output(char **ret, unsigned timeout_s, const char *environment, const atomic_bool *cancel,
                   const char *const argv[]);
#define COMMAND(...) ((const char *const[]){__VA_ARGS__, NULL})
