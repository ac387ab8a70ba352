/* Loads the BPF program, sets it up for the CPUs asked for, attaches it to what tracepoints this kernel has; and says
 * in words why it could not. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "private.h"
#include "noise.skel.h" /* wants what private.h brings */
#include "socle/cleanup.h"

#define SOURCES_PER_CPU 256
#define SOURCES_MIN     1024
#define SOURCES_MAX     16384

static const char section_prefix[] = "tp_btf/";

DEFINE_CLEANUP(struct noise_bpf *, noise_bpf__destroy)
DEFINE_CLEANUP(struct btf *, btf__free)
DEFINE_CLEANUP(struct noise *, noise_stop)

uint64_t noise_now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- why not ---- */

/* libbpf's first complaint in this thread, which it would print; the others are what follows from it. */
static _Thread_local char first_words[160];

static int keep_words(enum libbpf_print_level level, const char *format, va_list args)
{
        if (level == LIBBPF_WARN && !first_words[0])
                vsnprintf(first_words, sizeof(first_words), format, args);
        first_words[strcspn(first_words, "\n")] = 0;
        return 0;
}

static bool locked_down(void)
{
        cleanup_fclose FILE *file = fopen("/sys/kernel/security/lockdown", "re");
        char line[128];

        return file && fgets(line, sizeof(line), file) && strstr(line, "[confidentiality]");
}

/* Answers -EPERM, -ENOMEM or -ENOSYS. (The verifier's refusal is EACCES or EINVAL, and nothing that a right would
 * change.) */
static int complain(int r, const char *what, struct errors *errors)
{
        static const char lockdown[] = "the kernel's lockdown (confidentiality) forbids BPF to read the kernel";
        bool locked = locked_down();

        if (locked || r == -EPERM) {
                errors_add(errors, -EPERM, "",
                           locked ? "lockdown=integrity, or none, on the kernel's command line"
                                  : "CAP_BPF and CAP_PERFMON (or root), outside of a container that forbids bpf(2)",
                           "%s: %s", what, locked ? lockdown : "not permitted");
                return -EPERM;
        }
        if (r == -ENOMEM || r == -EAGAIN) {
                errors_add(errors, -ENOMEM, "", "more memory, or a higher limit on locked memory (LimitMEMLOCK=)",
                           "%s: there is no memory for the BPF program and its tables", what);
                return -ENOMEM;
        }
        errors_add(errors, -ENOSYS, "", "a kernel of 5.13 or later with BPF and BTF, such as Debian 12's", "%s: %s",
                   what, first_words[0] ? first_words : strerror(-r));
        return -ENOSYS;
}

/* ---- what this kernel has ---- */

static bool kernel_has(const struct btf *btf, const char *tracepoint)
{
        char name[64];

        snprintf(name, sizeof(name), "btf_trace_%s", tracepoint);
        return btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF) > 0;
}

/* By the pair's name: of "reschedule_entry" and "reschedule_exit" one is noted, as "reschedule". */
static void note_missing(struct noise *noise, const char *tracepoint)
{
        const char *end = strstr(tracepoint, "_entry");

        if (end && noise->missing_count < NOISE_MISSING_MAX)
                snprintf(noise->missing[noise->missing_count++], NOISE_WHO_SIZE, "%.*s", (int)(end - tracepoint),
                         tracepoint);
}

/* Programs whose tracepoint is not there are not loaded, and it is noted. */
static int leave_out_missing(struct noise *noise, struct errors *errors)
{
        cleanup_(btf__free_p) struct btf *btf = btf__load_vmlinux_btf();
        struct bpf_program *program = NULL;

        if (!btf) {
                int r = errno == ENOENT || errno == ESRCH ? -ENOSYS : -errno;
                errors_add(errors, r, "", "a kernel with CONFIG_DEBUG_INFO_BTF, such as Debian's",
                           "noise cannot be counted: this kernel tells nothing of its types (BTF, "
                           "/sys/kernel/btf/vmlinux)");
                return r;
        }
        while ((program = bpf_object__next_program(noise->bpf->obj, program))) {
                const char *tracepoint = bpf_program__section_name(program) + strlen(section_prefix);
                if (kernel_has(btf, tracepoint))
                        continue;
                bpf_program__set_autoload(program, false);
                note_missing(noise, tracepoint);
        }
        if (!bpf_program__autoload(noise->bpf->progs.on_sched_switch)) {
                errors_add(errors, -ENOSYS, "", "a kernel with CONFIG_TRACEPOINTS, such as Debian's",
                           "noise cannot be counted: this kernel has no tracepoint sched_switch");
                return -ENOSYS;
        }
        return 0;
}

