/* See usage.h. A vfio group (or vfio's newer character device) is open when a process has it among its descriptors; the
 * group itself is not opened to find out, since a guest that starts just then would be refused it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bounded.h"
#include "usage.h"

struct opened {
        char file[24]; /* "12", "noiommu-0", "vfio3" */
        char pid[12];
};

void usage_clear(struct usage *usage)
{
        free(usage->opened);
        usage->opened = NULL;
        usage->opened_count = 0;
        usage->scanned = usage->blind = false;
}

/* Descriptors are links to /dev/vfio/12 or /dev/vfio/devices/vfio3; below another root where the process has a mount
 * namespace of its own, as libvirt's guests have. The container /dev/vfio/vfio is nobody's in particular. */
static bool is_device_file(const char *target, char ret[24])
{
        const char *last = strrchr(target, '/');
        size_t before = last ? (size_t)(last - target) : 0;
        bool group = before >= 5 && strncmp(last - 5, "/vfio", 5) == 0;
        bool device = before >= 13 && strncmp(last - 13, "/vfio/devices", 13) == 0;

        bool uio = last && strncmp(last, "/uio", 4) == 0 && before >= 4 && strncmp(last - 4, "/dev", 4) == 0;

        if ((!group && !device && !uio) || strcmp(last + 1, "vfio") == 0 || strlen(last + 1) >= 24)
                return false;
        snprintf(ret, 24, "%s", last + 1);
        return true;
}

static bool has_ended(int error)
{
        return error == -ENOENT || error == -ESRCH;
}

static void scan_process(struct usage *usage, const char *pid)
{
        cleanup_names char **descriptors = NULL;
        char target[128], file[24];

        int r = host_list(usage->host, &descriptors, "/proc/%s/fd", pid);
        if (r < 0) {
                usage->blind |= !has_ended(r);
                return;
        }
        for (size_t i = 0; descriptors[i]; i++) {
                r = device_target(usage->host, target, sizeof(target), "/proc/%s/fd/%s", pid, descriptors[i]);
                usage->blind |= r < 0 && !has_ended(r) && r != -ENAMETOOLONG;
                if (r < 0 || !is_device_file(target, file))
                        continue;
                struct opened *more = reallocarray(usage->opened, usage->opened_count + 1, sizeof(*more));
                usage->blind |= !more;
                if (!more)
                        return;
                usage->opened = more;
                snprintf(more[usage->opened_count].file, sizeof(more->file), "%s", file);
                snprintf(more[usage->opened_count].pid, sizeof(more->pid), "%.11s", pid);
                usage->opened_count++;
        }
}

static void scan(struct usage *usage)
{
        cleanup_names char **processes = NULL;

        if (usage->scanned)
                return;
        usage->scanned = true;
        /* Where even the first one is hidden (hidepid=), others are. */
        usage->blind = host_list(usage->host, &processes, "/proc") < 0 || !host_exists(usage->host, "/proc/1");
        if (!processes)
                return;
        for (size_t i = 0; processes[i]; i++)
                if (processes[i][strspn(processes[i], "0123456789")] == '\0')
                        scan_process(usage, processes[i]);
}

static const char *holder(struct usage *usage, const char *file)
{
        for (size_t i = 0; i < usage->opened_count; i++) {
                cleanup_free char *program = NULL;

                if (strcmp(usage->opened[i].file, file) != 0)
                        continue;
                if (host_read(usage->host, &program, "/proc/%s/comm", usage->opened[i].pid) < 0)
                        program = NULL;
                snprintf(usage->words, sizeof(usage->words), "process %s (%s), which has its %s %s open",
                         usage->opened[i].pid, program ?: "?",
                         file[0] == 'v'   ? "vfio device"
                         : file[0] == 'u' ? "device"
                                          : "vfio group",
                         file);
                return usage->words;
        }
        return NULL;
}

/* While a vfio driver's device is open it is enabled, and at no other time. */
static const char *enabled(struct usage *usage, const struct vf *vf)
{
        if (device_number(usage->host, 0, PCI_DEVICES "/%s/enable", vf->address) <= 0)
                return NULL;
        snprintf(usage->words, sizeof(usage->words), "a process that has its vfio device open");
        return usage->words;
}

/* Who cannot be seen is not nobody. */
static const char *unseen(struct usage *usage, const char *what)
{
        if (!usage->blind)
                return NULL;
        snprintf(usage->words, sizeof(usage->words),
                 "somebody, perhaps: some processes do not let us see whether they have its %s open", what);
        return usage->words;
}

