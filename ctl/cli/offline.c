/* See offline.h. */
#include <errno.h>

#include "offline.h"
#include "plan/plan.h"
#include "socle/errors.h"
#include "validate.h"

static int make(const json_t *spec, const struct topology_source *source, json_t **ret, struct errors *errors)
{
        cleanup_(host_profile_free_p) struct host_profile *profile = NULL;
        cleanup_(topology_free_p) struct topology *topology = NULL;
        cleanup_(plan_free_p) struct plan *plan = NULL;
        cleanup_(json_decrefp) json_t *valid = NULL;
        const char *kind = errors->kind, *name = errors->name;
        int r = validate_spec(kind_find(kind), spec, &valid, errors);

        if (r == 0)
                r = host_profile_from_json(&profile, valid, errors);
        if (r < 0)
                return r;
        errors->kind = errors->name = NULL; /* a file that is no topology is not the object's fault */
        r = topology_read(&topology, source, errors);
        errors->kind = kind;
        errors->name = name;
        if (r == 0)
                r = plan_make(&plan, topology, profile, errors);
        if (r == 0)
                *ret = plan_to_json(plan, topology);
        return r;
}

int offline_plan(const char *name, const json_t *spec, const struct topology_source *source, json_t **ret_plan,
                 json_t **ret_error)
{
        struct errors errors = {.kind = "HostProfile", .name = name};
        int r = make(spec, source, ret_plan, &errors);

        if (r < 0)
                *ret_error = json_pack("{s:o}", "data", errors_to_json(&errors));
        return r;
}
