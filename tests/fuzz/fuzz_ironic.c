/* What an Ironic, a Keystone, an LLDP neighbour or a BIOS may answer: any bytes. The first byte says which.
 *
 * Words for people must be one line of UTF-8 and never empty; a planned request has a path of ours, whatever the node
 * in the answer calls itself. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bmc.h"
#include "desired.h"
#include "fault.h"
#include "fuzz.h"
#include "identity.h"
#include "inventory.h"
#include "ironic.h"
#include "plan.h"

static void check(bool right)
{
        if (!right)
                abort();
}

static void check_words(const char *words)
{
        json_t *text = json_string(words);

        check(text && !strpbrk(words, "\r\n\t"));
        json_decref(text);
}

static void fuzz_fault(const uint8_t *data, size_t size)
{
        static const int statuses[] = {400, 401, 403, 404, 406, 409, 429, 500, 503};
        char words[FAULT_WORDS];
        int status = size > 0 ? statuses[data[0] % (sizeof(statuses) / sizeof(statuses[0]))] : 400;

        enum fault fault = fault_decode(status, (const char *)data + (size > 0), size - (size > 0), words);
        check(fault != FAULT_NONE && words[0]);
        check_words(words);
}

static void fuzz_versions(const json_t *json)
{
        char words[FAULT_WORDS] = "";
        int version = api_negotiate(json, words);

        check(version == 0 ? words[0] != 0 : version >= API_LEAST && version <= API_MOST);
}

static json_t *desired(void)
{
        static json_t *made;
        struct errors errors = {};

        if (made)
                return made;
        json_t *spec = json_pack("{s{s{ss}}, ss, s[], s[s], s[s], s{ss, sI, sI, sI, s[{ss, ss}]}}", "bmc", "none",
                                 "driver", "fake-hardware", "target", "manageable", "ports", "traits", "CUSTOM_A",
                                 "capabilities", "a:1", "hardware", "uuid", "4c4c4544-0051-3610-8056-b4c04f4d3332",
                                 "cpus", (json_int_t)1, "memory", (json_int_t)1, "disk", (json_int_t)1, "interfaces",
                                 "name", "a", "mac_address", "52:54:00:00:00:01");
        check(desired_make(&made, "n1", spec, NULL, 82, "me", &errors) == 0);
        json_decref(spec);
        return made;
}

/* {"node", "ports", "portgroups"}: as three answers. */
static void fuzz_plan(const json_t *json)
{
        for (unsigned flags = 0; flags < 32; flags++) {
                struct view view = {
                        .desired = desired(),
                        .target = flags & 1 ? "available" : "active",
                        .by = "me",
                        .version = flags & 16 ? 95 : 82,
                        .inventory = flags & 16 ? json_object_get(json, "inventory") : NULL,
                        .settled = flags & 16,
                        .adopted = flags & 16,
                        .notes = json_array(),
                        .node = json_object_get(json, "node"),
                        .ports = json_object_get(json, "ports"),
                        .portgroups = json_object_get(json, "portgroups"),
                        .traits = json_object_get(json_object_get(json, "node"), "traits"),
                        .checked = true,
                        .validated = flags & 2,
                        .released = flags & 4,
                };
                struct next next = {};

                if (flags & 8)
                        plan_leaving(&view, &next);
                else
                        plan_enrolment(&view, &next);
                if (next.type == NEXT_REQUEST) {
                        check(strncmp(next.path, "/v1/", 4) == 0 && !strstr(next.path, ".."));
                        check(strlen(next.path) ==
                              strspn(next.path, "/abcdefghijklmnopqrstuvwxyzABCDEF0123456789-?=_"));
                }
                check_words(next.words);
                next_clear(&next);
                json_decref(view.notes);
        }
}

static void fuzz_same_bmc(const json_t *json)
{
        const json_t *other = json_object_get(json, "driver_info");

        json_t *ours = json_pack("{ss}", "redfish_address", "https://[fd00::5]:8443");
        bmc_same(ours, other);
        bmc_same(other, ours);
        bmc_is_known(other);
        json_decref(ours);
}

static void fuzz_json(uint8_t kind, const uint8_t *data, size_t size)
{
        json_t *json = json_loadb((const char *)data, size, 0, NULL), *link;

        if (!json)
                return;
        switch (kind) {
        case 0:
                fuzz_versions(json);
                break;
        case 1:
                (void)catalogue_find(json, "public", "here");
                break;
        case 2:
                fuzz_plan(json);
                break;
        case 3:
                fuzz_same_bmc(json);
                break;
        default:
                link = lldp_link(json);
                json_decref(link);
        }
        json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint8_t kind = size > 0 ? data[0] - '0' : 0;

        if (size == 0)
                return 0;
        if (kind == 5)
                fuzz_fault(data + 1, size - 1);
        else if (kind == 6)
                json_decref(smbios_host_interface(data + 1, size - 1));
        else
                fuzz_json(kind, data + 1, size - 1);
        return 0;
}
