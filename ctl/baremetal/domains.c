/* See domains.h. A domain that is shut off counts: its disks would be wiped. */
#include <errno.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>

#include "domains.h"

static void say_nothing(void *user, virErrorPtr error)
{
}

int domains_left(const char *uri, char *names, size_t size)
{
        virConnectPtr connection;
        virDomainPtr *domains = NULL;
        size_t used = 0;

        virSetErrorFunc(NULL, say_nothing);
        connection = virConnectOpenReadOnly(uri);
        int count = connection ? virConnectListAllDomains(connection, &domains, 0) : -1;
        if (count < 0)
                snprintf(names, size, "libvirt (%.100s) does not say: %.200s", uri, virGetLastErrorMessage());
        for (int i = 0; i < count; i++) {
                if (i < 5 && used < size)
                        used += (size_t)snprintf(names + used, size - used, "%s%.60s", i ? ", " : "",
                                                 virDomainGetName(domains[i]));
                else if (i == 5 && used < size)
                        used += (size_t)snprintf(names + used, size - used, ", …");
                virDomainFree(domains[i]);
        }
        free(domains);
        if (connection)
                virConnectClose(connection);
        return count < 0 ? -ENOTCONN : count;
}
