/* See sriov_kernel.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "socle/cleanup.h"
#include "sriov/devlink.h"
#include "sriov/link.h"
#include "sriov/module.h"
#include "sriov/patience.h"
#include "sriov_kernel.h"

#define DRIVERS "/sys/bus/pci/drivers/"
#define GROUPS  "/sys/kernel/iommu_groups/"

/* The one that netlink talks to; in memory that a process which dies in a test shares with the one that looks on. */
static struct kernel *the_kernel;

static const char *const pfs[] = {PF0, PF1};

static void full(struct kernel *kernel, const char *path, char ret[512])
{
        snprintf(ret, 512, "%s%s", kernel->tree->root, path);
}

void kernel_link(struct kernel *kernel, const char *path, const char *target)
{
        char name[512];

        full(kernel, path, name);
        unlink(name);
        assert_int_equal(symlink(target, name), 0);
}

void kernel_unlink(struct kernel *kernel, const char *path)
{
        char name[512];

        full(kernel, path, name);
        unlink(name);
}

const char *kernel_driver(struct kernel *kernel, const char *address, char buffer[32])
{
        char name[512], path[128], target[128];

        snprintf(path, sizeof(path), PCI "%s/driver", address);
        full(kernel, path, name);
        ssize_t n = readlink(name, target, sizeof(target) - 1);
        target[n > 0 ? n : 0] = '\0';
        const char *slash = strrchr(target, '/');
        snprintf(buffer, 32, "%.31s", slash ? slash + 1 : "");
        return buffer;
}

static bool there(struct kernel *kernel, const char *address)
{
        char path[128];

        snprintf(path, sizeof(path), PCI "%s", address);
        return tree_has(kernel->tree, path);
}

/* ---- functions ---- */

static void vf_address(unsigned pf, unsigned number, char ret[32])
{
        /* Of PF0 01:10.0 to .6, of PF1 01:11.0 to .6. */
        snprintf(ret, 32, "0000:01:1%u.%u", pf, number);
}

static void put_in_group(struct kernel *kernel, const char *address, int group)
{
        char path[128], target[128];

        snprintf(path, sizeof(path), GROUPS "%d/devices/.keep", group);
        tree_put(kernel->tree, path, "%s", "");
        tree_remove(kernel->tree, path);
        snprintf(path, sizeof(path), GROUPS "%d/devices/%s", group, address);
        snprintf(target, sizeof(target), "../../../../bus/pci/devices/%s", address);
        kernel_link(kernel, path, target);
        snprintf(path, sizeof(path), PCI "%s/iommu_group", address);
        snprintf(target, sizeof(target), "../../../../kernel/iommu_groups/%d", group);
        kernel_link(kernel, path, target);
}

static void put_function(struct kernel *kernel, const char *address, const char *device, int group)
{
        struct {
                const char *file, *text;
        } files[] = {{"vendor", "0x8086"},    {"device", device},        {"class", "0x020000"}, {"numa_node", "0"},
                     {"driver_override", ""}, {"modalias", "pci:v8086"}, {"enable", "0"}};
        char path[128];

        for (size_t i = 0; i < ARRAY_LEN(files); i++) {
                snprintf(path, sizeof(path), PCI "%s/%s", address, files[i].file);
                tree_put(kernel->tree, path, "%s", files[i].text);
        }
        if (group >= 0)
                put_in_group(kernel, address, group);
}

static void bind_to(struct kernel *kernel, const char *address, const char *driver)
{
        char path[128], target[128];

        snprintf(path, sizeof(path), PCI "%s/driver", address);
        snprintf(target, sizeof(target), "../../drivers/%s", driver);
        kernel_link(kernel, path, target);
        snprintf(path, sizeof(path), PCI "%s/enable", address);
        tree_put(kernel->tree, path, strcmp(driver, "vfio-pci") == 0 ? "0" : "1");
}

static void let_go(struct kernel *kernel, const char *address)
{
        char path[128];

        snprintf(path, sizeof(path), PCI "%s/driver", address);
        kernel_unlink(kernel, path);
        snprintf(path, sizeof(path), PCI "%s/enable", address);
        tree_put(kernel->tree, path, "0");
}

static char *text_of(struct kernel *kernel, const char *address, const char *file)
{
        char path[128];

        snprintf(path, sizeof(path), PCI "%s/%s", address, file);
        return tree_get(kernel->tree, path);
}

