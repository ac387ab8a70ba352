/* The domains there are, ours and those of other managers alike; read again when libvirt has told of a change. See
 * guest.h and guests_private.h. */
#include <errno.h>
#include <libvirt/virterror.h>
#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guests_private.h"
#include "xml.h"

#define AGE_MAX_MS 25000 /* libvirt does not tell of all, and not everybody calls guests_look() */

/* ---- one domain ---- */

int domain_read(virDomainPtr handle, bool config, struct domain **ret, struct errors *errors)
{
        cleanup_free char *xml = virDomainGetXMLDesc(handle, config ? VIR_DOMAIN_XML_INACTIVE : 0);
        const char *name = virDomainGetName(handle);
        struct domain *domain = NULL;
        int r;

        if (!xml)
                return connection_complain(errors, "/spec/domain", "", "domain %.60s cannot be read", name);
        r = domain_parse(&domain, xml);
        if (r < 0) {
                errors_add(errors, r, "/spec/domain", "",
                           "libvirt describes domain %.60s in a way that is not understood", name);
                return r;
        }
        domain->active = virDomainIsActive(handle) == 1;
        domain->persistent = virDomainIsPersistent(handle) == 1;
        *ret = domain;
        return 0;
}

struct known *guests_known(const struct guests *guests, const char *uuid)
{
        for (size_t i = 0; i < guests->known_count; i++)
                if (strcmp(guests->known[i].uuid, uuid) == 0)
                        return &guests->known[i];
        return NULL;
}

void guests_changed(struct guests *guests, const char *uuid)
{
        struct known *known = guests_known(guests, uuid);

        if (known)
                known->stale = true;
}

/* Someone is to look at what is wanted of it. */
static void is_news(struct guests *guests, const char *uuid)
{
        if (json_object_set_new(guests->news, uuid, json_true()) < 0)
                guests->all_news = true;
}

void guests_news(struct guests *guests, struct known *known)
{
        known->stale = true;
        is_news(guests, known->uuid);
}

static void forget(struct guests *guests, struct known *known)
{
        is_news(guests, known->uuid);
        domain_free(known->domain);
        free(known->definition);
        *known = guests->known[--guests->known_count];
}

static int remember(struct guests *guests, const char *uuid, struct domain *domain)
{
        struct known *known = guests_known(guests, uuid);

        if (!known && guests->known_count == guests->known_room) {
                size_t room = guests->known_room ? guests->known_room * 2 : 16;
                struct known *more = reallocarray(guests->known, room, sizeof(*more));
                if (!more)
                        return -ENOMEM;
                guests->known = more;
                guests->known_room = room;
        }
        if (!known) {
                known = &guests->known[guests->known_count++];
                *known = (struct known){};
                snprintf(known->uuid, sizeof(known->uuid), "%s", uuid);
                is_news(guests, uuid);
        }
        domain_free(known->domain);
        known->domain = domain;
        known->stale = false;
        return 0;
}

/* ---- all of them ---- */

static int64_t now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A domain that vanishes meanwhile is none; one that is not understood is left out, and said so. */
static int read_handle(struct guests *guests, virDomainPtr handle, struct errors *errors)
{
        struct errors own = {.kind = errors->kind, .name = errors->name};
        struct domain *domain = NULL;
        char uuid[VIR_UUID_STRING_BUFLEN];
        int r = virDomainGetUUIDString(handle, uuid) < 0 ? connection_error()
                                                         : domain_read(handle, false, &domain, &own);

        if (r == 0)
                r = remember(guests, uuid, domain);
        if (r < 0 && domain)
                domain_free(domain);
        if ((r == -ENOENT || r == -EINVAL) && guests_known(guests, uuid))
                forget(guests, guests_known(guests, uuid));
        if (r == -ENOENT)
                return 0;
        for (size_t i = 0; i < own.count && i < ERRORS_MAX; i++)
                errors_add(errors, own.code, own.list[i].pointer, own.list[i].expected, "%s", own.list[i].message);
        return r == -EINVAL ? 0 : r;
}

static int read_all(struct guests *guests, virConnectPtr connection, struct errors *errors)
{
        virDomainPtr *handles = NULL;
        int count = virConnectListAllDomains(connection, &handles, 0), r = 0;

        if (count < 0)
                return connection_complain(errors, "", "", "the domains cannot be listed");
        for (size_t i = 0; i < guests->known_count; i++)
                guests->known[i].stale = true;
        for (int i = 0; i < count; i++) {
                if (r == 0)
                        r = read_handle(guests, handles[i], errors);
                virDomainFree(handles[i]);
        }
        free(handles);
        for (size_t i = guests->known_count; i-- > 0 && r == 0;)
                if (guests->known[i].stale)
                        forget(guests, &guests->known[i]);
        guests->complete = r == 0;
        guests->read_at_ms = now_ms();
        return r;
}

static int read_one(struct guests *guests, virConnectPtr connection, const char *uuid, struct errors *errors)
{
        cleanup_domain virDomainPtr handle = virDomainLookupByUUIDString(connection, uuid);
        struct known *known = guests_known(guests, uuid);

        if (handle)
                return read_handle(guests, handle, errors);
        if (connection_error() != -ENOENT)
                return connection_complain(errors, "", "", "domain %s cannot be read", uuid);
        if (known)
                forget(guests, known);
        return 0;
}

