/* The session table in a line or two, for `perf`, `stats`, `status` and `top`. */
#pragma once

#include <jansson.h>

/* "sessions  65536 of 1.05M (6.2 %), 256 MiB; udp 3, tcp_established 9": `sessions` of `stats`; nothing when null. */
void sessions_print(const char *indent, const json_t *sessions);
/* What was created, expired, evicted, cut, killed and looked at again since the dataplane's start. */
void sessions_print_totals(const json_t *sessions);
/* With rates of what was created, expired and so on since `before`. */
void sessions_print_use(const json_t *before, const json_t *after, double seconds);
