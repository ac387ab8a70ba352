/* A spec against its kind's field table: types, bounds, unknown and missing fields; out comes the normal form with the
 * defaults filled in, its members in the order of the table. Works with kind.h (the tables) and values.h. */
#pragma once

#include <jansson.h>

#include "kind.h"
#include "pointer.h"

struct errors;

/* 0 and the normal form in *ret, or -EINVAL (-ENOMEM) with every complaint in `errors`. NULL is an empty spec. */
int validate_spec(const struct kind *kind, const json_t *spec, json_t **ret, struct errors *errors);

#define EXPECTED_SIZE 256
/* What would be right for a field, in words. */
const char *field_expected(const struct field *field, char buffer[EXPECTED_SIZE]);
const char *field_type_name(enum field_type type);

#define SHOW_SIZE 96
/* A value for people, cut short: `the text "abc"`, `true`, `a list`. */
const char *show_value(const json_t *value, char buffer[SHOW_SIZE]);

/* Calls back for every reference in a validated spec; a non-zero return ends it and is returned. */
int spec_references(const struct kind *kind, const json_t *spec,
                    int (*reference)(void *user, const struct field *field, const char *name,
                                     const struct place *place),
                    void *user);

/* Complains about every immutable field that differs. */
void validate_immutable(const struct kind *kind, const json_t *before, const json_t *after, struct errors *errors);
