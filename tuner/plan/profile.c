/* See profile.h. From the validated JSON, with what the field table cannot check: lists of CPUs, members that exclude
 * each other, arguments that belong to the plan. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "profile.h"
#include "profile_checks.h"
#include "socle/cleanup.h"
#include "words.h"

const char *const cpu_class_names[CLASS_COUNT] = {
        [CLASS_HOUSEKEEPING] = "housekeeping",
        [CLASS_DATAPLANE] = "dataplane",
        [CLASS_GUESTS_DEDICATED] = "guests_dedicated",
        [CLASS_GUESTS_SHARED] = "guests_shared",
        [CLASS_STORAGE] = "storage",
};

const char *const cpu_class_pointers[CLASS_COUNT] = {
        [CLASS_HOUSEKEEPING] = "/spec/classes/housekeeping",
        [CLASS_DATAPLANE] = "/spec/classes/dataplane",
        [CLASS_GUESTS_DEDICATED] = "/spec/classes/guests/dedicated",
        [CLASS_GUESTS_SHARED] = "/spec/classes/guests/shared",
        [CLASS_STORAGE] = "/spec/classes/storage",
};

const char *const dataplane_formula_names[] = {
        [FORMULA_SOCLE] = "socle",
        [FORMULA_OVS_SHARED] = "ovs_shared",
        [FORMULA_OVS_PER_PORT] = "ovs_per_port",
        [FORMULA_DIRECTOR] = "director",
        NULL,
};

static const char *const device_types[] = {[DISK_HDD] = "hdd", [DISK_SSD] = "ssd", [DISK_NVME] = "nvme"};

static int64_t number(const json_t *object, const char *name, int64_t fallback)
{
        const json_t *value = json_object_get(object, name);

        return json_is_integer(value) ? json_integer_value(value) : fallback;
}

static const char *text(const json_t *object, const char *name)
{
        return json_string_value(json_object_get(object, name)) ?: "";
}

/* The place of a text among others; `fallback`: it is absent. */
static int choice(const json_t *object, const char *name, const char *const *choices, int count, int fallback)
{
        const char *value = text(object, name);

        for (int i = 0; i < count; i++)
                if (strcmp(choices[i], value) == 0)
                        return i;
        return fallback;
}

static int toggle(const json_t *object, const char *name, int fallback)
{
        static const char *const names[] = {"off", "on", "keep"};
        int value = choice(object, name, names, 3, fallback);

        return value == 2 ? PROFILE_KEEP : value;
}

static char *copy(struct errors *errors, const char *value)
{
        char *new = strdup(value);

        if (!new)
                errors_add(errors, -ENOMEM, "", "", "out of memory");
        return new;
}

static char **copy_list(const json_t *list, size_t *ret_count, struct errors *errors)
{
        char **texts = calloc(json_array_size(list) + 1, sizeof(*texts));
        json_t *value;
        size_t i;

        if (!texts) {
                errors_add(errors, -ENOMEM, "", "", "out of memory");
                return NULL;
        }
        json_array_foreach (list, i, value)
                texts[i] = copy(errors, json_string_value(value) ?: "");
        *ret_count = i;
        return texts;
}

static void read_class(struct profile_class *class, const json_t *spec, const char *pointer, struct errors *errors)
{
        static const char *const forms[] = {"cpus", "cores", "cores_per_node"};
        static const enum class_form means[] = {CLASS_CPUS, CLASS_CORES, CLASS_CORES_PER_NODE};
        char place[96];

        for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
                if (!json_object_get(spec, forms[i]))
                        continue;
                snprintf(place, sizeof(place), "%s/%s", pointer, forms[i]);
                if (class->form != CLASS_DERIVED) {
                        errors_add(errors, -EINVAL, place, "one of cpus, cores and cores_per_node, or none",
                                   "%s comes with another of cpus, cores and cores_per_node", forms[i]);
                        continue;
                }
                class->form = means[i];
                class->cores = number(spec, forms[i], 0);
                if (class->form == CLASS_CPUS)
                        check_cpu_list(text(spec, forms[i]), place, &class->cpus, errors);
        }
}

