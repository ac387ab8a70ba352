/* What tests of SR-IOV share: specs with single quotes, and applying that must succeed, or fail and change nothing. */
#pragma once

#include <jansson.h>

#include "socle/cleanup.h"
#include "socle/errors.h"
#include "sriov/sriov.h"
#include "sriov_kernel.h"

static inline void sriov_wish_free_pp(struct sriov_wish **wish)
{
        sriov_wish_free(*wish);
}
#define cleanup_wish __attribute__((cleanup(sriov_wish_free_pp)))
static inline void json_decref_pp(json_t **json)
{
        json_decref(*json);
}
#define cleanup_json __attribute__((cleanup(json_decref_pp)))

struct sriov_wish *wish_of(const char *spec);
json_t *json_of(const char *text);

/* Of the object "x", as far as no name is given. */
int apply(struct kernel *kernel, const char *name, const char *spec, const struct sriov_users *users,
          struct errors *errors);
void apply_ok(struct kernel *kernel, const char *spec);
/* Must fail with that code, a complaint with this pointer and these words, and all as it was, the journal too. */
void apply_fails(struct kernel *kernel, const char *spec, int code, const char *pointer, const char *words);
void apply_fails_for(struct kernel *kernel, const char *name, const char *spec, const struct sriov_users *users,
                     int code, const char *pointer, const char *words);
void restore_ok(struct kernel *kernel);

void assert_complaint(const struct errors *errors, const char *pointer, const char *words);
void assert_same(const char *before, struct kernel *kernel); /* as kernel_image() was */
bool has_journal(struct kernel *kernel);
json_t *status_of(struct kernel *kernel, const char *spec);
/* A value of a VF of PF0, in words. */
void assert_value(struct kernel *kernel, unsigned number, enum vf_value value, const char *text);
void assert_driver(struct kernel *kernel, const char *address, const char *driver);
