/* See picture.h: JSON into structs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "picture.h"
#include "private.h"
#include "socle/cleanup.h"

static const struct picture_style styles[] = {
        {"housekeeping", "36", "#8ecae6"},  {"dataplane", "35", "#d8a7e8"}, {"guests_dedicated", "32", "#a3d9a5"},
        {"guests_shared", "33", "#ffe08a"}, {"storage", "34", "#b0bec5"},   {"isolated", "31", "#ffb4a2"},
};
static const struct picture_style other_style = {"", "37", "#dddddd"};

/* Index by the kernel's number; -1: unknown. */
#define FIND(picture, list, count, wanted)                                                                             \
        ({                                                                                                             \
                int found_ = -1;                                                                                       \
                for (size_t i_ = 0; i_ < (picture)->count && found_ < 0; i_++)                                         \
                        if ((picture)->list[i_].number == (wanted))                                                    \
                                found_ = (int)i_;                                                                      \
                found_;                                                                                                \
        })

static int find_node(const struct picture *p, const json_t *object)
{
        long long number = doc_number(object, "node", -1);

        return FIND(p, nodes, node_count, number);
}

/* ---- the machine ---- */

static int read_nodes_and_packages(struct picture *p)
{
        const json_t *nodes = json_object_get(p->document, "nodes");
        const json_t *packages = json_object_get(p->document, "packages");
        json_t *entry;
        size_t i;

        json_array_foreach ((json_t *)nodes, i, entry) {
                struct picture_node *node = array_grow(&p->nodes, &p->node_count, sizeof(*node));
                if (!node)
                        return -ENOMEM;
                *node = (struct picture_node){entry, (int)doc_number(entry, "number", -1), -1, {}};
                if (!json_is_object(entry) || node->number < 0 || !doc_cpus(entry, "cpus", &node->cpus))
                        return -EINVAL;
        }
        json_array_foreach ((json_t *)packages, i, entry) {
                struct picture_package *package = array_grow(&p->packages, &p->package_count, sizeof(*package));
                if (!package)
                        return -ENOMEM;
                *package = (struct picture_package){entry, (int)doc_number(entry, "number", -1), false};
        }
        return 0;
}

static int read_classes(struct picture *p)
{
        json_t *classes = json_object_get(p->document, "classes"), *value;
        const char *name;

        json_object_foreach (classes, name, value) {
                struct picture_class *class = array_grow(&p->classes, &p->class_count, sizeof(*class));
                if (!class)
                        return -ENOMEM;
                class->name = name;
                class->style = &other_style;
                for (size_t i = 0; i < ARRAY_LEN(styles); i++)
                        if (strcmp(styles[i].class_name, name) == 0)
                                class->style = &styles[i];
                if (!doc_cpus(classes, name, &class->cpus))
                        return -EINVAL;
        }
        return 0;
}

static int class_of(const struct picture *p, int cpu)
{
        for (size_t i = 0; i < p->class_count; i++)
                if (cpu_set_has(&p->classes[i].cpus, (unsigned)cpu))
                        return (int)i;
        return -1;
}

/* A CPU is of one core, so all of them fit into an array as large as the set of those that are online. */
static int read_core(struct picture *p, const json_t *entry, struct cpu_set *left, int *used)
{
        struct cpu_set cpus;
        long long package = doc_number(entry, "package", -1);

        if (!doc_cpus(entry, "cpus", &cpus) || cpu_set_empty(&cpus) || !cpu_set_within(&cpus, left))
                return -EINVAL;
        cpu_set_and_not(left, &cpus);
        struct picture_core *core = array_grow(&p->cores, &p->core_count, sizeof(*core));
        if (!core)
                return -ENOMEM;
        core->cpus = p->core_cpus + *used;
        for (int cpu = cpu_set_next(&cpus, -1); cpu >= 0; cpu = cpu_set_next(&cpus, cpu)) {
                p->core_cpus[(*used)++] = cpu;
                core->count++;
        }
        core->node = find_node(p, entry);
        core->package = FIND(p, packages, package_count, package);
        core->l3 = (int)doc_number(entry, "l3", -1);
        core->kind = (int)doc_number(entry, "kind", 0);
        core->class = class_of(p, core->cpus[0]);
        return 0;
}

