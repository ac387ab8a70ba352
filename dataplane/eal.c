/* See eal.h. The main thread is lcore 0 on all CPUs that we may use; worker N is lcore N + 1. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>

#include "eal.h"
#include "socle/log.h"

#define ARGUMENTS_MAX 24

/* The CPUs we may run on, as a list: "0-3,8". */
static void allowed_cpus(char *text, size_t size)
{
        cpu_set_t set;
        size_t used = 0;

        CPU_ZERO(&set);
        sched_getaffinity(0, sizeof(set), &set);
        text[0] = 0;
        for (int cpu = 0; cpu < CPU_SETSIZE && used + 16 < size; cpu++) {
                int first = cpu;
                if (!CPU_ISSET(cpu, &set))
                        continue;
                while (cpu + 1 < CPU_SETSIZE && CPU_ISSET(cpu + 1, &set))
                        cpu++;
                used += snprintf(text + used, size - used, first == cpu ? "%s%d" : "%s%d-%d", used ? "," : "", first,
                                 cpu);
        }
}

/* Expands "2,4-6" into an array. Returns the number, or -EINVAL. */
static int parse_cpus(const char *text, int *cpus, int max)
{
        int count = 0;

        while (*text) {
                char *end;
                long first = strtol(text, &end, 10), last = first;
                if (end == text || first < 0 || first >= CPU_SETSIZE)
                        return -EINVAL;
                if (*end == '-') {
                        text = end + 1;
                        last = strtol(text, &end, 10);
                        if (end == text || last < first || last >= CPU_SETSIZE)
                                return -EINVAL;
                }
                for (long cpu = first; cpu <= last && count < max; cpu++)
                        cpus[count++] = cpu;
                if (*end && *end != ',')
                        return -EINVAL;
                text = *end ? end + 1 : end;
        }
        return count;
}

static int make_lcores(const struct dp_eal_options *options, char *lcores, size_t size)
{
        char all[512];
        int cpus[RTE_MAX_LCORE], count = 0;
        size_t used;

        allowed_cpus(all, sizeof(all));
        if (options->cpus) {
                count = parse_cpus(options->cpus, cpus, RTE_MAX_LCORE);
                if (count < (int)options->workers) {
                        log_error("--cpus %s names %d CPU(s), %u worker(s) need one each", options->cpus,
                                  count < 0 ? 0 : count, options->workers);
                        return -EINVAL;
                }
        }
        used = snprintf(lcores, size, "0@(%s)", all);
        for (unsigned int i = 0; i < options->workers && used < size; i++) {
                if (options->cpus)
                        used += snprintf(lcores + used, size - used, ",%u@%d", i + 1, cpus[i]);
                else
                        used += snprintf(lcores + used, size - used, ",%u@(%s)", i + 1, all);
        }
        return used < size ? 0 : -E2BIG;
}

static int start(const char *program, const struct dp_eal_options *options, const char *lcores, bool huge)
{
        char memory[16], prefix[64];
        char *arguments[ARGUMENTS_MAX];
        int count = 0;

        snprintf(memory, sizeof(memory), "%u", options->memory);
        snprintf(prefix, sizeof(prefix), "--file-prefix=%s", options->file_prefix);
        arguments[count++] = (char *)program;
        arguments[count++] = (char *)"--lcores";
        arguments[count++] = (char *)lcores;
        arguments[count++] = prefix;
        arguments[count++] = (char *)"--no-telemetry";
        /* A device that is not there: nothing is probed but what an object names (hot-plug). */
        arguments[count++] = (char *)"-a";
        arguments[count++] = (char *)"0000:00:00.0";
        if (huge) {
                arguments[count++] = (char *)"--in-memory"; /* nothing to clean up after a crash */
                arguments[count++] = (char *)"--single-file-segments";
        } else {
                arguments[count++] = (char *)"--no-huge"; /* which --in-memory does not go with */
                arguments[count++] = (char *)"--no-shconf";
                arguments[count++] = (char *)"--iova-mode=va";
                arguments[count++] = (char *)"-m";
                arguments[count++] = memory;
        }
        arguments[count] = NULL;
        return rte_eal_init(count, arguments) < 0 ? -rte_errno : 0;
}

/* Free huge pages of any size, MB. */
static unsigned long free_hugepages_mb(void)
{
        unsigned long free_pages = 0, size_kb = 0;
        char line[128];
        FILE *file = fopen("/proc/meminfo", "re");

        while (file && fgets(line, sizeof(line), file)) {
                sscanf(line, "HugePages_Free: %lu", &free_pages);
                sscanf(line, "Hugepagesize: %lu", &size_kb);
        }
        if (file)
                fclose(file);
        return free_pages * size_kb / 1024;
}

int dp_eal_init(const char *program, const struct dp_eal_options *options)
{
        char lcores[4096];
        bool huge = !options->no_huge;
        int r = make_lcores(options, lcores, sizeof(lcores));

        if (r < 0)
                return r;
        rte_log_set_global_level(RTE_LOG_WARNING);
        if (huge && free_hugepages_mb() < options->memory) {
                log_warning("%lu MB of huge pages are free, %u MB are wanted (--memory): running on ordinary pages, "
                            "slower; "
                            "see vm.nr_hugepages",
                            free_hugepages_mb(), options->memory);
                huge = false;
        }
        r = start(program, options, lcores, huge);
        if (r < 0)
                log_error("DPDK does not start: %s", rte_strerror(-r));
        /* It warns of every guest that is not there yet; a port's status says so better. */
        rte_log_set_level_pattern("lib.vhost.*", RTE_LOG_ERR);
        return r;
}
