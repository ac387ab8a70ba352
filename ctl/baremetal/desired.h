/* What Ironic is to hold of a machine: from the spec and from the machine's inventory, pure. Works with plan.c, which
 * compares it with what Ironic holds. */
#pragma once

#include <jansson.h>

#include "socle/errors.h"

/* {"node": {uuid, name, driver, …}, "ports": [{address, …, "portgroup": name}], "portgroups": [{name, …}], "traits":
 * […], "notes": [words], "excluded": interfaces and MAC addresses that the spec takes out, "complete": there is nothing
 * but what is listed, whatever is seen}: all in Ironic's terms, for API version 1.`version`. `inventory`: of
 * inventory_read(), unless the spec describes another machine. -EINVAL with words: there is no UUID, no BMC, no NIC.
 * The BMC's password is not in it. `by`: who made what is made, for `extra`. */
int desired_make(json_t **ret, const char *name, const json_t *spec, const json_t *inventory, int version,
                 const char *by, struct errors *errors);

/* {driver, driver_info} of a spec's bmc, without the password; its password's reference and name in driver_info. */
int desired_bmc(const json_t *spec, const json_t *inventory, const char **ret_driver, json_t **ret_info,
                const json_t **ret_secret, const char **ret_password_key, struct errors *errors);

/* `by` in extra: "" when it was not made by any socle. */
const char *made_by(const json_t *thing);

json_t *traits_of(const json_t *spec, const json_t *inventory);
/* "a:1,b:2" as an object, and back with the names in order. */
json_t *capabilities_parse(const char *text);
char *capabilities_format(const json_t *capabilities);
json_t *capabilities_of(const json_t *spec, const json_t *inventory);
