/* HostProfile: what the machine is to be for its guests: which CPU is what, huge pages, isolation, power, memory,
 * cache. One object at most. All that is left out is derived from the machine by tuner/plan, which also checks what
 * this table cannot say (plan/profile.h). */
#include <errno.h>
#include <stdint.h>

#include "plan/profile.h"
#include "socle/errors.h"
#include "model.h"

#define CORES_MAX CPU_MAX
#define MIB_MAX   (1LL << 30) /* 1 PiB */

static const char *const nodes[] = {"nic", "all", NULL};
static const char *const siblings[] = {"used", "idle", NULL};
static const char *const page_sizes[] = {"64KiB", "2MiB", "16MiB", "32MiB", "512MiB", "1GiB", "16GiB", NULL};
static const char *const switches[] = {"on", "off", "keep", NULL};
static const char *const thp[] = {"never", "madvise", "always", "keep", NULL};

#define CPUS_HELP "These CPUs, as the kernel lists them (2-7,34-39): whole cores, no sibling left out."
#define CLASS_FIELDS                                                                                                   \
        {"cpus", FIELD_CPUS, CPUS_HELP " Or cores, or cores_per_node, or none of them."},                              \
                {"cores", FIELD_INT, "So many physical cores in all, spread over the nodes.", .max = CORES_MAX},       \
        {                                                                                                              \
                "cores_per_node", FIELD_INT, "So many physical cores of each NUMA node.", .max = CORES_MAX             \
        }

static const struct field class_fields[] = {CLASS_FIELDS, {}};

static const struct field dataplane_class_fields[] = {
        CLASS_FIELDS,
        {"nodes", FIELD_STRING, "Which NUMA nodes have some: those with an underlay's NIC, or all that have CPUs.",
         .fallback = "\"nic\"", .choices = nodes},
        {"siblings", FIELD_STRING,
         "The hyper-threads of these cores: each a worker, or one worker a core beside idle siblings.",
         .fallback = "\"used\"", .choices = siblings},
        {},
};

static const struct field guest_classes[] = {
        {"dedicated", FIELD_OBJECT, "A CPU a vCPU; by default half of the cores that no other class takes.",
         .fields = class_fields},
        {"shared", FIELD_OBJECT, "For vCPUs that float; by default the other half, and a node's last core.",
         .fields = class_fields},
        {},
};

static const struct field classes[] = {
        {"housekeeping", FIELD_OBJECT,
         "The OS, socled, emulator threads, interrupts; by default one core a node. Where it is asked for by cores or "
         "cpus, "
         "nodes may go without.",
         .fields = class_fields},
        {"dataplane", FIELD_OBJECT,
         "Workers of socle-dataplane; by default one core of each node with an underlay's NIC.",
         .fields = dataplane_class_fields},
        {"guests", FIELD_OBJECT, "Virtual machines.", .fallback = "{}", .fields = guest_classes},
        {"storage", FIELD_OBJECT, "Ceph OSDs on this node; by default what storage.osds need.", .fields = class_fields},
        {},
};

static const struct field nic = {
        .type = FIELD_STRING, .help = "A PCI address or a kernel interface.", .min = 1, .max = 15};
static const struct field mtu = {.type = FIELD_INT, .help = "An MTU.", .unit = "bytes", .min = 68, .max = 9702};

