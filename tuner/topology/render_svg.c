/* A topology as SVG: packages around nodes around caches around cores around CPUs, coloured by class; NICs with their
 * VFs, disks and guests beside the cores of their node. See render.h; layout and SVG are in svg_boxes.c. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "picture.h"
#include "render.h"
#include "socle/cleanup.h"
#include "svg_boxes.h"

/* Widths before a new row begins. Presentation attributes (a class's fill) must win, so the style sheet gives
 * defaults on the groups, from which the rectangles inherit. */
enum { PAGE_ROOM = 2000, PACKAGE_ROOM = 1320, NODE_ROOM = 640, CACHE_ROOM = 580, VF_ROOM = 300, CPU_LEAST = 30 };

static const char style_sheet[] =
        "text{font:11px sans-serif;fill:#1b1b1b;stroke:none}"
        ".machine{fill:#ffffff;stroke:#ffffff}"
        ".machine>.label,.package>.label,.node>.label,.elsewhere>.label{font-weight:bold}"
        ".package{fill:#f2f2ee;stroke:#77776f}"
        ".node{fill:#fbfbf9;stroke:#a5a59b}.elsewhere{fill:#fbfbf9;stroke:#a5a59b;stroke-dasharray:4 3}"
        ".cache{fill:#eeeee8;stroke:#c9c9c0}"
        ".core{fill:#ffffff;stroke:#8a8a82}.little{fill:#ffffff;stroke:#8a8a82;stroke-dasharray:3 2}"
        ".cpu{fill:none;stroke:#c0c0b8}"
        ".offline{fill:#ffffff;stroke:#b0b0a8;stroke-dasharray:2 2}.offline>text{fill:#8a8a82}"
        ".pci,.disk,.guest{stroke-dasharray:none}"
        ".pci{fill:#fff3e0;stroke:#d08a2e}.vf{fill:#ffe0b2;stroke:#d08a2e}"
        ".disk{fill:#eceff1;stroke:#78909c}.guest{fill:#ffffff;stroke:#666666}"
        ".legend{fill:#ffffff;stroke:#666666}";

/* Told apart by people: a guest's box and its CPUs have the same. */
static const char *const guest_colours[] = {"#d62728", "#1f77b4", "#2ca02c", "#9467bd",
                                            "#8c564b", "#e377c2", "#17becf", "#bcbd22"};

struct drawing {
        const struct picture *picture;
        struct boxes boxes;
};

static char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *text(const char *format, ...)
{
        va_list args;
        char *ret;

        va_start(args, format);
        int n = vasprintf(&ret, format, args);
        va_end(args);
        return n < 0 ? NULL : ret;
}

/* A box with a label, and what is told under the pointer (NULL: nothing); both are taken over. */
static struct box *add(struct drawing *d, struct box *parent, const char *class, char *label, char *title)
{
        struct box *box = box_add(&d->boxes, parent, class);

        if (!box) {
                free(label);
                free(title);
                return NULL;
        }
        box_set(&d->boxes, &box->label, label);
        box->title = title;
        return box;
}

/* ---- CPUs ---- */

/* The one guest that has this CPU; *ret_count: how many have. */
static int guest_of(const struct picture *p, int cpu, unsigned *ret_count)
{
        int guest = -1;

        *ret_count = 0;
        for (size_t i = 0; i < p->guest_count; i++)
                if (cpu_set_has(&p->guests[i].cpus, (unsigned)cpu)) {
                        guest = (int)i;
                        ++*ret_count;
                }
        return guest;
}

static void add_cpu(struct drawing *d, struct box *core, const struct picture_class *class, int cpu)
{
        const struct picture *p = d->picture;
        unsigned guests;
        int guest = guest_of(p, cpu, &guests);
        char *title;

        if (guests == 1)
                title = text("CPU %d%s%s, guest %s", cpu, class ? ": " : "", class ? class->name : "",
                             picture_text(p->guests[guest].json, "name"));
        else
                title = text("CPU %d%s%s, %u guests", cpu, class ? ": " : "", class ? class->name : "", guests);
        struct box *box = add(d, core, "cpu", text("%d", cpu), title);
        if (!box)
                return;
        box->least = CPU_LEAST;
        if (guests == 1)
                box->stroke = guest_colours[(size_t)guest % ARRAY_LEN(guest_colours)];
}

