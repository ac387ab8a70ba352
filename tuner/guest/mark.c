/* The mark that a domain of ours bears, in its metadata, which migrate along: whose host's pins it has, which they are,
 * and what was in their place before anyone's. Without it, pins that a guest brings along were another manager's to the
 * host that it comes to. Pure. See domain.h.
 *
 *   <metadata>
 *     <socle:guest xmlns:socle="…" host="UUID" vcpus="2 3">
 *       <cputune>…</cputune> …       what was there before, in the order of the domain's own elements
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain.h"
#include "domain_private.h"
#include "socle/cleanup.h"
#include "xml.h"

static xmlNodePtr find(xmlNodePtr root)
{
        xmlNodePtr node = xml_path(root, "metadata/" MARK_NAME);

        while (node && (!node->ns || strcmp((const char *)node->ns->href, MARK_URI) != 0))
                node = xml_next(node, MARK_NAME);
        return node;
}

/* ---- read ---- */

static bool holds(const char *vcpus, const struct domain *domain)
{
        cleanup_free char *copy = strdup(vcpus);
        char *rest = copy;

        for (unsigned v = 0; v < domain->vcpus; v++) {
                const char *list = strsep(&rest, " ");
                struct cpu_set set;
                if (!list || cpu_set_from_list(list, &set) < 0 || !cpu_set_equal(&set, &domain->vcpu_cpus[v]))
                        return false;
        }
        return true;
}

void mark_read(struct domain *domain, xmlNodePtr root)
{
        xmlNodePtr mark = find(root);
        cleanup_free char *host = xml_attribute(mark, "host");
        cleanup_free char *vcpus = xml_attribute(mark, "vcpus");
        cleanup_free char *cpuset = xml_attribute(xml_child(root, "vcpu"), "cpuset");

        if (!host || !vcpus || strlen(host) >= sizeof(domain->placed_by) || !holds(vcpus, domain))
                return;
        snprintf(domain->placed_by, sizeof(domain->placed_by), "%s", host);
        domain->pinned_before = cpuset || xml_path(mark, "cputune/vcpupin");
}

bool mark_is(const struct domain *domain, const char *host, const struct guest_placement *placement)
{
        bool same = strcmp(domain->placed_by, host) == 0;

        for (unsigned v = 0; same && v < domain->vcpus && v < placement->vcpus; v++)
                same = cpu_set_equal(&domain->vcpu_cpus[v], &placement->vcpu_cpus[v]);
        return same;
}

/* ---- made ---- */

static char *vcpus_text(const struct guest_placement *placement)
{
        cleanup_free char *text = NULL;
        size_t size;
        FILE *file = open_memstream(&text, &size);

        for (unsigned v = 0; file && v < placement->vcpus; v++) {
                cleanup_free char *list = cpu_set_to_list(&placement->vcpu_cpus[v]);
                fprintf(file, "%s%s", v > 0 ? " " : "", list ? list : "");
        }
        return file && fclose(file) == 0 ? TAKE_PTR(text) : NULL;
}

static int fill(xmlNodePtr mark, xmlDocPtr before, const char *host, const struct guest_placement *placement)
{
        cleanup_free char *vcpus = vcpus_text(placement);

        if (!vcpus || !xml_set(mark, "host", "%s", host) || !xml_set(mark, "vcpus", "%s", vcpus))
                return -ENOMEM;
        return tree_put_parts_back(mark, xmlDocGetRootElement(before));
}

static void strip(xmlNodePtr root)
{
        xmlNodePtr mark = find(root), metadata = mark ? mark->parent : NULL;

        if (!mark)
                return;
        xml_unlink(mark);
        if (tree_is_bare(metadata))
                xml_unlink(metadata);
}

void tree_unmark(xmlDocPtr tree)
{
        strip(xmlDocGetRootElement(tree));
}

int tree_mark(xmlDocPtr tree, xmlDocPtr before, const char *host, const struct guest_placement *placement)
{
        xmlNodePtr root = xmlDocGetRootElement(tree);

        strip(root);
        xmlNodePtr metadata = xml_ensure(root, "metadata");
        xmlNodePtr mark = metadata ? xmlNewChild(metadata, NULL, (const xmlChar *)MARK_NAME, NULL) : NULL;
        xmlNsPtr space = mark ? xmlNewNs(mark, (const xmlChar *)MARK_URI, (const xmlChar *)MARK_PREFIX) : NULL;
        if (!space)
                return -ENOMEM;
        int r = fill(mark, before, host, placement);
        xmlSetNs(mark, space);
        return r;
}

char *mark_text(xmlDocPtr before, const char *host, const struct guest_placement *placement)
{
        cleanup_tree xmlDocPtr tree = xmlNewDoc((const xmlChar *)"1.0");
        xmlNodePtr mark = tree ? xmlNewDocNode(tree, NULL, (const xmlChar *)MARK_NAME, NULL) : NULL;

        if (!mark)
                return NULL;
        xmlDocSetRootElement(tree, mark);
        return fill(mark, before, host, placement) == 0 ? tree_text(tree) : NULL;
}

/* ---- what was there before ---- */

int domain_before(char **ret, const char *xml)
{
        cleanup_tree xmlDocPtr tree = NULL;
        cleanup_domain_facts struct domain *domain = NULL;
        int r = domain_parse(&domain, xml);

        if (r == 0)
                r = domain_tree(&tree, xml);
        if (r < 0)
                return r;
        xmlNodePtr root = xmlDocGetRootElement(tree), mark = find(root);
        if (mark && domain->placed_by[0]) /* else others have changed it since, and that counts */
                r = tree_put_parts_back(root, mark);
        strip(root);
        char *text = r == 0 ? tree_text(tree) : NULL;
        if (!text)
                return -ENOMEM;
        *ret = text;
        return 0;
}
