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
        guests->news = json_object();
        guests->all_news = true;
        r = guests->news ? journals_load(guests) : -ENOMEM;
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
        for (size_t i = 0; i < guests->known_count; i++) {
                domain_free(guests->known[i].domain);
                free(guests->known[i].definition);
        }
        free(guests->known);
        json_decref(guests->journals);
        json_decref(guests->news);
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

int guests_read(struct guests *guests, struct errors *errors)
{
        cleanup_connection virConnectPtr connection = NULL;
        int r = connection_get(guests->connection, &connection, errors);

        return r < 0 ? r : guests_refresh(guests, connection, errors);
}

/* Guests run on without libvirtd: what was last known is better than nothing. */
const char *guests_user_of_pci(struct guests *guests, const char *pci_address)
{
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

bool guests_concerned(const struct guests *guests, const char *name, const struct guest_wish *wish)
{
        const char *uuid;
        json_t *value;

        if (guests->all_news)
                return true;
        json_object_foreach (guests->news, uuid, value) {
                const struct known *known = guests_known(guests, uuid);
                if (journal_entry(guests, name, uuid) || (known && is_meant(wish, known)))
                        return true;
        }
        return false;
}

void guests_seen(struct guests *guests)
{
        json_object_clear(guests->news);
        guests->all_news = false;
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

/* What ends by itself. */
static bool is_transient(int r)
{
        return r == -ENOENT || r == -EBUSY || r == -ENOTCONN;
}

static void append_errors(struct errors *errors, const struct errors *more)
{
        for (size_t i = 0; i < more->count && i < ERRORS_MAX; i++)
                errors_add(errors, more->code, more->list[i].pointer, more->list[i].expected, "%s",
                           more->list[i].message);
}

/* The worse one's words come first. */
static void add_failure(int *r, int next, struct errors *errors, const struct errors *of_next)
{
        if (next == 0)
                return;
        if (*r == 0 || (is_transient(*r) && !is_transient(next))) {
                cleanup_free struct errors *all = malloc(sizeof(*all));
                if (all) {
                        *all = *of_next;
                        append_errors(all, errors);
                        all->kind = errors->kind;
                        all->name = errors->name;
                        *errors = *all;
                }
                *r = next;
                errors->code = next;
                return;
        }
        int code = errors->code;
        append_errors(errors, of_next);
        errors->code = code;
}

static int apply_all(const struct change *like, const struct guest_wish *wish, struct placement_state *state,
                     json_t *list, struct errors *errors)
{
        cleanup_free char(*uuids)[UUID_TEXT] = NULL;
        size_t count = 0;
        int r = find_domains(like->guests, wish, &uuids, &count);

        if (r < 0)
                return r;
        if (count == 0) {
                errors_add(errors, -ENOENT, "/spec/domain", "it is waited for", "libvirt has no domain %s%.200s",
                           wish->by == DOMAIN_BY_PATTERN ? "like " : "", wish->domain);
                return -ENOENT;
        }
        for (size_t i = 0; i < count; i++) { /* one that cannot be does not keep the others */
                struct change change = *like;
                struct errors own = {};
                int applied = apply_domain(&change, uuids[i], wish, state, list, &own);
                add_failure(&r, applied, errors, &own);
        }
        return r;
}

int guests_apply(struct guests *guests, const char *name, const struct guest_wish *wish,
                 const struct guest_interface *interfaces, size_t interface_count, struct placement_state *state,
                 enum guest_mode mode, json_t **ret_status, struct errors *errors)
{
        cleanup_connection virConnectPtr connection = NULL;
        cleanup_json json_t *list = json_array();
        struct errors own = {};
        int r = journal_check(guests, name, errors), let_go_of = 0;

        if (r == 0)
                r = connection_get(guests->connection, &connection, errors);
        if (r == 0)
                r = guests_refresh(guests, connection, errors);
        if (r == 0)
                r = guests_know_here(guests, connection, errors);
        if (r == 0 && mode != GUEST_DRY_RUN)
                let_go_of = let_go(guests, connection, name, wish, &own);
        if (r == 0) {
                const struct change like = {
                        .guests = guests,
                        .guest = name,
                        .interfaces = interfaces,
                        .interface_count = interface_count,
                        .topology = placement_topology(state),
                        .plan = placement_plan(state),
                        .mode = mode,
                        .connection = connection,
                };
                r = apply_all(&like, wish, state, list, errors);
        }
        add_failure(&r, let_go_of, errors, &own);
        if (ret_status)
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
