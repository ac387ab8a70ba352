/* Interrupts that go to isolated CPUs, and who sends them there. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "audit_private.h"
#include "irqbalance.h"

/* The names of its handlers are the directories in its own: "nvme0q3". */
static void name_of(const struct host *host, const char *irq, char *ret, size_t size)
{
        cleanup_strings char **names = NULL;

        snprintf(ret, size, "irq %s", irq);
        if (host_list(host, &names, "/proc/irq/%s", irq) < 0)
                return;
        for (size_t i = 0; names[i]; i++) {
                mode_t mode;
                if (host_mode(host, &mode, "/proc/irq/%s/%s", irq, names[i]) == 0 && S_ISDIR(mode)) {
                        snprintf(ret, size, "irq %s (%s)", irq, names[i]);
                        return;
                }
        }
}

/* The kernel's choice among the allowed CPUs is what counts; kernels that do not tell it leave the allowed ones. */
static bool read_effective(const struct host *host, const char *irq, struct cpu_set *ret)
{
        static const char *const files[] = {"effective_affinity_list", "smp_affinity_list"};

        for (size_t i = 0; i < ARRAY_LEN(files); i++) {
                cleanup_free char *text = NULL;
                if (host_read(host, &text, "/proc/irq/%s/%s", irq, files[i]) == 0 && text[0] &&
                    cpu_set_from_list(text, ret) == 0)
                        return true;
        }
        return false;
}

static void look_at(struct auditor *auditor, const char *irq)
{
        const struct host *host = auditor->facts->host;
        struct cpu_set cpus;
        char subject[64];
        mode_t mode = 0;

        if (!read_effective(host, irq, &cpus))
                return;
        cleanup_free char *both = audit_overlap(&cpus, &auditor->isolated);
        if (!both)
                return;
        name_of(host, irq, subject, sizeof(subject));
        host_mode(host, &mode, "/proc/irq/%s/smp_affinity_list", irq);
        if (mode & S_IWUSR)
                audit_add(auditor, AUDIT_WARNING, "irq-isolated", subject, "an affinity of housekeeping CPUs",
                          "goes to the isolated CPU %s", both);
        else
                audit_add(auditor, AUDIT_INFO, "irq-isolated-managed", subject,
                          "isolcpus=managed_irq,… on the kernel's command line, or fewer queues of that device",
                          "is placed by the kernel itself, on the isolated CPU %s: a queue of the CPU's own, which is "
                          "silent as long as nothing on it uses the device",
                          both);
}

static void irqs(struct auditor *auditor)
{
        cleanup_strings char **names = NULL;

        if (host_list(auditor->facts->host, &names, "/proc/irq") < 0)
                return;
        for (size_t i = 0; names[i]; i++)
                if (names[i][0] >= '0' && names[i][0] <= '9')
                        look_at(auditor, names[i]);
}

/* Without a list it finds isolcpus= and nohz_full= by itself, but no partition; with one, it looks at nothing else. */
static void irqbalance(struct auditor *auditor)
{
        cleanup_free char *list = NULL;
        struct cpu_set banned = {}, rest = auditor->isolated;

        if (irqbalance_read_running(auditor->facts->host, &list) < 0 || cpu_set_from_list(list, &banned) < 0)
                return;
        if (!list[0]) {
                banned = auditor->boot_isolated;
                cpu_set_or(&banned, &auditor->nohz_full);
        }
        cpu_set_and_not(&rest, &banned);
        if (cpu_set_empty(&rest))
                return;
        cleanup_free char *text = cpu_set_to_list(&rest);
        audit_add(auditor, AUDIT_WARNING, "irqbalance-isolated", "irqbalance",
                  "IRQBALANCE_BANNED_CPULIST with all isolated CPUs, as the profile sets it unless irqbalance is off",
                  "runs and may move interrupts to the isolated CPUs %s", text ?: "");
}

void audit_interrupts(struct auditor *auditor)
{
        if (!auditor->facts->host || cpu_set_empty(&auditor->isolated))
                return;
        irqs(auditor);
        irqbalance(auditor);
}