static int read_cores(struct picture *p)
{
        const json_t *cores = json_object_get(p->document, "cores");
        struct cpu_set left = p->online;
        json_t *entry;
        size_t i;
        int used = 0, r = 0;

        p->core_cpus = calloc(cpu_set_count(&p->online) + 1, sizeof(*p->core_cpus));
        if (!p->core_cpus)
                return -ENOMEM;
        json_array_foreach ((json_t *)cores, i, entry) {
                r = read_core(p, entry, &left, &used);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Caches are numbered as their first cores are, so one that comes again is shared. */
static void forget_private_caches(struct picture *p)
{
        int highest = -1;

        for (size_t i = 0; i < p->core_count; i++) {
                if (p->cores[i].l3 >= 0 && p->cores[i].l3 <= highest)
                        return;
                highest = p->cores[i].l3 > highest ? p->cores[i].l3 : highest;
        }
        for (size_t i = 0; i < p->core_count; i++)
                p->cores[i].l3 = -1;
}

static int by_place(const void *a, const void *b)
{
        const struct picture_core *x = a, *y = b;

        if (x->package != y->package)
                return x->package < y->package ? -1 : 1;
        if (x->node != y->node)
                return x->node < y->node ? -1 : 1;
        if (x->l3 != y->l3)
                return x->l3 < y->l3 ? -1 : 1;
        return x->cpus[0] - y->cpus[0];
}

static void arrange_cores(struct picture *p)
{
        forget_private_caches(p);
        if (p->core_count > 1)
                qsort(p->cores, p->core_count, sizeof(*p->cores), by_place);
}

const struct picture_core *picture_cores_in(const struct picture *p, int package, int node, size_t *ret_count)
{
        const struct picture_core *first = NULL;

        *ret_count = 0;
        for (size_t i = 0; i < p->core_count; i++) {
                if (p->cores[i].package != package || p->cores[i].node != node)
                        continue;
                first = first ? first : &p->cores[i];
                ++*ret_count;
        }
        return first;
}

/* Which node lies in which package. */
static void nest(struct picture *p)
{
        for (size_t i = 0; i < p->node_count; i++) {
                int package = -1;
                bool several = false;

                for (size_t c = 0; c < p->core_count; c++)
                        if (p->cores[c].node == (int)i) {
                                several |= package >= 0 && p->cores[c].package != package;
                                package = p->cores[c].package;
                        }
                p->nodes[i].package = several ? -1 : package;
                if (p->nodes[i].package >= 0)
                        p->packages[package].around = true;
        }
}

/* ---- what is in it ---- */

static int read_devices(struct picture *p, const char *name, struct picture_device **ret, size_t *ret_count)
{
        const json_t *list = json_object_get(p->document, name);
        json_t *entry;
        size_t i;

        json_array_foreach ((json_t *)list, i, entry) {
                struct picture_device *device = array_grow(ret, ret_count, sizeof(*device));
                if (!device)
                        return -ENOMEM;
                *device = (struct picture_device){entry, find_node(p, entry), doc_text(entry, "physical_function")};
        }
        return 0;
}

/* By its CPUs; else by the nodes that are named, as numbers or as a list in text. */
static int guest_node(const struct picture *p, const json_t *guest, const struct cpu_set *cpus)
{
        const json_t *nodes = json_object_get(guest, "nodes");
        unsigned most = 0;
        int best = -1;

        for (size_t i = 0; i < p->node_count; i++) {
                struct cpu_set both = p->nodes[i].cpus;
                cpu_set_and(&both, cpus);
                if (cpu_set_count(&both) > most) {
                        most = cpu_set_count(&both);
                        best = (int)i;
                }
        }
        struct cpu_set named;
        long long number =
                json_is_integer(json_array_get(nodes, 0)) ? json_integer_value(json_array_get(nodes, 0)) : -1;
        if (best < 0 && doc_cpus(guest, "nodes", &named))
                number = cpu_set_next(&named, -1);
        return best >= 0 ? best : FIND(p, nodes, node_count, number);
}

static int read_guests(struct picture *p)
{
        const json_t *guests = json_object_get(p->document, "guests");
        json_t *entry;
        size_t i;

        json_array_foreach ((json_t *)guests, i, entry) {
                struct picture_guest *guest = array_grow(&p->guests, &p->guest_count, sizeof(*guest));
                if (!guest)
                        return -ENOMEM;
                guest->json = entry;
                if (!doc_cpus(entry, "cpus", &guest->cpus))
                        guest->cpus = (struct cpu_set){};
                guest->node = guest_node(p, entry, &guest->cpus);
        }
        return 0;
}

bool picture_has_pf(const struct picture *p, const char *address)
{
        for (size_t i = 0; i < p->pci_count; i++)
                if (*address && strcmp(doc_text(p->pci[i].json, "address"), address) == 0)
                        return true;
        return false;
}

bool picture_has_placeless(const struct picture *p)
{
        for (size_t i = 0; i < p->pci_count; i++)
                if (p->pci[i].node < 0 && !picture_has_pf(p, p->pci[i].of_pf))
                        return true;
        for (size_t i = 0; i < p->disk_count; i++)
                if (p->disks[i].node < 0)
                        return true;
        for (size_t i = 0; i < p->guest_count; i++)
                if (p->guests[i].node < 0)
                        return true;
        return false;
}

int picture_make(struct picture *ret, const json_t *document)
{
        const json_t *cpus = json_object_get(document, "cpus");
        cleanup_(picture_done) struct picture p = {.document = document};

        if (!json_is_array(json_object_get(document, "nodes")) || !json_is_array(json_object_get(document, "cores")) ||
            !doc_cpus(cpus, "online", &p.online))
                return -EINVAL;
        if (!doc_cpus(cpus, "present", &p.present))
                p.present = p.online;
        p.hybrid = json_is_true(json_object_get(document, "hybrid"));
        int r = read_nodes_and_packages(&p);
        if (r == 0)
                r = read_classes(&p);
        if (r == 0)
                r = read_cores(&p);
        if (r == 0)
                r = read_devices(&p, "pci", &p.pci, &p.pci_count);
        if (r == 0)
                r = read_devices(&p, "disks", &p.disks, &p.disk_count);
        if (r == 0)
                r = read_guests(&p);
        if (r < 0)
                return r;
        arrange_cores(&p);
        nest(&p);
        *ret = p;
        p = (struct picture){};
        return 0;
}

void picture_done(struct picture *p)
{
        free(p->classes);
        free(p->cores);
        free(p->core_cpus);
        free(p->nodes);
        free(p->packages);
        free(p->pci);
        free(p->disks);
        free(p->guests);
}
