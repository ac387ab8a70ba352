/* What a person asks for a guest: the spec of a Guest object as a plain struct. Read by guests.c, checked when the
 * object is applied (ctl/model/kind_guest.c); no libvirt in it. */
#pragma once

#include <jansson.h>

#include "placement.h"

enum domain_by { DOMAIN_BY_NAME, DOMAIN_BY_UUID, DOMAIN_BY_PATTERN };

struct guest_wish {
        enum domain_by by;
        char *domain; /* name, uuid (lower case, with dashes), or shell pattern of names */
        enum vcpu_policy policy;
        struct cpu_set dedicated; /* mixed: by vCPU number */
        enum sibling_policy siblings;
        enum emulator_policy emulator, iothreads;
        bool keep_pages; /* page_bytes: what the domain has */
        uint64_t page_bytes;
        unsigned cells;       /* 0: as the domain has them, or as many as it needs */
        char near_device[13]; /* PCI address; "": none */
        int near_node;        /* the kernel's number; -1: none */
        bool near_required;
};

/* `spec`: validated by the table of the kind. -EINVAL: members that exclude or lack each other, and texts that are not
 * what they should be; each with its pointer in `errors`. `ret` may be NULL: only looks. */
int guest_wish_from_json(struct guest_wish **ret, const json_t *spec, struct errors *errors);
struct guest_wish *guest_wish_free(struct guest_wish *wish);
