/* One domain, to what it was before a Guest laid hands on it. See guests_private.h. */
#include <errno.h>
#include <string.h>

#include "guests_private.h"

static int put_config_back(virConnectPtr connection, virDomainPtr handle, const json_t *entry, struct errors *errors)
{
        const char *before_text = json_string_value(json_object_get(entry, "config"));
        cleanup_free char *now_text = virDomainGetXMLDesc(handle, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
        cleanup_tree xmlDocPtr now = NULL, before = NULL;
        int r;

        if (!now_text)
                return connection_complain(errors, "", "", "domain %s cannot be read", virDomainGetName(handle));
        r = domain_tree(&now, now_text);
        if (r == 0)
                r = domain_tree(&before, before_text);
        if (r == 0)
                r = tree_put_back(now, before, json_object_get(entry, "interfaces"));
        if (r == 0)
                return define_tree(connection, now, virDomainGetName(handle), errors);
        errors_add(errors, r, "", "", "the XML of domain %s cannot be put back: %s", virDomainGetName(handle),
                   strerror(-r));
        return r;
}

static int read_set(const struct guests *guests, const char *path, struct cpu_set *ret)
{
        cleanup_free char *text = NULL;
        int r = host_read(guests->host, &text, "%s", path);

        return r < 0 ? r : cpu_set_from_list(text, ret);
}

static int read_online(const struct guests *guests, struct cpu_set *ret, struct errors *errors)
{
        int r = read_set(guests, "/sys/devices/system/cpu/online", ret);

        if (r < 0)
                errors_add(errors, r, "", "", "the CPUs that are online cannot be read: %s", strerror(-r));
        return r;
}

/* What the domain ran with, if it still is the same run of it; else what it was to run with. */
static int put_live_back(const struct guests *guests, virDomainPtr handle, const json_t *entry, struct errors *errors)
{
        bool same = (int)virDomainGetID(handle) == (int)json_integer_value(json_object_get(entry, "id"));
        const char *live = json_string_value(json_object_get(entry, "live"));
        const char *config = json_string_value(json_object_get(entry, "config"));
        cleanup_domain_facts struct domain *before = NULL, *now = NULL;
        struct cpu_set online, with_memory = {};
        int r = domain_read(handle, false, &now, errors);

        if (r == 0)
                r = read_online(guests, &online, errors);
        if (r < 0 || (!(same && live) && !config))
                return r;
        r = domain_parse(&before, same && live ? live : config);
        if (r < 0) {
                errors_add(errors, r, "", "", "the journal of domain %s is damaged", virDomainGetName(handle));
                return r;
        }
        r = live_mark(handle, NULL, errors);
        if (r == 0)
                r = live_put_back(handle, before, now, &online, cpu_set_next(&online, -1) < 0 ? 1 : CPU_MAX, errors);
        read_set(guests, "/sys/devices/system/node/has_memory", &with_memory);
        live_put_nodes_back(handle, &before->nodes, &now->nodes, &with_memory);
        return r;
}

int restore_domain(struct guests *guests, virConnectPtr connection, const char *guest, const char *uuid,
                   struct errors *errors)
{
        const json_t *entry = journal_entry(guests, guest, uuid);
        cleanup_domain virDomainPtr handle = virDomainLookupByUUIDString(connection, uuid);
        int r = 0;

        if (!handle && connection_error() != -ENOENT)
                return connection_complain(errors, "", "", "domain %s cannot be found", uuid);
        if (handle && virDomainIsActive(handle) == 1)
                r = live_is_free(handle, errors);
        if (r == 0 && handle && virDomainIsPersistent(handle) == 1 && json_is_string(json_object_get(entry, "config")))
                r = put_config_back(connection, handle, entry, errors);
        if (r == 0 && handle && virDomainIsActive(handle) == 1)
                r = put_live_back(guests, handle, entry, errors);
        return r < 0 ? r : journal_drop(guests, guest, uuid, errors);
}