/* The PF of a VF: 0 or 1; -1: it is none. */
static int parent(const char *address)
{
        return strncmp(address, "0000:01:10.", 11) == 0 ? 0 : strncmp(address, "0000:01:11.", 11) == 0 ? 1 : -1;
}

/* pci_device_probe(): a driver by its name alone when there is an override; none of a VF that is not to be probed. */
static void probe(struct kernel *kernel, const char *address)
{
        cleanup_free char *override = text_of(kernel, address, "driver_override");
        int pf = parent(address);
        char driver[32];

        if (kernel_driver(kernel, address, driver)[0])
                return;
        if (override[0]) {
                char path[128];

                snprintf(path, sizeof(path), DRIVERS "%s/unbind", override);
                if (strcmp(override, "igbvf") != 0 && tree_has(kernel->tree, path))
                        bind_to(kernel, address, override);
                return;
        }
        if (pf >= 0) {
                cleanup_free char *autoprobe = text_of(kernel, pfs[pf], "sriov_drivers_autoprobe");

                if (autoprobe[0] == '1' && !kernel->no_vf_driver)
                        bind_to(kernel, address, "igbvf");
        }
}

static void add_vf(struct kernel *kernel, unsigned pf, unsigned number)
{
        char address[32], path[128], target[64];
        bool shared = pf == 0 && (int)number == kernel->shared_group_of;

        vf_address(pf, number, address);
        put_function(kernel, address, "0x10ca", shared ? 99 : (int)(10 + pf * 10 + number));
        snprintf(path, sizeof(path), PCI "%s/physfn", address);
        snprintf(target, sizeof(target), "../%s", pfs[pf]);
        kernel_link(kernel, path, target);
        snprintf(path, sizeof(path), PCI "%s/virtfn%u", pfs[pf], number);
        snprintf(target, sizeof(target), "../%s", address);
        kernel_link(kernel, path, target);
        kernel->values[pf][number] = (struct vf_values){
                .known = VF_NETLINK, .value = {[VF_SPOOF_CHECK] = 1, [VF_VLAN_PROTOCOL] = ETH_P_8021Q}};
        probe(kernel, address);
}

static void remove_vf(struct kernel *kernel, unsigned pf, unsigned number)
{
        char address[32], path[128];

        vf_address(pf, number, address);
        if (!there(kernel, address))
                return;
        snprintf(path, sizeof(path), PCI "%s/virtfn%u", pfs[pf], number);
        kernel_unlink(kernel, path);
        kernel_unplug(kernel, address);
        snprintf(path, sizeof(path), GROUPS "%u", 10 + pf * 10 + number);
        if (tree_has(kernel->tree, path))
                tree_remove(kernel->tree, path);
}

void kernel_unplug(struct kernel *kernel, const char *address)
{
        char path[128];

        snprintf(path, sizeof(path), PCI "%s", address);
        tree_remove(kernel->tree, path);
}

/* ---- what hangs ---- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t let_on = PTHREAD_COND_INITIALIZER;
static unsigned hanging;

static void hang(const char *where)
{
        pthread_mutex_lock(&gate);
        bool hangs = the_kernel->hangs && strcmp(the_kernel->hangs, where) == 0;
        hanging += hangs;
        if (hangs)
                patience_give_up();
        while (the_kernel->hangs && strcmp(the_kernel->hangs, where) == 0)
                pthread_cond_wait(&let_on, &gate);
        pthread_mutex_unlock(&gate);
}

static int nothing_is_left(void *user, uint64_t *progress)
{
        static const char *const owners[] = {PF0, PF1, "addresses"};
        bool pending = false;

        for (size_t i = 0; i < ARRAY_LEN(owners); i++)
                pending |= patience_pending(owners[i], NULL);
        return !pending;
}

void kernel_lets_go(struct kernel *kernel)
{
        struct patience patience = patience_of(60000);

        pthread_mutex_lock(&gate);
        kernel->hangs = NULL;
        pthread_cond_broadcast(&let_on);
        pthread_mutex_unlock(&gate);
        assert_int_equal(patience_wait(&patience, 0, nothing_is_left, NULL), 1);
}

/* ---- what is written ---- */

struct late {
        struct kernel *kernel;
        unsigned pf, count;
};

static void *appear_late(void *user)
{
        struct late *late = user;

        for (unsigned i = 0; i < late->count; i++) {
                usleep(late->kernel->vfs_late_ms * 1000);
                add_vf(late->kernel, late->pf, i);
        }
        free(late);
        return NULL;
}

