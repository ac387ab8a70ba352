/* Interrupts stay off the isolated CPUs: the default for those to come, and each one that is there. Some cannot be
 * moved: the kernel spreads the queues of NVMe, virtio-blk and the like itself ("managed"), and timers have no choice.
 * Those are told, not wished for; isolcpus=managed_irq keeps the managed ones away from isolated CPUs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#include "knob.h"
#include "sets.h"
#include "socle/cleanup.h"

#define DEFAULT "default"

/* Can an interrupt be moved at all? Kernels of late show those that cannot as read-only files; for the others we write
 * what is no list of CPUs: "managed" is looked at before the text is, so that EINVAL means it could be moved, and
 * nothing is (write_irq_affinity() in kernel/irq/proc.c). */
static int is_movable(const struct host *host, const char *irq, bool *ret)
{
        struct statfs file_system;
        mode_t mode;
        int r = host_mode(host, &mode, "/proc/irq/%s/smp_affinity_list", irq);

        if (r < 0)
                return r;
        *ret = mode & S_IWUSR;
        if (!*ret)
                return 0;
        cleanup_close int fd = host_open(host, O_WRONLY, "/proc/irq/%s/smp_affinity_list", irq);
        if (fd < 0 || fstatfs(fd, &file_system) < 0 || file_system.f_type != PROC_SUPER_MAGIC)
                return fd == -ENOENT ? fd : 0; /* no permission: the write will say so */
        if (write(fd, "-", 1) < 0)
                *ret = errno != EIO && errno != EPERM;
        return 0;
}

static int wish_irq(const struct knob *knob, const struct host *host, const char *irq, const char *allowed,
                    struct wishes *wishes)
{
        cleanup_free char *target = NULL;
        bool movable;
        int r = is_movable(host, irq, &movable);

        if (r == -ENOENT || r == -ENOTDIR)
                return 0;
        if (r < 0)
                return r;
        if (asprintf(&target, "irq %s", irq) < 0)
                return target = NULL, -ENOMEM;
        if (!movable)
                return wishes_note(wishes, knob, target,
                                   "the kernel places this interrupt itself; isolcpus=managed_irq "
                                   "keeps it off isolated CPUs where it can");
        return wishes_add(wishes, knob, target, allowed, "interrupts stay on the CPUs %s", allowed);
}

static int wish(const struct knob *knob, const struct host *host, const struct topology *topology,
                const struct plan *plan, struct wishes *wishes, struct errors *errors)
{
        cleanup_strings char **names = NULL;

        if (cpu_set_empty(&plan->irq) || cpu_set_equal(&plan->irq, &topology->online))
                return 0;
        cleanup_free char *allowed = cpu_set_to_list(&plan->irq);
        int r = allowed ? host_list(host, &names, "/proc/irq") : -ENOMEM;
        if (r == -ENOENT)
                return wishes_note(wishes, knob, DEFAULT, "this kernel shows no interrupts in /proc/irq");
        if (r == 0 && host_exists(host, "/proc/irq/default_smp_affinity"))
                r = wishes_add(wishes, knob, DEFAULT, allowed, "interrupts to come stay on the CPUs %s", allowed);
        for (size_t i = 0; r == 0 && names[i]; i++)
                if (names[i][0] >= '0' && names[i][0] <= '9')
                        r = wish_irq(knob, host, names[i], allowed, wishes);
        return r;
}

static const char *number_of(const char *target)
{
        return target + strlen("irq ");
}

static int read_affinity(const struct host *host, const char *target, char **ret_value)
{
        if (strcmp(target, DEFAULT) == 0)
                return read_mask(host, ret_value, "/proc/irq/default_smp_affinity");
        return read_list(host, ret_value, "/proc/irq/%s/smp_affinity_list", number_of(target));
}

static int write_affinity(const struct host *host, const char *target, const char *value, struct knob_detail *detail)
{
        if (strcmp(target, DEFAULT) == 0)
                return write_mask(host, value, "/proc/irq/default_smp_affinity");
        int r = host_write(host, value, "/proc/irq/%s/smp_affinity_list", number_of(target));
        if (r == -EIO)
                knob_say(detail, "the kernel places this interrupt itself");
        if (r == -ENOSPC)
                knob_say(detail, "those CPUs have no interrupt vector left");
        return r;
}

static struct knob irq_affinity = {
        .name = "irq_affinity",
        .help = "CPUs that interrupts may go to, the default and each one "
                "(Documentation/core-api/irq/irq-affinity.rst).",
        .pointer = "/spec/irq",
        .order = 40,
        .watch = "/proc/irq/*/smp_affinity", /* of the default there is none: it is polled */
        .wish = wish,
        .read = read_affinity,
        .write = write_affinity,
        .satisfied = list_within, /* whoever spreads them over a part of the allowed CPUs may */
};
REGISTER_KNOB(irq_affinity)
