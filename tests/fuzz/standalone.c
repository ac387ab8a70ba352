/* Runs a fuzzer's function over the files of a corpus, and over what simple damage makes of them. See fuzz.h. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "socle/cleanup.h"

#define INPUT_MAX (1 << 20)
#define ROUNDS    2000 /* of damage, for each file */

static uint32_t next_random(void)
{
        static uint32_t state = 2463534242;

        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        return state;
}

/* A copy of exactly its size, so that a sanitizer sees every byte read beyond. */
static void run(const uint8_t *data, size_t size)
{
        cleanup_free uint8_t *copy = malloc(size ? size : 1);

        if (!copy)
                abort();
        memcpy(copy, data, size);
        LLVMFuzzerTestOneInput(copy, size);
}

static void run_damaged(const uint8_t *data, size_t size)
{
        cleanup_free uint8_t *copy = malloc(size ? size : 1);

        if (!copy)
                abort();
        for (int round = 0; round < ROUNDS && size > 0; round++) {
                size_t cut = round % 3 == 0 ? next_random() % (size + 1) : size;

                memcpy(copy, data, size);
                for (uint32_t n = next_random() % 4; n > 0; n--)
                        copy[next_random() % size] = (uint8_t)next_random();
                run(copy, cut);
        }
}

static int run_file(const char *directory, const char *name)
{
        static uint8_t data[INPUT_MAX];
        char path[4096];

        snprintf(path, sizeof(path), "%s/%s", directory, name);
        cleanup_fclose FILE *file = fopen(path, "re");
        if (!file) {
                perror(path);
                return -1;
        }
        size_t size = fread(data, 1, sizeof(data), file);
        run(data, size);
        run_damaged(data, size);
        return 0;
}

int main(int argc, char **argv)
{
        DIR *directory = argc == 2 ? opendir(argv[1]) : NULL;
        const struct dirent *entry;
        size_t count = 0;

        if (!directory) {
                fprintf(stderr, "usage: %s CORPUS_DIRECTORY\n", argv[0]);
                return 2;
        }
        while ((entry = readdir(directory))) {
                if (entry->d_name[0] == '.')
                        continue;
                if (run_file(argv[1], entry->d_name) < 0)
                        return 1;
                count++;
        }
        closedir(directory);
        printf("%zu files of %s\n", count, argv[1]);
        return count > 0 ? 0 : 1; /* an empty corpus tests nothing */
}
