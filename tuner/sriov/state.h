/* A physical function (PF) and its VFs as this room's files see them: what is there (read by device.h), what is to be
 * (made of a wish by target.h), what was there (kept by journal.h). All three hold a VF's values in the same form, so
 * that comparing and putting back are one loop over a table. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order in which they are written. */
enum vf_value {
        VF_TRUST,
        VF_SPOOF_CHECK,
        VF_MAC_ADDRESS, /* six bytes, the first the most significant; 0: none is set */
        VF_VLAN,
        VF_QOS,
        VF_VLAN_PROTOCOL, /* an Ethertype: 0x8100 or 0x88a8 */
        VF_MIN_TX_RATE,   /* Mbit/s; 0: none */
        VF_MAX_TX_RATE,
        VF_LINK_STATE, /* IFLA_VF_LINK_STATE_… */
        VF_DRIVER,     /* enum vf_driver */
        VF_VALUE_COUNT,
};
#define VF_BIT(value) (1u << (value))
/* What netlink reads and writes: all but the driver. */
#define VF_NETLINK (VF_BIT(VF_DRIVER) - 1)

enum vf_driver {
        DRIVER_NONE,
        DRIVER_KERNEL, /* any but vfio's */
        DRIVER_VFIO,
};

struct vf_values {
        uint32_t known; /* VF_BIT() of those that hold; of what is there: that the device tells at all */
        uint64_t value[VF_VALUE_COUNT];
        char driver[32]; /* with VF_DRIVER, of what is or was there: its name; "": any of that class */
};

enum eswitch_mode { ESWITCH_UNKNOWN, ESWITCH_LEGACY, ESWITCH_SWITCHDEV };

#define PCI_ADDRESS_SIZE 13 /* "0000:81:00.0" */

struct vf {
        char address[PCI_ADDRESS_SIZE]; /* "": the number has no device */
        char driver[32];                /* "": none */
        int iommu_group, node;          /* -1: none, unknown */
        struct vf_values values;
};

/* What is there. */
struct pf {
        char address[PCI_ADDRESS_SIZE];
        char interface[16]; /* "": none, or in another network namespace */
        char driver[32];
        char vendor[5], device[5];
        int iommu_group, node;
        unsigned total, count; /* VFs that it can have, that it has */
        bool up;               /* the interface, administratively */
        bool autoprobe;        /* new VFs are shown to drivers at once (sriov_drivers_autoprobe) */
        enum eswitch_mode eswitch;
        struct vf *vfs; /* `count` */
};

/* What is to be; also what was there, in the journal. */
struct pf_target {
        unsigned count;
        enum { LINK_ANY, LINK_UP, LINK_DOWN } link; /* of the interface, administratively */
        bool autoprobe;
        enum eswitch_mode eswitch; /* unknown: as it is */
        unsigned vf_count;         /* of `vfs`; in the journal there may be others than `count` */
        struct vf_values *vfs;
};

struct pf *pf_free(struct pf *pf);
void pf_target_clear(struct pf_target *target);

/* "mac_address", … as in the spec. */
const char *vf_value_name(enum vf_value value);
/* For people: "fa:16:3e:00:00:01", "true", "802.1ad". */
#define VF_TEXT_SIZE 32
const char *vf_value_text(enum vf_value value, uint64_t number, char buffer[VF_TEXT_SIZE]);
/* There and back; as in the spec. -EINVAL: not a value of that kind. */
json_t *vf_value_to_json(enum vf_value value, uint64_t number);
int vf_value_from_json(enum vf_value value, const json_t *json, uint64_t *ret);
const char *eswitch_mode_name(enum eswitch_mode mode);
enum eswitch_mode eswitch_mode_from_name(const char *name); /* unknown: also of NULL */
/* Is what is there as it should be? A MAC address that is to be none may be one that the VF's driver chose. */
bool vf_value_satisfied(enum vf_value value, uint64_t wanted, uint64_t found);
