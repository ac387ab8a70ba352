/* What differs between two specs, leaf by leaf, each with its JSON pointer. A list that grew or shrank in one place is
 * compared around that place, so that a host added to thousands is one entry. */
#include <stdio.h>
#include <string.h>

#include "method.h"

#define POINTER_SIZE 256
#define ENTRIES_MAX  256 /* of one object; a last entry says how many more there are */

struct diff {
        json_t *entries;
        size_t more;
        char pointer[POINTER_SIZE]; /* where we are */
        size_t length;
};

static void diff_values(struct diff *diff, json_t *before, json_t *after);

static void add(struct diff *diff, json_t *before, json_t *after)
{
        if (json_array_size(diff->entries) >= ENTRIES_MAX) {
                diff->more++;
                return;
        }
        json_array_append_new(diff->entries, json_pack("{ss, sO, sO}", "pointer", diff->pointer, "before",
                                                       before ?: json_null(), "after", after ?: json_null()));
}

/* Steps into a member, and out again with leave(). '~' and '/' are not in any field's name (RFC 6901 would escape). */
static size_t enter(struct diff *diff, const char *name)
{
        size_t length = diff->length;
        int n = snprintf(diff->pointer + length, sizeof(diff->pointer) - length, "/%s", name);

        diff->length = length + (size_t)n < sizeof(diff->pointer) ? length + (size_t)n : sizeof(diff->pointer) - 1;
        return length;
}

static void leave(struct diff *diff, size_t length)
{
        diff->length = length;
        diff->pointer[length] = 0;
}

static void diff_entry(struct diff *diff, size_t index, json_t *before, json_t *after)
{
        char name[24];

        snprintf(name, sizeof(name), "%zu", index);
        size_t length = enter(diff, name);
        diff_values(diff, before, after);
        leave(diff, length);
}

static void diff_lists(struct diff *diff, json_t *before, json_t *after)
{
        size_t b = json_array_size(before), a = json_array_size(after), common = 0;

        while (common < b && common < a && json_equal(json_array_get(before, common), json_array_get(after, common)))
                common++;
        while (b > common && a > common && json_equal(json_array_get(before, b - 1), json_array_get(after, a - 1))) {
                b--;
                a--;
        }
        for (size_t i = common; i < b || i < a; i++)
                diff_entry(diff, i, i < b ? json_array_get(before, i) : NULL, i < a ? json_array_get(after, i) : NULL);
}

static void diff_objects(struct diff *diff, json_t *before, json_t *after)
{
        const char *name;
        json_t *value;

        json_object_foreach (before, name, value) {
                size_t length = enter(diff, name);
                diff_values(diff, value, json_object_get(after, name));
                leave(diff, length);
        }
        json_object_foreach (after, name, value) {
                if (json_object_get(before, name))
                        continue;
                size_t length = enter(diff, name);
                add(diff, NULL, value);
                leave(diff, length);
        }
}

static void diff_values(struct diff *diff, json_t *before, json_t *after)
{
        if (before == after || (before && after && json_equal(before, after)))
                return;
        if (json_is_object(before) && json_is_object(after))
                diff_objects(diff, before, after);
        else if (json_is_array(before) && json_is_array(after))
                diff_lists(diff, before, after);
        else
                add(diff, before, after);
}

json_t *spec_diff(const json_t *before, const json_t *after)
{
        struct diff diff = {.entries = json_array()};

        enter(&diff, "spec");
        diff_values(&diff, (json_t *)before, (json_t *)after);
        if (diff.more > 0)
                json_array_append_new(diff.entries, json_pack("{ss, sn, sn, sI}", "pointer", "", "before", "after",
                                                              "more", (json_int_t)diff.more));
        return diff.entries;
}
