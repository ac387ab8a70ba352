/* A machine as the planner sees it: read once (by hwloc, with its I/O objects, and from sysfs), then plain structs that
 * nobody changes. From the host one is on, or from a file that describes another: hwloc XML, a synthetic string, or a
 * tree of /proc and /sys that hwloc-gather-topology made. Works with plan/ (which reads it) and soclectl (which draws
 * it). */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cpu_set.h"
#include "socle/cleanup.h"
#include "socle/errors.h"

struct topology_cpu {
        int os_index;
        bool online;
        int core;    /* index into cores; -1: offline, nothing is known */
        int node;    /* index into nodes; -1 likewise, or a node that the platform does not tell */
        int package; /* index into packages; -1: unknown */
        int l3;      /* CPUs with the same number share a last-level cache; -1: none is known */
        int kind;    /* hybrid machines: 0 is the least powerful kind, as hwloc ranks them; 0 everywhere else */
};

struct topology_core {
        int node, package, l3, kind;
        int first, count; /* its online CPUs: `count` entries of core_cpus from `first`, ascending */
};

struct topology_pages {
        uint64_t page_bytes;
        uint64_t count; /* there are, now: nr_hugepages */
        uint64_t free;  /* of these, not in use; of hwloc XML: all */
};

struct topology_node {
        int os_index;
        struct cpu_set cpus;   /* online; empty: memory only */
        uint64_t memory_bytes; /* MemTotal of the node, huge pages included; 0: no memory */
        uint64_t free_bytes;   /* MemFree: neither used nor in huge pages */
        struct topology_pages
                *pages; /* huge page sizes that the kernel knows, ascending; x86's when XML or a string tells none */
        size_t page_count;
        uint16_t
                *distances; /* to each node, by index; 10: itself (ACPI SLIT); all 10/20 when the platform tells none */
};

struct topology_package {
        int os_index;
        struct cpu_set cpus;
        char model[64];
};

/* A PCI function of class network, or another that has SR-IOV. */
struct topology_pci {
        char address[13];                      /* "0000:81:00.0" */
        uint16_t vendor, device;               /* ids */
        uint32_t class_code;                   /* 0x020000: Ethernet */
        char vendor_name[64], device_name[64]; /* empty: unknown */
        char driver[32];                       /* "" : none */
        char interface[16];                    /* kernel network interface, "": none */
        char mac_address[18];                  /* of that interface, "": none */
        int node;                              /* index into nodes; -1: the platform does not say */
        int iommu_group;                       /* -1: none */
        int sriov_total;                       /* VFs that it can have; 0: not capable */
        int sriov_count;                       /* VFs that it has */
        int physical_function;                 /* of a VF: index into pci of its PF; else -1 */
        int vf_number;                         /* of a VF: its number; else -1 */
        uint32_t speed_mbps;                   /* 0: unknown, or no carrier */
};

/* A block device, for what hyper-converged storage takes. */
enum topology_disk_type { DISK_HDD, DISK_SSD, DISK_NVME };
struct topology_disk {
        char name[32]; /* "nvme0n1" */
        enum topology_disk_type type;
        bool type_known; /* false: the source does not say what rotates, and the type is a guess (hwloc XML) */
        uint64_t size_bytes;
        int node; /* -1: unknown */
};

struct topology {
        char source[128]; /* in words: "this host", "synthetic …", "file big.xml" */
        bool live;
        struct topology_cpu *cpus; /* present ones, ascending by os_index */
        size_t cpu_count;
        struct topology_core *cores;
        size_t core_count;
        int *core_cpus;              /* os indices */
        struct topology_node *nodes; /* ascending by os_index, holes in the numbers are fine */
        size_t node_count;
        struct topology_package *packages;
        size_t package_count;
        struct topology_pci *pci;
        size_t pci_count;
        struct topology_disk *disks;
        size_t disk_count;
        struct cpu_set online, present, allowed; /* allowed: to us, by the cgroup (all online ones, of a file) */
        int cpu_limit;                           /* the highest CPU number + 1 */
        uint64_t memory_bytes;
        uint64_t page_bytes; /* of a normal page */
        bool smt;            /* some core has more than one online CPU */
        bool hybrid;
        bool iommu;                  /* an IOMMU is there and in use */
        bool resctrl_l3, resctrl_mb; /* the CPU and kernel can allocate cache, memory bandwidth */
};

struct topology_source {
        /* At most one is set; none: this host. */
        const char *file;      /* hwloc XML, or a directory tree made by hwloc-gather-topology (also its .tar.bz2) */
        const char *synthetic; /* "node:4 core:16 pu:2" */
        const char *root;      /* of this host, for tests: "/" when NULL */
};

/* 0, or -errno with words in `errors` (-EINVAL: not a topology, -ENOENT: no such file, -ETIMEDOUT, -ENOMEM, -EIO).
 * hwloc runs in a child process for it: no variable of the environment and no binding changes, and input that it cannot
 * bear does not end the caller. What is not there, or vanishes meanwhile, is unknown and no error. */
int topology_read(struct topology **ret, const struct topology_source *source, struct errors *errors);
struct topology *topology_free(struct topology *topology);
DEFINE_CLEANUP(struct topology *, topology_free)

/* Index of a CPU or node by the kernel's number, -1: none. */
int topology_find_cpu(const struct topology *topology, int os_index);
int topology_find_node(const struct topology *topology, int os_index);
/* By PCI address in any usual notation ("81:00.0"), or the name of its kernel interface; -1: none. */
int topology_find_pci(const struct topology *topology, const char *address_or_interface);

/* All of it, as the method `topology` answers it and the renderers take it; a new reference. */
json_t *topology_to_json(const struct topology *topology);
