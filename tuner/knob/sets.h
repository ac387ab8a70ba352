/* Sets of CPUs in the kernel's files, for knobs: read and written as masks or lists, always a list in a value. */
#pragma once

#include "knob.h"
#include "topology/cpu_set.h"

/* -EBADMSG: the file has no such thing in it. */
int read_mask(const struct host *host, char **ret_list, const char *path, ...) __attribute__((format(printf, 3, 4)));
int read_list(const struct host *host, char **ret_list, const char *path, ...) __attribute__((format(printf, 3, 4)));
int write_mask(const struct host *host, const char *list, const char *path, ...) __attribute__((format(printf, 3, 4)));

/* Where a thread may run, in the text of its /proc/PID/status. -EBADMSG: it does not say. */
int cpus_allowed(const char *status, struct cpu_set *ret);

/* knob->satisfied: the found CPUs are some of the wanted ones; exactly the wanted ones. */
bool list_within(const char *wanted, const char *found);
bool list_equal(const char *wanted, const char *found);
