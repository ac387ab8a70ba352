/* Which guests are still on this host: libvirt says so. Works with release.c. */
#pragma once

#include <stddef.h>

/* How many domains are defined or run, and their names for people. -ENOTCONN with words in `names`: libvirt does not
 * say. */
int domains_left(const char *uri, char *names, size_t size);
