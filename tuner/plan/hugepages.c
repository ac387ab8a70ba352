/* How many huge pages of which size are on which node: what the dataplane and the guests need, or what the profile says
 * where it says so; never more than the node's memory leaves. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "planner.h"
#include "words.h"

/* The entry of a node and size, made if need be; NULL: out of memory. */
static struct plan_pages *entry(struct planner *planner, int node, uint64_t page_bytes)
{
        struct plan *plan = planner->plan;
        struct plan_pages *pages;

        for (size_t i = 0; i < plan->page_count; i++)
                if (plan->pages[i].node == node && plan->pages[i].page_bytes == page_bytes)
                        return &plan->pages[i];
        pages = reallocarray(plan->pages, plan->page_count + 1, sizeof(*pages));
        if (!pages) {
                planner_no_memory(planner);
                return NULL;
        }
        plan->pages = pages;
        pages[plan->page_count] = (struct plan_pages){.node = node, .page_bytes = page_bytes};
        return &pages[plan->page_count++];
}

static uint64_t dataplane_pages(const struct planner *planner, int node, uint64_t page_bytes)
{
        return page_bytes == planner->dataplane_page_bytes ? planner->nodes[node].dataplane_bytes / page_bytes : 0;
}

static uint64_t guest_pages(const struct planner *planner, int node, uint64_t page_bytes)
{
        if (page_bytes != planner->profile->guests.page_bytes)
                return 0;
        return planner->plan->nodes[node].guests * (guest_bytes(planner) / page_bytes);
}

static uint64_t needed(const struct planner *planner, int node, uint64_t page_bytes)
{
        return dataplane_pages(planner, node, page_bytes) + guest_pages(planner, node, page_bytes);
}

static void add_needs(struct planner *planner, int node)
{
        uint64_t sizes[] = {planner->dataplane_page_bytes, planner->profile->guests.page_bytes};

        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
                struct plan_pages *pages;

                if (sizes[i] == 0 || needed(planner, node, sizes[i]) == 0)
                        continue;
                if (!node_knows_pages(planner, node, sizes[i])) /* the dataplane's was looked at when it was chosen */
                        complain_page_size(planner, node, sizes[i], "/spec/guests/page_size");
                else if ((pages = entry(planner, node, sizes[i]))) {
                        pages->dataplane = dataplane_pages(planner, node, sizes[i]);
                        pages->count = needed(planner, node, sizes[i]);
                }
        }
}

/* What the profile says of a size on a node: its own entry, else that for all nodes; −1: nothing. */
static int asked_for(const struct planner *planner, int node, uint64_t page_bytes)
{
        const struct host_profile *profile = planner->profile;
        int found = -1;

        for (size_t i = 0; i < profile->page_count; i++) {
                bool all = profile->pages[i].node < 0;

                if (profile->pages[i].page_bytes != page_bytes)
                        continue;
                if (profile->pages[i].node == node_number(planner, node))
                        return (int)i;
                if (all && planner->nodes[node].memory_bytes > 0 && planner->nodes[node].count > 0)
                        found = (int)i;
        }
        return found;
}

static void complain_count(struct planner *planner, size_t asked, int node, const char *bound, uint64_t pages,
                           const char *why)
{
        char pointer[64], expected[128];

        snprintf(pointer, sizeof(pointer), "/spec/hugepages/pages/%zu/count", asked);
        snprintf(expected, sizeof(expected), "%s %" PRIu64 ", %s", bound, pages, why);
        errors_add(planner->errors, -EINVAL, pointer, expected, "%" PRIu64 " pages are asked for on node %d",
                   planner->profile->pages[asked].count, node_number(planner, node));
}

/* An entry of the profile in place of what was derived, on every node that it is about. */
static void override(struct planner *planner, size_t index)
{
        const struct profile_pages *asked = &planner->profile->pages[index];
        uint64_t least = 0;
        int where = -1;

        for (int node = 0; node < (int)planner->plan->node_count; node++) {
                uint64_t all = planner->nodes[node].memory_bytes / asked->page_bytes;
                struct plan_pages *pages;
                char pointer[64];

                if (asked_for(planner, node, asked->page_bytes) != (int)index)
                        continue;
                snprintf(pointer, sizeof(pointer), "/spec/hugepages/pages/%zu/size", index);
                if (!node_knows_pages(planner, node, asked->page_bytes))
                        complain_page_size(planner, node, asked->page_bytes, pointer);
                else if ((pages = entry(planner, node, asked->page_bytes)))
                        pages->count = asked->count <= all ? asked->count : all + 1; /* check_entry() says so */
                if (needed(planner, node, asked->page_bytes) > least) {
                        least = needed(planner, node, asked->page_bytes);
                        where = node;
                }
        }
        if (least > asked->count)
                complain_count(planner, index, where, "at least", least, "which the dataplane and the guests need");
}

/* Entries for nodes that are not there, or have no memory. */
static void check_nodes(struct planner *planner)
{
        for (size_t i = 0; i < planner->profile->page_count; i++) {
                int number = planner->profile->pages[i].node;
                int node = number < 0 ? -1 : topology_find_node(planner->topology, number);
                char pointer[64];

                if (number < 0 || (node >= 0 && planner->nodes[node].memory_bytes > 0))
                        continue;
                snprintf(pointer, sizeof(pointer), "/spec/hugepages/pages/%zu/node", i);
                errors_add(planner->errors, -EINVAL, pointer, "a node that `soclectl topology` shows memory of",
                           node < 0 ? "there is no node %d" : "node %d has no memory", number);
        }
}

