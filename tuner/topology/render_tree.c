/* A topology as a tree in a terminal: packages, nodes, caches, CPUs by class, devices, guests. See render.h; how lines
 * become a drawing is in tree_lines.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bunches.h"
#include "picture.h"
#include "render.h"
#include "socle/cleanup.h"
#include "tree_lines.h"

#define BOLD "1"

/* ---- CPUs ---- */

static void add_bunch(struct tree *tree, struct line *parent, const struct picture *p, const struct bunch *bunch,
                      const char *before)
{
        const struct picture_class *class = bunch->class >= 0 ? &p->classes[bunch->class] : NULL;
        cleanup_free char *cpus = cpu_set_to_list(&bunch->cpus);
        char kind[32] = "";

        if (p->hybrid)
                snprintf(kind, sizeof(kind), " of kind %d", bunch->kind);
        tree_add(tree, parent, class ? class->style->ansi : NULL, "%s%s%s%zu core%s%s, CPU%s %s", before,
                 class ? class->name : "", class ? ": " : "", bunch->cores, picture_plural(bunch->cores), kind,
                 picture_plural(cpu_set_count(&bunch->cpus)), cpus ? cpus : "");
}

/* Those of a node in a package; of several caches each has a line, or what is in it below its line. */
static void add_cores(struct tree *tree, struct line *parent, const struct picture *p, const struct bunches *bunches,
                      int package, int node)
{
        size_t count, end;
        const struct bunch *bunch = bunches_in(bunches, package, node, &count);

        for (size_t i = 0; i < count; i = end) {
                struct line *below = parent;
                char cache[32] = "";

                for (end = i + 1; end < count && bunch[end].l3 == bunch[i].l3;)
                        end++;
                if (end - i < count && bunch[i].l3 >= 0)
                        snprintf(cache, sizeof(cache), end - i > 1 ? "cache %d" : "cache %d: ", bunch[i].l3);
                if (*cache && end - i > 1)
                        below = tree_add(tree, parent, NULL, "%s", cache);
                for (size_t b = i; b < end; b++)
                        add_bunch(tree, below, p, &bunch[b], end - i == 1 ? cache : "");
        }
}

/* ---- devices and guests ---- */

/* "VFs 0-3: driver iavf", a line for each driver. */
static void add_vfs(struct tree *tree, struct line *parent, const struct picture *p, const char *pf)
{
        for (size_t i = 0; i < p->pci_count; i++) {
                const char *driver = picture_text(p->pci[i].json, "driver");
                struct cpu_set numbers = {}; /* VFs are numbered as CPUs are */
                bool seen = false;

                if (strcmp(p->pci[i].of_pf, pf) != 0)
                        continue;
                for (size_t j = 0; j < p->pci_count && !seen; j++) {
                        if (strcmp(p->pci[j].of_pf, pf) != 0 ||
                            strcmp(picture_text(p->pci[j].json, "driver"), driver) != 0)
                                continue;
                        seen = j < i;
                        cpu_set_add(&numbers, (unsigned)picture_number(p->pci[j].json, "vf_number", 0));
                }
                cleanup_free char *list = cpu_set_to_list(&numbers);
                if (!seen)
                        tree_add(tree, parent, NULL, "VF%s %s: %s%s", picture_plural(cpu_set_count(&numbers)),
                                 list ? list : "", *driver ? "driver " : "no driver", driver);
        }
}

static void add_devices(struct tree *tree, struct line *parent, const struct picture *p, int node)
{
        for (size_t i = 0; i < p->pci_count; i++) {
                if (p->pci[i].node != node || picture_has_pf(p, p->pci[i].of_pf))
                        continue;
                cleanup_free char *name = picture_device_name(p->pci[i].json);
                cleanup_free char *facts = picture_device_facts(p->pci[i].json);
                struct line *line = tree_add(tree, parent, NULL, "%s%s%s", name ? name : "",
                                             facts && *facts ? ": " : "", facts ? facts : "");
                if (*picture_text(p->pci[i].json, "address"))
                        add_vfs(tree, line, p, picture_text(p->pci[i].json, "address"));
        }
        for (size_t i = 0; i < p->disk_count; i++) {
                cleanup_free char *facts = picture_disk_facts(p->disks[i].json);

                if (p->disks[i].node == node)
                        tree_add(tree, parent, NULL, "disk %s: %s", picture_text(p->disks[i].json, "name"),
                                 facts ? facts : "");
        }
}

