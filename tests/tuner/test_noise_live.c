/* Noise for real: a thread has a CPU for itself, is disturbed in a known way, and the disturber must be found by name;
 * how often, is compared with what the kernel itself counted meanwhile. Needs the right to load BPF programs. */
#include <errno.h>
#include <limits.h>
#include <linux/membarrier.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "noise/noise.h"
#include "socle/cleanup.h"

#define TRIES 200000 /* of something that needs the other thread to be on its CPU */

static int cpu, other_cpu; /* where it is measured; another, or the same on a machine with one */
static struct cpu_set cpus;

/* ---- threads on a CPU ---- */

struct busy {
        pthread_t thread;
        atomic_int tid;
        atomic_bool stop;
        void (*work)(struct busy *busy); /* again and again */
        int fd, rounds;                  /* of the work that is counted */
        uint64_t cpu_ns;                 /* it used, by the kernel's account */
};

static void pin(int number)
{
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(number, &set);
        assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
}

static uint64_t thread_ns(void)
{
        struct timespec used;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
        return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

static void *run_busy(void *user)
{
        struct busy *busy = user;

        pin(cpu);
        pthread_setname_np(pthread_self(), busy->work ? "test-worker" : "test-spinner");
        busy->tid = (int)syscall(SYS_gettid);
        while (!busy->stop)
                if (busy->work)
                        busy->work(busy);
        busy->cpu_ns = thread_ns();
        return NULL;
}

static void start_busy(struct busy *busy)
{
        assert_int_equal(pthread_create(&busy->thread, NULL, run_busy, busy), 0);
        while (!busy->tid)
                usleep(1000);
}

static void stop_busy(struct busy *busy)
{
        busy->stop = true;
        pthread_join(busy->thread, NULL);
}

static void *run_disturber(void *user)
{
        struct busy *self = user;

        pin(cpu);
        pthread_setname_np(pthread_self(), "test-disturber");
        self->tid = (int)syscall(SYS_gettid);
        for (int i = 0; i < self->rounds; i++) {
                uint64_t until = thread_ns() + 500000;
                while (thread_ns() < until)
                        ;
                usleep(2000);
        }
        self->cpu_ns = thread_ns();
        return NULL;
}

/* ---- noise ---- */

static struct noise *start_noise(const struct cpu_set *set)
{
        cleanup_free struct errors *errors = calloc(1, sizeof(*errors));
        struct noise *noise = NULL;

        if (noise_start(&noise, set, errors) < 0)
                fail_msg("%s", errors->list[0].message);
        return noise;
}

/* All that was charged on a CPU: to tasks, the owner, and what interrupted them. */
static uint64_t sum_of(const struct noise_report *report, int number)
{
        uint64_t sum = 0;

        for (size_t i = 0; i < report->count; i++)
                sum += report->sources[i].cpu == number ? report->sources[i].total_ns : 0;
        for (size_t i = 0; i < report->owner_count; i++)
                sum += report->owners[i].cpu == number ? report->owners[i].ran_ns : 0;
        return sum;
}

static struct noise_report read_noise(struct noise *noise)
{
        cleanup_free struct errors *errors = calloc(1, sizeof(*errors));
        struct noise_report report;

        if (noise_read(noise, &report, errors) < 0)
                fail_msg("%s", errors->list[0].message);
        uint64_t counted = 0, in_buckets = 0;
        for (size_t i = 0; i < report.count; i++) {
                const struct noise_source *source = &report.sources[i];
                assert_true(cpu_set_has(&report.cpus, (unsigned)source->cpu));
                assert_true(source->count > 0 && source->longest_ns <= source->total_ns);
                assert_true(source->who[0] && (source->kind != NOISE_TASK || source->id > 0));
                assert_true(i == 0 || report.sources[i - 1].total_ns >= source->total_ns);
                counted += source->count;
        }
        for (int i = 0; i < NOISE_BUCKETS; i++)
                in_buckets += report.histogram[i];
        assert_true(in_buckets <= counted + 4 && counted <= in_buckets + 4); /* some are being written while we read */
        for (int number = cpu_set_next(&cpus, -1); number >= 0; number = cpu_set_next(&cpus, number))
                assert_true(sum_of(&report, number) <= report.window_ns + report.window_ns / 1000);
        return report;
}

/* The sum of a kind's sources whose name begins so. */
static struct noise_source find(const struct noise_report *report, enum noise_kind kind, const char *who)
{
        struct noise_source sum = {};

        for (size_t i = 0; i < report->count; i++) {
                const struct noise_source *source = &report->sources[i];
                if (source->kind != kind || strncmp(source->who, who, strlen(who)) != 0)
                        continue;
                sum.cpu = source->cpu;
                sum.id = source->id;
                sum.count += source->count;
                sum.total_ns += source->total_ns;
        }
        return sum;
}

/* What the kernel counted on `cpu`: a line of /proc/softirqs or /proc/interrupts. */
static uint64_t kernel_count(const char *path, const char *label)
{
        cleanup_fclose FILE *file = fopen(path, "re");
        char line[4096], *at;

        assert_non_null(file);
        assert_non_null(fgets(line, sizeof(line), file)); /* the CPUs' names */
        int column = 0;
        for (at = line; (at = strstr(at, "CPU")); at += 3, column++)
                if (strtol(at + 3, NULL, 10) == cpu)
                        break;
        while (fgets(line, sizeof(line), file)) {
                at = line + strspn(line, " ");
                if (strncmp(at, label, strlen(label)) != 0 || at[strlen(label)] != ':')
                        continue;
                at += strlen(label) + 1;
                for (int i = 0; i < column; i++)
                        strtoull(at, &at, 10);
                return strtoull(at, NULL, 10);
        }
        return 0;
}

/* A window with the kernel's own counter read just outside and just inside of it. */
struct window {
        const char *path, *label;
        struct noise *noise;
        uint64_t outside, inside;
};

static struct window open_window(const char *path, const char *label)
{
        struct window window = {.path = path, .label = label, .outside = kernel_count(path, label)};

        window.noise = start_noise(&cpus);
        window.inside = kernel_count(path, label);
        return window;
}

static struct noise_report close_window(struct window *window)
{
        window->inside = kernel_count(window->path, window->label) - window->inside;
        struct noise_report report = read_noise(window->noise);
        window->outside = kernel_count(window->path, window->label) - window->outside;
        window->noise = noise_stop(window->noise);
        return report;
}

/* A busy kernel does not call its tracepoints every time (see noise.h), but never more often than it counts. */
static void check_count(const struct window *window, uint64_t count)
{
        assert_in_range(count, window->inside * 3 / 4, window->outside);
}

/* ---- tests ---- */

static void test_task(void **state)
{
        struct busy owner = {}, disturber = {.rounds = 20};

        start_busy(&owner);
        struct noise *noise = start_noise(&cpus);
        assert_int_equal(noise_own(noise, (pid_t[]){1, owner.tid}, 2), 0);
        assert_int_equal(pthread_create(&disturber.thread, NULL, run_disturber, &disturber), 0);
        pthread_join(disturber.thread, NULL);
        struct noise_report report = read_noise(noise);
        stop_busy(&owner);

        struct noise_source found = find(&report, NOISE_TASK, "test-disturber");
        assert_int_equal(found.id, disturber.tid);
        assert_int_equal(found.cpu, cpu);
        assert_true(found.count >= 15); /* of 20 */
        /* The kernel's account of a thread has in it what interrupted it (and not what a hypervisor took). */
        uint64_t most = found.total_ns + report.missed_ns;
        for (enum noise_kind kind = NOISE_TASK + 1; kind < NOISE_KIND_COUNT; kind++)
                most += find(&report, kind, "").total_ns;
        assert_true(most >= disturber.cpu_ns - disturber.cpu_ns / 10);
        assert_int_equal(find(&report, NOISE_TASK, "test-spinner").count, 0);
        assert_int_equal(find(&report, NOISE_TASK, "swapper").count, 0);
        assert_int_equal(report.owner_count, 1);
        assert_int_equal(report.owners[0].pid, owner.tid);
        assert_string_equal(report.owners[0].who, "test-spinner");
        assert_true(report.owners[0].ran_ns <= report.window_ns);

        char words[512];
        assert_false(noise_proves_isolation(&report, 1000, words, sizeof(words)));
        assert_non_null(strstr(words, "µs at the longest"));
        noise_report_clear(&report);
        noise_stop(noise);
}

/* Nobody says whose the CPU is: it is the thread that was put there and runs most. Others may have been put there too,
 * and are the owner only if they ran more than ours. */
static void test_owner_is_guessed(void **state)
{
        struct busy owner = {}, disturber = {.rounds = 5};

        start_busy(&owner);
        struct noise *noise = start_noise(&cpus);
        assert_int_equal(pthread_create(&disturber.thread, NULL, run_disturber, &disturber), 0);
        pthread_join(disturber.thread, NULL);
        struct noise_report report = read_noise(noise);
        stop_busy(&owner);

        assert_int_equal(report.owner_count, 1);
        if (report.owners[0].pid == owner.tid)
                assert_int_equal(find(&report, NOISE_TASK, "test-spinner").count, 0);
        else
                assert_true(report.owners[0].ran_ns >= find(&report, NOISE_TASK, "test-spinner").total_ns);
        assert_int_equal(find(&report, NOISE_TASK, "test-disturber").id, disturber.tid);
        noise_report_clear(&report);
        noise_stop(noise);
}

static void test_elsewhere_nothing(void **state)
{
        struct busy disturber = {.rounds = 10};
        struct cpu_set elsewhere = {};

        if (cpu == other_cpu) {
                print_message("one CPU only: there is no elsewhere\n");
                skip();
        }
        cpu_set_add(&elsewhere, (unsigned)other_cpu);
        struct noise *noise = start_noise(&elsewhere);
        assert_int_equal(pthread_create(&disturber.thread, NULL, run_disturber, &disturber), 0);
        pthread_join(disturber.thread, NULL);
        struct noise_report report = read_noise(noise);                      /* has only sources on CPUs asked for */
        assert_true(find(&report, NOISE_TASK, "test-disturber").count <= 1); /* before it pinned itself */
        noise_report_clear(&report);
        noise_stop(noise);
}

static void take_expiry(struct busy *busy)
{
        uint64_t expired;

        if (busy->rounds == 0) {
                const struct itimerspec every_ms = {{0, 1000000}, {0, 1000000}};
                busy->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
                timerfd_settime(busy->fd, 0, &every_ms, NULL);
                busy->rounds = 1;
        }
        if (read(busy->fd, &expired, sizeof(expired)) == sizeof(expired) && ++busy->rounds > 50)
                busy->stop = true;
}

static void test_timer(void **state)
{
        struct busy owner = {.work = take_expiry};
        struct window window = open_window("/proc/interrupts", "LOC");

        start_busy(&owner);
        pthread_join(owner.thread, NULL);
        struct noise_report report = close_window(&window);
        close(owner.fd);

        struct noise_source timer = find(&report, NOISE_TIMER, "timerfd_tmrproc");
        assert_true(timer.count >= 40); /* of 50 */
        assert_int_equal(timer.cpu, cpu);
        struct noise_source tick = find(&report, NOISE_TIMER, "local_timer");
        if (window.inside > 0) /* 0: not x86, or a clock that is no local APIC's */
                check_count(&window, tick.count);
        noise_report_clear(&report);
}

static void send_datagram(struct busy *busy)
{
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};

        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (sendto(busy->fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) == 1 || errno == ECONNREFUSED)
                busy->rounds++;
        else if (busy->rounds >= 0)
                busy->stop = true; /* no loopback here */
        if (busy->rounds == 300)
                busy->stop = true;
}

