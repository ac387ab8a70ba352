/* Members of a topology's JSON document, which may come from anywhere: of the right type and range, or none. Works with
 * topology_from_json.c, devices_from_json.c and picture.c. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cpu_set.h"
#include "socle/errors.h"

/* "" when it is no text. */
const char *doc_text(const json_t *object, const char *name);
/* `fallback` when it is no number. */
long long doc_number(const json_t *object, const char *name, long long fallback);
/* −1 when it is no number from 0 to max. */
int doc_index(const json_t *object, const char *name, int max);
/* 0 when it is no number from 0 on. */
uint64_t doc_bytes(const json_t *object, const char *name);
/* false, and `ret` untouched: no list of CPUs. */
bool doc_cpus(const json_t *object, const char *name, struct cpu_set *ret);

/* -EINVAL, with words and a pointer as JSON pointers are: formatted. */
int doc_refuse(struct errors *errors, const char *expected, const char *pointer, ...)
        __attribute__((format(printf, 3, 4)));