static void read_classes(struct host_profile *profile, const json_t *classes, struct errors *errors)
{
        const json_t *guests = json_object_get(classes, "guests");
        const json_t *dataplane = json_object_get(classes, "dataplane");
        const json_t *specs[CLASS_COUNT] = {
                [CLASS_HOUSEKEEPING] = json_object_get(classes, "housekeeping"),
                [CLASS_DATAPLANE] = dataplane,
                [CLASS_GUESTS_DEDICATED] = json_object_get(guests, "dedicated"),
                [CLASS_GUESTS_SHARED] = json_object_get(guests, "shared"),
                [CLASS_STORAGE] = json_object_get(classes, "storage"),
        };

        for (int i = 0; i < CLASS_COUNT; i++)
                read_class(&profile->classes[i], specs[i], cpu_class_pointers[i], errors);
        profile->dataplane.all_nodes = strcmp(text(dataplane, "nodes"), "all") == 0;
        profile->dataplane.idle_siblings = strcmp(text(dataplane, "siblings"), "idle") == 0;
}

static void read_dataplane(struct profile_dataplane *dataplane, const json_t *spec, struct errors *errors)
{
        const json_t *mtus = json_object_get(spec, "mtus");
        size_t i;
        json_t *mtu;

        dataplane->nics = copy_list(json_object_get(spec, "nics"), &dataplane->nic_count, errors);
        dataplane->formula = choice(spec, "formula", dataplane_formula_names, FORMULA_DIRECTOR + 1, FORMULA_SOCLE);
        dataplane->mtus = calloc(json_array_size(mtus) + 1, sizeof(*dataplane->mtus));
        if (!dataplane->mtus) {
                errors_add(errors, -ENOMEM, "", "", "out of memory");
                return;
        }
        json_array_foreach (mtus, i, mtu)
                dataplane->mtus[dataplane->mtu_count++] = json_integer_value(mtu);
        dataplane->ports = number(spec, "ports", 0);
        dataplane->rx_queues = number(spec, "rx_queues", 0);
        dataplane->rx_descriptors = number(spec, "rx_descriptors", 0);
        dataplane->tx_descriptors = number(spec, "tx_descriptors", 0);
        dataplane->mbufs = number(spec, "mbufs", 0);
        dataplane->sessions = number(spec, "sessions", 0);
        dataplane->heap_bytes = number(spec, "heap", 0) * MIB;
        dataplane->memory_bytes = number(spec, "memory", 0) * MIB;
}

static void read_storage(struct profile_storage *storage, const json_t *spec)
{
        for (size_t i = 0; i < ARRAY_LEN(device_types); i++) {
                storage->osds[i] = number(json_object_get(spec, "osds"), device_types[i], 0);
                storage->cpus_per_osd[i] = number(json_object_get(spec, "cpus_per_osd"), device_types[i], 0);
        }
        storage->osd_bytes = number(spec, "memory_per_osd", 0) * MIB;
}

static void read_guests(struct profile_guests *guests, const json_t *spec)
{
        guests->count = number(spec, "count", -1);
        guests->memory_bytes = number(spec, "memory", 0) * MIB;
        guests->overhead_bytes = number(spec, "overhead", 0) * MIB;
        guests->utilization_percent = number(spec, "utilization", 100);
        guests->page_bytes = page_size_parse(text(spec, "page_size"));
}

static void read_hugepages(struct host_profile *profile, const json_t *spec, struct errors *errors)
{
        const json_t *list = json_object_get(spec, "pages");
        size_t i;
        json_t *entry;

        profile->default_page_bytes = page_size_parse(text(spec, "default_size"));
        profile->pages = calloc(json_array_size(list) + 1, sizeof(*profile->pages));
        if (!profile->pages) {
                errors_add(errors, -ENOMEM, "", "", "out of memory");
                return;
        }
        json_array_foreach (list, i, entry)
                profile->pages[profile->page_count++] = (struct profile_pages){
                        .page_bytes = page_size_parse(text(entry, "size")),
                        .count = number(entry, "count", 0),
                        .node = number(entry, "node", -1),
                };
        check_pages(profile, errors);
}

static void read_isolation(struct host_profile *profile, const json_t *spec, struct errors *errors)
{
        const json_t *isolation = json_object_get(spec, "isolation"), *irq = json_object_get(spec, "irq");

        profile->partition = json_is_true(json_object_get(isolation, "partition"));
        profile->boot = json_object_get(isolation, "boot") ? json_is_true(json_object_get(isolation, "boot")) : -1;
        check_cpu_list(text(isolation, "cpus"), "/spec/isolation/cpus", &profile->isolated, errors);
        profile->check = (struct profile_check){
                .seconds = number(json_object_get(isolation, "check"), "seconds", 0),
                .limit_us = number(json_object_get(isolation, "check"), "limit", 0),
                .every_s = number(json_object_get(isolation, "check"), "every", 0),
        };
        check_cpu_list(text(irq, "cpus"), "/spec/irq/cpus", &profile->irq, errors);
        profile->irqbalance = toggle(irq, "irqbalance", PROFILE_KEEP);
}

