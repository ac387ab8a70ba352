/* How long a plan takes: of the largest machine that is spoken of, 1,024 CPUs on 32 nodes, and of an ordinary one; the
 * least, the median and the longest of many. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "planning.h"
#include "socle/cleanup.h"

#define ROUNDS 201

static double now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static void measure(const char *name, struct topology *t, const char *spec)
{
        cleanup_(topology_free_p) struct topology *owned = t;
        cleanup_(host_profile_free_p) struct host_profile *profile = profile_of(spec);
        double ms[ROUNDS];

        for (int i = 0; i < ROUNDS; i++) {
                cleanup_(plan_free_p) struct plan *plan = NULL;
                struct errors errors = {0};
                double start = now_ms();

                if (plan_make(&plan, t, profile, &errors) < 0) {
                        print_errors(&errors);
                        exit(EXIT_FAILURE);
                }
                ms[i] = now_ms() - start;
        }
        qsort(ms, ROUNDS, sizeof(ms[0]), compare);
        printf("%-52s %7.3f %7.3f %7.3f ms\n", name, ms[0], ms[ROUNDS / 2], ms[ROUNDS - 1]);
}

int main(void)
{
        printf("%-52s %7s %7s %7s\n", "", "least", "median", "most");
        measure("2 nodes, 64 CPUs, {}", machine_regular(2, 1, 16, 2, 256, 2), "{}");
        measure("32 nodes, 1,024 CPUs, {}", machine_regular(8, 4, 16, 2, 64, 32), "{}");
        measure("32 nodes, 1,024 CPUs, 500 guests, OSDs, by number", machine_regular(8, 4, 16, 2, 256, 32),
                "{'classes':{'dataplane':{'cores':64},'guests':{'dedicated':{'cores':300}}},"
                "'storage':{'osds':{'nvme':32}},'guests':{'count':500,'memory':8192,'page_size':'1GiB'}}");
        return EXIT_SUCCESS;
}
