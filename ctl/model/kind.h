/* A kind of object: one file, kind_*.c, with a table of fields from which validation, defaults, `schema`, `explain` and
 * the documentation all come; plus three functions where a table is not enough. REGISTER_KIND makes it known: a new
 * kind is one new file. Works with model.h (which calls it) and errors.h (in which it complains). */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "socle/wire.h"

struct model;
struct object;
struct errors;

enum field_type {
        FIELD_BOOL,
        FIELD_INT,      /* min … max, unit */
        FIELD_STRING,   /* min … max characters; choices, if given */
        FIELD_REF,      /* the name of an object of `ref_kind`, which must exist */
        FIELD_MAC,      /* unicast, not zero; normalised to lower case with colons */
        FIELD_IP,       /* IPv4 or IPv6 (`family` 4 or 6 to allow one); normalised by inet_ntop */
        FIELD_CIDR,     /* an address with a prefix length, host bits kept: 192.0.2.1/24 */
        FIELD_PREFIX,   /* a network, host bits cleared: 192.0.2.0/24; an address alone means itself */
        FIELD_PROTOCOL, /* an IP protocol by name or number, or "any"; normalised to its name if it has one */
        FIELD_PATH,     /* absolute, at most max bytes, no NUL */
        FIELD_IFNAME,   /* a kernel interface's name: 1 … 15 bytes, no '/' or white space */
        FIELD_PCI,      /* a PCI address, normalised to 0000:00:00.0 */
        FIELD_CPUS,     /* a set of CPUs as the kernel lists them, or a single number; normalised: 0-3,8 */
        FIELD_OBJECT,   /* a table of its own: `fields` */
        FIELD_ONEOF,    /* exactly one of `fields`, named by its key: {tap: {…}} */
        FIELD_LIST,     /* of `item`, min … max long */
};

struct field {
        const char *name; /* NULL ends a table */
        enum field_type type;
        const char *help;     /* one sentence for a person */
        const char *unit;     /* "bytes", "s", …; NULL: none */
        const char *fallback; /* the default as JSON text; NULL: none. Of an object {}: its members' defaults */
        bool required;        /* absent without a default is an error */
        bool immutable;       /* may not change while the object lives; delete and make it anew */
        bool secret;          /* a value that is refused is not repeated: somebody may have put a secret there */
        int64_t min, max;
        int family;
        const char *ref_kind;
        const char *const *choices; /* NULL-terminated */
        const struct field *fields; /* FIELD_OBJECT, FIELD_ONEOF */
        const struct field *item;   /* FIELD_LIST: one entry; its name is ignored */
};

enum role { ROLE_NONE, ROLE_READ, ROLE_OPERATE, ROLE_ADMIN };

/* Where compile() puts what it makes: wire records of this object. */
struct emit {
        void (*record)(struct emit *emit, const void *record);
};

/* Where keys() puts what must be unique in the whole model: no two objects may claim the same key. */
struct claims {
        void (*claim)(struct claims *claims, const char *pointer, const char *format, ...)
                __attribute__((format(printf, 3, 4)));
};

struct kind {
        const char *name;
        const char *area;     /* "network", "host", "bare metal" */
        const char *help;     /* a sentence or two for a person */
        enum role write_role; /* needed to apply or delete it */
        const struct field *fields;
        bool opaque; /* what refers to an object of this kind takes only its id from it: a change is none of theirs */

        /* What a table cannot say: fields that exclude or need each other, values that depend on a referenced object.
         * `spec` is validated and has its defaults; references exist (model_find sees the world after the
         * transaction). Complains into `errors` with a JSON pointer. NULL: nothing. */
        void (*check)(const struct model *model, const struct object *object, struct errors *errors);
        /* From the object's own spec alone, not from what it refers to. A key is words, and says which thing it is:
         * "kernel interface eth1" becomes "kernel interface eth1 belongs to Underlay u already". NULL: nothing but
         * kind and name must be unique. */
        void (*keys)(const struct model *model, const struct object *object, struct claims *claims);
        /* The object as wire records, a pure function of the object and of what it references. NULL: not for the
         * dataplane. */
        void (*compile)(const struct model *model, const struct object *object, struct emit *emit);

        struct kind *next; /* the registry */
};

/* All kinds, sorted by name. */
const struct kind *kind_first(void);
const struct kind *kind_find(const char *name); /* NULL: unknown */
void kind_register(struct kind *kind);

#define REGISTER_KIND(variable)                                                                                        \
        __attribute__((constructor)) static void register_##variable(void)                                             \
        {                                                                                                              \
                kind_register(&variable);                                                                              \
        }
