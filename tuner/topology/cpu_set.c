/* See cpu_set.h. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_set.h"
#include "socle/cleanup.h"

#define WORDS (CPU_MAX / 64)

unsigned cpu_set_count(const struct cpu_set *set)
{
        unsigned count = 0;

        for (size_t i = 0; i < WORDS; i++)
                count += (unsigned)__builtin_popcountll(set->words[i]);
        return count;
}

bool cpu_set_empty(const struct cpu_set *set)
{
        return cpu_set_next(set, -1) < 0;
}

bool cpu_set_equal(const struct cpu_set *a, const struct cpu_set *b)
{
        return memcmp(a, b, sizeof(*a)) == 0;
}

bool cpu_set_intersects(const struct cpu_set *a, const struct cpu_set *b)
{
        for (size_t i = 0; i < WORDS; i++)
                if (a->words[i] & b->words[i])
                        return true;
        return false;
}

bool cpu_set_within(const struct cpu_set *inner, const struct cpu_set *outer)
{
        for (size_t i = 0; i < WORDS; i++)
                if (inner->words[i] & ~outer->words[i])
                        return false;
        return true;
}

void cpu_set_or(struct cpu_set *set, const struct cpu_set *other)
{
        for (size_t i = 0; i < WORDS; i++)
                set->words[i] |= other->words[i];
}

void cpu_set_and(struct cpu_set *set, const struct cpu_set *other)
{
        for (size_t i = 0; i < WORDS; i++)
                set->words[i] &= other->words[i];
}

void cpu_set_and_not(struct cpu_set *set, const struct cpu_set *other)
{
        for (size_t i = 0; i < WORDS; i++)
                set->words[i] &= ~other->words[i];
}

int cpu_set_next(const struct cpu_set *set, int previous)
{
        unsigned from = (unsigned)(previous + 1);

        if (from >= CPU_MAX)
                return -1;
        uint64_t word = set->words[from / 64] & (~0ULL << (from % 64));
        for (size_t i = from / 64;; word = set->words[i]) {
                if (word)
                        return (int)(i * 64) + __builtin_ctzll(word);
                if (++i == WORDS)
                        return -1;
        }
}

/* ---- text ---- */

char *cpu_set_to_list(const struct cpu_set *set)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return NULL;
        for (int cpu = cpu_set_next(set, -1); cpu >= 0;) {
                int first = cpu, last = cpu;
                while ((cpu = cpu_set_next(set, last)) == last + 1)
                        last = cpu;
                fprintf(out, last > first ? "%s%d-%d" : "%s%d", ftello(out) ? "," : "", first, last);
        }
        fclose(out);
        return text;
}

char *cpu_set_to_mask(const struct cpu_set *set, unsigned cpus)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return NULL;
        if (cpus == 0 || cpus > CPU_MAX)
                cpus = CPU_MAX;
        for (int group = (int)(cpus - 1) / 32; group >= 0; group--) {
                unsigned bits = cpus - (unsigned)group * 32;
                uint32_t value = (uint32_t)(set->words[group / 2] >> (group % 2 * 32));
                int digits = bits >= 32 ? 8 : (int)(bits + 3) / 4;
                fprintf(out, "%0*x%s", digits, value, group > 0 ? "," : "");
        }
        fclose(out);
        return text;
}

static int read_number(const char **text, unsigned long *ret)
{
        char *end;

        if (!isdigit((unsigned char)**text))
                return -EINVAL;
        *ret = strtoul(*text, &end, 10);
        *text = end;
        return *ret < CPU_MAX ? 0 : -ERANGE;
}

/* N, N-M, or N-M:used/group. */
static int read_range(const char **text, struct cpu_set *set)
{
        unsigned long first, last, used = 1, group = 1;
        int r = read_number(text, &first);

        if (r < 0)
                return r;
        last = first;
        if (**text == '-') {
                (*text)++;
                r = read_number(text, &last);
                if (r < 0)
                        return r;
                if (**text == ':') {
                        (*text)++;
                        r = read_number(text, &used);
                        if (r < 0 || *(*text)++ != '/')
                                return -EINVAL;
                        r = read_number(text, &group);
                        if (r < 0)
                                return r;
                }
        }
        if (last < first || used == 0 || group == 0 || used > group)
                return -EINVAL;
        for (unsigned long cpu = first; cpu <= last; cpu++)
                if ((cpu - first) % group < used)
                        cpu_set_add(set, (unsigned)cpu);
        return 0;
}

int cpu_set_from_list(const char *text, struct cpu_set *ret)
{
        struct cpu_set set = {};

        while (isspace((unsigned char)*text))
                text++;
        while (*text) {
                int r = read_range(&text, &set);
                if (r < 0)
                        return r;
                while (isspace((unsigned char)*text))
                        text++;
                if (*text == ',' && isdigit((unsigned char)text[1]))
                        text++;
                else if (*text)
                        return -EINVAL;
        }
        *ret = set;
        return 0;
}

int cpu_set_from_mask(const char *text, struct cpu_set *ret)
{
        struct cpu_set set = {};
        size_t length = strlen(text), bit = 0;

        while (length > 0 && isspace((unsigned char)text[length - 1]))
                length--;
        if (length == 0)
                return -EINVAL;
        for (size_t i = length; i-- > 0;) {
                unsigned char c = (unsigned char)text[i];
                if (c == ',') {
                        bit = (bit + 31) / 32 * 32;
                        continue;
                }
                if (!isxdigit(c))
                        return -EINVAL;
                unsigned value = isdigit(c) ? c - '0' : (unsigned)tolower(c) - 'a' + 10;
                for (unsigned b = 0; b < 4; b++, bit++) {
                        if (!(value >> b & 1))
                                continue;
                        if (bit >= CPU_MAX)
                                return -ERANGE;
                        cpu_set_add(&set, (unsigned)bit);
                }
        }
        *ret = set;
        return 0;
}
