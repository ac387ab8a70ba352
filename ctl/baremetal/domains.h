/* Which guests are still on this host: libvirt says so. Works with release.c. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>

/* How many domains are defined or run, and their names for people. -ENOTCONN with words in `names`: libvirt does not
 * say, or not in time. A libvirtd that hangs keeps a thread of ours, and no more than one, until it answers. */
int domains_left(const char *uri, const atomic_bool *cancel, char *names, size_t size);
