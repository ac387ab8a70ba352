/* See duplicates.h. */
#include <stdio.h>
#include <string.h>

#include "bmc.h"
#include "duplicates.h"
#include "plan.h"
#include "values.h"

#define PAGE "200"

/* "rack1-node7 (5b9c…)": as people know it. */
static void name_node(struct ironic *ironic, const char *uuid, char *ret, size_t size)
{
        char path[PATH_BYTES];
        struct answer answer = {};

        snprintf(ret, size, "%.36s", uuid);
        if (!is_uuid(uuid))
                return;
        snprintf(path, sizeof(path), "/v1/nodes/%s?fields=name,uuid", uuid);
        ironic_call(ironic, "GET", path, NULL, &answer);
        if (answer.fault == FAULT_NONE && spec_string(answer.body, "name"))
                snprintf(ret, size, "%.100s (%.36s)", spec_string(answer.body, "name"), uuid);
        answer_clear(&answer);
}

static bool find_mac(struct ironic *ironic, const char *mac, const char *uuid, char ret[FAULT_WORDS],
                     struct answer *answer)
{
        char path[PATH_BYTES], name[160];
        json_t *port;
        size_t i;

        snprintf(path, sizeof(path), "/v1/ports?address=%s&fields=uuid,node_uuid", mac);
        ironic_call(ironic, "GET", path, NULL, answer);
        json_array_foreach (json_object_get(answer->body, "ports"), i, port) {
                const char *other = spec_string(port, "node_uuid");
                if (!other || strcmp(other, uuid) == 0)
                        continue;
                name_node(ironic, other, name, sizeof(name));
                snprintf(ret, FAULT_WORDS, "MAC address %s is on node %s already", mac, name);
                return true;
        }
        return answer->fault != FAULT_NONE;
}

static bool find_name(struct ironic *ironic, const char *wanted, const char *uuid, char ret[FAULT_WORDS],
                      struct answer *answer)
{
        char path[PATH_BYTES];

        snprintf(path, sizeof(path), "/v1/nodes/%s?fields=uuid,name", wanted);
        ironic_call(ironic, "GET", path, NULL, answer);
        if (answer->fault == FAULT_NOT_FOUND) {
                answer_clear(answer);
                return false;
        }
        const char *other = spec_string(answer->body, "uuid");
        if (other && strcmp(other, uuid) != 0)
                snprintf(ret, FAULT_WORDS, "node %.36s has the name \"%.100s\" already", other, wanted);
        return answer->fault != FAULT_NONE || ret[0];
}

/* Ironic itself does not mind two nodes with one BMC. */
static void find_bmc(struct ironic *ironic, const json_t *node, char ret[FAULT_WORDS], struct answer *answer)
{
        json_t *other;
        size_t i;

        if (!bmc_is_known(json_object_get(node, "driver_info")))
                return; /* nothing to look for in ten thousand nodes */
        ironic_list(ironic, "/v1/nodes?limit=" PAGE "&fields=uuid,name,driver,driver_info", "nodes", answer);
        json_array_foreach (answer->body, i, other) {
                const char *uuid = spec_string(other, "uuid") ?: "";
                if (strcmp(uuid, spec_string(node, "uuid")) == 0 ||
                    !bmc_same(json_object_get(node, "driver_info"), json_object_get(other, "driver_info")))
                        continue;
                snprintf(ret, FAULT_WORDS, "the BMC is that of node %.100s (%.36s) already",
                         spec_string(other, "name") ?: "without a name", uuid);
                return;
        }
}

void duplicates_find(struct ironic *ironic, const json_t *desired, char ret[FAULT_WORDS], struct answer *answer)
{
        const json_t *node = json_object_get(desired, "node");
        const char *uuid = spec_string(node, "uuid");
        json_t *port;
        size_t i;

        ret[0] = 0;
        *answer = (struct answer){};
        json_array_foreach (json_object_get(desired, "ports"), i, port) {
                answer_clear(answer);
                if (find_mac(ironic, spec_string(port, "address"), uuid, ret, answer))
                        return;
        }
        answer_clear(answer);
        if (find_name(ironic, spec_string(node, "name"), uuid, ret, answer))
                return;
        answer_clear(answer);
        find_bmc(ironic, node, ret, answer);
}
