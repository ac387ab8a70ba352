/* Who uses a VF, asked before it is taken away or changes hands. Works with sriov.h's struct sriov_users (guests), and
 * looks by itself for open vfio groups and for what the kernel's own network does with a VF's interface. */
#pragma once

#include "device.h"
#include "sriov.h"
#include "state.h"

struct usage {
        const struct host *host;
        const struct sriov_users *users; /* NULL: nobody to ask */
        bool scanned, blind;             /* blind: there are processes whose files we may not see */
        struct opened *opened;           /* vfio files that processes hold open, as of the scan */
        size_t opened_count;
        char words[160];
};

/* Also forgets what was seen: processes come and go. */
void usage_clear(struct usage *usage);
/* In words; NULL: nobody that one could know of. Valid until the next call. */
const char *usage_of(struct usage *usage, const struct vf *vf);
/* Is the host's own network on this interface: an address, or something that it is part of? In words; NULL: no. */
const char *usage_of_interface(struct usage *usage, const char *interface);
/* The same without looking at all processes, for what is asked every few seconds: does not know a process by name. */
const char *usage_glance(struct usage *usage, const struct vf *vf);
