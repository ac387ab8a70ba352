/* A running domain's threads and memory, through libvirt. See guests_private.h. */
#include <errno.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "guests_private.h"

/* libvirt's form of a set: bytes, the lowest CPU first. */
struct map {
        unsigned char bytes[CPU_MAX / 8];
        int length;
};

static void to_map(const struct cpu_set *set, int cpu_limit, struct map *map)
{
        *map = (struct map){.length = (cpu_limit + 7) / 8};
        for (int cpu = cpu_set_next(set, -1); cpu >= 0; cpu = cpu_set_next(set, cpu)) {
                map->bytes[cpu / 8] |= (unsigned char)(1 << cpu % 8);
                if (cpu / 8 >= map->length)
                        map->length = cpu / 8 + 1;
        }
}

static void from_map(const unsigned char *bytes, int length, struct cpu_set *set)
{
        *set = (struct cpu_set){};
        for (int i = 0; i < length; i++)
                for (int bit = 0; bit < 8; bit++)
                        if (bytes[i] >> bit & 1)
                                cpu_set_add(set, (unsigned)(i * 8 + bit));
}

void live_pins_clear(struct live_pins *pins)
{
        free(pins->vcpu_cpus);
        *pins = (struct live_pins){};
}

int live_read(virDomainPtr handle, const struct domain *live, int cpu_limit, struct live_pins *ret,
              struct errors *errors)
{
        int length = (cpu_limit + 7) / 8;
        cleanup_free virVcpuInfo *info = calloc(live->vcpus, sizeof(*info));
        cleanup_free unsigned char *maps = calloc(live->vcpus, (size_t)length);
        struct live_pins pins = {.vcpus = live->vcpus, .vcpu_cpus = calloc(live->vcpus, sizeof(*pins.vcpu_cpus))};
        int count =
                info && maps && pins.vcpu_cpus ? virDomainGetVcpus(handle, info, (int)live->vcpus, maps, length) : -1;

        if (count < 0) {
                live_pins_clear(&pins);
                return connection_complain(errors, "/spec/vcpus", "", "the vCPUs of %s cannot be read", live->name);
        }
        for (int i = 0; i < count; i++)
                if (info[i].number < live->vcpus)
                        from_map(maps + i * length, length, &pins.vcpu_cpus[info[i].number]);
        *ret = pins;
        return 0;
}

/* A job that lasts is none to virDomainGetControlInfo(), which tells of calls to QEMU. Where a domain comes to, libvirt
 * tells of no job at all. */
static bool has_long_job(virDomainPtr handle)
{
        virDomainJobInfo job;
        int state, reason;

        if (virDomainGetJobInfo(handle, &job) == 0 &&
            (job.type == VIR_DOMAIN_JOB_BOUNDED || job.type == VIR_DOMAIN_JOB_UNBOUNDED))
                return true;
        return virDomainGetState(handle, &state, &reason, 0) == 0 && state == VIR_DOMAIN_PAUSED &&
               (reason == VIR_DOMAIN_PAUSED_MIGRATION || reason == VIR_DOMAIN_PAUSED_STARTING_UP);
}

int live_is_free(virDomainPtr handle, struct errors *errors)
{
        virDomainControlInfo info = {.state = VIR_DOMAIN_CONTROL_OK};

        /* What cannot be told is found out by trying. */
        virDomainGetControlInfo(handle, &info, 0);
        if (info.state == VIR_DOMAIN_CONTROL_OK && !has_long_job(handle))
                return 0;
        errors_add(errors, -EBUSY, "/spec/domain", "it is tried again when that is over",
                   info.state == VIR_DOMAIN_CONTROL_ERROR ? "QEMU of domain %.60s does not answer libvirt"
                                                          : "domain %.60s is busy: it migrates, or libvirt works on it",
                   virDomainGetName(handle));
        return -EBUSY;
}

/* ---- steps ---- */

void step_add(json_t *steps, const char *scope, const char *what, const char *from, const char *to)
{
        json_array_append_new(steps, json_pack("{s:s, s:s, s:s, s:s}", "scope", scope, "what", what, "from",
                                               from ? from : "", "to", to ? to : ""));
}

