/* What a person asks of a host: the spec of a HostProfile as a plain struct. Everything may be left out ("derive it
 * from the machine"). Made from the validated JSON of the object; the field table is ctl/model/kind_host_profile.c. */
#pragma once

#include <jansson.h>

#include "topology/topology.h"

/* Written out by the owner of plan/: classes (how many or which CPUs, a node or in all), huge pages, isolation, power,
 * memory, cache, storage, guests' overhead, MTUs and port counts that the dataplane's memory is derived from. */
struct host_profile;

/* `spec`: validated, with its defaults. -EINVAL with words in `errors` (CPU lists that are no lists, …). */
int host_profile_from_json(struct host_profile **ret, const json_t *spec, struct errors *errors);
struct host_profile *host_profile_free(struct host_profile *profile);