static void read_switches(struct host_profile *profile, const json_t *spec)
{
        static const char *const thp[] = {"never", "madvise", "always", "keep"};
        const json_t *power = json_object_get(spec, "power"), *memory = json_object_get(spec, "memory");
        const json_t *kernel = json_object_get(spec, "kernel");

        snprintf(profile->governor, sizeof(profile->governor), "%s", text(power, "governor"));
        snprintf(profile->epp, sizeof(profile->epp), "%s", text(power, "energy_performance_preference"));
        profile->cstate_latency_us = number(power, "cstate_latency", PROFILE_KEEP);
        profile->uncore_min_mhz = number(power, "uncore_min", 0);
        profile->uncore_max_mhz = number(power, "uncore_max", 0);

        profile->os_bytes = number(memory, "reserved", 0) * MIB;
        profile->thp = choice(memory, "transparent_hugepages", thp, 4, PROFILE_DERIVE);
        profile->thp = profile->thp == 3 ? PROFILE_KEEP : profile->thp;
        profile->ksm = toggle(memory, "ksm", PROFILE_DERIVE);
        profile->numa_balancing = toggle(memory, "numa_balancing", PROFILE_DERIVE);
        profile->swappiness = number(memory, "swappiness", PROFILE_KEEP);

        profile->nmi_watchdog = toggle(kernel, "nmi_watchdog", PROFILE_DERIVE);
        profile->stat_interval_s = number(kernel, "stat_interval", PROFILE_DERIVE);
        profile->stat_interval_s = profile->stat_interval_s == 0 ? PROFILE_KEEP : profile->stat_interval_s;
        profile->rt_set = json_object_get(kernel, "rt_runtime");
        profile->rt_runtime_us = number(kernel, "rt_runtime", 0);
        profile->iommu = toggle(kernel, "iommu", PROFILE_DERIVE);
}

static void read_cache(struct host_profile *profile, const json_t *spec, struct errors *errors)
{
        for (int i = 0; i < CLASS_COUNT; i++) {
                const json_t *entry = json_object_get(spec, cpu_class_names[i]);
                char place[64];

                snprintf(place, sizeof(place), "/spec/cache/%s/l3_mask", cpu_class_names[i]);
                if (*text(entry, "l3_mask"))
                        profile->cache[i].l3_mask = check_way_mask(text(entry, "l3_mask"), place, errors);
                profile->cache[i].mb_percent = number(entry, "memory_bandwidth", 0);
        }
}

int host_profile_from_json(struct host_profile **ret, const json_t *spec, struct errors *errors)
{
        cleanup_(host_profile_free_p) struct host_profile *profile = calloc(1, sizeof(*profile));
        size_t before = errors->count;

        if (!profile) {
                errors_add(errors, -ENOMEM, "", "", "out of memory");
                return -ENOMEM;
        }
        read_classes(profile, json_object_get(spec, "classes"), errors);
        read_dataplane(&profile->dataplane, json_object_get(spec, "dataplane"), errors);
        read_storage(&profile->storage, json_object_get(spec, "storage"));
        read_guests(&profile->guests, json_object_get(spec, "guests"));
        read_hugepages(profile, json_object_get(spec, "hugepages"), errors);
        read_isolation(profile, spec, errors);
        read_switches(profile, spec);
        read_cache(profile, json_object_get(spec, "cache"), errors);
        profile->kernel_arguments =
                copy_list(json_object_get(spec, "kernel_arguments"), &profile->kernel_argument_count, errors);
        profile->enforce = json_is_true(json_object_get(spec, "enforce"));
        if (errors->count == before)
                check_profile(profile, errors);
        if (errors->count > before)
                return errors->code == -ENOMEM ? -ENOMEM : -EINVAL;
        *ret = TAKE_PTR(profile);
        return 0;
}

struct host_profile *host_profile_free(struct host_profile *profile)
{
        if (!profile)
                return NULL;
        for (size_t i = 0; i < profile->dataplane.nic_count; i++)
                free(profile->dataplane.nics[i]);
        for (size_t i = 0; i < profile->kernel_argument_count; i++)
                free(profile->kernel_arguments[i]);
        free(profile->dataplane.nics);
        free(profile->dataplane.mtus);
        free(profile->kernel_arguments);
        free(profile->pages);
        free(profile);
        return NULL;
}