static void add_guests(struct tree *tree, struct line *parent, const struct picture *p, int node)
{
        for (size_t i = 0; i < p->guest_count; i++) {
                cleanup_free char *facts = picture_guest_facts(&p->guests[i]);

                if (p->guests[i].node == node)
                        tree_add(tree, parent, NULL, "guest %s: %s", picture_text(p->guests[i].json, "name"),
                                 facts ? facts : "");
        }
}

/* ---- nodes, packages, the whole ---- */

static struct line *add_node_line(struct tree *tree, struct line *parent, const struct picture_node *node)
{
        cleanup_free char *facts = picture_node_facts(node);

        return tree_add(tree, parent, BOLD, "node %d: %s", node->number, facts ? facts : "");
}

static void add_package_line(struct tree *tree, struct line *parent, const struct picture_package *package,
                             struct line **ret)
{
        const char *model = picture_text(package->json, "model");

        *ret = tree_add(tree, parent, BOLD, "package %d%s%s", package->number, *model ? ": " : "", model);
}

static bool has_cores(const struct bunches *bunches, int package, int node)
{
        size_t count;

        return bunches_in(bunches, package, node, &count) != NULL;
}

/* With the packages in it, if they are not around it. */
static void add_node(struct tree *tree, struct line *parent, const struct picture *p, const struct bunches *bunches,
                     int node)
{
        struct line *line = add_node_line(tree, parent, &p->nodes[node]), *inner;

        if (p->nodes[node].package >= 0)
                add_cores(tree, line, p, bunches, p->nodes[node].package, node);
        else
                for (int package = -1; package < (int)p->package_count; package++) {
                        if (!has_cores(bunches, package, node))
                                continue;
                        inner = line;
                        if (package >= 0)
                                add_package_line(tree, line, &p->packages[package], &inner);
                        add_cores(tree, inner, p, bunches, package, node);
                }
        add_devices(tree, line, p, node);
        add_guests(tree, line, p, node);
}

static void add_machine(struct tree *tree, struct line *top, const struct picture *p, const struct bunches *bunches)
{
        for (int package = 0; package < (int)p->package_count; package++) {
                struct line *line;

                if (!p->packages[package].around && !has_cores(bunches, package, -1))
                        continue;
                add_package_line(tree, top, &p->packages[package], &line);
                for (int node = 0; node < (int)p->node_count; node++)
                        if (p->nodes[node].package == package)
                                add_node(tree, line, p, bunches, node);
                add_cores(tree, line, p, bunches, package, -1);
        }
        for (int node = 0; node < (int)p->node_count; node++)
                if (p->nodes[node].package < 0)
                        add_node(tree, top, p, bunches, node);
        add_cores(tree, top, p, bunches, -1, -1);
}

/* What has no place. */
static void add_rest(struct tree *tree, struct line *top, const struct picture *p)
{
        struct cpu_set offline = p->present;

        cpu_set_and_not(&offline, &p->online);
        cleanup_free char *list = cpu_set_to_list(&offline);
        if (list && *list)
                tree_add(tree, top, "2", "offline: CPU%s %s", picture_plural(cpu_set_count(&offline)), list);
        if (!picture_has_placeless(p))
                return;
        struct line *line = tree_add(tree, top, BOLD, "on no known node");
        add_devices(tree, line, p, -1);
        add_guests(tree, line, p, -1);
}

int topology_render_tree(const json_t *document, const struct render_options *options, FILE *to)
{
        cleanup_(picture_done) struct picture p = {};
        cleanup_(bunches_done) struct bunches bunches = {};
        cleanup_(tree_done) struct tree tree = {};
        int r = picture_make(&p, document);

        if (r == 0)
                r = bunches_make(&bunches, &p);
        if (r < 0)
                return r;
        cleanup_free char *summary = picture_summary(&p);
        struct line *top = tree_add(&tree, &tree.top, BOLD, "%s", summary ? summary : "");
        add_machine(&tree, top, &p, &bunches);
        add_rest(&tree, top, &p);
        if (tree.failed)
                return -ENOMEM;
        tree_draw(&tree, options, to);
        return ferror(to) ? -EIO : 0;
}
