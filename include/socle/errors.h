/* What is wrong, for people: a bounded list of complaints, each with the object, a JSON pointer into it (RFC 6901),
 * what is wrong and what would be right. Becomes the `data` of a JSON-RPC error. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#define ERRORS_MAX 32 /* further ones are only counted */

struct complaint {
        char kind[64], name[64]; /* empty: not about an object */
        char pointer[256];       /* into the object ("/spec/mac_address"), or the request ("/objects/3") */
        char message[256];       /* what is wrong, with the offending value where short */
        char expected[256];      /* what would be right; may be empty */
};

struct errors {
        int code;     /* -errno of the worst: -EINVAL, -EPERM, -ENOENT, -ESTALE, -ENOSPC, -EIO … */
        size_t count; /* all; only the first ERRORS_MAX are kept */
        struct complaint list[ERRORS_MAX];
        /* the object spoken of, set by the model around calls into a kind */
        const char *kind, *name;
};

void errors_add(struct errors *errors, int code, const char *pointer, const char *expected, const char *format, ...)
        __attribute__((format(printf, 5, 6)));

/* {"errors": [{"kind","name","pointer","message","expected"}…], "count": n} */
json_t *errors_to_json(const struct errors *errors);