static void test_softirq(void **state)
{
        struct busy owner = {.work = send_datagram, .fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
        struct window window = open_window("/proc/softirqs", "NET_RX");

        start_busy(&owner);
        pthread_join(owner.thread, NULL);
        struct noise_report report = close_window(&window);
        close(owner.fd);
        if (owner.rounds < 300) {
                print_message("no datagrams can be sent over loopback here\n");
                noise_report_clear(&report);
                skip();
        }
        struct noise_source found = find(&report, NOISE_SOFTIRQ, "NET_RX");
        assert_true(window.inside >= 1);
        check_count(&window, found.count);
        noise_report_clear(&report);
}

/* A CPU that is never idle, and often interrupted: no moment is counted twice, and none is lost. */
static void test_each_moment_once(void **state)
{
        struct busy owner = {.work = send_datagram, .fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};

        owner.rounds = INT_MIN; /* sends until it is stopped */
        start_busy(&owner);
        struct noise *noise = start_noise(&cpus);
        usleep(300000);
        struct noise_report report = read_noise(noise);
        stop_busy(&owner);
        close(owner.fd);
        uint64_t sum = sum_of(&report, cpu) + report.missed_ns;
        assert_in_range(sum, report.window_ns - report.window_ns / 50, report.window_ns + report.window_ns / 1000);
        noise_report_clear(&report);
        noise_stop(noise);
}

static void test_ipi(void **state)
{
        struct busy owner = {};
        uint64_t before;

        if (cpu == other_cpu || syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) < 0) {
                print_message("no second CPU, or no membarrier(2), to send IPIs with\n");
                skip();
        }
        pin(other_cpu);
        start_busy(&owner);
        struct window window = open_window("/proc/interrupts", "CAL");
        before = kernel_count(window.path, window.label);
        for (int i = 0; i < TRIES; i++) {
                syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
                if (i % 100 == 99 && kernel_count(window.path, window.label) - before >= 50)
                        break;
        }
        struct noise_report report = close_window(&window);
        stop_busy(&owner);
        assert_true(window.inside >= 50);
        check_count(&window, find(&report, NOISE_IPI, "call_function").count);
        noise_report_clear(&report);
}

