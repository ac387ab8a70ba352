/* See diff.h. */
#include <stdio.h>
#include <string.h>

#include "diff.h"
#include "format.h"
#include "manifest.h"
#include "say.h"
#include "yaml.h"

static void print_prefixed(enum colour colour, const char *prefix, char *text)
{
        char *at;

        for (char *line = strtok_r(text, "\n", &at); line; line = strtok_r(NULL, "\n", &at))
                printf("%s%s%s%s\n", paint(colour), prefix, line, paint(PLAIN));
}

static void print_value(enum colour colour, const char *prefix, const json_t *value, int indent)
{
        cleanup_free char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return;
        yaml_emit(out, value, indent);
        if (fclose(out) == 0)
                print_prefixed(colour, prefix, text);
}

static bool is_short(const json_t *value)
{
        return !json_is_object(value) && !json_is_array(value);
}

/* One value that differs: on one line if both sides are short, as a block of - and + else. */
static void print_difference(const json_t *difference)
{
        const json_t *before = json_object_get(difference, "before"), *after = json_object_get(difference, "after");
        const char *pointer = member_text(difference, "pointer");

        if ((!before || is_short(before)) && (!after || is_short(after))) {
                cleanup_free char *old = before ? json_dumps(before, JSON_ENCODE_ANY) : NULL;
                cleanup_free char *new = after ? json_dumps(after, JSON_ENCODE_ANY) : NULL;

                printf("    %s: %s%s%s → %s%s%s\n", pointer, paint(RED), old ? old : "(absent)", paint(PLAIN),
                       paint(GREEN), new ? new : "(absent)", paint(PLAIN));
                return;
        }
        printf("    %s:\n", pointer);
        if (before && !json_is_null(before))
                print_value(RED, "  - ", before, 4);
        if (after && !json_is_null(after))
                print_value(GREEN, "  + ", after, 4);
}

static void print_change(const json_t *change, const struct manifest *manifest, bool details)
{
        const char *action = member_text(change, "action"), *kind = member_text(change, "kind");
        const char *name = member_text(change, "name");
        bool adds = strcmp(action, "add") == 0, deletes = strcmp(action, "delete") == 0;
        enum colour colour = adds ? GREEN : deletes ? RED : YELLOW;
        const json_t *differences = json_object_get(change, "diff");
        json_t *difference;
        long object;
        size_t i;

        printf("%s%c %s %s%s\n", paint(colour), adds ? '+' : deletes ? '-' : '~', kind, name, paint(PLAIN));
        if (!details)
                return;
        object = adds && manifest ? manifest_find(manifest, kind, name) : -1;
        if (object >= 0) {
                const json_t *spec = json_object_get(json_array_get(manifest->objects, object), "spec");

                if (json_object_size(spec) > 0)
                        print_value(GREEN, "  + ", spec, 2);
                return;
        }
        json_array_foreach (differences, i, difference)
                if (!deletes)
                        print_difference(difference);
}

void diff_print(const json_t *result, const struct manifest *manifest, bool details)
{
        json_t *change;
        size_t i;

        json_array_foreach (json_object_get(result, "changes"), i, change)
                print_change(change, manifest, details);
}

void diff_print_counts(const json_t *result)
{
        static const char *const names[] = {"added", "updated", "deleted", "unchanged"};
        const json_t *counts = json_object_get(result, "counts");

        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                printf("%s%lld %s", i > 0 ? ", " : "", (long long)json_integer_value(json_object_get(counts, names[i])),
                       names[i]);
}
