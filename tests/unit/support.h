/* What the unit tests share: a model over a store in a directory of its own, and short ways to apply and to complain.
 * JSON is written with single quotes. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdbool.h>

#include "socle/errors.h"
#include "model.h"
#include "store.h"

struct fixture {
        char directory[64];
        char path[96]; /* of the store */
        struct store *store;
        struct model *model;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
/* Closes and opens the store and the model again, as a restart of socled does. */
void fixture_restart(struct fixture *fixture);

json_t *parse(const char *quoted); /* ' for " */
json_t *parse_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct apply {
        bool replace, dry_run;
        int64_t if_revision; /* -1: none */
        enum role role;
};
#define APPLY_DEFAULT ((struct apply){.if_revision = -1, .role = ROLE_ADMIN})

/* Plans and commits; the list of objects is given away. Returns what the first failing step did. */
int apply_json(struct fixture *fixture, json_t *objects, struct apply how, struct errors *errors);
/* Must succeed; returns the new revision. */
uint64_t apply_ok(struct fixture *fixture, const char *objects);
/* Must fail, and change nothing; the complaints in *errors. */
void apply_bad(struct fixture *fixture, const char *objects, struct errors *errors);
int delete_json(struct fixture *fixture, const char *objects, bool ignore_missing, int64_t if_revision, enum role role,
                struct errors *errors);
uint64_t delete_ok(struct fixture *fixture, const char *objects);

/* One of the complaints is about this object and place, and has these words in its message or in what is expected. */
void assert_complaint(const struct errors *errors, const char *kind, const char *name, const char *pointer,
                      const char *words);
void assert_only_complaint(const struct errors *errors, int code, const char *kind, const char *name,
                           const char *pointer, const char *words);
void print_errors(const struct errors *errors);

struct bad {
        const char *kind, *name;
        const char *spec; /* of an object of that kind and name */
        const char *pointer, *words;
};

/* Each is refused, with this complaint alone. */
void check_bad(struct fixture *fixture, const struct bad *bad, size_t count);
#define BAD(...)                                                                                                       \
        do {                                                                                                           \
                const struct bad bad[] = {__VA_ARGS__};                                                                \
                check_bad(*state, bad, sizeof(bad) / sizeof(bad[0]));                                                  \
        } while (0)

/* Everything wanted as one JSON text: equal texts are equal models. free() it. */
char *model_image(const struct model *model);

/* An underlay "u" with both VTEPs, a network "n" of VNI 100, a port "p" in it. */
extern const char small_world[];
