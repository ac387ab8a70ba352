/* Plays the kernel to the tuner's SR-IOV, for what a real one cannot be made to do: a tree of sysfs with two NICs in
 * which writing to sriov_numvfs, bind, unbind and drivers_probe does what the kernel does by its rules, and netlink and
 * devlink (the functions of link.h and devlink.h) that keep VFs' values. Each rule can be made to fail. How a real
 * kernel behaves is tested in tests/lab. */
#pragma once

#include "sriov/state.h"
#include "tree.h"

/* Two functions of one card, each with at most 7 VFs, bound to "igb" as eth0 and eth1; the first has no VFs, nor has
 * the second. An IOMMU with a group for each function. */
#define PF0     "0000:01:00.0"
#define PF1     "0000:01:00.1"
#define KVF(n)  "0000:01:10." #n /* VF n of PF0 */
#define PCI     "/sys/bus/pci/devices/"
#define VFS_MAX 7

struct kernel {
        struct tree *tree;
        struct vf_values values[2][VFS_MAX];
        enum eswitch_mode eswitch[2]; /* unknown: the device has none */
        bool link_address;            /* interfaces have an address */

        int vfs_appear;                       /* so many of any number; -1: all */
        unsigned vfs_late_ms;                 /* they appear after that */
        int numvfs_error;                     /* of making VFs */
        int value_error[VF_VALUE_COUNT];      /* of writing it */
        bool value_forgotten[VF_VALUE_COUNT]; /* written, not kept */
        bool value_untold[VF_VALUE_COUNT];    /* kept, not told */
        bool no_vf_driver;                    /* igbvf takes nothing */
        int vfio_error;                       /* of binding to vfio-pci */
        int shared_group_of;                  /* the VF whose IOMMU group holds another NIC too; -1: none */
        const char *vanishes_with;            /* when this file is written to, … */
        int vanishes;                         /* … the VF of PF0 is gone; -1: PF0's interface */
        bool rules_broken;                    /* a number changed to another that is not 0, an absent VF written to */
        const char *hangs;                    /* this function ("link_set_up", …) or file, until kernel_lets_go() */
        const char *unseen;                   /* a directory that we may not list */
        unsigned writes;                      /* to the kernel, by whatever way */
        unsigned numvfs_writes;
};

/* cmocka: *state is a struct kernel *. */
int kernel_setup(void **state);
int kernel_teardown(void **state);

/* All that could be changed, as one text: files, drivers, values. free() it. */
char *kernel_image(struct kernel *kernel);
/* The driver of a function; "": none. */
const char *kernel_driver(struct kernel *kernel, const char *address, char buffer[32]);
void kernel_link(struct kernel *kernel, const char *path, const char *target);
void kernel_unlink(struct kernel *kernel, const char *path);
/* What hangs goes on, and has been waited for. */
void kernel_lets_go(struct kernel *kernel);
/* The function leaves the machine. */
void kernel_unplug(struct kernel *kernel, const char *address);