static void take_news(struct guests *guests)
{
        struct connection_news news;

        if (connection_news(guests->connection, &news) < 0) {
                guests->complete = false;
                guests->all_news = true;
                return;
        }
        guests->complete &= !news.all;
        if (news.all)
                guests->here[0] = '\0'; /* it may have been told another */
        guests->all_news |= news.all;
        for (size_t i = 0; i < news.count; i++) {
                struct known *known = guests_known(guests, news.uuids[i]);
                is_news(guests, news.uuids[i]);
                if (known)
                        known->stale = true;
                else
                        guests->complete = false; /* a new one: rare, so all are read */
        }
        free(news.uuids);
}

int guests_refresh(struct guests *guests, virConnectPtr connection, struct errors *errors)
{
        int r = 0;

        take_news(guests);
        if (!guests->complete || now_ms() - guests->read_at_ms > AGE_MAX_MS)
                return read_all(guests, connection, errors);
        for (size_t i = guests->known_count; i-- > 0 && r == 0;) {
                char uuid[UUID_TEXT];
                if (!guests->known[i].stale)
                        continue;
                memcpy(uuid, guests->known[i].uuid, sizeof(uuid));
                r = read_one(guests, connection, uuid, errors);
        }
        return r;
}

int guests_know_here(struct guests *guests, virConnectPtr connection, struct errors *errors)
{
        cleanup_free char *xml = guests->here[0] ? NULL : virConnectGetCapabilities(connection);
        cleanup_tree xmlDocPtr tree = NULL;

        if (guests->here[0])
                return 0;
        if (!xml)
                return connection_complain(errors, "", "", "libvirt's capabilities cannot be read");
        tree = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR);
        xmlNodePtr uuid = tree ? xml_path(xmlDocGetRootElement(tree), "host/uuid") : NULL;
        cleanup_free char *text = uuid ? (char *)xmlNodeGetContent(uuid) : NULL;
        snprintf(guests->here, sizeof(guests->here), "%s", text && *text ? text : "unknown");
        return 0;
}

/* ---- for those who ask ---- */

static void add_finding(json_t *findings, const struct domain *domain, const struct plan *plan)
{
        struct cpu_set stray = {}, floating;
        bool unpinned = false;

        for (unsigned v = 0; v < domain->vcpus; v++) {
                unpinned |= cpu_set_empty(&domain->vcpu_cpus[v]);
                if (pins_are_taken(&domain->vcpu_cpus[v], plan))
                        continue;
                floating = domain->vcpu_cpus[v];
                cpu_set_and(&floating, &plan->classes[CLASS_GUESTS_DEDICATED]);
                cpu_set_or(&stray, &floating);
        }
        if (unpinned)
                json_array_append_new(findings, json_string("some of its vCPUs are not pinned: they run anywhere"));
        if (cpu_set_empty(&stray))
                return;
        cleanup_free char *cpus = cpu_set_to_list(&stray);
        json_array_append_new(findings, json_sprintf("it floats over CPUs %s, which are for dedicated vCPUs", cpus));
}

static json_t *describe(const struct guests *guests, const struct known *known, const struct guest_placement *placement,
                        const struct topology *topology, const struct plan *plan)
{
        const struct domain *domain = known->domain;
        const char *owner = journal_owner(guests, known->uuid);
        json_t *detail = guest_placement_to_json(placement, topology), *findings = json_array(), *pci = json_array();
        struct cpu_set cpus = {};

        for (unsigned v = 0; v < domain->vcpus; v++)
                cpu_set_or(&cpus, &domain->vcpu_cpus[v]);
        for (size_t i = 0; i < domain->pci_count; i++)
                json_array_append_new(pci, json_string(domain->pci[i]));
        add_finding(findings, domain, plan);
        cleanup_free char *list = cpu_set_to_list(&cpus);
        json_t *entry =
                json_pack("{s:s, s:s, s:b, s:b, s:I, s:s, s:I, s:O, s:o, s:o, s:o}", "name", domain->name, "uuid",
                          known->uuid, "active", domain->active, "foreign", !owner, "vcpus", (json_int_t)domain->vcpus,
                          "cpus", list ? list : "", "memory_bytes", (json_int_t)domain->memory_bytes, "nodes",
                          json_object_get(detail, "nodes"), "pci", pci, "placement", detail, "findings", findings);
        if (owner)
                json_object_set_new(entry, "guest", json_string(owner));
        if (domain->is_nova)
                json_object_set_new(entry, "manager", json_string("OpenStack Nova"));
        return entry;
}

int guests_observe(struct guests *guests, struct placement_state *state, json_t **ret_list, struct errors *errors)
{
        const struct topology *topology = placement_topology(state);
        const struct plan *plan = placement_plan(state);
        cleanup_connection virConnectPtr connection = NULL;
        cleanup_json json_t *list = json_array();
        int r = connection_get(guests->connection, &connection, errors);

        if (r == 0)
                r = guests_refresh(guests, connection, errors);
        for (size_t i = 0; i < guests->known_count && r == 0; i++) {
                const struct known *known = &guests->known[i];
                domain_resolve_pages(guests, plan, known->domain);
                struct guest_placement *placement = placement_of(known->domain, topology, plan, false);
                struct errors conflict = {};
                if (!placement)
                        return -ENOMEM;
                drift_add_taken(guests, known->domain, topology, placement);
                int added = placement_add(state, known->domain->name, placement, true, &conflict);
                json_t *entry = describe(guests, known, placement, topology, plan);
                if (added == -EEXIST) /* two that were there already: told of, not fought */
                        json_array_append_new(json_object_get(entry, "findings"),
                                              json_string(conflict.list[0].message));
                json_array_append_new(list, entry);
                guest_placement_free(placement);
                r = added == -EEXIST ? 0 : added;
        }
        if (r == 0 && ret_list)
                *ret_list = TAKE_PTR(list);
        return r;
}
