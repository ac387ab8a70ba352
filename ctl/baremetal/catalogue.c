/* The service catalogue that comes with a token of Keystone's: where Ironic is. Pure; see identity.h. */
#include <string.h>

#include "identity.h"
#include "values.h"

const char *catalogue_find(const json_t *token, const char *interface, const char *region)
{
        json_t *service, *endpoint;
        size_t i, j;

        json_array_foreach (json_object_get(json_object_get(token, "token"), "catalog"), i, service) {
                if (strcmp(spec_string(service, "type") ?: "", "baremetal") != 0)
                        continue;
                json_array_foreach (json_object_get(service, "endpoints"), j, endpoint) {
                        const char *of = spec_string(endpoint, "region") ?: spec_string(endpoint, "region_id");
                        if (strcmp(spec_string(endpoint, "interface") ?: "", interface) == 0 &&
                            (!region || (of && strcmp(of, region) == 0)))
                                return spec_string(endpoint, "url");
                }
        }
        return NULL;
}
