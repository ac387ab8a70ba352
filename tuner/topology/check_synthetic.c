/* How many CPUs a synthetic string describes. See source.h. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source.h"

/* Past a bracket and what it closes, and over the rest of the text when it never does. */
static const char *skip_brackets(const char *at, char open, char close)
{
        int depth = 0;

        for (; *at; at++) {
                depth += (*at == open) - (*at == close);
                if (depth == 0)
                        return at + 1;
        }
        return at;
}

/* Levels are "type:count" or "count", and multiply; attributes in (), memory in []. */
int check_synthetic(const char *text, struct errors *errors)
{
        unsigned long long total = 1;

        for (const char *at = text; *at;) {
                bool counts = at == text || at[-1] == ':' || isspace((unsigned char)at[-1]);

                if (*at == '(' || *at == '[') {
                        at = *at == '(' ? skip_brackets(at, '(', ')') : skip_brackets(at, '[', ']');
                        continue;
                }
                if (counts && isdigit((unsigned char)*at)) {
                        char *end;
                        unsigned long long count = strtoull(at, &end, 0);

                        total = count > 0 && total <= CPU_MAX && count <= CPU_MAX ? total * count
                                : count > 0                                       ? CPU_MAX + 1ULL
                                                                                  : total;
                        at = end;
                        continue;
                }
                at++;
        }
        if (total <= CPU_MAX)
                return 0;
        errors_add(errors, -EINVAL, "", "counts of all levels whose product is at most 8192, one for each CPU",
                   "synthetic \"%.100s\" describes more CPUs than a machine can have", text);
        return -EINVAL;
}
