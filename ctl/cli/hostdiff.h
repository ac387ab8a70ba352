/* What a dry run would do to the host, and what an audit found of its knobs, for people. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* `host` of a dry run's answer: each knob that would change with the reason, steps for VFs, where guests would go. */
void hostdiff_print(const json_t *host);

/* [{knob,target,wanted,found,state,why}] as a table; `all`: also those that are as wanted. How many are not. */
size_t hostdiff_print_knobs(const json_t *knobs, bool all);
