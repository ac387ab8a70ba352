/* What a field table cannot say of a HostProfile, and no machine need be known for. Complains with pointers. */
#pragma once

#include "profile.h"

/* An empty text is an empty list. */
void check_cpu_list(const char *text, const char *pointer, struct cpu_set *ret, struct errors *errors);
/* Hexadecimal, contiguous, not zero; 0: it is none. */
uint32_t check_way_mask(const char *text, const char *pointer, struct errors *errors);
/* No node and size twice. */
void check_pages(const struct host_profile *profile, struct errors *errors);
/* Members against each other. */
void check_profile(const struct host_profile *profile, struct errors *errors);
