/* TCP sockets to listen on. */
#pragma once

#include <stddef.h>

/* "HOST:PORT" of numbers, "[IPv6]:PORT", ":PORT" (all addresses); non-blocking. -errno, with words in `why`. */
int listen_at(const char *text, int *ret, char *why, size_t size);