static void add_core(struct drawing *d, struct box *parent, const struct picture_core *core)
{
        const struct picture *p = d->picture;
        const struct picture_class *class = core->class >= 0 ? &p->classes[core->class] : NULL;
        struct box *box = box_add(&d->boxes, parent, p->hybrid && core->kind == 0 ? "little" : "core");

        if (!box)
                return;
        box->gap = 2;
        box->fill = class ? class->style->fill : NULL;
        for (int i = 0; i < core->count; i++)
                add_cpu(d, box, class, core->cpus[i]);
}

/* Those of a node in a package, with a box for each cache. */
static void add_cores(struct drawing *d, struct box *parent, int package, int node)
{
        size_t count;
        const struct picture_core *cores = picture_cores_in(d->picture, package, node, &count);
        struct box *cache = NULL;

        for (size_t i = 0; i < count; i++) {
                if (cores[i].l3 >= 0 && (i == 0 || cores[i].l3 != cores[i - 1].l3)) {
                        cache = add(d, parent, "cache", text("cache %d", cores[i].l3), NULL);
                        if (cache)
                                cache->room = CACHE_ROOM;
                }
                add_core(d, cores[i].l3 >= 0 ? cache : parent, &cores[i]);
        }
}

/* ---- devices and guests ---- */

static void add_vfs(struct drawing *d, struct box *pf, const char *address)
{
        const struct picture *p = d->picture;

        for (size_t i = 0; i < p->pci_count; i++) {
                const json_t *vf = p->pci[i].json;

                if (*address && strcmp(p->pci[i].of_pf, address) == 0) {
                        char *facts = picture_device_facts(vf);
                        struct box *box = add(d, pf, "vf", text("%lld", picture_number(vf, "vf_number", 0)),
                                              text("%s: %s", picture_text(vf, "address"), facts ? facts : ""));
                        if (box)
                                box->least = CPU_LEAST;
                        free(facts);
                }
        }
}

static void add_devices(struct drawing *d, struct box *parent, int node)
{
        const struct picture *p = d->picture;
        bool first = true;

        for (size_t i = 0; i < p->pci_count; i++) {
                const json_t *pci = p->pci[i].json;

                if (p->pci[i].node != node || picture_has_pf(p, p->pci[i].of_pf))
                        continue;
                struct box *box = add(d, parent, "pci", picture_device_name(pci), picture_device_facts(pci));
                box_set(&d->boxes, &box->more, picture_device_brief(pci));
                box->room = VF_ROOM;
                box->gap = 4;
                box->new_row = first;
                first = false;
                add_vfs(d, box, picture_text(pci, "address"));
        }
        for (size_t i = 0; i < p->disk_count; i++) {
                if (p->disks[i].node != node)
                        continue;
                struct box *box = add(d, parent, "disk", text("%s", picture_text(p->disks[i].json, "name")), NULL);
                if (!box)
                        continue;
                box_set(&d->boxes, &box->more, picture_disk_facts(p->disks[i].json));
                box->new_row = first;
                first = false;
        }
}

static void add_guests(struct drawing *d, struct box *parent, int node)
{
        const struct picture *p = d->picture;
        bool first = true;

        for (size_t i = 0; i < p->guest_count; i++) {
                if (p->guests[i].node != node)
                        continue;
                struct box *box = add(d, parent, "guest", text("%s", picture_text(p->guests[i].json, "name")), NULL);
                if (!box)
                        continue;
                box_set(&d->boxes, &box->more, picture_guest_facts(&p->guests[i]));
                box->stroke = guest_colours[i % ARRAY_LEN(guest_colours)];
                box->new_row = first;
                first = false;
        }
}

/* ---- nodes, packages, the whole ---- */

