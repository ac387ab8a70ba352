/* One domain to one placement: the journal first, the running domain and its persistent XML, read back; and
 * back again when something fails. See guests_private.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "guests_private.h"

/* ---- the journal ---- */

/* Before us, or before a socled on the host that it came from. */
static int read_before(virDomainPtr handle, unsigned flags, char **ret)
{
        cleanup_free char *now = virDomainGetXMLDesc(handle, flags);

        return now ? domain_before(ret, now) : -ENOENT;
}

static json_t *new_entry(const struct change *change)
{
        const struct domain *any = change->config ? change->config : change->live;
        cleanup_free char *config = NULL, *live = NULL;

        if ((change->config && read_before(change->handle, VIR_DOMAIN_XML_INACTIVE, &config) < 0) ||
            (change->live && read_before(change->handle, 0, &live) < 0))
                return NULL;
        return json_pack("{s:s, s:i, s:s?, s:s?, s:[]}", "name", any->name, "id", (int)virDomainGetID(change->handle),
                         "config", config, "live", live, "interfaces");
}

/* `macs` and those of the interfaces that are wanted; a new list. */
static json_t *with_interfaces(const struct change *change, const json_t *macs)
{
        json_t *all = macs ? json_copy((json_t *)macs) : json_array(), *other;

        for (size_t i = 0; i < change->interface_count; i++) {
                json_t *mac = json_string(change->interfaces[i].mac_address);
                size_t j;
                bool there = false;
                json_array_foreach (all, j, other)
                        there |= json_equal(mac, other);
                if (!there)
                        json_array_append(all, mac);
                json_decref(mac);
        }
        return all;
}

static const char *uuid_of(const struct change *change)
{
        return change->config ? change->config->uuid : change->live->uuid;
}

/* Written only if it is another than what is on disk. */
static int put_entry(const struct change *change, json_t *entry, struct errors *errors)
{
        if (json_equal(entry, journal_entry(change->guests, change->guest, uuid_of(change))))
                return 0;
        return journal_put(change->guests, change->guest, uuid_of(change), json_incref(entry), errors);
}

/* It ran without being defined when it was first changed. */
static int add_definition(const struct change *change, json_t *entry)
{
        cleanup_free char *config = NULL;

        if (!change->config || json_is_string(json_object_get(entry, "config")))
                return 0;
        int r = read_before(change->handle, VIR_DOMAIN_XML_INACTIVE, &config);
        return r < 0 ? r : json_object_set_new(entry, "config", json_string(config));
}

/* On disk before anything is changed: what was there, which pins and interfaces may be ours from now on. */
static int journal_begin(const struct change *change, struct errors *errors)
{
        json_t *there = journal_entry(change->guests, change->guest, uuid_of(change));
        cleanup_json json_t *entry = there ? json_deep_copy(there) : new_entry(change);
        cleanup_json json_t *next = guest_placement_to_json(change->placement, change->topology);

        if (!entry || !next || add_definition(change, entry) < 0)
                return connection_complain(errors, "/spec/domain", "", "the domain cannot be read");
        json_object_set_new(entry, "interfaces", with_interfaces(change, json_object_get(entry, "interfaces")));
        if (!json_equal(next, json_object_get(entry, "ours")))
                json_object_set(entry, "next", next);
        return put_entry(change, entry, errors);
}

static int journal_end(const struct change *change, struct errors *errors)
{
        cleanup_json json_t *entry = json_deep_copy(journal_entry(change->guests, change->guest, uuid_of(change)));

        if (!entry)
                return -ENOMEM;
        json_object_set_new(entry, "interfaces", with_interfaces(change, NULL));
        json_object_set_new(entry, "ours", guest_placement_to_json(change->placement, change->topology));
        json_object_del(entry, "next");
        return put_entry(change, entry, errors);
}

/* ---- the persistent XML ---- */