static void appear(struct kernel *kernel, unsigned pf, unsigned count)
{
        if (kernel->vfs_appear >= 0 && (unsigned)kernel->vfs_appear < count)
                count = (unsigned)kernel->vfs_appear;
        if (kernel->vfs_late_ms) {
                struct late *late = malloc(sizeof(*late));
                pthread_t thread;

                *late = (struct late){kernel, pf, count};
                assert_int_equal(pthread_create(&thread, NULL, appear_late, late), 0);
                pthread_detach(thread);
                return;
        }
        for (unsigned i = 0; i < count; i++)
                add_vf(kernel, pf, i);
}

static unsigned vf_count(struct kernel *kernel, unsigned pf)
{
        unsigned count = 0;
        char address[32];

        for (unsigned i = 0; i < VFS_MAX; i++) {
                vf_address(pf, i, address);
                count += there(kernel, address);
        }
        return count;
}

static void set_numvfs(struct kernel *kernel, unsigned pf)
{
        cleanup_free char *text = text_of(kernel, pfs[pf], "sriov_numvfs");
        unsigned count = (unsigned)strtoul(text, NULL, 10);

        kernel->numvfs_writes++;
        if (count > 0 && vf_count(kernel, pf) > 0)
                kernel->rules_broken = true; /* sriov_numvfs_store(): -EBUSY */
        if (count == 0)
                for (unsigned i = 0; i < VFS_MAX; i++)
                        remove_vf(kernel, pf, i);
        else
                appear(kernel, pf, count);
}

/* The address that was written to a file of drivers. */
static void drivers_file(struct kernel *kernel, const char *path)
{
        cleanup_free char *address = tree_get(kernel->tree, path);

        if (!there(kernel, address))
                kernel->rules_broken = true;
        else if (strstr(path, "/unbind"))
                let_go(kernel, address);
        else if (strcmp(path, DRIVERS "vfio-pci/bind") == 0)
                bind_to(kernel, address, "vfio-pci");
        else if (strcmp(path, "/sys/bus/pci/drivers_probe") == 0)
                probe(kernel, address);
}

static void answer(struct tree *tree, enum host_step step, const char *path)
{
        struct kernel *kernel = the_kernel;

        if (step != HOST_WRITE)
                return;
        kernel->writes++;
        if (kernel->vanishes_with && strcmp(path, kernel->vanishes_with) == 0) {
                if (kernel->vanishes < 0)
                        tree_remove(kernel->tree, PCI PF0 "/net");
                else
                        remove_vf(kernel, 0, (unsigned)kernel->vanishes);
                kernel->vanishes_with = NULL;
        }
        if (strcmp(path, PCI PF0 "/sriov_numvfs") == 0)
                set_numvfs(kernel, 0);
        else if (strcmp(path, PCI PF1 "/sriov_numvfs") == 0)
                set_numvfs(kernel, 1);
        else if (strstr(path, "bind") || strstr(path, "drivers_probe"))
                drivers_file(kernel, path);
}

static int refuse(struct tree *tree, enum host_step step, const char *path)
{
        struct kernel *kernel = the_kernel;

        if (step == HOST_LIST && kernel->unseen && strcmp(path, kernel->unseen) == 0)
                return -EACCES;
        if (step == HOST_READ || step == HOST_WRITE)
                hang(path);
        if (step != HOST_WRITE)
                return 0;
        if (strstr(path, "/sriov_numvfs") && vf_count(kernel, strstr(path, PF1) != NULL) == 0)
                return kernel->numvfs_error;
        if (strcmp(path, DRIVERS "vfio-pci/bind") == 0)
                return kernel->vfio_error;
        return 0;
}

/* ---- netlink ---- */

/* A step like any other: it may be the one before which a test dies. */
static int netlink_step(struct kernel *kernel)
{
        int r = kernel->tree->observer.before(kernel->tree, HOST_WRITE, "netlink");

        kernel->writes += r == 0;
        return r;
}

static int pf_of_interface(const char *interface)
{
        return strcmp(interface, "eth0") == 0 ? 0 : strcmp(interface, "eth1") == 0 ? 1 : -1;
}