static void *run_strange(void *user)
{
        pin(cpu);
        pthread_setname_np(pthread_self(), "\033[31m\xff\n");
        usleep(1000);
        return NULL;
}

/* A name is the task's own choice, and ends on somebody's terminal. */
static void test_strange_name(void **state)
{
        struct noise *noise = start_noise(&cpus);
        pthread_t thread;

        assert_int_equal(noise_own(noise, (pid_t[]){1}, 1), 0); /* or it might be the owner itself */
        assert_int_equal(pthread_create(&thread, NULL, run_strange, NULL), 0);
        pthread_join(thread, NULL);
        struct noise_report report = read_noise(noise);
        json_t *json = noise_report_to_json(&report);
        assert_non_null(json);
        assert_true(find(&report, NOISE_TASK, "?[31m??").count > 0);
        json_decref(json);
        noise_report_clear(&report);
        noise_stop(noise);
}

static void *do_nothing(void *user)
{
        pin(cpu);
        return NULL;
}

/* More sources than the table holds: those too many are counted as such, the others stay right. */
static void test_table_is_full(void **state)
{
        struct noise *noise = start_noise(&cpus);
        pthread_t thread;

        for (int i = 0; i < 1500; i++) {
                assert_int_equal(pthread_create(&thread, NULL, do_nothing, NULL), 0);
                pthread_join(thread, NULL);
        }
        struct noise_report report = read_noise(noise);
        assert_true(report.count + report.owner_count >= 1000);
        assert_true(report.missed > 0 && report.missed_ns > 0);
        char words[512];
        assert_false(noise_proves_isolation(&report, UINT64_MAX, words, sizeof(words)));
        noise_report_clear(&report);
        noise_stop(noise);
}

