/* See wish.h. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "socle/cleanup.h"
#include "wish.h"

DEFINE_CLEANUP(struct guest_wish *, guest_wish_free)
#define cleanup_wish cleanup_(guest_wish_free_p)

/* The choices of the table, in the order of the enums. */
static const char *const policies[] = {"shared", "dedicated", "mixed"};
static const char *const siblings[] = {"prefer", "require", "isolate"};
static const char *const emulators[] = {"housekeeping", "own", "shared"};

static unsigned choice(const json_t *object, const char *name, const char *const *choices, size_t count)
{
        const char *text = json_string_value(json_object_get(object, name));

        for (size_t i = 0; text && i < count; i++)
                if (strcmp(text, choices[i]) == 0)
                        return (unsigned)i;
        return 0;
}

static bool is_uuid(const char *text)
{
        static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

        if (strlen(text) != sizeof(form) - 1)
                return false;
        for (size_t i = 0; form[i]; i++)
                if (form[i] == 'x' ? !isxdigit((unsigned char)text[i]) : text[i] != form[i])
                        return false;
        return true;
}

static int read_domain(struct guest_wish *wish, const json_t *domain, struct errors *errors)
{
        static const char *const members[] = {"name", "uuid", "pattern"};

        for (size_t i = 0; i < ARRAY_LEN(members); i++) {
                const char *text = json_string_value(json_object_get(domain, members[i]));
                if (!text)
                        continue;
                wish->by = (enum domain_by)i;
                wish->domain = strdup(text);
                if (!wish->domain)
                        return -ENOMEM;
        }
        if (wish->by != DOMAIN_BY_UUID)
                return 0;
        for (char *c = wish->domain; *c; c++)
                *c = (char)tolower((unsigned char)*c);
        if (!is_uuid(wish->domain))
                errors_add(errors, -EINVAL, "/spec/domain/uuid", "such as 6c0e6d2c-4f0f-4d3c-9b2a-0d2b8a3f1c11",
                           "\"%.60s\" is no uuid", wish->domain);
        return 0;
}

static void read_vcpus(struct guest_wish *wish, const json_t *vcpus, struct errors *errors)
{
        const char *dedicated = json_string_value(json_object_get(vcpus, "dedicated"));

        wish->policy = (enum vcpu_policy)choice(vcpus, "policy", policies, ARRAY_LEN(policies));
        wish->siblings = (enum sibling_policy)choice(vcpus, "siblings", siblings, ARRAY_LEN(siblings));
        if (wish->policy == VCPU_MIXED && !dedicated)
                errors_add(errors, -EINVAL, "/spec/vcpus/dedicated", "vCPU numbers, such as 0-1,4",
                           "mixed does not say which vCPUs are dedicated");
        if (wish->policy != VCPU_MIXED && dedicated)
                errors_add(errors, -EINVAL, "/spec/vcpus/dedicated", "policy mixed beside it, or nothing here",
                           "%s vCPUs are all alike", policies[wish->policy]);
        if (dedicated && (cpu_set_from_list(dedicated, &wish->dedicated) < 0 || cpu_set_empty(&wish->dedicated)))
                errors_add(errors, -EINVAL, "/spec/vcpus/dedicated", "vCPU numbers, such as 0-1,4",
                           "\"%.60s\" is no list of vCPUs", dedicated);
        if (wish->policy == VCPU_SHARED && wish->siblings != SIBLING_PREFER)
                errors_add(errors, -EINVAL, "/spec/vcpus/siblings", "prefer, or policy dedicated or mixed",
                           "shared vCPUs have no siblings to %s", siblings[wish->siblings]);
}

static void read_memory(struct guest_wish *wish, const json_t *memory)
{
        const char *pages = json_string_value(json_object_get(memory, "hugepages"));

        wish->keep_pages = !pages || strcmp(pages, "keep") == 0;
        if (!wish->keep_pages && strcmp(pages, "none") != 0)
                wish->page_bytes = page_size_parse(pages);
}

static void read_near(struct guest_wish *wish, const json_t *near, struct errors *errors)
{
        const char *device = json_string_value(json_object_get(near, "device"));
        const json_t *node = json_object_get(near, "node");

        wish->near_node = node ? (int)json_integer_value(node) : -1;
        wish->near_required = json_is_true(json_object_get(near, "required"));
        snprintf(wish->near_device, sizeof(wish->near_device), "%s", device ? device : "");
        if (device && node)
                errors_add(errors, -EINVAL, "/spec/near/node", "one of device and node",
                           "node %d and device %s are both given", wish->near_node, device);
}

int guest_wish_from_json(struct guest_wish **ret, const json_t *spec, struct errors *errors)
{
        cleanup_wish struct guest_wish *wish = calloc(1, sizeof(*wish));
        size_t before = errors->count;

        if (!wish || read_domain(wish, json_object_get(spec, "domain"), errors) < 0) {
                errors_add(errors, -ENOMEM, "", "", "out of memory");
                return -ENOMEM;
        }
        read_vcpus(wish, json_object_get(spec, "vcpus"), errors);
        wish->emulator = (enum emulator_policy)choice(spec, "emulator", emulators, ARRAY_LEN(emulators));
        wish->iothreads = (enum emulator_policy)choice(spec, "iothreads", emulators, ARRAY_LEN(emulators));
        read_memory(wish, json_object_get(spec, "memory"));
        wish->cells = (unsigned)json_integer_value(json_object_get(json_object_get(spec, "numa"), "cells"));
        read_near(wish, json_object_get(spec, "near"), errors);
        if (errors->count > before)
                return -EINVAL;
        if (ret)
                *ret = TAKE_PTR(wish);
        return 0;
}

struct guest_wish *guest_wish_free(struct guest_wish *wish)
{
        if (!wish)
                return NULL;
        free(wish->domain);
        free(wish);
        return NULL;
}
