/* Where the next boot takes its command line from: one struct a boot loader's tool, chosen by what the host has. */
#pragma once

#include "arguments.h"
#include "knob.h"

struct boot_loader {
        bool (*is_here)(const struct host *host);
        const char *where; /* what the boot loader itself reads */
        /* Ours, as they were written last. */
        int (*read)(const struct host *host, char ***ret);
        /* These and no others of ours; none: as if we had never been. */
        int (*write)(const struct host *host, char *const *wanted, struct knob_detail *detail);
        /* All that the next boot will have, ours or not. -ENOENT: cannot be told. */
        int (*next_boot)(const struct host *host, char ***ret);
};

extern const struct boot_loader boot_loader_debian; /* update-grub, a drop-in of /etc/default/grub.d */
extern const struct boot_loader boot_loader_grubby; /* grubby, entries of the Boot Loader Specification */
const struct boot_loader *boot_loader_find(const struct host *host); /* NULL: none that we know */
