/* See document.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "document.h"

const char *doc_text(const json_t *object, const char *name)
{
        const char *text = json_string_value(json_object_get(object, name));

        return text ? text : "";
}

long long doc_number(const json_t *object, const char *name, long long fallback)
{
        const json_t *value = json_object_get(object, name);

        return json_is_integer(value) ? json_integer_value(value) : fallback;
}

int doc_index(const json_t *object, const char *name, int max)
{
        long long number = doc_number(object, name, -1);

        return number >= 0 && number <= max ? (int)number : -1;
}

uint64_t doc_bytes(const json_t *object, const char *name)
{
        long long number = doc_number(object, name, 0);

        return number > 0 ? (uint64_t)number : 0;
}

bool doc_cpus(const json_t *object, const char *name, struct cpu_set *ret)
{
        const char *text = json_string_value(json_object_get(object, name));

        return text && cpu_set_from_list(text, ret) == 0;
}

int doc_refuse(struct errors *errors, const char *expected, const char *pointer, ...)
{
        char where[128];
        va_list args;

        va_start(args, pointer);
        vsnprintf(where, sizeof(where), pointer, args);
        va_end(args);
        errors_add(errors, -EINVAL, where, expected, "this is no topology: %s is wrong or missing",
                   *where ? where : "the document");
        return -EINVAL;
}
