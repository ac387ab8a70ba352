/* One domain of a Guest: read, placed, changed, and told of. See guests_private.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guests_private.h"

static unsigned larger(unsigned a, unsigned b)
{
        return a > b ? a : b;
}

static const json_t *entry_of(const struct change *change)
{
        const struct domain *any = change->live ? change->live : change->config;

        return any ? journal_entry(change->guests, change->guest, any->uuid) : NULL;
}

/* Stays where it is, as it runs or as it is to run, if that is as wished; else a new place. What runs without being
 * defined has its cells and the binding of its memory nowhere but in our journal. */
static int find_place(const struct change *change, const struct guest_demand *demand, struct placement_state *state,
                      struct guest_placement **ret, struct errors *errors)
{
        struct guest_placement *candidates[] = {
                change->live ? placement_of(change->live, change->topology, change->plan, true) : NULL,
                change->config ? placement_of(change->config, change->topology, change->plan, true) : NULL,
                change->config ? NULL
                               : guest_placement_from_json(json_object_get(entry_of(change), "ours"), change->topology),
        };
        struct guest_placement *kept = NULL;

        for (size_t i = 0; i < ARRAY_LEN(candidates); i++) {
                if (!kept && candidates[i] && placement_keep(state, demand, candidates[i]))
                        kept = TAKE_PTR(candidates[i]);
                guest_placement_free(candidates[i]);
        }
        if (!kept)
                return placement_find(state, demand, ret, errors);
        *ret = kept;
        return 0;
}

static json_t *domain_status(const struct change *change)
{
        const struct domain *any = change->live ? change->live : change->config;
        json_t *status = json_pack("{s:s, s:s, s:b, s:o, s:O, s:b, s:O}", "name", any->name, "uuid", any->uuid,
                                   "active", change->live != NULL, "placement",
                                   guest_placement_to_json(change->placement, change->topology), "steps", change->steps,
                                   "restart_required", json_array_size(change->restart_reasons) > 0, "restart_reasons",
                                   change->restart_reasons);

        if (json_array_size(change->drift) > 0)
                json_object_set(status, "drift", change->drift);
        return status;
}

static void change_clear(struct change *change)
{
        if (change->handle)
                virDomainFree(change->handle);
        domain_free(change->live);
        domain_free(change->config);
        guest_placement_free(change->placement);
        json_decref(change->steps);
        json_decref(change->restart_reasons);
        json_decref(change->drift);
        free(change->mark_was);
}

static int read_domain(struct change *change, const char *uuid, struct errors *errors)
{
        int r = 0;

        change->steps = json_array();
        change->restart_reasons = json_array();
        change->handle = virDomainLookupByUUIDString(change->connection, uuid);
        if (!change->handle)
                return connection_complain(errors, "/spec/domain", "", "domain %s cannot be found", uuid);
        if (virDomainIsActive(change->handle) == 1)
                r = domain_read(change->handle, false, &change->live, errors);
        if (r == 0 && virDomainIsPersistent(change->handle) == 1)
                r = domain_read(change->handle, true, &change->config, errors);
        if (r == 0 && !change->live && !change->config) {
                errors_add(errors, -ENOENT, "/spec/domain", "", "the domain is about to go");
                r = -ENOENT;
        }
        domain_resolve_pages(change->guests, change->plan, change->live);
        domain_resolve_pages(change->guests, change->plan, change->config);
        return r;
}

static int place(struct change *change, const struct guest_wish *wish, struct placement_state *state,
                 struct errors *errors)
{
        const struct domain *domain = change->config ? change->config : change->live;
        struct guest_demand demand;
        int r = demand_make(change->guests, wish, domain, change->interface_count > 0, state, &demand, errors);

        if (r == 0 && change->live) {
                demand.vcpus = larger(demand.vcpus, change->live->vcpus);
                demand.iothreads = larger(demand.iothreads, change->live->iothread_count);
        }
        placement_remove(state, domain->name);
        if (r == 0)
                r = find_place(change, &demand, state, &change->placement, errors);
        if (r == 0)
                r = placement_add(state, domain->name, change->placement, false, errors);
        return r;
}

/* Whatever it is placed like now goes back into the books. */
static struct guest_placement *placement_as_is(const struct change *change)
{
        const struct domain *domain = change->live ? change->live : change->config;
        struct guest_placement *placement = domain ? placement_of(domain, change->topology, change->plan, false) : NULL;

        if (placement)
                drift_add_taken(change->guests, domain, change->topology, placement);
        return placement;
}

