/* What of each node's memory is not for huge pages: the OS, the dataplane's session table, OSDs, what QEMU takes beside
 * its guests' memory; and how many guests that is reckoned with. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "formula_dataplane.h"
#include "formula_hci.h"
#include "planner.h"
#include "words.h"

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
                    (best < 0 || topology_distance(planner->topology, node, other) <
                                         topology_distance(planner->topology, node, best)))
                        best = other;
        return best;
}

static void reserve_for_osds(struct planner *planner)
{
        for (int node = 0; node < planner->node_count; node++) {
                struct plan_node *to = &planner->plan->nodes[node];

                to->osd_bytes = planner->profile->storage.osd_bytes * to->osds;
        }
}

/* What is left of a node so far. */
static uint64_t room_on(const struct planner *planner, int node)
{
        const struct plan_node *plan = &planner->plan->nodes[node];
        uint64_t taken = plan->os_bytes + plan->session_bytes + plan->osd_bytes + planner->nodes[node].dataplane_bytes;
        uint64_t memory = planner->nodes[node].memory_bytes;

        return memory > taken ? memory - taken : 0;
}

/* In equal parts from the nodes where the OS runs (housekeeping, and memory); then, of what does not fit there, from
 * any memory. Returns what is not to be had. */
static uint64_t spread_os(struct planner *planner, uint64_t left)
{
        for (int pass = 0; pass < 2 && left > 0; pass++) {
                int sharers = 0;

                for (int node = 0; node < planner->node_count; node++)
                        sharers += room_on(planner, node) > 0 && cores_owned(planner, CLASS_HOUSEKEEPING, node) > 0;
                for (int node = 0; node < planner->node_count; node++) {
                        uint64_t room = room_on(planner, node), part = left;

                        if (room == 0 || (pass == 0 && cores_owned(planner, CLASS_HOUSEKEEPING, node) == 0))
                                continue;
                        if (pass == 0)
                                part = left / sharers--;
                        part = min_u64(room, part);
                        planner->plan->nodes[node].os_bytes += part;
                        left -= part;
                }
        }
        return left;
}

static void reserve_for_os(struct planner *planner)
{
        uint64_t asked = planner->profile->os_bytes, total = planner->topology->memory_bytes;
        uint64_t wanted = asked ? asked : min_u64(OS_BYTES_MAX, total / 4), missing;
        char expected[64];

        if (total == 0)
                return;
        missing = spread_os(planner, wanted);
        planner_reason(planner, "memory", "%" PRIu64 " MiB are left to the OS: %s", wanted / MIB,
                       asked                    ? "as the profile says"
                       : wanted == OS_BYTES_MAX ? "TripleO's default"
                                                : "a quarter of a small machine");
        if (missing == 0)
                return;
        snprintf(expected, sizeof(expected), "at most %" PRIu64 " MiB, which the OSDs leave", (wanted - missing) / MIB);
        errors_add(planner->errors, -EINVAL, asked ? "/spec/memory/reserved" : "/spec/storage/osds",
                   asked ? expected : "fewer, or a smaller memory_per_osd, or /spec/memory/reserved",
                   "%" PRIu64 " MiB are to be left to the OS, %" PRIu64 " MiB are there", wanted / MIB,
                   (wanted - missing) / MIB);
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
                planner->nodes[home].dataplane_shares++;
                planner->plan->nodes[home].session_bytes += memory.session_bytes;
                snprintf(subject, sizeof(subject), "dataplane memory node %d", node_number(planner, home));
                planner_reason(planner, subject, "%" PRIu64 " MiB of huge pages: %s%s", memory.huge_bytes / MIB,
                               memory.words, home == node ? "" : "; the workers' own node has no memory");
        }
}

/* A machine too small for what was not asked for: the dataplane has fewer sessions there, and runs on ordinary pages.
 */
static void fit_dataplane(struct planner *planner, int node)
{
        struct plan_node *plan = &planner->plan->nodes[node];
        struct node_state *state = &planner->nodes[node];
        const struct host_profile *profile = planner->profile;
        bool asked = profile->classes[CLASS_DATAPLANE].form != CLASS_DERIVED || profile->dataplane.memory_bytes > 0;
        uint64_t room = state->memory_bytes - plan->os_bytes - plan->osd_bytes;
        char subject[64];

        snprintf(subject, sizeof(subject), "dataplane memory node %d", node_number(planner, node));
        if (plan->session_bytes > room) {
                plan->session_bytes = room;
                planner_reason(planner, subject,
                               "there is not room for all sessions: socle-dataplane --sessions %" PRIu64,
                               room > SOCLE_SESSION_HOME ? (room - SOCLE_SESSION_HOME) / SOCLE_SESSION_BYTES : 0);
        }
        if (state->dataplane_bytes > room - plan->session_bytes && !asked) {
                state->dataplane_bytes = 0;
                planner_reason(planner, subject, "there is too little memory for huge pages: ordinary ones");
        }
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

uint64_t guest_bytes(const struct planner *planner)
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
                                hci_guests(room_on(planner, node), 0, memory, guests->overhead_bytes);
}

/* Guests were asked to have huge pages, and not even one has room. */
static void check_any(struct planner *planner)
{
        const struct profile_guests *guests = &planner->profile->guests;
        uint64_t room = 0;
        char expected[80];

        for (int node = 0; node < planner->node_count; node++) {
                if (planner->plan->nodes[node].guests > 0)
                        return;
                if (guests_anywhere(planner) || has_guests(planner, node))
                        room = room_on(planner, node) > room ? room_on(planner, node) : room;
        }
        room = room > guests->overhead_bytes ? room - guests->overhead_bytes : 0;
        snprintf(expected, sizeof(expected), "at most %" PRIu64 " MiB, which a node has left",
                 room / guests->page_bytes * guests->page_bytes / MIB);
        errors_add(planner->errors, -EINVAL, "/spec/guests/memory", expected,
                   "not even one guest of %" PRIu64 " MiB has room in huge pages", guests->memory_bytes / MIB);
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
                        uint64_t used = planner->plan->nodes[node].guests * each, room = room_on(planner, node);

                        if ((!anywhere && !has_guests(planner, node)) || room < used + each)
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
                if (guests->page_bytes)
                        check_any(planner);
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
        reserve_for_osds(planner);
        reserve_for_os(planner);
        reserve_for_dataplane(planner);
        hugepages_choose(planner);
        for (int node = 0; node < planner->node_count; node++)
                fit_dataplane(planner, node);
        for (int node = 0; node < planner->node_count; node++)
                storage |= planner->plan->nodes[node].osds > 0;
        plan_guests(planner, storage);
        for (int node = 0; node < planner->node_count; node++) {
                publish(planner, node);
                check_storage(planner, node);
        }
}
