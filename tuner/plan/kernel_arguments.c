/* The kernel's command line, as far as it is ours: Documentation/admin-guide/kernel-parameters.txt. Its order means
 * nothing, but that of hugepagesz= and hugepages=, which belong together. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "planner.h"
#include "words.h"

#define COMMAND_LINE_BYTES 2048 /* COMMAND_LINE_SIZE of x86 and arm64 */
#define BOOT_BYTES         256  /* of it, for root= and all that is there already */
#define OTHERS_BYTES       512  /* for that, and for all but the lists of isolated CPUs */

struct arguments {
        struct planner *planner;
        char **list;
        size_t count;
};

static void add(struct arguments *arguments, const char *why, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static void add(struct arguments *arguments, const char *why, const char *format, ...)
{
        char **list = reallocarray(arguments->list, arguments->count + 2, sizeof(*list));
        char subject[64];
        va_list args;
        int n;

        if (!list) {
                planner_no_memory(arguments->planner);
                return;
        }
        arguments->list = list;
        va_start(args, format);
        n = vasprintf(&list[arguments->count], format, args);
        va_end(args);
        if (n < 0) {
                planner_no_memory(arguments->planner);
                list[arguments->count] = NULL;
                return;
        }
        list[arguments->count + 1] = NULL;
        snprintf(subject, sizeof(subject), "kernel argument %.40s", list[arguments->count]);
        subject[strcspn(subject, "=")] = '\0';
        planner_reason(arguments->planner, subject, "%s", why);
        arguments->count++;
}

/* Whether so many lists of these CPUs, and one of others, have room beside what is on the command line already. */
static bool fits(const char *isolated, const char *irq, unsigned lists)
{
        return lists * (strlen(isolated) + sizeof("isolcpus=managed_irq,domain,")) + strlen(irq) +
                       sizeof("irqaffinity=") <=
               COMMAND_LINE_BYTES - OTHERS_BYTES;
}

/* Too many ranges of CPUs: the kernel would cut the command line off without a word. */
static void give_up_boot(struct planner *planner)
{
        planner->plan->boot_isolation = false;
        planner_reason(planner, "isolation", "their list is too long for the kernel's command line: by cgroup only");
        if (planner->profile->boot == 1)
                errors_add(planner->errors, -EINVAL, "/spec/isolation/boot",
                           "boot: false; or classes of CPUs that follow each other",
                           "the isolated CPUs make a list too long for the kernel's command line (%d bytes)",
                           COMMAND_LINE_BYTES);
}

static void add_isolation(struct arguments *arguments)
{
        struct planner *planner = arguments->planner;
        const struct plan *plan = planner->plan;

        if (!plan->boot_isolation)
                return;
        cleanup_free char *isolated = cpu_set_to_list(&plan->isolated), *irq = cpu_set_to_list(&plan->irq);
        if (!isolated || !irq) {
                planner_no_memory(planner);
                return;
        }
        if (!fits(isolated, irq, 2)) {
                give_up_boot(planner);
                return;
        }
        add(arguments, "no tasks are balanced onto isolated CPUs, no managed interrupts sent there",
            "isolcpus=managed_irq,domain,%s", isolated);
        add(arguments, "no timer tick while an isolated CPU has one task", "nohz_full=%s", isolated);
        if (fits(isolated, irq, 3))
                add(arguments, "RCU's callbacks run elsewhere", "rcu_nocbs=%s", isolated);
        else
                planner_reason(planner, "kernel argument rcu_nocbs",
                               "left out, the line would be too long; nohz_full means it too");
        add(arguments, "where interrupts begin their life, and what new ones get", "irqaffinity=%s", irq);
}

/* "1G", "512M", "64K": as the kernel's memparse() takes it. */
static const char *size_argument(uint64_t bytes, char buffer[PAGE_SIZE_NAME])
{
        page_size_name(bytes, buffer);
        buffer[strcspn(buffer, "KMGT") + 1] = '\0';
        return buffer;
}

/* Pages of a gigabyte or more cannot be relied on once the machine runs: they are made at boot, a node (Linux 5.16). */
static void add_gigantic(struct arguments *arguments, uint64_t page_bytes)
{
        const struct plan *plan = arguments->planner->plan;
        char size[PAGE_SIZE_NAME];
        cleanup_free char *list = NULL;
        size_t bytes = 0;
        FILE *stream = open_memstream(&list, &bytes);

        if (!stream) {
                planner_no_memory(arguments->planner);
                return;
        }
        for (size_t i = 0; i < plan->page_count; i++)
                if (plan->pages[i].page_bytes == page_bytes && plan->pages[i].count > 0)
                        fprintf(stream, "%s%d:%" PRIu64, ftell(stream) > 0 ? "," : "",
                                node_number(arguments->planner, plan->pages[i].node), plan->pages[i].count);
        if (fclose(stream) != 0)
                planner_no_memory(arguments->planner);
        else if (bytes > 0) {
                add(arguments, "pages of this size are only sure to be had at boot", "hugepagesz=%s",
                    size_argument(page_bytes, size));
                add(arguments, "by node: node:pages", "hugepages=%s", list);
        }
}

static void add_hugepages(struct arguments *arguments)
{
        static const uint64_t gigantic[] = {GIB, 16 * GIB};
        uint64_t size = arguments->planner->plan->default_hugepage_bytes;
        char name[PAGE_SIZE_NAME];

        if (size)
                add(arguments, "the size that programs get which do not say", "default_hugepagesz=%s",
                    size_argument(size, name));
        for (size_t i = 0; i < ARRAY_LEN(gigantic); i++)
                add_gigantic(arguments, gigantic[i]);
}

static bool vfio_wanted(const struct planner *planner)
{
        const struct topology *topology = planner->topology;

        if (planner->profile->iommu != PROFILE_DERIVE)
                return planner->profile->iommu == 1;
        for (size_t i = 0; i < topology->pci_count; i++)
                if (topology->pci[i].sriov_total > 0)
                        return true;
        return planner->profile->dataplane.nic_count > 0;
}

/* AMD's is on by itself, and amd_iommu= has no "on". */
static void add_iommu(struct arguments *arguments)
{
        const struct topology *topology = arguments->planner->topology;
        const char *model = topology->package_count > 0 ? topology->packages[0].model : "";

        if (!vfio_wanted(arguments->planner))
                return;
        if (!strstr(model, "AMD") && !strstr(model, "Hygon"))
                add(arguments, "devices for guests and the dataplane (vfio)", "intel_iommu=on");
        add(arguments, "devices that the kernel drives itself are not slowed down", "iommu=pt");
}

static void check_length(struct planner *planner, const struct arguments *arguments)
{
        size_t bytes = 0;
        char expected[64];

        for (size_t i = 0; i < arguments->count; i++)
                bytes += strlen(arguments->list[i]) + 1;
        if (bytes <= COMMAND_LINE_BYTES - BOOT_BYTES)
                return;
        snprintf(expected, sizeof(expected), "%zu bytes less", bytes - (COMMAND_LINE_BYTES - BOOT_BYTES));
        errors_add(planner->errors, -EINVAL, "/spec/kernel_arguments", expected,
                   "all arguments together take %zu bytes; the kernel has room for %d, those of the boot loader too",
                   bytes, COMMAND_LINE_BYTES);
}

void kernel_arguments_plan(struct planner *planner)
{
        struct arguments arguments = {.planner = planner, .list = calloc(1, sizeof(char *))};

        if (!arguments.list)
                planner_no_memory(planner);
        add_isolation(&arguments);
        add_hugepages(&arguments);
        add_iommu(&arguments);
        for (size_t i = 0; i < planner->profile->kernel_argument_count; i++)
                add(&arguments, "as the profile says", "%s", planner->profile->kernel_arguments[i]);
        check_length(planner, &arguments);
        planner->plan->kernel_arguments = arguments.list;
}
