/* What a person asks of a host: the spec of a HostProfile as a plain struct. Everything may be left out ("derive it
 * from the machine"). Made from the validated JSON of the object; the field table is ctl/model/kind_host_profile.c.
 * Read by plan.h, and by whoever applies a plan (enforce). */
#pragma once

#include <jansson.h>

#include "socle/cleanup.h"
#include "topology/topology.h"

enum cpu_class {
        CLASS_HOUSEKEEPING,     /* the OS, socled, emulator threads */
        CLASS_DATAPLANE,        /* workers of socle-dataplane, whole cores */
        CLASS_GUESTS_DEDICATED, /* a vCPU each */
        CLASS_GUESTS_SHARED,    /* floating vCPUs */
        CLASS_STORAGE,          /* Ceph OSDs */
        CLASS_COUNT,
};
extern const char *const cpu_class_names[CLASS_COUNT];    /* "housekeeping", "dataplane", "guests_dedicated", … */
extern const char *const cpu_class_pointers[CLASS_COUNT]; /* "/spec/classes/guests/dedicated", … */

/* A member that was left out, where the kernel's own values leave no number free. */
#define PROFILE_DERIVE INT32_MIN
#define PROFILE_KEEP   (-1) /* asked to be left as it is; plan.h's "not asked" */

enum class_form { CLASS_DERIVED, CLASS_CPUS, CLASS_CORES, CLASS_CORES_PER_NODE };

struct profile_class {
        enum class_form form;
        struct cpu_set cpus; /* CLASS_CPUS; empty: the class is not wanted */
        unsigned cores;      /* CLASS_CORES, CLASS_CORES_PER_NODE; 0 likewise */
};

/* Where the figure of the dataplane's memory comes from: formula_dataplane.h. */
enum dataplane_formula { FORMULA_SOCLE, FORMULA_OVS_SHARED, FORMULA_OVS_PER_PORT, FORMULA_DIRECTOR };
extern const char *const dataplane_formula_names[]; /* "socle", "ovs_shared", …; NULL-terminated */

struct profile_dataplane {
        bool all_nodes;     /* cores on every node with CPUs, not only where an underlay's NIC is */
        bool idle_siblings; /* one worker a core, its siblings idle */
        char **nics;        /* of the underlays: PCI addresses or interfaces; NULL: every physical NIC */
        size_t nic_count;
        enum dataplane_formula formula;
        unsigned *mtus; /* of the ports; at least one */
        size_t mtu_count;
        unsigned ports, rx_queues, rx_descriptors, tx_descriptors; /* ovs_per_port: of a node */
        unsigned mbufs, sessions;                                  /* as given to socle-dataplane */
        uint64_t heap_bytes;                                       /* --memory: all but the packet buffers */
        uint64_t memory_bytes;                                     /* a node, whatever a formula says; 0: derive */
};

struct profile_storage {
        unsigned osds[3];         /* by enum topology_disk_type */
        unsigned cpus_per_osd[3]; /* likewise */
        uint64_t osd_bytes;
};

struct profile_guests {
        int count; /* -1: derive */
        uint64_t memory_bytes, overhead_bytes;
        unsigned utilization_percent; /* of their vCPUs, on average */
        uint64_t page_bytes;          /* huge pages for all of them; 0: ordinary pages */
};

struct profile_pages {
        uint64_t page_bytes, count;
        int node; /* the kernel's number; -1: each node with memory and CPUs */
};

struct profile_cache {
        uint32_t l3_mask; /* 0: not asked */
        int mb_percent;   /* 0: not asked */
};

/* The isolated CPUs are looked at: does nobody disturb them? */
struct profile_check {
        unsigned seconds;  /* for so long; 0: not at all */
        unsigned limit_us; /* longer than that nothing may take */
        unsigned every_s;  /* 0: only after a change */
};

struct host_profile {
        struct profile_class classes[CLASS_COUNT];
        struct profile_dataplane dataplane;
        struct profile_storage storage;
        struct profile_guests guests;

        uint64_t default_page_bytes; /* 0: derive */
        struct profile_pages *pages;
        size_t page_count;

        bool partition;          /* isolation at run time, by cgroup */
        int boot;                /* and on the kernel's command line; -1: derive */
        struct cpu_set isolated; /* beside dataplane and dedicated */
        struct profile_check check;
        struct cpu_set irq;                 /* empty: derive */
        int irqbalance;                     /* -1: leave it alone */
        int iommu;                          /* -1: derive */
        uint64_t os_bytes;                  /* of memory, in all; 0: derive */
        char governor[32], epp[32];         /* "": derive; "keep" */
        int cstate_latency_us;              /* -1: keep */
        int uncore_min_mhz, uncore_max_mhz; /* 0: keep */
        /* Of each: PROFILE_DERIVE, PROFILE_KEEP, or the value. */
        int thp, ksm, numa_balancing, nmi_watchdog, stat_interval_s, swappiness;
        bool rt_set; /* real-time throttling asked for, and what */
        int rt_runtime_us;
        struct profile_cache cache[CLASS_COUNT];
        char **kernel_arguments; /* further ones */
        size_t kernel_argument_count;
        bool enforce; /* drift is put back */
};

/* `spec`: validated, with its defaults. -EINVAL with words in `errors` (CPU lists that are no lists, …). */
int host_profile_from_json(struct host_profile **ret, const json_t *spec, struct errors *errors);
struct host_profile *host_profile_free(struct host_profile *profile);
DEFINE_CLEANUP(struct host_profile *, host_profile_free)

/* "2MiB" → bytes; 0: not the name of a size. */
uint64_t page_size_parse(const char *name);
/* "1GiB", "64KiB". */
#define PAGE_SIZE_NAME 32
const char *page_size_name(uint64_t bytes, char buffer[PAGE_SIZE_NAME]);
