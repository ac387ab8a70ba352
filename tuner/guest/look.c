/* What libvirt does not tell of, looked for: a call for each domain, and one more for those of ours that run. See
 * guest.h and guests_private.h. */
#include <stdlib.h>
#include <string.h>

#include "guests_private.h"

/* libvirt tells of a definition that is made anew, and not of pins changed in it. As text: nothing is to be parsed. */
static bool definition_has_changed(struct known *known, virDomainPtr handle)
{
        char *now = known->domain->persistent ? virDomainGetXMLDesc(handle, VIR_DOMAIN_XML_INACTIVE) : NULL;

        if (!now)
                return false;
        bool changed = !known->definition || strcmp(now, known->definition) != 0;
        free(known->definition);
        known->definition = now;
        return changed;
}

static bool look_at(struct guests *guests, virDomainPtr handle, int cpu_limit)
{
        char uuid[VIR_UUID_STRING_BUFLEN];
        struct known *known = virDomainGetUUIDString(handle, uuid) < 0 ? NULL : guests_known(guests, uuid);

        if (!known)
                return false; /* its event is on its way */
        const char *owner = journal_owner(guests, uuid);
        if (definition_has_changed(known, handle)) {
                guests_news(guests, known);
                guests->all_news |= !owner; /* it may have CPUs now that are ours */
                return true;
        }
        if (!owner || !known->domain->active ||
            !drift_has_moved(journal_entry(guests, owner, uuid), handle, known->domain, cpu_limit))
                return false;
        guests_news(guests, known);
        return true;
}

struct look {
        struct guests *guests;
        int cpu_limit;
};

static int look_at_all(virConnectPtr open, void *user)
{
        const struct look *look = user;
        virDomainPtr *handles = NULL;
        int count = virConnectListAllDomains(open, &handles, 0), found = 0;

        for (int i = 0; i < count; i++) {
                found |= look_at(look->guests, handles[i], look->cpu_limit);
                virDomainFree(handles[i]);
        }
        free(handles);
        return count < 0 ? connection_error() : found;
}

int guests_look(struct guests *guests, int cpu_limit)
{
        struct look look = {guests, cpu_limit};

        return connection_call(guests->connection, look_at_all, &look);
}
