/* A HostProfile planned here and now, without any node: validated by the same table and checks, planned by the same
 * functions as in socled. */
#pragma once

#include <jansson.h>

struct topology_source;

/* 0 and what plan_to_json() makes of it in *ret_plan. Else -errno and in *ret_error what socled would answer: {"data":
 * {"errors": […], "count": n}}, for report_error(). */
int offline_plan(const char *name, const json_t *spec, const struct topology_source *source, json_t **ret_plan,
                 json_t **ret_error);