static struct box *add_package(struct drawing *d, struct box *parent, const struct picture_package *package)
{
        const char *model = picture_text(package->json, "model");
        struct box *box =
                add(d, parent, "package", text("package %d%s%s", package->number, *model ? ": " : "", model), NULL);

        if (box)
                box->room = PACKAGE_ROOM;
        return box;
}

static bool has_cores(const struct drawing *d, int package, int node)
{
        size_t count;

        return picture_cores_in(d->picture, package, node, &count) != NULL;
}

/* With the packages in it, if they are not around it. */
static void add_node(struct drawing *d, struct box *parent, int index)
{
        const struct picture *p = d->picture;
        const struct picture_node *node = &p->nodes[index];
        struct box *box = add(d, parent, "node", text("node %d", node->number), NULL);

        if (!box)
                return;
        box_set(&d->boxes, &box->more, picture_node_facts(node));
        box->room = NODE_ROOM;
        if (node->package >= 0)
                add_cores(d, box, node->package, index);
        else
                for (int package = -1; package < (int)p->package_count; package++)
                        if (has_cores(d, package, index))
                                add_cores(d, package < 0 ? box : add_package(d, box, &p->packages[package]), package,
                                          index);
        add_devices(d, box, index);
        add_guests(d, box, index);
}

static void add_machine(struct drawing *d)
{
        const struct picture *p = d->picture;
        struct box *top = &d->boxes.top, *box;

        for (int package = 0; package < (int)p->package_count; package++) {
                if (!p->packages[package].around && !has_cores(d, package, -1))
                        continue;
                box = add_package(d, top, &p->packages[package]);
                for (int node = 0; node < (int)p->node_count; node++)
                        if (p->nodes[node].package == package)
                                add_node(d, box, node);
                add_cores(d, box, package, -1);
        }
        for (int node = 0; node < (int)p->node_count; node++)
                if (p->nodes[node].package < 0)
                        add_node(d, top, node);
        add_cores(d, top, -1, -1);
        if (!picture_has_placeless(p))
                return;
        box = add(d, top, "elsewhere", text("on no known node"), NULL);
        add_devices(d, box, -1);
        add_guests(d, box, -1);
}

/* What the colours mean, how many CPUs have each, and which are offline. */
static void add_legend(struct drawing *d)
{
        const struct picture *p = d->picture;
        struct cpu_set offline = p->present;
        bool first = true;

        for (size_t i = 0; i < p->class_count; i++) {
                struct cpu_set cpus = p->classes[i].cpus;

                cpu_set_and(&cpus, &p->online);
                unsigned count = cpu_set_count(&cpus);
                struct box *box = add(d, &d->boxes.top, "legend",
                                      text("%s: %u CPU%s", p->classes[i].name, count, picture_plural(count)), NULL);
                if (!box)
                        continue;
                box->fill = p->classes[i].style->fill;
                box->new_row = first;
                first = false;
        }
        cpu_set_and_not(&offline, &p->online);
        if (cpu_set_empty(&offline))
                return;
        cleanup_free char *list = cpu_set_to_list(&offline);
        struct box *box = add(d, &d->boxes.top, "offline", text("offline: %s", list ? list : ""), NULL);
        if (box)
                box->new_row = first;
}

int topology_render_svg(const json_t *document, FILE *to)
{
        cleanup_(picture_done) struct picture picture = {};
        struct drawing d = {.picture = &picture};
        int r = picture_make(&picture, document);

        if (r < 0)
                return r;
        d.boxes.top = (struct box){.class = "machine", .room = PAGE_ROOM, .gap = 10};
        box_set(&d.boxes, &d.boxes.top.label, picture_summary(&picture));
        add_machine(&d);
        add_legend(&d);
        if (!d.boxes.failed) {
                boxes_lay_out(&d.boxes);
                boxes_write(&d.boxes, style_sheet, to);
                r = ferror(to) ? -EIO : 0;
        } else {
                r = -ENOMEM;
        }
        boxes_done(&d.boxes);
        return r;
}
