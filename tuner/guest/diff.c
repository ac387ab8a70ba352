/* What differs between a domain's persistent XML and what it is to be, as steps for people. See guests_private.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "guests_private.h"

static void diff_pins(const struct change *change, const struct domain *config, json_t *steps)
{
        const struct guest_placement *placement = change->placement;
        struct cpu_set buffer;
        char what[64];

        for (unsigned v = 0; v < config->vcpus; v++) {
                snprintf(what, sizeof(what), "vCPU %u", v);
                if (!cpu_set_equal(&config->vcpu_cpus[v], &placement->vcpu_cpus[v]))
                        step_add_sets(steps, "persistent", what, &config->vcpu_cpus[v], &placement->vcpu_cpus[v]);
        }
        if (!cpu_set_equal(&config->emulator, &placement->emulator))
                step_add_sets(steps, "persistent", "emulator", &config->emulator, &placement->emulator);
        for (unsigned i = 0; i < config->iothread_count; i++) {
                const struct cpu_set *cpus = placement_iothread(placement, i, &buffer);
                snprintf(what, sizeof(what), "I/O thread %u", config->iothread_ids[i]);
                if (!cpu_set_equal(&config->iothread_cpus[i], cpus))
                        step_add_sets(steps, "persistent", what, &config->iothread_cpus[i], cpus);
        }
}

static void diff_memory(const struct change *change, const struct domain *config, json_t *steps)
{
        const struct guest_placement *placement = change->placement;
        struct cpu_set nodes = placement_nodes(placement, change->topology);
        char from[PAGE_SIZE_NAME], to[PAGE_SIZE_NAME];

        if (placement_needs_cells(config, placement)) {
                snprintf(from, sizeof(from), "%u", config->cell_count);
                snprintf(to, sizeof(to), "%u", placement->cell_count);
                step_add(steps, "persistent", "NUMA cells", from, to);
        } else if (!domain_has_nodes(config, placement, change->topology)) {
                step_add_sets(steps, "persistent", "memory on nodes", &config->nodes, &nodes);
        }
        if (config->page_bytes != placement->page_bytes)
                step_add(steps, "persistent", "huge pages",
                         config->page_bytes ? page_size_name(config->page_bytes, from) : "none",
                         placement->page_bytes ? page_size_name(placement->page_bytes, to) : "none");
}

static bool is_wanted(const struct change *change, const char *mac_address)
{
        for (size_t i = 0; i < change->interface_count; i++)
                if (strcasecmp(change->interfaces[i].mac_address, mac_address) == 0)
                        return true;
        return false;
}

/* MAC addresses of interfaces that we set once and that are wanted no more. */
json_t *change_stale_interfaces(const struct change *change)
{
        const json_t *entry = journal_entry(change->guests, change->guest, change->config->uuid);
        json_t *stale = json_array(), *mac;
        size_t i;

        json_array_foreach (json_object_get(entry, "interfaces"), i, mac)
                if (!is_wanted(change, json_string_value(mac)))
                        json_array_append(stale, mac);
        return stale;
}

static bool same_interface(const struct domain *a, const struct domain *b, const char *mac_address)
{
        const struct domain_interface *x = domain_interface(a, mac_address), *y = domain_interface(b, mac_address);

        return x && y ? strcmp(x->type, y->type) == 0 && strcmp(x->socket, y->socket) == 0 && x->mtu == y->mtu : x == y;
}

/* Are they again what they were? */
static void diff_stale_interfaces(const struct change *change, const struct domain *config, json_t *steps)
{
        const json_t *entry = journal_entry(change->guests, change->guest, config->uuid);
        const char *before_text = json_string_value(json_object_get(entry, "config"));
        cleanup_json json_t *stale = change_stale_interfaces(change);
        cleanup_domain_facts struct domain *before = NULL;
        char what[64];
        json_t *mac;
        size_t i;

        if (json_array_size(stale) == 0 || !before_text || domain_parse(&before, before_text) < 0)
                return;
        json_array_foreach (stale, i, mac) {
                if (same_interface(config, before, json_string_value(mac)))
                        continue;
                snprintf(what, sizeof(what), "interface %s", json_string_value(mac));
                step_add(steps, "persistent", what, "vhostuser", "as it was");
        }
}

static void diff_interfaces(const struct change *change, const struct domain *config, json_t *steps)
{
        char what[64];

        for (size_t i = 0; i < change->interface_count; i++) {
                snprintf(what, sizeof(what), "interface %s", change->interfaces[i].mac_address);
                if (!domain_has_interface(config, &change->interfaces[i]))
                        step_add(steps, "persistent", what, "", change->interfaces[i].socket);
        }
        if (change->interface_count > 0 && !config->memory_shared)
                step_add(steps, "persistent", "memory access", "private", "shared");
        diff_stale_interfaces(change, config, steps);
}

void change_diff(const struct change *change, const struct domain *config, json_t *steps)
{
        diff_pins(change, config, steps);
        diff_memory(change, config, steps);
        diff_interfaces(change, config, steps);
}
