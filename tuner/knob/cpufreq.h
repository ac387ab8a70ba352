/* What the knobs of cpufreq share: a target is a policy ("policy0"), which one or several CPUs obey. */
#pragma once

#include "knob.h"

/* A wish for each policy that has the knob's file. -EINVAL with words: `value` is none of those in the file `available`
 * beside it. An empty value is no wish; a host without cpufreq is noted. */
int cpufreq_wish(const struct knob *knob, const struct host *host, const char *value, const char *available,
                 const char *why, struct wishes *wishes, struct errors *errors);