void step_add_sets(json_t *steps, const char *scope, const char *what, const struct cpu_set *from,
                   const struct cpu_set *to)
{
        cleanup_free char *was = cpu_set_to_list(from);
        cleanup_free char *will = cpu_set_to_list(to);

        step_add(steps, scope, what, was, will);
}

/* ---- the mark ---- */

char *live_get_mark(virDomainPtr handle)
{
        return virDomainGetMetadata(handle, VIR_DOMAIN_METADATA_ELEMENT, MARK_URI, VIR_DOMAIN_AFFECT_LIVE);
}

int live_mark(virDomainPtr handle, const char *text, struct errors *errors)
{
        if (virDomainSetMetadata(handle, VIR_DOMAIN_METADATA_ELEMENT, text, MARK_PREFIX, MARK_URI,
                                 VIR_DOMAIN_AFFECT_LIVE) >= 0)
                return 0;
        return connection_complain(errors, "/spec/domain", "", "domain %.60s cannot be marked",
                                   virDomainGetName(handle));
}

/* ---- pins ---- */

enum thread { THREAD_VCPU, THREAD_EMULATOR, THREAD_IOTHREAD };

static int pin(virDomainPtr handle, enum thread thread, unsigned number, const struct cpu_set *cpus, int cpu_limit)
{
        struct map map;

        to_map(cpus, cpu_limit, &map);
        switch (thread) {
        case THREAD_VCPU:
                return virDomainPinVcpuFlags(handle, number, map.bytes, map.length, VIR_DOMAIN_AFFECT_LIVE);
        case THREAD_EMULATOR:
                return virDomainPinEmulator(handle, map.bytes, map.length, VIR_DOMAIN_AFFECT_LIVE);
        default:
                return virDomainPinIOThread(handle, number, map.bytes, map.length, VIR_DOMAIN_AFFECT_LIVE);
        }
}

/* What pinning one thread after the other needs to know. */
struct pinning {
        virDomainPtr handle;
        const char *domain;
        int cpu_limit;
        bool dry_run;
        json_t *steps; /* NULL: nobody wants to know */
        struct errors *errors;
};

static int pin_one(const struct pinning *pinning, enum thread thread, unsigned number, const struct cpu_set *from,
                   const struct cpu_set *to)
{
        static const char *const at[] = {"/spec/vcpus", "/spec/emulator", "/spec/iothreads"};
        char what[64];

        if (cpu_set_equal(from, to) || cpu_set_empty(to))
                return 0;
        snprintf(what, sizeof(what), thread == THREAD_EMULATOR ? "emulator" : "%s %u",
                 thread == THREAD_VCPU ? "vCPU" : "I/O thread", number);
        if (pinning->steps)
                step_add_sets(pinning->steps, "live", what, from, to);
        if (pinning->dry_run || pin(pinning->handle, thread, number, to, pinning->cpu_limit) == 0)
                return 0;
        cleanup_free char *cpus = cpu_set_to_list(to);
        return connection_complain(pinning->errors, at[thread],
                                   "CPUs that are online and not kept from libvirt's guests",
                                   "%s of %.40s cannot be pinned to %.30s", what, pinning->domain, cpus ? cpus : "");
}

/* What libvirt has on record where no thread shows otherwise (an offline vCPU, the emulator, I/O threads). */
static const struct cpu_set *vcpu_now(const struct domain *live, const struct live_pins *pins, unsigned v,
                                      const struct cpu_set *wanted)
{
        bool on_record = cpu_set_equal(&live->vcpu_cpus[v], wanted);

        return on_record && v < pins->vcpus && !cpu_set_empty(&pins->vcpu_cpus[v]) ? &pins->vcpu_cpus[v]
                                                                                   : &live->vcpu_cpus[v];
}

