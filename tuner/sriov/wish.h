/* A SriovDevice's spec as this room's files want it: which devices, how many VFs, and per VF what is wished for and
 * which entry of the spec says so. */
#pragma once

#include "device.h"
#include "socle/errors.h"
#include "sriov.h"
#include "state.h"

struct vf_wish {
        struct vf_values values;        /* known: wished for */
        uint32_t implied;               /* by the entry's vlan: no member of its own says it */
        uint16_t entry[VF_VALUE_COUNT]; /* of /spec/vfs, for those */
};

struct sriov_wish {
        json_t *device; /* {"address": …}, {"interface": …} or {"pattern": {…}} */
        unsigned count;
        enum eswitch_mode eswitch; /* unknown: none is wished for */
        bool force;
        struct vf_wish *vfs; /* `count` */
};
DEFINE_CLEANUP(struct sriov_wish *, sriov_wish_free)

/* "/spec/vfs/2/vlan"; "" without a wish. */
#define POINTER_SIZE 64
const char *wish_pointer(const struct sriov_wish *wish, unsigned number, enum vf_value value,
                         char buffer[POINTER_SIZE]);
/* Is something wished for that the interface alone can do? NULL: no. */
bool wish_needs_interface(const struct sriov_wish *wish);
/* The PFs that are meant, ascending; complains when there is none, or when it is no PF. */
int wish_devices(const struct host *host, const struct sriov_wish *wish, char ***ret, struct errors *errors);