int link_read_vfs(const struct host *host, const char *interface, struct vf *vfs, unsigned count)
{
        int pf = pf_of_interface(interface);

        hang(__func__);
        if (pf < 0)
                return -ENODEV;
        for (unsigned i = 0; i < count && i < VFS_MAX; i++) {
                for (enum vf_value value = 0; value < VF_DRIVER; value++) {
                        if (!vfs[i].address[0] || the_kernel->value_untold[value])
                                continue;
                        vfs[i].values.known |= VF_BIT(value);
                        vfs[i].values.value[value] = the_kernel->values[pf][i].value[value];
                }
        }
        return 0;
}

static void keep(struct vf_values *kept, enum vf_value value, uint64_t number)
{
        if (!the_kernel->value_forgotten[value])
                kept->value[value] = number;
}

int link_write_vf(const struct host *host, const char *interface, unsigned number, enum vf_value which,
                  const struct vf_values *values, char words[LINK_WORDS_SIZE])
{
        static const enum vf_value vlan[] = {VF_VLAN, VF_QOS, VF_VLAN_PROTOCOL};
        static const enum vf_value rate[] = {VF_MIN_TX_RATE, VF_MAX_TX_RATE};
        int pf = pf_of_interface(interface), r;
        char address[32];

        hang(__func__);
        r = netlink_step(the_kernel);
        words[0] = '\0';
        if (r < 0)
                return r;
        vf_address((unsigned)pf, number, address);
        if (pf < 0 || number >= VFS_MAX || !there(the_kernel, address)) {
                the_kernel->rules_broken = true;
                return -EINVAL;
        }
        if (the_kernel->value_error[which]) {
                snprintf(words, LINK_WORDS_SIZE, "no such thing here");
                return the_kernel->value_error[which];
        }
        struct vf_values *kept = &the_kernel->values[pf][number];
        keep(kept, which, values->value[which]);
        for (size_t i = 0; i < 3 && which >= VF_VLAN && which <= VF_VLAN_PROTOCOL; i++)
                keep(kept, vlan[i], values->value[vlan[i]]);
        for (size_t i = 0; i < 2 && (which == VF_MIN_TX_RATE || which == VF_MAX_TX_RATE); i++)
                keep(kept, rate[i], values->value[rate[i]]);
        return 0;
}

int link_set_up(const struct host *host, const char *interface, bool up, char words[LINK_WORDS_SIZE])
{
        char path[128];
        int r;

        hang(__func__);
        r = netlink_step(the_kernel);
        words[0] = '\0';
        if (r < 0)
                return r;
        snprintf(path, sizeof(path), "/sys/class/net/%s/flags", interface);
        tree_put(the_kernel->tree, path, up ? "0x1003" : "0x1002");
        return 0;
}

int link_has_address(const struct host *host, const char *interface)
{
        hang(__func__);
        return the_kernel->link_address;
}

static int pf_of_address(const char *address)
{
        return strcmp(address, PF0) == 0 ? 0 : 1;
}

int devlink_read_eswitch(const struct host *host, const char *address, enum eswitch_mode *ret)
{
        enum eswitch_mode mode = the_kernel->eswitch[pf_of_address(address)];

        hang(__func__);
        if (mode == ESWITCH_UNKNOWN)
                return -EOPNOTSUPP;
        *ret = mode;
        return 0;
}

int devlink_write_eswitch(const struct host *host, const char *address, enum eswitch_mode mode,
                          char words[LINK_WORDS_SIZE])
{
        int r;

        hang(__func__);
        r = netlink_step(the_kernel);
        words[0] = '\0';
        if (r < 0)
                return r;
        if (vf_count(the_kernel, (unsigned)pf_of_address(address)) > 0) {
                snprintf(words, LINK_WORDS_SIZE, "only while there are no VFs");
                return -EOPNOTSUPP;
        }
        the_kernel->eswitch[pf_of_address(address)] = mode;
        return 0;
}

int module_load(const struct host *host, const char *name_or_alias)
{
        hang(__func__);
        return -ENOENT;
}

/* ---- from the outside ---- */

