/* See guest.h: what its functions do for all domains of a Guest. */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "guests_private.h"

int guests_new(struct guests **ret, const struct host *host, const char *uri)
{
        struct guests *guests = calloc(1, sizeof(*guests));
        int r;

        if (!guests)
                return -ENOMEM;
        guests->host = host;
        guests->disk = (struct host){.root = "/", .state = host->state, .observer = host->observer};
        r = journals_load(guests);
        if (r == 0)
                r = connection_new(&guests->connection, uri);
        if (r < 0)
                guests_free(guests);
        else
                *ret = guests;
        return r;
}

struct guests *guests_free(struct guests *guests)
{
        if (!guests)
                return NULL;
        connection_free(guests->connection);
        for (size_t i = 0; i < guests->known_count; i++)
                domain_free(guests->known[i].domain);
        free(guests->known);
        json_decref(guests->journals);
        free(guests);
        return NULL;
}

int guests_event_fd(const struct guests *guests)
{
        return connection_fd(guests->connection);
}

int guests_dispatch(struct guests *guests)
{
        return connection_drain(guests->connection);
}

const char *guests_user_of_pci(struct guests *guests, const char *pci_address)
{
        cleanup_connection virConnectPtr connection = NULL;
        struct errors ignored = {};

        /* Guests run on without libvirtd: what was last known is better than nothing. */
        if (connection_get(guests->connection, &connection, &ignored) == 0)
                guests_refresh(guests, connection, &ignored);
        for (size_t i = 0; i < guests->known_count; i++) {
                const struct domain *domain = guests->known[i].domain;
                for (size_t j = 0; j < domain->pci_count && domain->active; j++) {
                        if (strcmp(domain->pci[j], pci_address) != 0)
                                continue;
                        snprintf(guests->words, sizeof(guests->words), "guest %s", domain->name);
                        return guests->words;
                }
        }
        return NULL;
}

/* ---- apply ---- */

static bool is_meant(const struct guest_wish *wish, const struct known *known)
{
        switch (wish->by) {
        case DOMAIN_BY_NAME:
                return strcmp(known->domain->name, wish->domain) == 0;
        case DOMAIN_BY_UUID:
                return strcasecmp(known->uuid, wish->domain) == 0;
        default:
                return fnmatch(wish->domain, known->domain->name, 0) == 0;
        }
}

static unsigned larger(unsigned a, unsigned b)
{
        return a > b ? a : b;
}

/* Stays where it is, as it runs or as it is to run, if that is as wished; else a new place. */
static int find_place(const struct change *change, const struct guest_demand *demand, struct placement_state *state,
                      struct guest_placement **ret, struct errors *errors)
{
        const struct domain *candidates[] = {change->live, change->config};

        for (size_t i = 0; i < ARRAY_LEN(candidates); i++) {
                struct guest_placement *placement =
                        candidates[i] ? placement_of(candidates[i], change->topology, change->plan, true) : NULL;
                if (placement && placement_keep(state, demand, placement)) {
                        *ret = placement;
                        return 0;
                }
                guest_placement_free(placement);
        }
        return placement_find(state, demand, ret, errors);
}

