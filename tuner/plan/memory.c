/* What of each node's memory is not for huge pages: the OS, the dataplane's session table, OSDs, what QEMU takes beside
 * its guests' memory; and how many guests that is reckoned with. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "formula_dataplane.h"
#include "formula_hci.h"
#include "planner.h"
#include "units.h"

#define OS_BYTES_MAX (4096 * MIB) /* NovaReservedHostMemory of TripleO's derived parameters */

static uint64_t min_u64(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

int nearest_with_memory(const struct planner *planner, int node)
{
        int best = -1;

        for (int other = 0; other < planner->node_count; other++)
                if (planner->nodes[other].memory_bytes > 0 &&
                    (best < 0 || node_distance(planner, node, other) < node_distance(planner, node, best)))
                        best = other;
        return best;
}

/* In equal parts from the nodes where the OS runs (housekeeping, and memory): a node too small for its part gives all
 * it has, and the others give more. */
static void reserve_for_os(struct planner *planner)
{
        uint64_t asked = planner->profile->os_bytes, total = 0, left;
        int sharers = 0;

        for (int node = 0; node < planner->node_count; node++) {
                total += planner->nodes[node].memory_bytes;
                sharers += planner->nodes[node].memory_bytes > 0 && cores_owned(planner, CLASS_HOUSEKEEPING, node) > 0;
        }
        left = asked ? asked : min_u64(OS_BYTES_MAX, total / 4);
        if (total == 0)
                return;
        if (left > total) {
                char expected[48];

                snprintf(expected, sizeof(expected), "at most %" PRIu64 " MiB, all there is", total / MIB);
                errors_add(planner->errors, -EINVAL, "/spec/memory/reserved", expected,
                           "%" PRIu64 " MiB are to be left to the OS", left / MIB);
                return;
        }
        planner_reason(planner, "memory", "%" PRIu64 " MiB are left to the OS: %s", left / MIB,
                       asked                  ? "as the profile says"
                       : left == OS_BYTES_MAX ? "TripleO's default"
                                              : "a quarter of a small machine");
        /* Twice: first by housekeeping; what does not fit there, from any memory. */
        for (int pass = 0; pass < 2 && left > 0; pass++)
                for (int node = 0; node < planner->node_count; node++) {
                        struct plan_node *to = &planner->plan->nodes[node];
                        bool shares = cores_owned(planner, CLASS_HOUSEKEEPING, node) > 0;
                        uint64_t room = planner->nodes[node].memory_bytes - to->os_bytes, part;

                        if (room == 0 || (pass == 0 && !shares))
                                continue;
                        part = min_u64(room, pass == 0 ? left / sharers-- : left);
                        to->os_bytes += part;
                        left -= part;
                }
}

static void reserve_for_dataplane(struct planner *planner)
{
        for (int node = 0; node < planner->node_count; node++) {
                unsigned cores = cores_owned(planner, CLASS_DATAPLANE, node);
                bool idle = planner->profile->dataplane.idle_siblings;
                unsigned workers = idle ? cores : cpus_owned(planner, CLASS_DATAPLANE, node);
                int home = nearest_with_memory(planner, node);
                struct dataplane_memory memory;
                char subject[64];

                if (cores == 0 || home < 0)
                        continue;
                dataplane_memory(&planner->profile->dataplane, workers, &memory);
                planner->nodes[home].dataplane_bytes += memory.huge_bytes;
                planner->plan->nodes[home].session_bytes += memory.session_bytes;
                snprintf(subject, sizeof(subject), "dataplane memory node %d", node_number(planner, home));
                planner_reason(planner, subject, "%" PRIu64 " MiB of huge pages: %s%s", memory.huge_bytes / MIB,
                               memory.words, home == node ? "" : "; the workers' own node has no memory");
        }
}

static void reserve_for_osds(struct planner *planner)
{
        for (int node = 0; node < planner->node_count; node++) {
                struct plan_node *to = &planner->plan->nodes[node];

                to->osd_bytes = planner->profile->storage.osd_bytes * to->osds;
        }
}

/* A machine too small for what was not asked for: the dataplane then runs on ordinary pages, with fewer sessions. */
static void fit_dataplane(struct planner *planner, int node)
{
        struct plan_node *plan = &planner->plan->nodes[node];
        struct node_state *state = &planner->nodes[node];
        const struct host_profile *profile = planner->profile;
        bool asked = profile->classes[CLASS_DATAPLANE].form != CLASS_DERIVED || profile->dataplane.memory_bytes > 0;
        uint64_t room = state->memory_bytes - plan->os_bytes;
        char subject[64];

        snprintf(subject, sizeof(subject), "dataplane memory node %d", node_number(planner, node));
        if (state->dataplane_bytes > room && !asked) {
                state->dataplane_bytes = 0;
                planner_reason(planner, subject, "there is too little memory for huge pages: ordinary ones");
        }
        room -= min_u64(room, state->dataplane_bytes);
        if (plan->session_bytes > room) {
                plan->session_bytes = room;
                planner_reason(planner, subject,
                               "there is not room for all sessions: socle-dataplane --sessions %" PRIu64,
                               room / SOCLE_SESSION_BYTES);
        }
}

/* What guests and their overhead may have of a node. */
static uint64_t room_for_guests(const struct planner *planner, int node)
{
        const struct plan_node *plan = &planner->plan->nodes[node];
        uint64_t taken = plan->os_bytes + plan->session_bytes + plan->osd_bytes + planner->nodes[node].dataplane_bytes;
        uint64_t memory = planner->nodes[node].memory_bytes;

        return memory > taken ? memory - taken : 0;
}

static bool has_guests(const struct planner *planner, int node)
{
        return cores_owned(planner, CLASS_GUESTS_DEDICATED, node) + cores_owned(planner, CLASS_GUESTS_SHARED, node) > 0;
}

/* Any node will do where guests have no CPUs of their own. */
static bool guests_anywhere(const struct planner *planner)
{
        for (int node = 0; node < planner->node_count; node++)
                if (has_guests(planner, node))
                        return false;
        return true;
}

static uint64_t guest_bytes(const struct planner *planner)
{
        uint64_t memory = planner->profile->guests.memory_bytes, page = planner->profile->guests.page_bytes;

        return page ? (memory + page - 1) / page * page : memory;
}

/* As many as the published formula has room for. */
static void derive_guests(struct planner *planner)
{
        const struct profile_guests *guests = &planner->profile->guests;
        bool anywhere = guests_anywhere(planner);
        uint64_t memory = guest_bytes(planner);

        for (int node = 0; node < planner->node_count; node++)
                if (anywhere || has_guests(planner, node))
                        planner->plan->nodes[node].guests =
                                hci_guests(room_for_guests(planner, node), 0, memory, guests->overhead_bytes);
}

/* Each to the node that has most room left after those before it. `each`: bytes that must fit. */
static unsigned spread_guests(struct planner *planner, unsigned count, uint64_t each)
{
        bool anywhere = guests_anywhere(planner);
        unsigned placed = 0;

        for (; placed < count; placed++) {
                uint64_t best_room = 0;
                int best = -1;

                for (int node = 0; node < planner->node_count; node++) {
                        uint64_t used = planner->plan->nodes[node].guests * each, room = room_for_guests(planner, node);

                        if ((!anywhere && !has_guests(planner, node)) || room < used + each || room == 0)
                                continue;
                        if (best < 0 || room - used > best_room) {
                                best_room = room - used;
                                best = node;
                        }
                }
                if (best < 0)
                        break;
                planner->plan->nodes[best].guests++;
        }
        return placed;
}

static void plan_guests(struct planner *planner, bool storage)
{
        const struct profile_guests *guests = &planner->profile->guests;
        uint64_t each = guests->overhead_bytes + (guests->page_bytes ? guest_bytes(planner) : 0);
        char expected[64];

        if (guests->count < 0) {
                if (guests->page_bytes || storage)
                        derive_guests(planner);
                return;
        }
        unsigned placed = spread_guests(planner, guests->count, each);
        if (placed == (unsigned)guests->count)
                return;
        snprintf(expected, sizeof(expected), "at most %u", placed);
        errors_add(planner->errors, -EINVAL, "/spec/guests/count", expected,
                   "%d guests take %" PRIu64 " MiB each of a node's memory%s", guests->count, each / MIB,
                   guests->page_bytes ? "" : " beside their own");
}

static void publish(struct planner *planner, int node)
{
        struct plan_node *plan = &planner->plan->nodes[node];
        char subject[64];

        plan->overhead_bytes = plan->guests * planner->profile->guests.overhead_bytes;
        planner->plan->reserved_bytes[node] =
                plan->os_bytes + plan->session_bytes + plan->osd_bytes + plan->overhead_bytes;
        if (planner->plan->reserved_bytes[node] == 0)
                return;
        snprintf(subject, sizeof(subject), "reserved memory node %d", node_number(planner, node));
        planner_reason(planner, subject,
                       "OS %" PRIu64 ", sessions %" PRIu64 ", %u OSDs %" PRIu64 ", overhead of %u guests %" PRIu64
                       " MiB",
                       plan->os_bytes / MIB, plan->session_bytes / MIB, plan->osds, plan->osd_bytes / MIB, plan->guests,
                       plan->overhead_bytes / MIB);
}

static void check_storage(struct planner *planner, int node)
{
        const struct plan_node *plan = &planner->plan->nodes[node];
        uint64_t memory = planner->nodes[node].memory_bytes;
        char expected[64];

        if (plan->osds == 0 || !hci_reserved_too_much(plan->osd_bytes + plan->overhead_bytes, memory))
                return;
        snprintf(expected, sizeof(expected), "at most %" PRIu64 " MiB", memory / 100 * HCI_RESERVED_PERCENT_MAX / MIB);
        errors_add(planner->errors, -EINVAL, "/spec/storage/osds", expected,
                   "%u OSDs and the overhead of %u guests take %" PRIu64 " MiB of node %d, more than %d %%", plan->osds,
                   plan->guests, (plan->osd_bytes + plan->overhead_bytes) / MIB, node_number(planner, node),
                   HCI_RESERVED_PERCENT_MAX);
}

void memory_plan(struct planner *planner)
{
        bool storage = false;

        if (planner->plan->node_count == 0)
                return;
        reserve_for_os(planner);
        reserve_for_dataplane(planner);
        hugepages_choose(planner);
        for (int node = 0; node < planner->node_count; node++)
                fit_dataplane(planner, node);
        reserve_for_osds(planner);
        for (int node = 0; node < planner->node_count; node++)
                storage |= planner->plan->nodes[node].osds > 0;
        plan_guests(planner, storage);
        for (int node = 0; node < planner->node_count; node++) {
                publish(planner, node);
                check_storage(planner, node);
        }
}
