/* A plan as JSON: for `soclectl plan -o json`, and as the status of a HostProfile keeps it. What is not asked of the
 * host is left out. */
#include <string.h>

#include "plan.h"

static void set_cpus(json_t *object, const char *name, const struct cpu_set *set)
{
        cleanup_free char *list = cpu_set_to_list(set);

        json_object_set_new(object, name, json_string(list ?: ""));
}

static json_t *classes_to_json(const struct plan *plan, const struct cpu_set *within)
{
        json_t *json = json_object();

        for (int which = 0; which < CLASS_COUNT; which++) {
                struct cpu_set cpus = plan->classes[which];

                if (within)
                        cpu_set_and(&cpus, within);
                if (!within || !cpu_set_empty(&cpus))
                        set_cpus(json, cpu_class_names[which], &cpus);
        }
        return json;
}

static json_t *pages_to_json(const struct plan_pages *pages)
{
        char name[PAGE_SIZE_NAME];

        return json_pack("{s:s, s:I, s:I, s:I}", "size", page_size_name(pages->page_bytes, name), "page_bytes",
                         (json_int_t)pages->page_bytes, "count", (json_int_t)pages->count, "dataplane",
                         (json_int_t)pages->dataplane);
}

static json_t *node_to_json(const struct plan *plan, const struct topology *topology, size_t node)
{
        const struct plan_node *n = &plan->nodes[node];
        json_t *pages = json_array();

        for (size_t i = 0; i < plan->page_count; i++)
                if (plan->pages[i].node == (int)node)
                        json_array_append_new(pages, pages_to_json(&plan->pages[i]));
        return json_pack("{s:i, s:b, s:o, s:o, s:I, s:{s:I, s:I, s:I, s:I}, s:i, s:i}", "node",
                         topology->nodes[node].os_index, "underlay", n->underlay, "classes",
                         classes_to_json(plan, &topology->nodes[node].cpus), "huge_pages", pages, "reserved_bytes",
                         (json_int_t)plan->reserved_bytes[node], "reserved", "os_bytes", (json_int_t)n->os_bytes,
                         "osd_bytes", (json_int_t)n->osd_bytes, "overhead_bytes", (json_int_t)n->overhead_bytes,
                         "session_bytes", (json_int_t)n->session_bytes, "osds", n->osds, "guests", n->guests);
}

static void set_wish(json_t *json, const char *name, int value)
{
        if (value != PROFILE_KEEP)
                json_object_set_new(json, name, json_integer(value));
}

static void set_word(json_t *json, const char *name, const char *word)
{
        if (*word)
                json_object_set_new(json, name, json_string(word));
}

static void set_toggle(json_t *json, const char *name, int value)
{
        if (value != PROFILE_KEEP)
                set_word(json, name, value ? "on" : "off");
}

static json_t *switches_to_json(const struct plan_switches *switches)
{
        static const char *const thp[] = {"never", "madvise", "always"};
        json_t *json = json_object();

        if (switches->thp >= 0)
                set_word(json, "transparent_hugepages", thp[switches->thp]);
        set_toggle(json, "ksm", switches->ksm);
        set_toggle(json, "numa_balancing", switches->numa_balancing);
        set_toggle(json, "nmi_watchdog", switches->nmi_watchdog);
        set_toggle(json, "irqbalance", switches->irqbalance);
        set_wish(json, "stat_interval_s", switches->stat_interval_s);
        if (switches->rt_set)
                json_object_set_new(json, "rt_runtime_us", json_integer(switches->rt_runtime_us));
        set_wish(json, "swappiness", switches->swappiness);
        set_wish(json, "deepest_cstate_us", switches->deepest_cstate_us);
        set_word(json, "governor", switches->governor);
        set_word(json, "energy_performance_preference", switches->epp);
        set_wish(json, "uncore_min_mhz", switches->uncore_min_mhz);
        set_wish(json, "uncore_max_mhz", switches->uncore_max_mhz);
        return json;
}

static json_t *cache_to_json(const struct plan_cache *cache)
{
        json_t *json = json_object();

        for (int which = 0; which < CLASS_COUNT; which++) {
                json_t *entry;
                char mask[16];

                if (!cache->l3_mask[which] && !cache->mb_percent[which])
                        continue;
                entry = json_object();
                snprintf(mask, sizeof(mask), "%x", cache->l3_mask[which]);
                if (cache->l3_mask[which])
                        json_object_set_new(entry, "l3_mask", json_string(mask));
                if (cache->mb_percent[which])
                        json_object_set_new(entry, "memory_bandwidth", json_integer(cache->mb_percent[which]));
                json_object_set_new(json, cpu_class_names[which], entry);
        }
        return json;
}

json_t *plan_to_json(const struct plan *plan, const struct topology *topology)
{
        json_t *json = json_object(), *nodes = json_array(), *arguments = json_array(), *reasons = json_array();
        char name[PAGE_SIZE_NAME];

        for (size_t node = 0; node < plan->node_count; node++)
                json_array_append_new(nodes, node_to_json(plan, topology, node));
        for (size_t i = 0; plan->kernel_arguments && plan->kernel_arguments[i]; i++)
                json_array_append_new(arguments, json_string(plan->kernel_arguments[i]));
        for (size_t i = 0; i < plan->reason_count; i++)
                json_array_append_new(reasons, json_pack("{s:s, s:s}", "subject", plan->reasons[i].subject, "text",
                                                         plan->reasons[i].text));
        json_object_set_new(json, "machine", json_string(topology->source));
        json_object_set_new(json, "classes", classes_to_json(plan, NULL));
        set_cpus(json, "workers", &plan->workers);
        set_cpus(json, "isolated", &plan->isolated);
        set_cpus(json, "irq", &plan->irq);
        json_object_set_new(json, "partition", json_boolean(plan->partition));
        json_object_set_new(json, "boot_isolation", json_boolean(plan->boot_isolation));
        json_object_set_new(json, "nodes", nodes);
        if (plan->default_hugepage_bytes)
                set_word(json, "default_huge_page", page_size_name(plan->default_hugepage_bytes, name));
        json_object_set_new(json, "switches", switches_to_json(&plan->switches));
        json_object_set_new(json, "cache", cache_to_json(&plan->cache));
        json_object_set_new(json, "kernel_arguments", arguments);
        if (plan->storage_overcommit > 0)
                json_object_set_new(json, "cpu_allocation_ratio", json_real(plan->storage_overcommit));
        json_object_set_new(json, "reasons", reasons);
        return json;
}