int live_pin(virDomainPtr handle, const struct domain *live, const struct live_pins *pins,
             const struct guest_placement *placement, int cpu_limit, bool dry_run, json_t *steps, struct errors *errors)
{
        const struct pinning pinning = {handle, live->name, cpu_limit, dry_run, steps, errors};
        struct cpu_set buffer;
        int r = 0;

        for (unsigned v = 0; v < live->vcpus && v < placement->vcpus && r == 0; v++)
                r = pin_one(&pinning, THREAD_VCPU, v, vcpu_now(live, pins, v, &placement->vcpu_cpus[v]),
                            &placement->vcpu_cpus[v]);
        if (r == 0)
                r = pin_one(&pinning, THREAD_EMULATOR, 0, &live->emulator, &placement->emulator);
        for (unsigned i = 0; i < live->iothread_count && r == 0; i++)
                r = pin_one(&pinning, THREAD_IOTHREAD, live->iothread_ids[i], &live->iothread_cpus[i],
                            placement_iothread(placement, i, &buffer));
        return r;
}

static const struct cpu_set *or_all(const struct cpu_set *set, const struct cpu_set *all)
{
        return cpu_set_empty(set) ? all : set;
}

/* The next call would end no better, and take libvirt's half minute. */
static bool is_in_the_way(int r)
{
        return r == -EBUSY || r == -ENOTCONN;
}

static int worse(int r, int next)
{
        return r == 0 || is_in_the_way(next) ? next : r;
}

int live_put_back(virDomainPtr handle, const struct domain *before, const struct domain *now,
                  const struct cpu_set *online, int cpu_limit, struct errors *errors)
{
        const struct pinning pinning = {handle, now->name, cpu_limit, false, NULL, errors};
        int r = 0;

        /* One that cannot be put back does not keep the others, unless they would wait for the same. */
        for (unsigned v = 0; v < now->vcpus && !is_in_the_way(r); v++) {
                const struct cpu_set *was = v < before->vcpus ? &before->vcpu_cpus[v] : online;
                r = worse(r,
                          pin_one(&pinning, THREAD_VCPU, v, or_all(&now->vcpu_cpus[v], online), or_all(was, online)));
        }
        if (!is_in_the_way(r))
                r = worse(r, pin_one(&pinning, THREAD_EMULATOR, 0, or_all(&now->emulator, online),
                                     or_all(&before->emulator, online)));
        for (unsigned i = 0; i < now->iothread_count && !is_in_the_way(r); i++) {
                const struct cpu_set *was = i < before->iothread_count ? &before->iothread_cpus[i] : online;
                r = worse(r, pin_one(&pinning, THREAD_IOTHREAD, now->iothread_ids[i],
                                     or_all(&now->iothread_cpus[i], online), or_all(was, online)));
        }
        return r;
}

/* ---- memory ---- */

static int set_nodes(virDomainPtr handle, const char *list, bool restrictive)
{
        virTypedParameterPtr parameters = NULL;
        int count = 0, room = 0, r = 0;

        if (virTypedParamsAddString(&parameters, &count, &room, VIR_DOMAIN_NUMA_NODESET, list) < 0 ||
            (restrictive && virTypedParamsAddInt(&parameters, &count, &room, VIR_DOMAIN_NUMA_MODE,
                                                 VIR_DOMAIN_NUMATUNE_MEM_RESTRICTIVE) < 0))
                r = -1;
        if (r == 0)
                r = virDomainSetNumaParameters(handle, parameters, count, VIR_DOMAIN_AFFECT_LIVE);
        virTypedParamsFree(parameters, count);
        return r;
}

/* What was not bound before is bound by its control group alone ("restrictive"): libvirt since 9.3 takes no change of
 * anything else back. */
int live_set_nodes(virDomainPtr handle, const struct cpu_set *nodes, bool is_bound, char why[128])
{
        cleanup_free char *list = cpu_set_to_list(nodes);

        if (!list)
                return -ENOMEM;
        if ((!is_bound && set_nodes(handle, list, true) == 0) || set_nodes(handle, list, false) == 0)
                return 0;
        snprintf(why, 128, "%s", virGetLastErrorMessage());
        return 1;
}

void live_put_nodes_back(virDomainPtr handle, const struct cpu_set *before, const struct cpu_set *now,
                         const struct cpu_set *with_memory)
{
        char why[128];

        if (!cpu_set_equal(before, now))
                live_set_nodes(handle, or_all(before, with_memory), !cpu_set_empty(now), why);
}
