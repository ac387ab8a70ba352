/* See profile_checks.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "profile_checks.h"
#include "socle/cleanup.h"
#include "words.h"

void check_cpu_list(const char *text, const char *pointer, struct cpu_set *ret, struct errors *errors)
{
        if (cpu_set_from_list(text, ret) < 0)
                errors_add(errors, -EINVAL, pointer, "a list of CPUs such as 2-7,34-39", "\"%.60s\" is no list of CPUs",
                           text);
}

uint32_t check_way_mask(const char *text, const char *pointer, struct errors *errors)
{
        char *end;
        unsigned long mask = strtoul(text, &end, 16);
        unsigned long low = mask & -mask;

        if (*end == '\0' && text[0] != '-' && text[0] != '+' && mask > 0 && mask <= UINT32_MAX &&
            ((mask + low) & mask) == 0)
                return mask;
        errors_add(errors, -EINVAL, pointer, "a hexadecimal mask without holes, such as 7f0",
                   "\"%s\" is no contiguous mask of cache ways", text);
        return 0;
}

void check_pages(const struct host_profile *profile, struct errors *errors)
{
        for (size_t i = 0; i < profile->page_count; i++)
                for (size_t j = 0; j < i; j++) {
                        const struct profile_pages *a = &profile->pages[i], *b = &profile->pages[j];
                        char pointer[64];

                        if (a->page_bytes != b->page_bytes || a->node != b->node)
                                continue;
                        snprintf(pointer, sizeof(pointer), "/spec/hugepages/pages/%zu", i);
                        errors_add(errors, -EINVAL, pointer, "one entry of a size for a node",
                                   "entry %zu is of the same size and node", j);
                        break;
                }
}

static void check_overlap(const struct host_profile *profile, struct errors *errors)
{
        for (int a = 0; a < CLASS_COUNT; a++)
                for (int b = 0; b < a; b++) {
                        struct cpu_set both = profile->classes[a].cpus;
                        char pointer[96], words[CPUS_WORDS];

                        cpu_set_and(&both, &profile->classes[b].cpus);
                        if (cpu_set_empty(&both))
                                continue;
                        snprintf(pointer, sizeof(pointer), "%s/cpus", cpu_class_pointers[a]);
                        errors_add(errors, -EINVAL, pointer, "CPUs that no other class has", "%s: in %s too",
                                   cpus_words(&both, words), cpu_class_names[b]);
                }
}

static bool is_none(const struct profile_class *class)
{
        return (class->form == CLASS_CPUS && cpu_set_empty(&class->cpus)) ||
               ((class->form == CLASS_CORES || class->form == CLASS_CORES_PER_NODE) && class->cores == 0);
}

/* Names of arguments that the plan writes itself, and what asks for them. */
static const struct {
        const char *name, *member;
} own_arguments[] = {
        {"isolcpus", "/spec/isolation"},   {"nohz_full", "/spec/isolation"},          {"rcu_nocbs", "/spec/isolation"},
        {"irqaffinity", "/spec/irq/cpus"}, {"default_hugepagesz", "/spec/hugepages"}, {"hugepagesz", "/spec/hugepages"},
        {"hugepages", "/spec/hugepages"},  {"intel_iommu", "/spec/kernel/iommu"},     {"iommu", "/spec/kernel/iommu"},
};

static void check_argument(const char *argument, const char *pointer, struct errors *errors)
{
        size_t length = strcspn(argument, "=");
        char expected[96];

        if (length == 0 || strcspn(argument, " \t\n\"'\\$`") < strlen(argument)) {
                errors_add(errors, -EINVAL, pointer,
                           "one argument such as mitigations=auto: a name, and = and a value if it has one; neither "
                           "blanks nor quotes",
                           "\"%.60s\" is no argument of a kernel", argument);
                return;
        }
        for (size_t i = 0; i < ARRAY_LEN(own_arguments); i++) {
                if (strlen(own_arguments[i].name) != length || strncmp(own_arguments[i].name, argument, length) != 0)
                        continue;
                snprintf(expected, sizeof(expected), "%s instead", own_arguments[i].member);
                errors_add(errors, -EINVAL, pointer, expected, "%s is written by the plan itself",
                           own_arguments[i].name);
        }
}

static void check_arguments(const struct host_profile *profile, struct errors *errors)
{
        for (size_t i = 0; i < profile->kernel_argument_count; i++) {
                char pointer[64];

                snprintf(pointer, sizeof(pointer), "/spec/kernel_arguments/%zu", i);
                check_argument(profile->kernel_arguments[i], pointer, errors);
                for (size_t j = 0; j < i; j++)
                        if (strcmp(profile->kernel_arguments[i], profile->kernel_arguments[j]) == 0)
                                errors_add(errors, -EINVAL, pointer, "each argument once", "\"%.60s\" is there twice",
                                           profile->kernel_arguments[i]);
        }
}

void check_profile(const struct host_profile *profile, struct errors *errors)
{
        const struct profile_class *housekeeping = &profile->classes[CLASS_HOUSEKEEPING];
        char expected[64];

        check_overlap(profile, errors);
        if (is_none(housekeeping))
                errors_add(errors, -EINVAL, "/spec/classes/housekeeping", "at least one core", "housekeeping has none");
        if (profile->uncore_min_mhz && profile->uncore_max_mhz && profile->uncore_min_mhz > profile->uncore_max_mhz) {
                snprintf(expected, sizeof(expected), "at most uncore_max, %d MHz", profile->uncore_max_mhz);
                errors_add(errors, -EINVAL, "/spec/power/uncore_min", expected, "uncore_min is %d MHz",
                           profile->uncore_min_mhz);
        }
        if (cpu_set_intersects(&profile->isolated, &profile->classes[CLASS_HOUSEKEEPING].cpus))
                errors_add(errors, -EINVAL, "/spec/isolation/cpus", "CPUs of other classes",
                           "housekeeping CPUs cannot be isolated");
        if (cpu_set_intersects(&profile->isolated, &profile->irq))
                errors_add(errors, -EINVAL, "/spec/irq/cpus", "CPUs that are not isolated",
                           "interrupts are sent to CPUs that are to be isolated");
        check_arguments(profile, errors);
}
