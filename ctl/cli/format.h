/* Values as people read them. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 1234567 as "1.23M"; below 1000 as it is. Decimal prefixes, for rates. */
const char *format_rate(char *buffer, size_t size, double value);
/* "3.4 MiB" */
const char *format_bytes(char *buffer, size_t size, double bytes);
/* "3 d 4 h", "12 s" */
const char *format_duration(char *buffer, size_t size, double seconds);
/* "850 ns", "12.3 µs", "1.20 ms" */
const char *format_nanoseconds(char *buffer, size_t size, double nanoseconds);

/* A field's value in one cell: "fd00::1, 10.0.0.1", "tap vm1 guest1", "3 entries"; a new string, NULL without memory.
 */
char *format_value(const json_t *value);

/* A member by path: "dataplane", "state", NULL. NULL when there is none on the way. */
const json_t *member(const json_t *object, const char *key, ...) __attribute__((sentinel));
const char *member_text(const json_t *object, const char *key); /* "" when it is no string */
double member_number(const json_t *object, const char *key);    /* 0 when it is no number */
double member_time(const json_t *object, const char *key); /* "2026-01-02T03:04:05Z" in seconds; 0 when it is none */

/* Whether packets dropped for this reason are missed by anybody; those that were answered in place are not. */
bool is_loss(const char *reason);