/* As it was defined, or, if it was not, as it ran. */
static int tree_before(const struct change *change, xmlDocPtr *ret)
{
        const json_t *entry = journal_entry(change->guests, change->guest, uuid_of(change));
        const char *config = json_string_value(json_object_get(entry, "config"));
        const char *live = json_string_value(json_object_get(entry, "live"));

        return config || live ? domain_tree(ret, config ? config : live) : -EINVAL;
}

static int edit(const struct change *change, xmlDocPtr tree)
{
        cleanup_json json_t *stale = change_stale_interfaces(change);
        cleanup_tree xmlDocPtr before = NULL;
        json_t *mac;
        size_t i;
        int r = tree_before(change, &before);

        if (r == 0)
                r = tree_mark(tree, before, change->guests->here, change->placement);
        if (r == 0)
                r = tree_set_pins(tree, change->config, change->placement);

        if (r == 0)
                r = tree_set_memory(tree, change->config, change->placement, change->topology);
        if (r == 0 && change->interface_count > 0)
                r = tree_share_memory(tree, change->config);
        for (i = 0; i < change->interface_count && r == 0; i++)
                if (!domain_has_interface(change->config, &change->interfaces[i]))
                        r = tree_set_interface(tree, &change->interfaces[i]);
        json_array_foreach (stale, i, mac)
                if (r == 0)
                        r = tree_put_interface_back(tree, before, json_string_value(mac));
        return r;
}

int define_tree(virConnectPtr connection, xmlDocPtr tree, const char *name, struct errors *errors)
{
        cleanup_free char *text = tree_text(tree);
        cleanup_domain virDomainPtr defined = text ? virDomainDefineXML(connection, text) : NULL;

        if (!text)
                return -ENOMEM;
        return defined ? 0 : connection_complain(errors, "/spec", "", "domain %.60s cannot be changed", name);
}

