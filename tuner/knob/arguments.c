/* See arguments.h. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "host.h"
#include "topology/cpu_set.h"

static int by_text(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ---- normal forms ---- */

static bool takes_cpus(const char *argument)
{
        static const char *const names[] = {"isolcpus=", "nohz_full=", "rcu_nocbs=", "irqaffinity=", "kthread_cpus="};

        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (strncmp(argument, names[i], strlen(names[i])) == 0)
                        return true;
        return false;
}

/* "isolcpus=managed_irq,domain,3,2" → "isolcpus=domain,managed_irq,2-3"; what is no such thing stays as it is. */
static char *normal_cpus(const char *argument)
{
        cleanup_free char *copy = strdup(strchr(argument, '=') + 1), *list = NULL, *text = NULL;
        char *flags[8], *at = copy;
        struct cpu_set cpus;
        size_t count = 0, size;

        while (at && isalpha((unsigned char)*at) && count < ARRAY_LEN(flags)) {
                flags[count++] = at;
                at = strchr(at, ',');
                if (at)
                        *at++ = '\0';
        }
        if (!copy || !at || cpu_set_from_list(at, &cpus) < 0)
                return strdup(argument);
        qsort(flags, count, sizeof(*flags), by_text);
        list = cpu_set_to_list(&cpus);
        FILE *out = list ? open_memstream(&text, &size) : NULL;
        if (!out)
                return NULL;
        fprintf(out, "%.*s", (int)(strchr(argument, '=') + 1 - argument), argument);
        for (size_t i = 0; i < count; i++)
                fprintf(out, "%s,", flags[i]);
        fputs(list, out);
        fclose(out);
        return TAKE_PTR(text);
}

/* ---- lists ---- */

struct list {
        char **strings;
        size_t count, room;
};

/* Takes `string`; NULL: there was no memory for it. */
static int append(struct list *list, char *string)
{
        if (!string)
                return -ENOMEM;
        if (list->count + 1 >= list->room) {
                size_t room = list->room ? list->room * 2 : 32;
                char **more = reallocarray(list->strings, room, sizeof(*more));
                if (!more) {
                        free(string);
                        return -ENOMEM;
                }
                list->strings = more;
                list->room = room;
        }
        list->strings[list->count++] = string;
        list->strings[list->count] = NULL;
        return 0;
}

static bool has_name(const char *argument, const char *name)
{
        return strncmp(argument, name, strlen(name)) == 0;
}

/* hugepages= belongs to the hugepagesz= before it. */
static int append_pages(struct list *list, const char *size, const char *argument)
{
        char *pair;

        if (!size)
                return append(list, strdup(argument));
        return asprintf(&pair, "%s %s", size, argument) < 0 ? -ENOMEM : append(list, pair);
}

static int append_argument(struct list *list, const char **size, const char *argument)
{
        if (has_name(argument, "hugepages=")) {
                int r = append_pages(list, *size, argument);
                *size = NULL;
                return r;
        }
        if (has_name(argument, "hugepagesz=")) {
                int r = *size ? append(list, strdup(*size)) : 0;
                *size = argument;
                return r;
        }
        return append(list, takes_cpus(argument) ? normal_cpus(argument) : strdup(argument));
}

/* The next argument, which ends at a blank that is not in double quotes; cut out of *text. NULL: no more. */
static char *next_argument(char **text)
{
        bool quoted = false;

        while (isspace((unsigned char)**text))
                (*text)++;
        char *start = *text, *end = start;
        for (; *end && (quoted || !isspace((unsigned char)*end)); end++)
                quoted ^= *end == '"';
        *text = *end ? end + 1 : end;
        *end = '\0';
        return *start ? start : NULL;
}

int arguments_parse(const char *text, char ***ret)
{
        cleanup_free char *copy = strdup(text);
        struct list list = {};
        const char *size = NULL;
        char *at = copy, *argument;
        int r = copy ? 0 : -ENOMEM;

        while (r == 0 && (argument = next_argument(&at)))
                r = append_argument(&list, &size, argument);
        if (r == 0 && size)
                r = append(&list, strdup(size));
        if (r == 0 && !list.strings)
                r = (list.strings = calloc(1, sizeof(*list.strings))) ? 0 : -ENOMEM;
        if (r < 0) {
                strings_free(list.strings);
                return r;
        }
        qsort(list.strings, list.count, sizeof(*list.strings), by_text);
        size_t kept = 0;
        for (size_t i = 0; i < list.count; i++) {
                if (kept > 0 && strcmp(list.strings[i], list.strings[kept - 1]) == 0)
                        free(list.strings[i]);
                else
                        list.strings[kept++] = list.strings[i];
        }
        list.strings[kept] = NULL;
        *ret = list.strings;
        return 0;
}

char *arguments_join(char *const *arguments)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return NULL;
        for (size_t i = 0; arguments[i]; i++)
                fprintf(out, "%s%s", i ? " " : "", arguments[i]);
        fclose(out);
        return text;
}

bool arguments_have(char *const *arguments, const char *argument)
{
        for (size_t i = 0; arguments[i]; i++)
                if (strcmp(arguments[i], argument) == 0)
                        return true;
        return false;
}

const char *arguments_find(char *const *arguments, const char *argument)
{
        size_t length = strcspn(argument, "= ");

        for (size_t i = 0; arguments[i]; i++)
                if (strncmp(arguments[i], argument, length) == 0 && strcspn(arguments[i], "= ") == length)
                        return arguments[i];
        return NULL;
}

void arguments_keep(char **arguments, char *const *others)
{
        size_t kept = 0;

        for (size_t i = 0; arguments[i]; i++) {
                char *argument = arguments[i];
                if (arguments_have(others, argument))
                        arguments[kept++] = argument;
                else
                        free(argument);
        }
        arguments[kept] = NULL;
}
