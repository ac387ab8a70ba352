/* Definitions that somebody changes: compared as text, which costs a call and no parsing. See guests_private.h. */
#include <stdlib.h>
#include <string.h>

#include "guests_private.h"

/* Before it is read for good: what is changed after that is news, as are our own changes, once. */
void definition_seen(struct guests *guests, virDomainPtr handle, const char *uuid)
{
        struct known *known = guests_known(guests, uuid);

        if (!known)
                return;
        free(known->definition);
        known->definition = virDomainGetXMLDesc(handle, VIR_DOMAIN_XML_INACTIVE);
}

bool definition_is_other(const struct known *known, virDomainPtr handle)
{
        if (!known->domain->persistent)
                return false;
        cleanup_free char *now = virDomainGetXMLDesc(handle, VIR_DOMAIN_XML_INACTIVE);
        return now && (!known->definition || strcmp(now, known->definition) != 0);
}
