/* Where the OSDs are: each on the node of a disk of its type, if CPUs and memory are left there, else on the nearest
 * that has some; and cores for them, where the profile does not say which. The published reservation is reckoned for a
 * whole host; an OSD's memory and CPUs are on one node. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "formula_hci.h"
#include "planner.h"
#include "socle/cleanup.h"

static const char *const type_names[] = {[DISK_HDD] = "hdd", [DISK_SSD] = "ssd", [DISK_NVME] = "nvme"};

static unsigned osds_on(const struct node_state *node)
{
        return node->osds[DISK_HDD] + node->osds[DISK_SSD] + node->osds[DISK_NVME];
}

/* CPUs that OSDs of this node have, or may still get. */
static unsigned cpus_for_osds(const struct planner *planner, int node)
{
        unsigned cpus = cpus_owned(planner, CLASS_STORAGE, node);

        if (planner->profile->classes[CLASS_STORAGE].form != CLASS_DERIVED)
                return cpus;
        for (size_t core = 0; core < planner->topology->core_count; core++)
                if (planner->owner[core] == CORE_FREE && !planner->foreign[core] && core_node(planner, core) == node)
                        cpus += planner->topology->cores[core].count;
        return cpus;
}

static bool fits(const struct planner *planner, int node, enum topology_disk_type type, unsigned room_cpus)
{
        const struct node_state *state = &planner->nodes[node];
        const struct profile_storage *storage = &planner->profile->storage;
        uint64_t reserved = storage->osd_bytes * (osds_on(state) + 1);

        return state->osd_cpus + storage->cpus_per_osd[type] <= room_cpus &&
               (state->memory_bytes == 0 ? planner->topology->memory_bytes == 0
                                         : !hci_reserved_too_much(reserved, state->memory_bytes));
}

/* Nodes of the disks of a type, one after the other, or of nothing in particular. */
static int home_of(const struct planner *planner, enum topology_disk_type type, unsigned number)
{
        unsigned disks = 0, seen = 0;

        for (size_t i = 0; i < planner->topology->disk_count; i++)
                disks += planner->topology->disks[i].type == type && planner->topology->disks[i].node >= 0;
        if (disks == 0)
                return number % planner->node_count;
        for (size_t i = 0; i < planner->topology->disk_count; i++) {
                const struct topology_disk *disk = &planner->topology->disks[i];

                if (disk->type == type && disk->node >= 0 && seen++ == number % disks)
                        return disk->node;
        }
        return 0;
}

static bool place(struct planner *planner, enum topology_disk_type type, unsigned number, const unsigned *room)
{
        int home = home_of(planner, type, number), best = -1;

        for (int node = 0; node < planner->node_count; node++)
                if (fits(planner, node, type, room[node]) &&
                    (best < 0 || node_distance(planner, home, node) < node_distance(planner, home, best)))
                        best = node;
        if (best < 0)
                return false;
        planner->nodes[best].osds[type]++;
        planner->nodes[best].osd_cpus += planner->profile->storage.cpus_per_osd[type];
        return true;
}

static void place_type(struct planner *planner, enum topology_disk_type type, const unsigned *room)
{
        const struct profile_storage *storage = &planner->profile->storage;
        unsigned placed = 0;
        char pointer[64], expected[64];

        while (placed < storage->osds[type] && place(planner, type, placed, room))
                placed++;
        if (placed == storage->osds[type])
                return;
        snprintf(pointer, sizeof(pointer), "/spec/storage/osds/%s", type_names[type]);
        snprintf(expected, sizeof(expected), "at most %u", placed);
        errors_add(planner->errors, -EINVAL, pointer, expected,
                   "no node has %u CPUs for storage and memory (%d %% of it at most) left for OSD %u of %u",
                   storage->cpus_per_osd[type], HCI_RESERVED_PERCENT_MAX, placed + 1, storage->osds[type]);
}

static void take_cores(struct planner *planner, int node)
{
        unsigned wanted = planner->nodes[node].osd_cpus;

        while (cpus_owned(planner, CLASS_STORAGE, node) < wanted && cores_take(planner, CLASS_STORAGE, node))
                ;
}

static void publish(struct planner *planner, int node)
{
        const struct node_state *state = &planner->nodes[node];
        char subject[64];

        if (osds_on(state) == 0 || (size_t)node >= planner->plan->node_count)
                return;
        planner->plan->nodes[node].osds = osds_on(state);
        snprintf(subject, sizeof(subject), "OSDs node %d", node_number(planner, node));
        planner_reason(planner, subject, "%u on hard disks, %u on SSDs, %u on NVMe take %u CPUs", state->osds[DISK_HDD],
                       state->osds[DISK_SSD], state->osds[DISK_NVME], state->osd_cpus);
}

static void check_ratio(struct planner *planner)
{
        unsigned cpus = 0, osd_cpus = 0;
        unsigned utilization = planner->profile->guests.utilization_percent;
        char expected[96];

        for (size_t core = 0; core < planner->topology->core_count; core++)
                cpus += planner->foreign[core] ? 0 : planner->topology->cores[core].count;
        for (int node = 0; node < planner->node_count; node++)
                osd_cpus += planner->nodes[node].osd_cpus;
        double ratio = hci_ratio(cpus, osd_cpus, utilization);
        planner->plan->storage_overcommit = ratio;
        planner_reason(planner, "vCPU ratio", "(%u − %u CPUs of OSDs) / %u %% utilization / %u = %.2f (HCI formula)",
                       cpus, osd_cpus, utilization, cpus, ratio);
        if (ratio >= HCI_RATIO_MIN)
                return;
        snprintf(expected, sizeof(expected), "OSDs that take at most %u CPUs",
                 (unsigned)(cpus - HCI_RATIO_MIN * cpus * utilization / 100.0));
        errors_add(planner->errors, -EINVAL, "/spec/storage/osds", expected,
                   "the OSDs take %u of %u CPUs, which leaves a vCPU ratio of %.2f, less than %.1f", osd_cpus, cpus,
                   ratio, HCI_RATIO_MIN);
}

void storage_place(struct planner *planner)
{
        static const enum topology_disk_type order[] = {DISK_NVME, DISK_SSD, DISK_HDD};
        const struct profile_storage *storage = &planner->profile->storage;
        cleanup_free unsigned *room = NULL;

        if (storage->osds[DISK_HDD] + storage->osds[DISK_SSD] + storage->osds[DISK_NVME] == 0)
                return;
        room = calloc(planner->node_count, sizeof(*room));
        if (!room) {
                planner_no_memory(planner);
                return;
        }
        for (int node = 0; node < planner->node_count; node++)
                room[node] = cpus_for_osds(planner, node);
        for (size_t i = 0; i < ARRAY_LEN(order); i++)
                place_type(planner, order[i], room);
        for (int node = 0; node < planner->node_count; node++) {
                if (planner->profile->classes[CLASS_STORAGE].form == CLASS_DERIVED)
                        take_cores(planner, node);
                publish(planner, node);
        }
        check_ratio(planner);
}