static int change_config(const struct change *change, char **ret_before, struct errors *errors)
{
        /* With its secrets: what is left out here would be gone after. */
        cleanup_free char *before =
                virDomainGetXMLDesc(change->handle, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
        cleanup_tree xmlDocPtr tree = NULL;
        int r;

        if (!before)
                return connection_complain(errors, "/spec/domain", "", "the domain cannot be read");
        r = domain_tree(&tree, before);
        if (r == 0)
                r = edit(change, tree);
        if (r < 0) {
                errors_add(errors, r, "/spec/domain", "", "the domain's XML cannot be changed: %s", strerror(-r));
                return r;
        }
        r = define_tree(change->connection, tree, change->config->name, errors);
        if (r == 0)
                *ret_before = TAKE_PTR(before);
        return r;
}

/* ---- the running domain ---- */

/* Is there memory where this guest's is not to be? */
static bool could_be_elsewhere(const struct topology *topology, const struct cpu_set *nodes)
{
        for (size_t i = 0; i < topology->node_count; i++)
                if (topology->nodes[i].memory_bytes > 0 && !cpu_set_has(nodes, (unsigned)topology->nodes[i].os_index))
                        return true;
        return false;
}

/* Memory that libvirt cannot move stays until the guest is started again: no failure, and tried once in a run only. */
static void move_memory(struct change *change)
{
        struct cpu_set nodes = placement_nodes(change->placement, change->topology);
        struct known *known = guests_known(change->guests, change->live->uuid);
        int id = (int)virDomainGetID(change->handle);

        if (cpu_set_equal(&nodes, &change->live->nodes) || !could_be_elsewhere(change->topology, &nodes) || !known)
                return;
        if (!change->live->memory_strict) {
                known->immovable_id = id;
                snprintf(known->immovable_why, sizeof(known->immovable_why), "it is not bound strictly");
        }
        if (known->immovable_id != id && change->mode != GUEST_DRY_RUN) {
                change->memory_moved = live_set_nodes(change->handle, &nodes, !cpu_set_empty(&change->live->nodes),
                                                      known->immovable_why) == 0;
                if (!change->memory_moved)
                        known->immovable_id = id;
        }
        if (known->immovable_id != id)
                step_add_sets(change->steps, "live", "memory on nodes", &change->live->nodes, &nodes);
        else
                json_array_append_new(change->restart_reasons,
                                      json_sprintf("its memory stays where it is: %s", known->immovable_why));
}

/* Before its pins: it may migrate, or we may be killed, at any time. */
static int mark_running(struct change *change, struct errors *errors)
{
        cleanup_tree xmlDocPtr before = NULL;
        int r = tree_before(change, &before);

        if (r < 0 || mark_is(change->live, change->guests->here, change->placement))
                return r;
        cleanup_free char *text = mark_text(before, change->guests->here, change->placement);
        if (!text)
                return -ENOMEM;
        change->mark_was = live_get_mark(change->handle);
        change->marked = true;
        return live_mark(change->handle, text, errors);
}

static int pin_threads(const struct change *change, const struct domain *live, bool dry_run, json_t *steps,
                       struct errors *errors)
{
        struct live_pins pins = {};
        int r = live_read(change->handle, live, change->topology->cpu_limit, &pins, errors);

        if (r == 0)
                r = live_pin(change->handle, live, &pins, change->placement, change->topology->cpu_limit, dry_run,
                             steps, errors);
        live_pins_clear(&pins);
        return r;
}

/* ---- what only a start of the guest will bring ---- */

static void explain(const struct change *change, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void explain(const struct change *change, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        json_array_append_new(change->restart_reasons, json_vsprintf(format, args));
        va_end(args);
}

static void explain_memory(const struct change *change, const struct domain *live)
{
        const struct guest_placement *placement = change->placement;
        char name[PAGE_SIZE_NAME];

        if (placement_needs_cells(live, placement))
                explain(change, "it sees %u NUMA cells, and is to see %u", live->cell_count, placement->cell_count);
        for (unsigned i = 0; i < live->cell_count && live->cell_count == placement->cell_count; i++)
                if (live->cells[i].node != change->topology->nodes[placement->cells[i].node].os_index)
                        explain(change, "the memory of its NUMA cell %u is not bound to node %d", i,
                                change->topology->nodes[placement->cells[i].node].os_index);
        if (live->page_bytes != placement->page_bytes)
                explain(change, "its memory is in %s",
                        live->page_bytes ? page_size_name(live->page_bytes, name) : "normal pages");
}

static void explain_interfaces(const struct change *change, const struct domain *live, const struct domain *config)
{
        for (size_t i = 0; i < change->interface_count; i++)
                if (!domain_has_interface(live, &change->interfaces[i]))
                        explain(change, "it runs without interface %s", change->interfaces[i].mac_address);
        for (size_t i = 0; i < live->interface_count && config; i++) {
                const struct domain_interface *there = &live->interfaces[i];
                const struct domain_interface *next = domain_interface(config, there->mac_address);
                if (strcmp(there->type, "vhostuser") == 0 && (!next || strcmp(next->type, "vhostuser") != 0))
                        explain(change, "it still runs with interface %s", there->mac_address);
        }
}

/* ---- read back, and undone ---- */

static int complain_of(const json_t *steps, struct errors *errors)
{
        const json_t *step = json_array_get(steps, 0);

        if (!step)
                return 0;
        errors_add(errors, -EIO, "/spec", "", "%s (%s): asked for \"%s\", but it is \"%s\"",
                   json_string_value(json_object_get(step, "what")), json_string_value(json_object_get(step, "scope")),
                   json_string_value(json_object_get(step, "to")), json_string_value(json_object_get(step, "from")));
        return -EIO;
}

/* Nothing may differ any more. */
static int read_back(const struct change *change, struct errors *errors)
{
        cleanup_json json_t *differs = json_array();
        cleanup_domain_facts struct domain *live = NULL, *config = NULL;
        int r = change->live ? domain_read(change->handle, false, &live, errors) : 0;

        if (r == 0 && live)
                r = pin_threads(change, live, true, differs, errors);
        if (r == 0 && change->config)
                r = domain_read(change->handle, true, &config, errors);
        if (r < 0)
                return r;
        domain_resolve_pages(change->guests, change->plan, live);
        domain_resolve_pages(change->guests, change->plan, config);
        if (live && change->memory_moved) {
                struct cpu_set nodes = placement_nodes(change->placement, change->topology);
                if (!cpu_set_equal(&nodes, &live->nodes))
                        step_add_sets(differs, "live", "memory on nodes", &live->nodes, &nodes);
        }
        if (config)
                change_diff(change, config, differs);
        if (live) {
                explain_memory(change, live);
                explain_interfaces(change, live, config);
        }
        return complain_of(differs, errors);
}

static struct cpu_set nodes_with_memory(const struct topology *topology)
{
        struct cpu_set nodes = {};

        for (size_t i = 0; i < topology->node_count; i++)
                if (topology->nodes[i].memory_bytes > 0)
                        cpu_set_add(&nodes, (unsigned)topology->nodes[i].os_index);
        return nodes;
}

static int undo(const struct change *change, const char *config, struct errors *errors)
{
        struct cpu_set with_memory = nodes_with_memory(change->topology);
        cleanup_domain_facts struct domain *now = NULL;
        int r = change->live ? domain_read(change->handle, false, &now, errors) : 0;

        if (now) {
                if (change->marked)
                        live_mark(change->handle, change->mark_was, errors);
                r = live_put_back(change->handle, change->live, now, &change->topology->online,
                                  change->topology->cpu_limit, errors);
                if (change->memory_moved)
                        live_put_nodes_back(change->handle, &change->live->nodes, &now->nodes, &with_memory);
        }
        if (!config)
                return r;
        cleanup_domain virDomainPtr defined = virDomainDefineXML(change->connection, config);
        return defined ? r : connection_complain(errors, "/spec/domain", "", "the domain cannot be put back");
}

/* ---- all of it ---- */

static int bring_about(struct change *change, struct errors *errors)
{
        cleanup_free char *before = NULL;
        cleanup_json json_t *persistent = json_array();
        cleanup_json json_t *entry = json_incref(journal_entry(change->guests, change->guest, uuid_of(change)));
        int r = journal_begin(change, errors);

        if (r < 0)
                return r;
        if (change->live) {
                r = mark_running(change, errors);
                if (r == 0)
                        r = pin_threads(change, change->live, false, change->steps, errors);
                if (r == 0)
                        move_memory(change);
        }
        if (r == 0 && change->config) {
                change_diff(change, change->config, persistent);
                if (json_array_size(persistent) > 0 ||
                    !mark_is(change->config, change->guests->here, change->placement))
                        r = change_config(change, &before, errors);
                json_array_extend(change->steps, persistent);
        }
        if (r == 0)
                r = read_back(change, errors);
        if (r == 0)
                r = journal_end(change, errors);
        if (r < 0 && undo(change, before, errors) == 0) {
                if (entry)
                        journal_put(change->guests, change->guest, uuid_of(change), TAKE_PTR(entry), errors);
                else
                        journal_drop(change->guests, change->guest, uuid_of(change), errors);
        }
        return r;
}

int change_domain(struct change *change, struct errors *errors)
{
        int r = 0;

        if (change->mode != GUEST_DRY_RUN) {
                r = change->live ? live_is_free(change->handle, errors) : 0;
                return r < 0 ? r : bring_about(change, errors);
        }
        if (change->live) {
                r = pin_threads(change, change->live, true, change->steps, errors);
                move_memory(change);
                explain_memory(change, change->live);
                explain_interfaces(change, change->live, change->config);
        }
        if (r == 0 && change->config)
                change_diff(change, change->config, change->steps);
        return r;
}
