/* Noise without the kernel: a report as JSON and as a verdict, and which CPUs a made-up /sys says are isolated. */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "noise/noise.h"
#include "socle/cleanup.h"

static struct noise_source some_sources[] = {
        {1, NOISE_TASK, "kworker/1:2", 77, 12, 3000000, 900000},
        {1, NOISE_TIMER, "tick_nohz_handler", 0, 1000, 2000000, 21000},
        {3, NOISE_IRQ, "nvme0q3", 44, 5, 100000, 20000},
};
static struct noise_owner some_owners[] = {{1, 4711, "rte-worker-0", 990000000}};

static struct noise_report some_report(void)
{
        struct noise_report report = {
                .window_ns = 1000000000,
                .sources = some_sources,
                .count = ARRAY_LEN(some_sources),
                .owners = some_owners,
                .owner_count = ARRAY_LEN(some_owners),
                .histogram = {[0] = 1, [14] = 1000, [31] = 2},
        };

        cpu_set_from_list("1,3", &report.cpus);
        return report;
}

/* ---- JSON ---- */

static void test_json(void **state)
{
        struct noise_report report = some_report();
        const char *cpus, *kind, *who, *owner;
        json_int_t window, longest;
        json_int_t buckets[3], counts[3];
        int cpu, id, pid;
        double share;

        report.missing_count = 1;
        snprintf(report.missing[0], sizeof(report.missing[0]), "thermal_apic");
        json_t *json = noise_report_to_json(&report);
        assert_int_equal(json_unpack(json, "{s:s, s:I, s:[{s:i, s:s, s:s, s:i, s:I, s:f}], s:[{s:i, s:s, s:i}]}",
                                     "cpus", &cpus, "window_ns", &window, "sources", "cpu", &cpu, "kind", &kind, "who",
                                     &who, "id", &id, "longest_ns", &longest, "share", &share, "owners", "cpu", &cpu,
                                     "who", &owner, "pid", &pid),
                         0);
        assert_string_equal(cpus, "1,3");
        assert_string_equal(kind, "task");
        assert_string_equal(who, "kworker/1:2");
        assert_string_equal(owner, "rte-worker-0");
        assert_true(window == 1000000000 && id == 77 && longest == 900000 && pid == 4711);
        assert_true(share > 0.00299 && share < 0.00301);
        assert_int_equal(json_unpack(json, "{s:[{s:I, s:I}, {s:I, s:I}, {s:I, s:I}!], s:[s!]}", "histogram", "from_ns",
                                     &buckets[0], "count", &counts[0], "from_ns", &buckets[1], "count", &counts[1],
                                     "from_ns", &buckets[2], "count", &counts[2], "not_seen", &who),
                         0);
        assert_true(buckets[0] == 0 && buckets[1] == 16384 && buckets[2] == 2147483648);
        assert_true(counts[0] == 1 && counts[1] == 1000 && counts[2] == 2);
        assert_string_equal(who, "thermal_apic");
        json_decref(json);
}

static void test_json_of_nothing(void **state)
{
        struct noise_report report = {};
        json_t *json = noise_report_to_json(&report);

        assert_int_equal(json_array_size(json_object_get(json, "sources")), 0);
        assert_int_equal(json_array_size(json_object_get(json, "histogram")), 0);
        json_decref(json);
}

/* ---- the verdict ---- */

static void test_proof(void **state)
{
        struct noise_report report = some_report();
        char words[512];

        assert_false(noise_proves_isolation(&report, 20000, words, sizeof(words)));
        const char *kworker = strstr(words, "CPU 1: task kworker/1:2 (77) 12 times, 900.0 µs at the longest");
        const char *tick = strstr(words, "CPU 1: timer tick_nohz_handler 1000 times, 21.0 µs at the longest");
        assert_non_null(kworker);
        assert_non_null(tick);
        assert_true(kworker < tick); /* the worst first */
        assert_null(strstr(words, "nvme0q3"));
        assert_non_null(strstr(words, "the limit is 20.0 µs"));

        assert_true(noise_proves_isolation(&report, 900000, words, sizeof(words)));
        assert_string_equal(words, "nothing took longer than 900.0 µs in 1.0 s on CPUs 1,3");

        report.missed = 3;
        assert_false(noise_proves_isolation(&report, 900000, words, sizeof(words)));
        assert_non_null(strstr(words, "3 interruptions could be charged to nobody"));
}

static void test_proof_in_few_words(void **state)
{
        struct noise_report report = some_report();
        char words[12];

        memset(words, 'x', sizeof(words));
        assert_false(noise_proves_isolation(&report, 1, words, sizeof(words)));
        assert_int_equal(strnlen(words, sizeof(words)), sizeof(words) - 1);
        report.count = 0;
        assert_true(noise_proves_isolation(&report, 0, words, 1));
        assert_string_equal(words, "");
}

/* ---- which CPUs are isolated ---- */

static void put(const char *root, const char *path, const char *text)
{
        char full[512];

        snprintf(full, sizeof(full), "%s%s", root, path);
        for (char *slash = strchr(full + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = 0;
                mkdir(full, 0755);
                *slash = '/';
        }
        FILE *file = fopen(full, "w");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
        return remove(path);
}

static void expect_isolated(const char *root, const char *expected)
{
        struct cpu_set set;

        assert_int_equal(noise_isolated_cpus(root, &set), 0);
        cleanup_free char *list = cpu_set_to_list(&set);
        assert_string_equal(list, expected);
}

static void test_isolated(void **state)
{
        char root[] = "/tmp/test-noise-XXXXXX";

        assert_non_null(mkdtemp(root));
        expect_isolated(root, "");
        put(root, "/sys/devices/system/cpu/online", "0-15\n");
        put(root, "/sys/devices/system/cpu/isolated", "\n");
        expect_isolated(root, "");
        put(root, "/sys/devices/system/cpu/isolated", "2-3\n");
        put(root, "/sys/fs/cgroup/cpuset.cpus.effective", "0-31\n");
        put(root, "/sys/fs/cgroup/guests.slice/vm/cpuset.cpus.partition", "isolated\n");
        put(root, "/sys/fs/cgroup/guests.slice/vm/cpuset.cpus.effective", "8-9\n");
        put(root, "/sys/fs/cgroup/system.slice/cpuset.cpus.partition", "member\n");
        put(root, "/sys/fs/cgroup/system.slice/cpuset.cpus.effective", "0-7\n");
        put(root, "/sys/fs/cgroup/broken/cpuset.cpus.partition", "isolated invalid (Cpu list empty)\n");
        put(root, "/sys/fs/cgroup/broken/cpuset.cpus.effective", "10-11\n");
        expect_isolated(root, "2-3,8-9");
        put(root, "/sys/fs/cgroup/cpuset.cpus.isolated", "12\n"); /* the kernel's own list, where there is one */
        expect_isolated(root, "2-3,12");
        put(root, "/sys/devices/system/cpu/isolated", "2-3,14-255\n"); /* as the command line has it */
        expect_isolated(root, "2-3,12,14-15");

        struct cpu_set set;
        put(root, "/sys/devices/system/cpu/isolated", "rubbish\n");
        assert_int_equal(noise_isolated_cpus(root, &set), -EINVAL);
        nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_json),     cmocka_unit_test(test_json_of_nothing),
                cmocka_unit_test(test_proof),    cmocka_unit_test(test_proof_in_few_words),
                cmocka_unit_test(test_isolated),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