static const struct field dataplane[] = {
        {"nics", FIELD_LIST, "The underlays' NICs, by PCI address or kernel interface; by default every physical NIC.",
         .max = 64, .item = &nic},
        {"formula", FIELD_STRING,
         "How its memory is reckoned: as socle-dataplane really allocates it, or by OVS's or TripleO's published "
         "formula.",
         .fallback = "\"socle\"", .choices = dataplane_formula_names},
        {"memory", FIELD_INT, "Huge pages of each of its nodes, whatever the formula says.", .unit = "MiB", .min = 1,
         .max = MIB_MAX},
        {"mbufs", FIELD_INT, "socle: packet buffers of each of its nodes (socle-dataplane --mbufs).",
         .fallback = "16384", .min = 1024, .max = 1 << 24},
        {"heap", FIELD_INT, "socle: all else that it keeps in huge pages (socle-dataplane --memory).", .unit = "MiB",
         .fallback = "256", .min = 64, .max = 1 << 20},
        {"sessions", FIELD_INT, "socle: sessions tracked at most, in ordinary memory (socle-dataplane --sessions).",
         .fallback = "1048576", .min = 1024, .max = 1 << 26},
        {"mtus", FIELD_LIST, "OVS, TripleO: MTUs of the ports.", .fallback = "[1500]", .min = 1, .max = 16,
         .item = &mtu},
        {"ports", FIELD_INT, "ovs_per_port: ports of each node.", .fallback = "2", .min = 1, .max = 4096},
        {"rx_queues", FIELD_INT, "ovs_per_port: receive queues of a port.", .fallback = "1", .min = 1, .max = 1024},
        {"rx_descriptors", FIELD_INT, "ovs_per_port: descriptors of a receive queue.", .fallback = "2048", .min = 1,
         .max = 32768},
        {"tx_descriptors", FIELD_INT, "ovs_per_port: descriptors of a transmit queue.", .fallback = "2048", .min = 1,
         .max = 32768},
        {},
};

#define DEVICE_TYPES(help_words, hdd, ssd, nvme, low, high)                                                            \
        {                                                                                                              \
                {"hdd", FIELD_INT, help_words " on a hard disk.", .fallback = hdd, .min = low, .max = high},           \
                        {"ssd",           FIELD_INT,  help_words " on a SATA or SAS SSD.",                             \
                         .fallback = ssd, .min = low, .max = high},                                                    \
                        {"nvme",           FIELD_INT,  help_words " on NVMe; up to 4 a device are usual.",             \
                         .fallback = nvme, .min = low, .max = high},                                                   \
                {                                                                                                      \
                }                                                                                                      \
        }
static const struct field osds[] = DEVICE_TYPES("OSDs", "0", "0", "0", 0, 1024);
static const struct field cpus_per_osd[] = DEVICE_TYPES("CPUs of an OSD", "1", "4", "3", 1, 64);

static const struct field storage[] = {
        {"osds", FIELD_OBJECT, "Ceph OSDs that run here.", .fallback = "{}", .fields = osds},
        {"cpus_per_osd", FIELD_OBJECT, "What an OSD takes of the storage class.", .fallback = "{}",
         .fields = cpus_per_osd},
        {"memory_per_osd", FIELD_INT, "Left to each OSD.", .unit = "MiB", .fallback = "5120", .min = 1, .max = 1 << 20},
        {},
};

static const struct field guests[] = {
        {"count", FIELD_INT, "Guests at most; by default as many as memory has room for, if they have huge pages.",
         .min = 0, .max = 4096},
        {"memory", FIELD_INT, "Memory of a guest, on average.", .unit = "MiB", .fallback = "8192", .min = 1,
         .max = MIB_MAX},
        {"overhead", FIELD_INT, "What QEMU takes beside a guest's memory.", .unit = "MiB", .fallback = "512", .min = 0,
         .max = 1 << 20},
        {"utilization", FIELD_INT, "How busy their vCPUs are, on average.", .unit = "percent", .fallback = "90",
         .min = 1, .max = 100},
        {"page_size", FIELD_STRING, "Their memory is in huge pages of this size; by default in ordinary pages.",
         .choices = page_sizes},
        {},
};

static const struct field page_fields[] = {
        {"size", FIELD_STRING, "Of a page.", .required = true, .choices = page_sizes},
        {"count", FIELD_INT, "Pages in all of this size, those of the dataplane and of guests among them.",
         .required = true, .min = 0, .max = INT32_MAX},
        {"node", FIELD_INT, "The NUMA node by the kernel's number; by default each that has memory and CPUs.", .min = 0,
         .max = INT16_MAX},
        {},
};
static const struct field page = {.type = FIELD_OBJECT, .help = "Pages of one size.", .fields = page_fields};

