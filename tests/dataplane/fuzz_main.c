/* Runs a libFuzzer target without libFuzzer: every file of the corpus as it is, then as many mutations as asked for,
 * from a fixed seed, so that a failure comes back. Usage: PROGRAM CORPUS [MUTATIONS] */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "socle/cleanup.h"

#define INPUT_MAX  16384
#define CORPUS_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
        uint8_t *data;
        size_t size;
} corpus[CORPUS_MAX];
static unsigned int corpus_count;

static void load(const char *directory)
{
        DIR *dir = opendir(directory);
        struct dirent *entry;
        char path[4096];

        while (dir && (entry = readdir(dir)) && corpus_count < CORPUS_MAX) {
                snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
                cleanup_fclose FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
                if (!file)
                        continue;
                corpus[corpus_count].data = malloc(INPUT_MAX);
                corpus[corpus_count].size = fread(corpus[corpus_count].data, 1, INPUT_MAX, file);
                corpus_count++;
        }
        if (dir)
                closedir(dir);
}

/* Changes, cuts, repeats or crosses. */
static size_t mutate(uint8_t *data, size_t size)
{
        for (int n = rand() % 8; n >= 0 && size > 0; n--) {
                size_t at = rand() % size;
                unsigned int other = rand() % corpus_count;
                switch (rand() % 6) {
                case 0:
                        data[at] = rand();
                        break;
                case 1:
                        data[at] ^= 1 << rand() % 8;
                        break;
                case 2:
                        data[at] = (const uint8_t[]){0, 0xff, 0x80, 0x7f, 1, 0x45, 0x60}[rand() % 7];
                        break;
                case 3:
                        size = at + 1;
                        break;
                case 4: /* longer */
                        if (size + 64 < INPUT_MAX)
                                size += rand() % 64;
                        break;
                default:
                        if (at < corpus[other].size)
                                memcpy(data + at, corpus[other].data + at,
                                       (corpus[other].size < size ? corpus[other].size : size) - at);
                }
        }
        return size;
}

int main(int argc, char *argv[])
{
        static uint8_t input[INPUT_MAX];
        unsigned long mutations = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;

        if (argc < 2)
                return EXIT_FAILURE;
        load(argv[1]);
        if (corpus_count == 0) {
                fprintf(stderr, "no corpus in %s\n", argv[1]);
                return EXIT_FAILURE;
        }
        srand(1);
        for (unsigned int i = 0; i < corpus_count; i++)
                LLVMFuzzerTestOneInput(corpus[i].data, corpus[i].size);
        for (unsigned long i = 0; i < mutations; i++) {
                unsigned int from = rand() % corpus_count;
                memcpy(input, corpus[from].data, corpus[from].size);
                size_t size = mutate(input, corpus[from].size);
                /* A block of its own, so that a read behind the end is seen. */
                cleanup_free uint8_t *block = malloc(size ? size : 1);
                memcpy(block, input, size);
                LLVMFuzzerTestOneInput(block, size);
        }
        printf("%u inputs and %lu mutations passed\n", corpus_count, mutations);
        return EXIT_SUCCESS;
}
