/* Guest: a domain of libvirt, and where it is to run. The tuner places it and pins it through libvirt (tuner/guest/).
 */
#include "guest/wish.h"
#include "kind.h"
#include "model.h"
#include "values.h"

#define NODES_MAX 1024

static const char *const policies[] = {"dedicated", "shared", "mixed", NULL};
static const char *const sibling_policies[] = {"prefer", "require", "isolate", NULL};
static const char *const emulator_policies[] = {"housekeeping", "own", "shared", NULL};
static const char *const page_sizes[] = {"keep",  "none",   "64KiB", "2MiB",  "16MiB",
                                         "32MiB", "512MiB", "1GiB",  "16GiB", NULL};

static const struct field domains[] = {
        {"name", FIELD_STRING, "Its name.", .min = 1, .max = 255},
        {"uuid", FIELD_STRING, "Its UUID.", .min = 36, .max = 36},
        {"pattern", FIELD_STRING,
         "Shell pattern of names: every domain to which it applies, each placed by itself. A domain belongs to one "
         "Guest only.",
         .min = 1, .max = 255},
        {},
};

static const struct field vcpu_fields[] = {
        {"policy", FIELD_STRING,
         "dedicated: a CPU each, of guests_dedicated, nobody else's. shared: they float on guests_shared. mixed: some "
         "are dedicated.",
         .fallback = "\"dedicated\"", .choices = policies},
        {"dedicated", FIELD_CPUS, "mixed: the numbers of the dedicated vCPUs."},
        {"siblings", FIELD_STRING,
         "How dedicated vCPUs use cores with SMT. prefer: whole cores first, then what is left of others. require: "
         "whole cores with siblings only. isolate: a core a vCPU, its siblings idle.",
         .fallback = "\"prefer\"", .choices = sibling_policies},
        {},
};

static const struct field memory_fields[] = {
        {"hugepages", FIELD_STRING,
         "Pages that its memory is in. keep: as the domain has it; none: normal pages. A change takes effect when the "
         "domain is started again.",
         .fallback = "\"keep\"", .choices = page_sizes},
        {},
};

static const struct field numa_fields[] = {
        {"cells", FIELD_INT,
         "NUMA cells that the guest sees, each on a host node of its own. 0: as the domain has them; where it has "
         "none, "
         "as many as the nodes that it has to be on. A change takes effect when the domain is started again.",
         .fallback = "0", .min = 0, .max = NODES_MAX},
        {},
};

static const struct field near_fields[] = {
        {"device", FIELD_PCI, "A PCI function; by default the domain's own (hostdev), else its vhost-user ports."},
        {"node", FIELD_INT, "A NUMA node of the host, by the kernel's number.", .min = 0, .max = NODES_MAX - 1},
        {"required", FIELD_BOOL, "True: rather nowhere than elsewhere.", .fallback = "false"},
        {},
};

static const struct field fields[] = {
        {"domain", FIELD_ONEOF, "The domain. If it is not there, the object waits for it.", .required = true,
         .fields = domains},
        {"vcpus", FIELD_OBJECT, "Where its vCPUs run.", .fallback = "{}", .fields = vcpu_fields},
        {"emulator", FIELD_STRING,
         "Where QEMU's other threads run. housekeeping: on that class, on the guest's nodes. own: on a dedicated CPU. "
         "shared: on guests_shared.",
         .fallback = "\"housekeeping\"", .choices = emulator_policies},
        {"iothreads", FIELD_STRING, "Where its I/O threads run, likewise; own: on a dedicated CPU each.",
         .fallback = "\"housekeeping\"", .choices = emulator_policies},
        {"memory", FIELD_OBJECT, "Its memory, which is on the nodes of its vCPUs.", .fallback = "{}",
         .fields = memory_fields},
        {"numa", FIELD_OBJECT, "The NUMA topology that it sees.", .fallback = "{}", .fields = numa_fields},
        {"near", FIELD_OBJECT, "What it is to be near.", .fallback = "{}", .fields = near_fields},
        {},
};

static void check(const struct model *model, const struct object *object, struct errors *errors)
{
        guest_wish_from_json(NULL, object->spec, errors);
}

static void keys(const struct model *model, const struct object *object, struct claims *claims)
{
        json_t *value;
        const char *by = spec_choice(json_object_get(object->spec, "domain"), &value);
        char pointer[64];

        snprintf(pointer, sizeof(pointer), "/spec/domain/%s", by);
        claims->claim(claims, pointer, "domain with the %s %s", by, json_string_value(value));
}

static struct kind guest = {
        .name = "Guest",
        .area = "host",
        .help = "A domain of libvirt, placed on CPUs and memory of the host: pinned live and persistently, and put "
                "back when the object goes.",
        .write_role = ROLE_OPERATE,
        .fields = fields,
        .check = check,
        .keys = keys,
};
REGISTER_KIND(guest)