static const struct field hugepages[] = {
        {"default_size", FIELD_STRING, "What programs get that do not say; by default what the dataplane has.",
         .choices = page_sizes},
        {"pages", FIELD_LIST, "By node and size, instead of what is derived.", .fallback = "[]", .max = 256,
         .item = &page},
        {},
};

static const struct field isolation_check[] = {
        {"seconds", FIELD_INT, "Who disturbs them is counted for so long; 0: never.", .unit = "s", .fallback = "5",
         .max = 3600},
        {"limit", FIELD_INT, "An interruption that takes longer disproves isolation.", .unit = "us", .fallback = "100",
         .min = 1, .max = 10000000},
        {"every", FIELD_INT, "And again so often; 0: only after something was changed.", .unit = "s",
         .fallback = "3600", .max = 1 << 24},
        {},
};

static const struct field isolation[] = {
        {"partition", FIELD_BOOL,
         "At run time: a cgroup v2 isolated partition, socle.slice. Only what runs in that slice can be pinned to its "
         "CPUs: "
         "the dataplane is, guests of libvirt are not unless their partition is /socle.",
         .fallback = "false"},
        {"boot", FIELD_BOOL,
         "At boot: isolcpus, nohz_full, rcu_nocbs on the kernel's command line; by default so, if they fit on it."},
        {"cpus", FIELD_CPUS, "To be isolated too, beside those of the dataplane and of dedicated vCPUs: whole cores."},
        {"check", FIELD_OBJECT,
         "Isolation is not only asked for, but looked at: status.isolation says `proven` true, false, or null when it "
         "cannot "
         "be told (yet), the verdict, and who took longest. Threads of guests and of the dataplane that are pinned to "
         "these CPUs own them; everything else is noise.",
         .fallback = "{}", .fields = isolation_check},
        {},
};

static const struct field irq[] = {
        {"cpus", FIELD_CPUS, "Where interrupts may go; by default the housekeeping CPUs."},
        {"irqbalance", FIELD_STRING, "The daemon that moves interrupts about.", .fallback = "\"keep\"",
         .choices = switches},
        {},
};

static const struct field power[] = {
        {"governor", FIELD_STRING, "Of cpufreq; keep: as it is. By default performance, if there are isolated CPUs.",
         .min = 1, .max = 31},
        {"energy_performance_preference", FIELD_STRING,
         "Of CPUs that scale by themselves; keep: as it is. By default performance, if there are isolated CPUs.",
         .min = 1, .max = 31},
        {"cstate_latency", FIELD_INT,
         "Isolated CPUs sleep in no state that takes longer to leave; 0: they never sleep. By default as it is.",
         .unit = "us", .min = 0, .max = 1000000},
        {"uncore_min", FIELD_INT, "Lowest frequency of mesh and caches; by default as it is.", .unit = "MHz",
         .min = 100, .max = 10000},
        {"uncore_max", FIELD_INT, "Highest frequency of mesh and caches; by default as it is.", .unit = "MHz",
         .min = 100, .max = 10000},
        {},
};

static const struct field memory[] = {
        {"reserved", FIELD_INT,
         "Left to the OS, in all; by default 4096, or a quarter of the machine's if that is less.", .unit = "MiB",
         .min = 64, .max = MIB_MAX},
        {"transparent_hugepages", FIELD_STRING, "By default madvise, if there are isolated CPUs.", .choices = thp},
        {"ksm", FIELD_STRING, "Merging of equal pages; by default off, if there are isolated CPUs.",
         .choices = switches},
        {"numa_balancing", FIELD_STRING, "Pages that follow threads; by default off, if there are isolated CPUs.",
         .choices = switches},
        {"swappiness", FIELD_INT, "vm.swappiness; by default as it is.", .min = 0, .max = 200},
        {},
};