static int check_cpus(struct noise *noise, struct errors *errors)
{
        struct cpu_set online, absent = noise->cpus;

        if (cpu_set_empty(&absent)) {
                errors_add(errors, -EINVAL, "/cpus", "a list such as 2-5", "there is no CPU to look at");
                return -EINVAL;
        }
        int r = noise_system_cpus("possible", &noise->possible);
        if (r == 0)
                r = noise_system_cpus("online", &online);
        if (r < 0) {
                errors_add(errors, r, "", "a mounted /sys", "which CPUs there are cannot be read: %s", strerror(-r));
                return r;
        }
        cpu_set_and_not(&absent, &online);
        if (cpu_set_empty(&absent))
                return 0;
        cleanup_free char *there = cpu_set_to_list(&online), *not_there = cpu_set_to_list(&absent);
        errors_add(errors, -EINVAL, "/cpus", "CPUs that are online", "this host has no CPU %s online: there are %s",
                   not_there ?: "", there ?: "");
        return -EINVAL;
}

/* ---- start, stop ---- */

static int load(struct noise *noise, struct errors *errors)
{
        uint32_t room = cpu_set_count(&noise->cpus) * SOURCES_PER_CPU;
        struct noise_bpf *bpf = noise->bpf;

        noise->sources_max = room < SOURCES_MIN ? SOURCES_MIN : room > SOURCES_MAX ? SOURCES_MAX : room;
        bpf_map__set_max_entries(bpf->maps.sources, noise->sources_max);
        for (size_t i = 0; i < NOISE_CPU_WORDS; i++)
                bpf->rodata->wanted[i] = noise->cpus.words[i];
        int r = noise_bpf__load(bpf);
        if (r < 0)
                return complain(r, "the BPF program that counts noise cannot be loaded", errors);
        r = noise_bpf__attach(bpf);
        if (r < 0)
                return complain(r, "the BPF program that counts noise cannot be attached", errors);
        noise->sources_fd = bpf_map__fd(bpf->maps.sources);
        noise->cpus_fd = bpf_map__fd(bpf->maps.cpus);
        noise->started_ns = noise_now_ns();
        bpf->bss->started_ns = noise->started_ns; /* now it counts */
        return 0;
}

int noise_start(struct noise **ret, const struct cpu_set *cpus, struct errors *errors)
{
        _Static_assert(CPU_MAX == 64 * NOISE_CPU_WORDS, "the BPF program knows as many CPUs as we do");
        cleanup_(noise_stop_p) struct noise *noise = calloc(1, sizeof(*noise));

        libbpf_set_print(keep_words);
        first_words[0] = 0;
        if (noise)
                noise->bpf = noise_bpf__open();
        if (!noise || !noise->bpf) {
                errors_add(errors, -ENOMEM, "", "", "out of memory");
                return -ENOMEM;
        }
        noise->cpus = *cpus;
        int r = check_cpus(noise, errors);
        if (r == 0)
                r = leave_out_missing(noise, errors);
        if (r == 0)
                r = load(noise, errors);
        if (r == 0)
                *ret = TAKE_PTR(noise);
        return r;
}

static int compare_pids(const void *a, const void *b)
{
        pid_t left = *(const pid_t *)a, right = *(const pid_t *)b;

        return (left > right) - (left < right);
}

int noise_own(struct noise *noise, const pid_t *threads, size_t count)
{
        pid_t *own = reallocarray(noise->own, count ?: 1, sizeof(*own));

        if (!own)
                return -ENOMEM;
        memcpy(own, threads, count * sizeof(*own));
        qsort(own, count, sizeof(*own), compare_pids);
        noise->own = own;
        noise->own_count = count;
        return 0;
}

struct noise *noise_stop(struct noise *noise)
{
        if (!noise)
                return NULL;
        noise_bpf__destroy(noise->bpf);
        free(noise->own);
        free(noise);
        return NULL;
}
