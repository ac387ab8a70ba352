/* A guest in cells, and what each of them wants of a node. See placement_private.h. */
#include "placement_private.h"

#define MEMORY_UNIT_BYTES (1 << 20) /* QEMU takes no finer cells */

unsigned demand_extra(const struct guest_demand *demand)
{
        return (demand->emulator == EMULATOR_OWN) + (demand->iothread_policy == EMULATOR_OWN ? demand->iothreads : 0);
}

bool demand_is_dedicated(const struct guest_demand *demand, unsigned vcpu)
{
        return demand->policy == VCPU_DEDICATED ||
               (demand->policy == VCPU_MIXED && cpu_set_has(&demand->dedicated, vcpu));
}

/* The share of part i when `all` is split into `parts`: the first ones get what is left over. */
static uint64_t share(uint64_t all, unsigned parts, unsigned i)
{
        return all / parts + (i < all % parts);
}

static uint64_t round_up(uint64_t bytes, uint64_t unit)
{
        return (bytes + unit - 1) / unit * unit;
}

/* As the guest has its cells; vCPUs that it left out belong to the first one. */
static void split_as_laid_out(const struct guest_demand *demand, unsigned cells, uint64_t unit, struct cell_need *ret)
{
        struct cpu_set left = {};

        for (unsigned v = 0; v < demand->vcpus; v++)
                cpu_set_add(&left, v);
        for (unsigned i = 0; i < cells; i++) {
                ret[i].vcpus = demand->layout[i].vcpus;
                cpu_set_and(&ret[i].vcpus, &left);
                cpu_set_and_not(&left, &ret[i].vcpus);
                ret[i].memory_bytes = round_up(demand->layout[i].memory_bytes, unit);
        }
        cpu_set_or(&ret[0].vcpus, &left);
}

static void split_evenly(const struct guest_demand *demand, unsigned cells, uint64_t unit, struct cell_need *ret)
{
        unsigned next = 0;

        for (unsigned i = 0; i < cells; i++) {
                for (uint64_t v = share(demand->vcpus, cells, i); v > 0; v--)
                        cpu_set_add(&ret[i].vcpus, next++);
                ret[i].memory_bytes = share(round_up(demand->memory_bytes, unit) / unit, cells, i) * unit;
        }
}

void split_demand(const struct guest_demand *demand, unsigned cells, struct cell_need *ret)
{
        uint64_t unit = demand->page_bytes ? demand->page_bytes : MEMORY_UNIT_BYTES;

        for (unsigned i = 0; i < cells; i++)
                ret[i] = (struct cell_need){.extra = i == 0 ? demand_extra(demand) : 0};
        if (demand->layout)
                split_as_laid_out(demand, cells, unit, ret);
        else
                split_evenly(demand, cells, unit, ret);
        for (unsigned i = 0; i < cells; i++) {
                struct cell_need *need = &ret[i];
                if (demand->policy != VCPU_MIXED) {
                        unsigned count = cpu_set_count(&need->vcpus);
                        need->dedicated = demand->policy == VCPU_DEDICATED ? count : 0;
                        need->shared = count - need->dedicated;
                        continue;
                }
                for (int v = cpu_set_next(&need->vcpus, -1); v >= 0; v = cpu_set_next(&need->vcpus, v)) {
                        bool dedicated = demand_is_dedicated(demand, (unsigned)v);
                        need->dedicated += dedicated;
                        need->shared += !dedicated;
                }
        }
}