static void put_pf(struct kernel *kernel, unsigned pf)
{
        char path[128], target[128], interface[8];

        snprintf(interface, sizeof(interface), "eth%u", pf);
        put_function(kernel, pfs[pf], "0x10c9", (int)(1 + pf));
        bind_to(kernel, pfs[pf], "igb");
        snprintf(path, sizeof(path), PCI "%s/sriov_totalvfs", pfs[pf]);
        tree_put(kernel->tree, path, "%d", VFS_MAX);
        snprintf(path, sizeof(path), PCI "%s/sriov_numvfs", pfs[pf]);
        tree_put(kernel->tree, path, "0");
        snprintf(path, sizeof(path), PCI "%s/sriov_drivers_autoprobe", pfs[pf]);
        tree_put(kernel->tree, path, "1");
        snprintf(path, sizeof(path), "/sys/class/net/%s/flags", interface);
        tree_put(kernel->tree, path, "0x1003");
        snprintf(path, sizeof(path), "/sys/class/net/%s/carrier", interface);
        tree_put(kernel->tree, path, "1");
        snprintf(path, sizeof(path), "/sys/class/net/%s/device", interface);
        snprintf(target, sizeof(target), "../../../bus/pci/devices/%s", pfs[pf]);
        kernel_link(kernel, path, target);
        snprintf(path, sizeof(path), PCI "%s/net/%s/.keep", pfs[pf], interface);
        tree_put(kernel->tree, path, "%s", "");
}

int kernel_setup(void **state)
{
        struct kernel *kernel = mmap(NULL, sizeof(*kernel), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        void *tree;

        assert_ptr_not_equal(kernel, MAP_FAILED);
        tree_setup(&tree);
        the_kernel = kernel;
        *kernel = (struct kernel){.tree = tree, .vfs_appear = -1, .shared_group_of = -1};
        for (const char *const *file = (const char *const[]){"igb/unbind", "igb/bind", "igbvf/unbind", "igbvf/bind",
                                                             "vfio-pci/unbind", "vfio-pci/bind", "ixgbe/unbind", NULL};
             *file; file++) {
                char path[128];

                snprintf(path, sizeof(path), DRIVERS "%s", *file);
                tree_put(kernel->tree, path, "%s", "");
        }
        tree_put(kernel->tree, "/sys/bus/pci/drivers_probe", "%s", "");
        tree_put(kernel->tree, "/proc/1/fd/.keep", "%s", "");
        tree_put(kernel->tree, "/proc/cpuinfo", "vendor_id\t: GenuineIntel");
        put_pf(kernel, 0);
        put_pf(kernel, 1);
        /* A neighbour without SR-IOV. */
        put_function(kernel, "0000:02:00.0", "0x10fb", 99);
        bind_to(kernel, "0000:02:00.0", "ixgbe");
        kernel->tree->answer = answer;
        kernel->tree->refuse = refuse;
        *state = kernel;
        return 0;
}

int kernel_teardown(void **state)
{
        struct kernel *kernel = *state;
        void *tree = kernel->tree;

        assert_false(kernel->rules_broken);
        tree_teardown(&tree);
        munmap(kernel, sizeof(*kernel));
        return 0;
}

static void describe(struct kernel *kernel, FILE *out, unsigned pf, unsigned number)
{
        char address[32], driver[32], text[VF_TEXT_SIZE];

        vf_address(pf, number, address);
        if (!there(kernel, address))
                return;
        cleanup_free char *override = text_of(kernel, address, "driver_override");
        fprintf(out, "%s driver=%s override=%s", address, kernel_driver(kernel, address, driver), override);
        for (enum vf_value value = 0; value < VF_DRIVER; value++)
                fprintf(out, " %s=%s", vf_value_name(value),
                        vf_value_text(value, kernel->values[pf][number].value[value], text));
        fprintf(out, "\n");
}

char *kernel_image(struct kernel *kernel)
{
        char *text = NULL, driver[32];
        size_t size;
        FILE *out = open_memstream(&text, &size);

        for (unsigned pf = 0; pf < 2; pf++) {
                char path[128], flags_path[128];

                if (!there(kernel, pfs[pf]))
                        continue;
                cleanup_free char *autoprobe = text_of(kernel, pfs[pf], "sriov_drivers_autoprobe");
                snprintf(flags_path, sizeof(flags_path), "/sys/class/net/eth%u/flags", pf);
                cleanup_free char *flags = tree_get(kernel->tree, flags_path);
                snprintf(path, sizeof(path), "%s driver=%s autoprobe=%s flags=%s eswitch=%s", pfs[pf],
                         kernel_driver(kernel, pfs[pf], driver), autoprobe, flags,
                         eswitch_mode_name(kernel->eswitch[pf]));
                fprintf(out, "%s vfs=%u\n", path, vf_count(kernel, pf));
                for (unsigned i = 0; i < VFS_MAX; i++)
                        describe(kernel, out, pf, i);
        }
        fclose(out);
        return text;
}
