/* Which size of huge pages the dataplane has. It looks for pages of the kernel's default size only (dataplane/eal.c),
 * so its size becomes the default, if it is not. */
#include <errno.h>
#include <stdio.h>

#include "planner.h"
#include "words.h"

bool node_knows_pages(const struct planner *planner, int node, uint64_t page_bytes)
{
        const struct topology_node *n = &planner->topology->nodes[node];

        for (size_t i = 0; i < n->page_count; i++)
                if (n->pages[i].page_bytes == page_bytes)
                        return true;
        return false;
}

/* All nodes where the dataplane wants memory. */
static bool dataplane_knows(const struct planner *planner, uint64_t page_bytes)
{
        for (int node = 0; node < planner->node_count; node++)
                if (planner->nodes[node].dataplane_bytes > 0 && !node_knows_pages(planner, node, page_bytes))
                        return false;
        return true;
}

/* What the kernel takes for its default without being told: the size of a PMD, which with 64 KiB base pages (arm64,
 * which then has no 1 GiB) is 512 MiB. 0: no huge pages that the dataplane could have. */
static uint64_t kernel_default(const struct planner *planner)
{
        if (dataplane_knows(planner, 512 * MIB) && !dataplane_knows(planner, GIB))
                return 512 * MIB;
        if (dataplane_knows(planner, 2 * MIB))
                return 2 * MIB;
        return dataplane_knows(planner, 16 * MIB) ? 16 * MIB : 0;
}

static const char *known_sizes(const struct planner *planner, int node, char *buffer, size_t size)
{
        const struct topology_node *n = &planner->topology->nodes[node];
        size_t used = snprintf(buffer, size, n->page_count ? "" : "no size: its kernel has no huge pages");
        char name[PAGE_SIZE_NAME];

        for (size_t i = 0; i < n->page_count && used < size; i++)
                used += snprintf(buffer + used, size - used, "%s%s", i ? ", " : "",
                                 page_size_name(n->pages[i].page_bytes, name));
        return buffer;
}

void complain_page_size(struct planner *planner, int node, uint64_t page_bytes, const char *pointer)
{
        char sizes[128], name[PAGE_SIZE_NAME];

        errors_add(planner->errors, -EINVAL, pointer, known_sizes(planner, node, sizes, sizeof(sizes)),
                   "node %d has no huge pages of %s", node_number(planner, node), page_size_name(page_bytes, name));
}

/* 1 GiB pages pay where the dataplane fills one; but they are only sure to be had at boot. */
static uint64_t derive_size(const struct planner *planner, uint64_t fallback)
{
        bool large = false;

        for (int node = 0; node < planner->node_count; node++)
                large |= planner->nodes[node].dataplane_bytes >= GIB;
        return large && planner->profile->boot != 0 && dataplane_knows(planner, GIB) ? GIB : fallback;
}

void hugepages_choose(struct planner *planner)
{
        uint64_t asked = planner->profile->default_page_bytes, standard = kernel_default(planner);
        uint64_t size = asked ? asked : derive_size(planner, standard);

        for (int node = 0; node < planner->node_count; node++) {
                struct node_state *state = &planner->nodes[node];

                if (asked && state->memory_bytes > 0 && !node_knows_pages(planner, node, asked)) {
                        complain_page_size(planner, node, asked, "/spec/hugepages/default_size");
                        size = standard;
                        break;
                }
        }
        for (int node = 0; node < planner->node_count; node++) {
                uint64_t *bytes = &planner->nodes[node].dataplane_bytes;

                *bytes = size ? (*bytes + size - 1) / size * size : 0;
        }
        if (size == 0)
                planner_reason(planner, "hugepages",
                               "the kernel has none of a usual size: the dataplane runs on ordinary pages");
        planner->dataplane_page_bytes = size;
        planner->plan->default_hugepage_bytes = asked || size != standard ? size : 0;
}
