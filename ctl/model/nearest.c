/* See nearest.h. Damerau-Levenshtein distance (optimal string alignment), case ignored. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "nearest.h"

#define WORD_MAX 64

static size_t minimum(size_t a, size_t b)
{
        return a < b ? a : b;
}

static size_t distance_of(const char *a, size_t n, const char *b, size_t m)
{
        size_t rows[3][WORD_MAX + 1];
        size_t *before = rows[0], *above = rows[1], *row = rows[2];

        for (size_t j = 0; j <= m; j++)
                above[j] = j;
        for (size_t i = 1; i <= n; i++) {
                row[0] = i;
                for (size_t j = 1; j <= m; j++) {
                        int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);

                        row[j] = minimum(minimum(above[j], row[j - 1]) + 1, above[j - 1] + (x != y));
                        if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                            y == tolower((unsigned char)a[i - 2]))
                                row[j] = minimum(row[j], before[j - 2] + 1);
                }
                size_t *spare = before;
                before = above;
                above = row;
                row = spare;
        }
        return above[m];
}

struct nearest nearest_start(const char *word)
{
        /* Up to a third of the letters may be wrong. */
        return (struct nearest){.word = word, .distance = strlen(word) / 3 + 2};
}

void nearest_try(struct nearest *nearest, const char *candidate)
{
        size_t n = strlen(nearest->word), m = strlen(candidate);
        size_t apart = n > m ? n - m : m - n;

        if (n > WORD_MAX || m > WORD_MAX || apart >= nearest->distance)
                return;
        size_t distance = distance_of(nearest->word, n, candidate, m);
        if (distance >= nearest->distance || distance >= m)
                return;
        nearest->best = candidate;
        nearest->distance = distance;
}