static json_t *domain_status(const struct change *change)
{
        const struct domain *any = change->live ? change->live : change->config;

        return json_pack("{s:s, s:s, s:b, s:o, s:O, s:b, s:O}", "name", any->name, "uuid", any->uuid, "active",
                         change->live != NULL, "placement",
                         guest_placement_to_json(change->placement, change->topology), "steps", change->steps,
                         "restart_required", json_array_size(change->restart_reasons) > 0, "restart_reasons",
                         change->restart_reasons);
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
static void account_as_is(struct change *change, struct placement_state *state)
{
        const struct domain *domain = change->live ? change->live : change->config;
        struct guest_placement *placement = domain ? placement_of(domain, change->topology, change->plan, false) : NULL;
        struct errors ignored = {};

        if (placement)
                placement_add(state, domain->name, placement, true, &ignored);
        guest_placement_free(placement);
}

/* Nova keeps books of the CPUs that it pins to, and would pin there again. */
static int check_manager(const struct change *change, struct errors *errors)
{
        const struct domain *domain = change->config ? change->config : change->live;

        if (!domain->is_nova || cpu_set_empty(&domain->vcpu_cpus[0]))
                return 0;
        errors_add(errors, -EPERM, "/spec/domain", "a domain that Nova does not pin (hw:cpu_policy of its flavor)",
                   "domain %.60s is pinned by OpenStack Nova, and stays as it is", domain->name);
        return -EPERM;
}

static int apply_to(struct change *change, const char *uuid, const struct guest_wish *wish,
                    struct placement_state *state, json_t *list, struct errors *errors)
{
        const char *owner = journal_owner(change->guests, uuid);
        int r;

        if (owner && strcmp(owner, change->guest) != 0) {
                errors_add(errors, -EEXIST, "/spec/domain", "another domain, or a narrower pattern there",
                           "domain %s belongs to Guest %s already", guests_known(change->guests, uuid)->domain->name,
                           owner);
                return -EEXIST;
        }
        r = read_domain(change, uuid, errors);
        if (r == 0 && !owner)
                r = check_manager(change, errors);
        if (r == 0) {
                r = place(change, wish, state, errors);
                if (r == 0) {
                        r = change_domain(change, errors);
                        guests_changed(change->guests, uuid);
                }
                if (r < 0)
                        account_as_is(change, state);
        }
        if (r == 0)
                json_array_append_new(list, domain_status(change));
        return r;
}

static int by_name(const void *a, const void *b, void *user)
{
        const struct guests *guests = user;
        const struct known *x = guests_known(guests, a), *y = guests_known(guests, b);

        return strcmp(x->domain->name, y->domain->name);
}

/* Domains that are meant, by name; those that were and are no more are put back. */
static int find_domains(struct guests *guests, const struct guest_wish *wish, char (**ret)[UUID_TEXT],
                        size_t *ret_count)
{
        char(*uuids)[UUID_TEXT] = calloc(guests->known_count + 1, sizeof(*uuids));
        size_t count = 0;

        if (!uuids)
                return -ENOMEM;
        for (size_t i = 0; i < guests->known_count; i++)
                if (is_meant(wish, &guests->known[i]))
                        memcpy(uuids[count++], guests->known[i].uuid, UUID_TEXT);
        qsort_r(uuids, count, sizeof(*uuids), by_name, guests);
        *ret = uuids;
        *ret_count = count;
        return 0;
}

static int let_go(struct guests *guests, virConnectPtr connection, const char *name, const struct guest_wish *wish,
                  struct errors *errors)
{
        cleanup_json json_t *before = json_copy(journal_domains(guests, name));
        const char *uuid;
        json_t *entry;
        int r = 0;

        json_object_foreach (before, uuid, entry) {
                const struct known *known = guests_known(guests, uuid);
                if (known && wish && is_meant(wish, known))
                        continue;
                int restored = restore_domain(guests, connection, name, uuid, errors);
                guests_changed(guests, uuid);
                r = r < 0 ? r : restored;
        }
        return r;
}

int guests_apply(struct guests *guests, const char *name, const struct guest_wish *wish,
                 const struct guest_interface *interfaces, size_t interface_count, struct placement_state *state,
                 bool dry_run, json_t **ret_status, struct errors *errors)
{
        cleanup_connection virConnectPtr connection = NULL;
        cleanup_free char(*uuids)[UUID_TEXT] = NULL;
        cleanup_json json_t *list = json_array();
        size_t count = 0;
        int r = journal_check(guests, name, errors);

        if (r == 0)
                r = connection_get(guests->connection, &connection, errors);
        if (r == 0)
                r = guests_refresh(guests, connection, errors);
        if (r == 0 && !dry_run)
                r = let_go(guests, connection, name, wish, errors);
        if (r == 0)
                r = find_domains(guests, wish, &uuids, &count);
        if (r < 0)
                return r;
        if (count == 0) {
                errors_add(errors, -ENOENT, "/spec/domain", "it is waited for", "libvirt has no domain %s%.200s",
                           wish->by == DOMAIN_BY_PATTERN ? "like " : "", wish->domain);
                return -ENOENT;
        }
        for (size_t i = 0; i < count; i++) { /* one that cannot be does not keep the others */
                struct change change = {
                        .guests = guests,
                        .guest = name,
                        .interfaces = interfaces,
                        .interface_count = interface_count,
                        .topology = placement_topology(state),
                        .plan = placement_plan(state),
                        .dry_run = dry_run,
                        .connection = connection,
                };
                int applied = apply_to(&change, uuids[i], wish, state, list, errors);
                change_clear(&change);
                r = r < 0 ? r : applied;
        }
        if (r == 0 && ret_status)
                *ret_status = json_pack("{s:O}", "domains", list);
        return r;
}

int guests_restore(struct guests *guests, const char *name, struct errors *errors)
{
        cleanup_connection virConnectPtr connection = NULL;
        int r = journal_check(guests, name, errors);

        if (r < 0 || json_object_size(journal_domains(guests, name)) == 0)
                return r;
        r = connection_get(guests->connection, &connection, errors);
        return r < 0 ? r : let_go(guests, connection, name, NULL, errors);
}