static uint64_t bytes_on(const struct planner *planner, int node)
{
        uint64_t bytes = 0;

        for (size_t i = 0; i < planner->plan->page_count; i++)
                if (planner->plan->pages[i].node == node)
                        bytes += planner->plan->pages[i].count * planner->plan->pages[i].page_bytes;
        return bytes;
}

static uint64_t room_on(const struct planner *planner, int node)
{
        uint64_t memory = planner->nodes[node].memory_bytes, reserved = planner->plan->reserved_bytes[node];

        return memory > reserved ? memory - reserved : 0;
}

/* Of a size, as many pages as the node has room for beside the other sizes. */
static uint64_t most_pages(const struct planner *planner, const struct plan_pages *pages)
{
        uint64_t room = room_on(planner, pages->node);
        uint64_t others = bytes_on(planner, pages->node) - pages->count * pages->page_bytes;

        return room > others ? (room - others) / pages->page_bytes : 0;
}

/* What an entry of the profile asks for must have room on all its nodes. */
static void check_entry(struct planner *planner, size_t index)
{
        uint64_t most = planner->profile->pages[index].count, least = 0;
        char own[64];
        int where = -1;

        for (size_t i = 0; i < planner->plan->page_count; i++) {
                const struct plan_pages *pages = &planner->plan->pages[i];

                if (asked_for(planner, pages->node, pages->page_bytes) != (int)index)
                        continue;
                if (needed(planner, pages->node, pages->page_bytes) > least)
                        least = needed(planner, pages->node, pages->page_bytes);
                if (most_pages(planner, pages) >= most)
                        continue;
                most = most_pages(planner, pages);
                where = pages->node;
        }
        if (where < 0)
                return;
        snprintf(own, sizeof(own), "an entry of its own for node %d, at most", node_number(planner, where));
        complain_count(planner, index, where, least > most ? own : "at most", most,
                       "which the OS, OSDs and guests leave");
}

/* What was asked for the dataplane must have room; what was not is smaller already (memory.c). */
static void check_dataplane(struct planner *planner)
{
        uint64_t page = planner->dataplane_page_bytes, most = UINT64_MAX;
        char expected[160];
        int where = -1;

        for (int node = 0; node < (int)planner->plan->node_count; node++) {
                const struct node_state *state = &planner->nodes[node];

                if (state->dataplane_bytes <= room_on(planner, node))
                        continue;
                if (room_on(planner, node) / state->dataplane_shares / page * page < most) {
                        most = room_on(planner, node) / state->dataplane_shares / page * page;
                        where = node;
                }
        }
        if (where < 0)
                return;
        snprintf(expected, sizeof(expected),
                 most > 0 ? "at most %" PRIu64 " MiB" : "none, by /spec/classes/dataplane/cores: 0, or cpus elsewhere",
                 most / MIB);
        errors_add(planner->errors, -EINVAL, most > 0 ? "/spec/dataplane/memory" : "/spec/classes/dataplane", expected,
                   "the dataplane's huge pages take %" PRIu64 " MiB of node %d, which has %" PRIu64 " MiB to spare",
                   planner->nodes[where].dataplane_bytes / MIB, node_number(planner, where),
                   room_on(planner, where) / MIB);
}

static void explain(struct planner *planner, const struct plan_pages *pages)
{
        bool asked = asked_for(planner, pages->node, pages->page_bytes) >= 0;
        char subject[64], name[PAGE_SIZE_NAME];

        snprintf(subject, sizeof(subject), "hugepages node %d %s", node_number(planner, pages->node),
                 page_size_name(pages->page_bytes, name));
        planner_reason(planner, subject, "%" PRIu64 " pages, %" PRIu64 " of them for the dataplane, %" PRIu64 " %s",
                       pages->count, pages->dataplane, pages->count - pages->dataplane,
                       asked ? "for others; as the profile says" : "for guests");
}

static int by_node_and_size(const void *a, const void *b)
{
        const struct plan_pages *x = a, *y = b;

        return x->node != y->node ? x->node - y->node
                                  : (x->page_bytes > y->page_bytes) - (x->page_bytes < y->page_bytes);
}

void hugepages_plan(struct planner *planner)
{
        struct plan *plan = planner->plan;

        check_nodes(planner);
        check_dataplane(planner);
        for (int node = 0; node < (int)plan->node_count; node++)
                add_needs(planner, node);
        if (planner_failed(planner))
                return;
        for (size_t i = 0; i < planner->profile->page_count; i++)
                override(planner, i);
        if (planner_failed(planner))
                return;
        for (size_t i = 0; i < planner->profile->page_count; i++)
                check_entry(planner, i);
        if (plan->page_count > 0)
                qsort(plan->pages, plan->page_count, sizeof(*plan->pages), by_node_and_size);
        for (size_t i = 0; i < plan->page_count; i++)
                explain(planner, &plan->pages[i]);
        if (planner->profile->guests.page_bytes == 0)
                planner_reason(planner, "hugepages",
                               "guests have ordinary pages: /spec/guests/page_size asks for others");
}
