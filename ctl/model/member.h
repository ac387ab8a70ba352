/* Members of security groups and address groups: what kinds that have addresses share. */
#pragma once

#include <jansson.h>

#include "kind.h"

/* The address or prefix is a member of the set, says the owner (ids). */
void member_compile(const char *prefix, uint32_t set, uint32_t owner, struct emit *emit);