static void test_read_again(void **state)
{
        struct busy owner = {};

        start_busy(&owner);
        struct noise *noise = start_noise(&cpus);
        usleep(50000);
        struct noise_report first = read_noise(noise);
        usleep(50000);
        struct noise_report second = read_noise(noise);
        stop_busy(&owner);
        assert_true(second.window_ns > first.window_ns);
        assert_true(second.events >= first.events && second.events > 0);
        assert_true(second.cost_ns > 0 && second.cost_ns < second.window_ns);
        noise_report_clear(&first);
        noise_report_clear(&second);
        noise_stop(noise);
}

static void test_two_at_a_time(void **state)
{
        struct noise *one = start_noise(&cpus), *two = start_noise(&cpus);

        usleep(20000);
        one = noise_stop(one);
        struct noise_report report = read_noise(two);
        assert_true(report.events > 0);
        noise_report_clear(&report);
        noise_stop(two);
}

static void test_wrong_cpus(void **state)
{
        cleanup_free struct errors *errors = calloc(1, sizeof(*errors));
        struct cpu_set none = {}, far = {};
        struct noise *noise = NULL;

        assert_int_equal(noise_start(&noise, &none, errors), -EINVAL);
        cpu_set_add(&far, CPU_MAX - 1);
        assert_int_equal(noise_start(&noise, &far, errors), -EINVAL);
        assert_non_null(strstr(errors->list[1].message, "this host has no CPU 8191 online"));
        assert_string_equal(errors->list[1].pointer, "/cpus");
        assert_null(noise);
}