static const char *vfio_user(struct usage *usage, const struct vf *vf)
{
        cleanup_names char **devices = NULL;
        const char *found = NULL;
        char group[24];

        scan(usage);
        snprintf(group, sizeof(group), "noiommu-%d", vf->iommu_group);
        found = holder(usage, group + strlen("noiommu-")) ?: holder(usage, group);
        if (!found && host_list(usage->host, &devices, PCI_DEVICES "/%s/vfio-dev", vf->address) == 0)
                for (size_t i = 0; !found && devices[i]; i++)
                        found = holder(usage, devices[i]);
        found = found ?: enabled(usage, vf);
        if (found || vf->iommu_group < 0)
                return found;
        snprintf(group, sizeof(group), "vfio group %d", vf->iommu_group);
        return unseen(usage, group);
}

/* Is a link of that interface's the sign that it is part of something: master (a bridge, a bond), upper_… (a VLAN)? */
static bool has_upper(struct usage *usage, const char *interface, char ret[64])
{
        cleanup_names char **names = NULL;

        if (host_list(usage->host, &names, "/sys/class/net/%s", interface) < 0)
                return false;
        for (size_t i = 0; names[i]; i++) {
                if (strncmp(names[i], "upper_", 6) == 0) {
                        snprintf(ret, 64, "%.60s", names[i] + 6);
                        return true;
                }
                if (strcmp(names[i], "master") == 0 &&
                    device_link(usage->host, ret, 64, "/sys/class/net/%s/master", interface) == 0)
                        return true;
        }
        return false;
}

const char *usage_of_interface(struct usage *usage, const char *interface)
{
        char upper[64];
        int addressed;

        if (has_upper(usage, interface, upper))
                snprintf(usage->words, sizeof(usage->words), "%s, which its interface %.32s is part of", upper,
                         interface);
        else if ((addressed = bounded_has_address(usage->host, interface)) < 0)
                snprintf(
                        usage->words, sizeof(usage->words),
                        "this host's own network, perhaps: whether its interface %.32s has an address is not told (%s)",
                        interface, strerror(-addressed));
        else if (addressed > 0)
                snprintf(usage->words, sizeof(usage->words),
                         "this host's own network: its interface %.32s has an address", interface);
        else
                return NULL;
        return usage->words;
}

/* uio_pci_generic, igb_uio: a driver of the kernel's whose device a process drives (/dev/uio0). It is enabled as long
 * as it is bound, which tells nothing. */
static const char *uio_user(struct usage *usage, const struct vf *vf)
{
        cleanup_names char **devices = NULL;
        const char *found = NULL;

        if (host_list(usage->host, &devices, PCI_DEVICES "/%s/uio", vf->address) < 0 || !devices[0])
                return NULL;
        scan(usage);
        for (size_t i = 0; !found && devices[i]; i++)
                found = holder(usage, devices[i]);
        return found ?: unseen(usage, devices[0]);
}

static const char *kernel_user(struct usage *usage, const struct vf *vf)
{
        cleanup_names char **interfaces = NULL;

        if (host_list(usage->host, &interfaces, PCI_DEVICES "/%s/net", vf->address) < 0)
                return uio_user(usage, vf); /* else its driver makes no interface, or has not yet */
        if (!interfaces[0]) {
                snprintf(usage->words, sizeof(usage->words),
                         "another network namespace, a container's perhaps, which has its interface");
                return usage->words;
        }
        for (size_t i = 0; interfaces[i]; i++) {
                const char *user = usage_of_interface(usage, interfaces[i]);

                if (user)
                        return user;
        }
        return NULL;
}

static const char *ask(struct usage *usage, const struct vf *vf)
{
        const char *said;

        if (!usage->users || !usage->users->of)
                return NULL;
        said = usage->users->of(usage->users->user, vf->address);
        if (!said)
                return NULL;
        snprintf(usage->words, sizeof(usage->words), "%s", said);
        return usage->words;
}

static const char *find(struct usage *usage, const struct vf *vf,
                        const char *(*of_vfio)(struct usage *, const struct vf *))
{
        const char *said = vf->address[0] ? ask(usage, vf) : NULL;

        if (said || !vf->address[0])
                return said;
        switch (driver_class(vf->driver)) {
        case DRIVER_VFIO:
                return of_vfio(usage, vf);
        case DRIVER_KERNEL:
                return kernel_user(usage, vf);
        default:
                return of_vfio(usage, vf); /* its group is somebody's, perhaps, who waits for it */
        }
}

const char *usage_of(struct usage *usage, const struct vf *vf)
{
        return find(usage, vf, vfio_user);
}

const char *usage_glance(struct usage *usage, const struct vf *vf)
{
        return find(usage, vf, enabled);
}