static void account_as_is(const struct change *change, struct placement_state *state)
{
        const struct domain *domain = change->live ? change->live : change->config;
        struct guest_placement *placement = placement_as_is(change);
        struct errors ignored = {};

        if (placement)
                placement_add(state, domain->name, placement, true, &ignored);
        guest_placement_free(placement);
}

/* Nova keeps books of the CPUs that it pins to, and would pin there again. */
static int complain_of_manager(const struct domain *domain, struct errors *errors)
{
        errors_add(errors, -EPERM, "/spec/domain", "a domain that Nova does not pin (hw:cpu_policy of its flavor)",
                   "domain %.60s is pinned by OpenStack Nova, and stays as it is", domain->name);
        return -EPERM;
}

static bool is_pinned_by_others(const struct domain *domain)
{
        bool pinned = false;

        if (!domain)
                return false;
        if (domain->placed_by[0])
                return domain->pinned_before;
        for (unsigned v = 0; v < domain->vcpus; v++)
                pinned |= !cpu_set_empty(&domain->vcpu_cpus[v]);
        return pinned;
}

static int check_manager(const struct change *change, struct errors *errors)
{
        const struct domain *domain = change->config ? change->config : change->live;

        if (domain->is_nova && (is_pinned_by_others(change->config) || is_pinned_by_others(change->live)))
                return complain_of_manager(domain, errors);
        return 0;
}

static int find_drift(struct change *change, struct errors *errors)
{
        struct live_pins pins = {};
        int r = 0;

        change->drift = json_array();
        if (change->live)
                r = live_read(change->handle, change->live, change->topology->cpu_limit, &pins, errors);
        if (r == 0)
                r = drift_find(entry_of(change), change->guests->here, change->live, &pins, change->config,
                               change->topology, change->drift);
        live_pins_clear(&pins);
        return r;
}

/* What Nova has pinned over us is Nova's from now on: nothing is restored over it. */
static int check_others(struct change *change, const char *owner, struct errors *errors)
{
        const struct domain *domain = change->config ? change->config : change->live;
        struct errors ignored = {};

        if (!owner)
                return check_manager(change, errors);
        int r = find_drift(change, errors);
        if (r < 0 || json_array_size(change->drift) == 0 || !domain->is_nova)
                return r;
        if (change->mode != GUEST_DRY_RUN)
                journal_drop(change->guests, change->guest, domain->uuid, &ignored);
        return complain_of_manager(domain, errors);
}

static int bring_about(struct change *change, const struct guest_wish *wish, struct placement_state *state,
                       struct errors *errors)
{
        const struct domain *any = change->live ? change->live : change->config;
        int r;

        if (change->mode == GUEST_FOLLOW && json_array_size(change->drift) > 0) {
                change->placement = placement_as_is(change);
                return change->placement ? 0 : -ENOMEM;
        }
        r = place(change, wish, state, errors);
        if (r == 0) {
                r = change_domain(change, errors);
                guests_changed(change->guests, any->uuid);
        }
        if (r == 0 && change->mode == GUEST_SET)
                json_array_clear(change->drift);
        if (r < 0)
                account_as_is(change, state);
        return r;
}

static void tell_failure(const struct change *change, const char *uuid, const struct errors *errors, json_t *list)
{
        const struct known *known = guests_known(change->guests, uuid);

        json_array_append_new(list,
                              json_pack("{s:s*, s:s, s:s}", "name", known ? known->domain->name : NULL, "uuid", uuid,
                                        "error", errors->count > 0 ? errors->list[0].message : "out of memory"));
}

int apply_domain(struct change *change, const char *uuid, const struct guest_wish *wish, struct placement_state *state,
                 json_t *list, struct errors *errors)
{
        const char *owner = journal_owner(change->guests, uuid);
        int r;

        if (owner && strcmp(owner, change->guest) != 0) {
                errors_add(errors, -EEXIST, "/spec/domain", "another domain, or a narrower pattern there",
                           "domain %s belongs to Guest %s already", guests_known(change->guests, uuid)->domain->name,
                           owner);
                tell_failure(change, uuid, errors, list);
                return -EEXIST;
        }
        r = read_domain(change, uuid, errors);
        if (r == 0)
                r = check_others(change, owner, errors);
        if (r == 0)
                r = bring_about(change, wish, state, errors);
        if (r == 0)
                json_array_append_new(list, domain_status(change));
        else
                tell_failure(change, uuid, errors, list);
        change_clear(change);
        return r;
}