/* In a process of its own, which gives up its rights; exits with 0 when it was told so in words. */
static void test_no_permission(void **state)
{
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
                struct errors *errors = calloc(1, sizeof(*errors));
                struct noise *noise = NULL;
                bool right = setgid(65534) == 0 && setuid(65534) == 0;
                right = right && noise_start(&noise, &cpus, errors) == -EPERM && !noise && errors->count == 1 &&
                        strstr(errors->list[0].expected, "CAP_BPF");
                free(errors);
                _exit(right ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
}

/* ---- what there is to test on ---- */

static int setup(void **state)
{
        cpu_set_t allowed;

        if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
                return -1;
        cpu = -1;
        for (int i = 0; i < CPU_SETSIZE; i++)
                if (CPU_ISSET(i, &allowed)) {
                        other_cpu = cpu < 0 ? i : cpu;
                        cpu = i; /* the last two */
                }
        cpu_set_add(&cpus, (unsigned)cpu);
        return 0;
}

static int unpin(void **state)
{
        cpu_set_t all;

        CPU_ZERO(&all);
        CPU_SET(cpu, &all);
        CPU_SET(other_cpu, &all);
        return sched_setaffinity(0, sizeof(all), &all);
}

/* The kernel or the container may not let us: that is no fault of ours, and is said. */
static bool possible(void)
{
        cleanup_free struct errors *errors = calloc(1, sizeof(*errors));
        struct noise *noise = NULL;
        int r = noise_start(&noise, &cpus, errors);

        noise_stop(noise);
        if (r == -EPERM || r == -ENOSYS) {
                print_message("skipped: %s; needed: %s\n", errors->list[0].message, errors->list[0].expected);
                return false;
        }
        return true;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_task),
                cmocka_unit_test(test_owner_is_guessed),
                cmocka_unit_test(test_elsewhere_nothing),
                cmocka_unit_test(test_timer),
                cmocka_unit_test(test_softirq),
                cmocka_unit_test(test_each_moment_once),
                cmocka_unit_test_teardown(test_ipi, unpin),
                cmocka_unit_test(test_strange_name),
                cmocka_unit_test(test_table_is_full),
                cmocka_unit_test(test_read_again),
                cmocka_unit_test(test_two_at_a_time),
                cmocka_unit_test(test_wrong_cpus),
                cmocka_unit_test(test_no_permission),
        };

        if (setup(NULL) < 0)
                return 1;
        if (!possible())
                return 77; /* meson: skipped */
        return cmocka_run_group_tests(tests, NULL, NULL);
}
