/* Guests against the plan, against each other, and against their devices. JSON as guests_observe() and sriov_status()
 * make it. */
#include <stdio.h>
#include <string.h>

#include "audit_private.h"

/* Of a guest: its placement may be a member, or the guest itself. */
static const json_t *placement_of(const json_t *guest)
{
        const json_t *placement = json_object_get(guest, "placement");

        return placement ?: guest;
}

static const char *name_of(const json_t *guest)
{
        return json_string_value(json_object_get(guest, "name")) ?: "?";
}

static struct cpu_set set_of(const json_t *text)
{
        struct cpu_set set = {};

        if (!json_is_string(text) || cpu_set_from_list(json_string_value(text), &set) < 0)
                return (struct cpu_set){};
        return set;
}

/* CPUs of vCPUs that have one each. */
static struct cpu_set dedicated_of(const json_t *guest)
{
        struct cpu_set all = {};
        const json_t *vcpu;
        size_t i;

        json_array_foreach (json_object_get(placement_of(guest), "vcpus"), i, vcpu) {
                struct cpu_set set = set_of(json_object_get(vcpu, "cpus"));
                if (cpu_set_count(&set) == 1)
                        cpu_set_or(&all, &set);
        }
        return all;
}

static void against_plan(struct auditor *auditor, const json_t *guest, const char *subject)
{
        const struct plan *plan = auditor->facts->plan;
        struct cpu_set dedicated = dedicated_of(guest), all = dedicated;
        struct cpu_set emulator = set_of(json_object_get(placement_of(guest), "emulator"));
        const json_t *vcpu;
        size_t i;

        json_array_foreach (json_object_get(placement_of(guest), "vcpus"), i, vcpu) {
                struct cpu_set set = set_of(json_object_get(vcpu, "cpus"));
                cpu_set_or(&all, &set);
        }
        if (!plan)
                return;
        cleanup_free char *workers = audit_overlap(&dedicated, &plan->classes[CLASS_DATAPLANE]);
        if (workers)
                audit_add(auditor, AUDIT_ERROR, "vcpu-dataplane", subject, "CPUs of the guests' classes",
                          "a vCPU is pinned to the CPU %s of the dataplane, whose worker never sleeps", workers);
        cleanup_free char *stolen = audit_overlap(&emulator, &plan->isolated);
        if (stolen && cpu_set_within(&emulator, &plan->isolated))
                audit_add(auditor, AUDIT_WARNING, "emulator-isolated", subject,
                          "emulator threads on housekeeping CPUs, or on one of the guest's own",
                          "its emulator threads run on the isolated CPUs %s and steal from the vCPUs there", stolen);
}

/* Threads outside the partition's slice are not let onto its CPUs, and libvirt's groups are outside. */
static void against_partition(struct auditor *auditor, const json_t *guest, const char *subject)
{
        struct cpu_set dedicated = dedicated_of(guest);
        cleanup_free char *both = audit_overlap(&dedicated, &auditor->partition);

        if (both)
                audit_add(
                        auditor, AUDIT_ERROR, "vcpu-partition", subject,
                        "isolation at boot only (/spec/isolation/partition: false), or all of the guest in socle.slice",
                        "a vCPU is pinned to the CPU %s of the isolated partition, where the kernel lets no thread "
                        "of another control group",
                        both);
}

static void against_each_other(struct auditor *auditor, const json_t *guests, size_t first)
{
        const json_t *guest = json_array_get(guests, first);
        struct cpu_set mine = dedicated_of(guest);

        for (size_t i = first + 1; i < json_array_size(guests); i++) {
                const json_t *other = json_array_get(guests, i);
                struct cpu_set theirs = dedicated_of(other);
                cleanup_free char *both = audit_overlap(&mine, &theirs);
                char subject[64];
                if (!both)
                        continue;
                snprintf(subject, sizeof(subject), "Guest %.50s", name_of(guest));
                audit_add(auditor, AUDIT_ERROR, "vcpu-twice", subject, "a dedicated CPU for each",
                          "its CPU %s is dedicated to guest %.60s too", both, name_of(other));
        }
}

static bool has_number(const json_t *list, json_int_t number)
{
        const json_t *entry;
        size_t i;

        json_array_foreach (list, i, entry)
                if (json_integer_value(entry) == number)
                        return true;
        return false;
}

/* Is the name in these words ("guest db1", "domain db1 (running)")? */
static bool names(const char *words, const char *name)
{
        size_t length = strlen(name);

        for (const char *at = words; length > 0 && (at = strstr(at, name)); at += length)
                if ((at == words || strchr(" '\"", at[-1])) && (at[length] == '\0' || strchr(" '\",.:;)", at[length])))
                        return true;
        return false;
}

/* Memory and CPUs of a guest away from its VF: each packet crosses the sockets. */
static void vf_elsewhere(struct auditor *auditor, const json_t *vf, const json_t *guest)
{
        const json_t *node = json_object_get(vf, "node"), *nodes = json_object_get(placement_of(guest), "nodes");
        const char *user = json_string_value(json_object_get(vf, "user"));
        char subject[64];

        if (!user || !names(user, name_of(guest)) || !json_is_integer(node) || json_array_size(nodes) == 0 ||
            has_number(nodes, json_integer_value(node)))
                return;
        snprintf(subject, sizeof(subject), "Guest %.50s", name_of(guest));
        audit_add(auditor, AUDIT_WARNING, "vf-node", subject,
                  "a VF of a device on the guest's node, or the guest there",
                  "its VF %s is on NUMA node %lld, and the guest is not",
                  json_string_value(json_object_get(vf, "address")) ?: "?", (long long)json_integer_value(node));
}

static void devices(struct auditor *auditor)
{
        const json_t *status, *device, *vf, *guest, *list = auditor->facts->devices;
        size_t i, k, v, g;

        /* One status, or a list of them. */
        for (i = 0; i < (json_is_array(list) ? json_array_size(list) : list != NULL); i++) {
                status = json_is_array(list) ? json_array_get(list, i) : list;
                json_array_foreach (json_object_get(status, "devices"), k, device) {
                        json_array_foreach (json_object_get(device, "vfs"), v, vf) {
                                json_array_foreach (auditor->facts->guests, g, guest)
                                        vf_elsewhere(auditor, vf, guest);
                        }
                }
        }
}

void audit_guests(struct auditor *auditor)
{
        const json_t *guests = auditor->facts->guests, *guest;
        size_t i;

        json_array_foreach (guests, i, guest) {
                char subject[64];
                snprintf(subject, sizeof(subject), "Guest %.50s", name_of(guest));
                against_plan(auditor, guest, subject);
                against_partition(auditor, guest, subject);
                against_each_other(auditor, guests, i);
        }
        devices(auditor);
}
