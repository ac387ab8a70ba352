/* See sessions.h. */
#include <stdio.h>

#include "format.h"
#include "say.h"
#include "sessions.h"
#include "socle/cleanup.h"

static void print_fill(const char *indent, const json_t *sessions)
{
        double live = member_number(sessions, "live"), capacity = member_number(sessions, "capacity");
        double share = capacity > 0 ? live / capacity : 0;
        char bytes[32];

        printf("%s%-10s %s%.0f%s of %.0f (%.1f %%), %s", indent, "sessions",
               paint(share > 0.9   ? RED
                     : share > 0.7 ? YELLOW
                                   : PLAIN),
               live, paint(PLAIN), capacity, share * 100,
               format_bytes(bytes, sizeof(bytes), member_number(sessions, "memory_bytes")));
}

void sessions_print(const char *indent, const json_t *sessions)
{
        const char *state, *before = "; ";
        json_t *count;

        if (!json_is_object(sessions))
                return;
        print_fill(indent, sessions);
        json_object_foreach (json_object_get(sessions, "by_state"), state, count) {
                printf("%s%lld %s", before, (long long)json_integer_value(count), state);
                before = ", ";
        }
        putchar('\n');
}

static const char *const counters[] = {"created", "expired", "evicted", "cut", "killed", "reevaluated"};

void sessions_print_totals(const json_t *sessions)
{
        const char *comma = "  since the dataplane's start: ";

        if (!json_is_object(sessions))
                return;
        for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
                printf("%s%lld %s", comma, (long long)json_integer_value(json_object_get(sessions, counters[i])),
                       counters[i]);
                comma = ", ";
        }
        putchar('\n');
}

void sessions_print_use(const json_t *before, const json_t *after, double seconds)
{
        const char *comma = "";
        char text[32];

        if (!json_is_object(after))
                return;
        print_fill("", after);
        printf("; per second: ");
        for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
                double old = member_number(before, counters[i]), new = member_number(after, counters[i]);

                printf("%s%s %s", comma, format_rate(text, sizeof(text), (new >= old ? new - old : new) / seconds),
                       counters[i]);
                comma = ", ";
        }
        putchar('\n');
}
