/* A topology's document as the renderers want it: who is in whom, by index. Made of JSON that may come from anywhere,
 * so nothing in it is taken for granted. Works with render_tree.c and render_svg.c. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cpu_set.h"

struct picture_style {
        const char *class_name;
        const char *ansi; /* SGR parameters */
        const char *fill; /* of SVG */
};

struct picture_class {
        const char *name;
        const struct picture_style *style;
        struct cpu_set cpus;
};

struct picture_core {
        const int *cpus; /* ascending */
        int count;
        int node, package, class; /* indices, -1: none */
        int kind;                 /* as in the document */
        int l3;                   /* likewise; -1 too where no two cores of the machine share a cache */
};

struct picture_node {
        const json_t *json;
        int number;
        int package; /* the only one in which it has cores; -1: several, or no cores */
        struct cpu_set cpus;
};

struct picture_package {
        const json_t *json;
        int number;
        bool around; /* some node lies wholly in it */
};

struct picture_device {
        const json_t *json;
        int node;          /* index, -1: unknown */
        const char *of_pf; /* of a VF: the PF's address; "" */
};

struct picture_guest {
        const json_t *json;
        struct cpu_set cpus;
        int node; /* where most of it is, index; -1: unknown */
};

struct picture {
        const json_t *document;
        struct cpu_set present, online;
        struct picture_class *classes;
        size_t class_count;
        struct picture_core *cores; /* by package, node, cache, lowest CPU */
        size_t core_count;
        int *core_cpus;
        struct picture_node *nodes;
        size_t node_count;
        struct picture_package *packages;
        size_t package_count;
        struct picture_device *pci, *disks;
        size_t pci_count, disk_count;
        struct picture_guest *guests;
        size_t guest_count;
        bool hybrid;
};

/* 0; -EINVAL: not a topology's document; -ENOMEM. It points into `document`. */
int picture_make(struct picture *ret, const json_t *document);
void picture_done(struct picture *picture);

/* The cores of a node in a package (-1: of none): `*ret_count` of them, from the one that is answered. */
const struct picture_core *picture_cores_in(const struct picture *picture, int package, int node, size_t *ret_count);

/* A member of an object; "" and `fallback` when it is none of that type. */
const char *picture_text(const json_t *object, const char *name);
long long picture_number(const json_t *object, const char *name, long long fallback);
/* "16 GiB", "1.5 TiB"; of disks, as they are sold: "4.0 TB". */
const char *picture_bytes(char ret[32], uint64_t bytes);
const char *picture_size(char ret[32], uint64_t bytes);
/* "25 Gbit/s", "" when unknown. */
const char *picture_speed(char ret[32], long long mbps);
const char *picture_plural(unsigned long long count); /* "", or "s" */

/* Sentences, all the caller's; NULL: no memory. "this host: 8 CPUs (7 online) in 4 cores, …" */
char *picture_summary(const struct picture *picture);
/* "16 GiB, 1 GiB free; huge pages: 512 of 2 MiB (500 free)" */
char *picture_node_facts(const struct picture_node *node);
/* "NIC 0000:81:00.0 ens2f0", and what more is known of it: "Intel …, driver ice, …". */
char *picture_device_name(const json_t *pci);
char *picture_device_facts(const json_t *pci);
/* The same without names and IOMMU group. */
char *picture_device_brief(const json_t *pci);
/* "1.6 TB, nvme" */
char *picture_disk_facts(const json_t *disk);
/* "2 vCPUs on CPUs 3-4, 1 GiB" */
char *picture_guest_facts(const struct picture_guest *guest);

/* Whether there is a function with this address, other than "". */
bool picture_has_pf(const struct picture *picture, const char *address);
/* Whether a device or a guest is on no node that is known. */
bool picture_has_placeless(const struct picture *picture);