static const struct field kernel[] = {
        {"nmi_watchdog", FIELD_STRING, "By default off, if there are isolated CPUs.", .choices = switches},
        {"stat_interval", FIELD_INT, "vm.stat_interval; 0: as it is. By default 10, if there are isolated CPUs.",
         .unit = "s", .min = 0, .max = 3600},
        {"rt_runtime", FIELD_INT,
         "kernel.sched_rt_runtime_us: what real-time tasks may take of each second; -1: all. By default as it is.",
         .unit = "us", .min = -1, .max = 1000000},
        {"iommu", FIELD_STRING, "By default on, if a NIC can have virtual functions or the underlay's is named.",
         .choices = switches},
        {},
};

static const struct field cache_fields[] = {
        {"l3_mask", FIELD_STRING, "Ways of the last-level cache, a contiguous hexadecimal bit mask: 7f0.", .min = 1,
         .max = 8},
        {"memory_bandwidth", FIELD_INT, "Of a last-level cache's share.", .unit = "percent", .min = 1, .max = 100},
        {},
};

static const struct field cache[] = {
        {"housekeeping", FIELD_OBJECT, "Of the housekeeping CPUs.", .fields = cache_fields},
        {"dataplane", FIELD_OBJECT, "Of the dataplane's.", .fields = cache_fields},
        {"guests_dedicated", FIELD_OBJECT, "Of the dedicated CPUs.", .fields = cache_fields},
        {"guests_shared", FIELD_OBJECT, "Of the shared CPUs.", .fields = cache_fields},
        {"storage", FIELD_OBJECT, "Of the OSDs'.", .fields = cache_fields},
        {},
};

static const struct field argument = {
        .type = FIELD_STRING, .help = "An argument such as mitigations=auto.", .min = 1, .max = 255};

static const struct field fields[] = {
        {"classes", FIELD_OBJECT, "Which CPU is for what.", .fallback = "{}", .fields = classes},
        {"dataplane", FIELD_OBJECT, "What the dataplane's place and memory are derived from.", .fallback = "{}",
         .fields = dataplane},
        {"storage", FIELD_OBJECT, "Ceph on this node, for which CPUs and memory are left.", .fallback = "{}",
         .fields = storage},
        {"guests", FIELD_OBJECT, "How many and how large, as far as one knows.", .fallback = "{}", .fields = guests},
        {"hugepages", FIELD_OBJECT, "By default what dataplane and guests need.", .fallback = "{}",
         .fields = hugepages},
        {"isolation", FIELD_OBJECT, "How the scheduler, timers and RCU are kept off.", .fallback = "{}",
         .fields = isolation},
        {"irq", FIELD_OBJECT, "Device interrupts.", .fallback = "{}", .fields = irq},
        {"power", FIELD_OBJECT, "Frequencies and sleep.", .fallback = "{}", .fields = power},
        {"memory", FIELD_OBJECT, "The kernel's handling of memory.", .fallback = "{}", .fields = memory},
        {"kernel", FIELD_OBJECT, "Other switches of the kernel.", .fallback = "{}", .fields = kernel},
        {"cache", FIELD_OBJECT, "Shares of cache and memory bandwidth, by class (resctrl); by default none.",
         .fallback = "{}", .fields = cache},
        {"kernel_arguments", FIELD_LIST, "Further ones for the kernel's command line.", .fallback = "[]", .max = 64,
         .item = &argument},
        {"enforce", FIELD_BOOL, "What somebody changed is put back; false: it is only reported.", .fallback = "false"},
        {},
};

static void check(const struct model *model, const struct object *object, struct errors *errors)
{
        struct host_profile *profile = NULL;

        if (host_profile_from_json(&profile, object->spec, errors) == 0)
                host_profile_free(profile);
}

static void keys(const struct model *model, const struct object *object, struct claims *claims)
{
        claims->claim(claims, "/spec", "tuning of this host");
}

static struct kind host_profile = {
        .name = "HostProfile",
        .area = "host",
        .help = "What the machine is to be for its guests: which CPU is for what, huge pages, isolation, power, "
                "memory. "
                "All that is left out is derived from the machine; `soclectl plan` says what comes of it, and why. At "
                "most one object; without it, the host is left alone.",
        .write_role = ROLE_ADMIN,
        .fields = fields,
        .check = check,
        .keys = keys,
};
REGISTER_KIND(host_profile)
