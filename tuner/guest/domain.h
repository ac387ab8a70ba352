/* What a domain's XML says, as far as the tuner is concerned with it: read into plain structs, and changed as a tree.
 * Works with libxml2 and no libvirt: XML comes in, XML goes out. */
#pragma once

#include <libxml/tree.h>

#include "guest.h"

#define UUID_TEXT 37

struct domain_interface {
        char mac_address[18], type[24];
        char socket[108];
        bool server;
        unsigned queues, mtu; /* 0: not said */
};

struct domain {
        char *name;
        char uuid[UUID_TEXT];
        bool active, persistent;   /* set by who asked libvirt */
        char placed_by[UUID_TEXT]; /* the host whose socled has pinned it as it is; "": none has, or others have since
                                    */
        bool pinned_before;        /* by others, before that */
        bool is_nova;              /* its metadata are OpenStack Nova's */
        unsigned vcpus;            /* at most, hot-pluggable ones included */
        struct cpu_set *vcpu_cpus; /* empty: not pinned */
        struct cpu_set emulator;
        unsigned iothread_count;
        unsigned *iothread_ids; /* ascending */
        struct cpu_set *iothread_cpus;
        uint64_t memory_bytes;
        uint64_t page_bytes;    /* 0: normal pages */
        bool default_hugepages; /* huge pages of the host's default size: page_bytes is 0 then */
        bool memory_shared;
        bool memory_strict;   /* or restrictive; no numatune is as good: it can be set at run time */
        struct cpu_set nodes; /* of numatune's memory, by the kernel's numbers; empty: none is said */
        struct guest_cell
                *cells; /* that the guest sees, `node` by the kernel's number (-1: not one); their order is ids' */
        unsigned cell_count;
        char (*pci)[13]; /* functions that it has been given */
        size_t pci_count;
        struct domain_interface *interfaces;
        size_t interface_count;
};

/* -EINVAL: not XML, or not a domain's. */
int domain_parse(struct domain **ret, const char *xml);
struct domain *domain_free(struct domain *domain);
DEFINE_CLEANUP(struct domain *, domain_free)
#define cleanup_domain_facts cleanup_(domain_free_p)

/* ---- the mark of a domain that a socled has pinned (mark.c) ---- */

#define MARK_PREFIX "socle"
#define MARK_NAME   "guest"
#define MARK_URI    "urn:socle:guest:1"

/* Is it marked and pinned so, by that host? */
bool mark_is(const struct domain *domain, const char *host, const struct guest_placement *placement);
/* Replaces the one that is there. `before`: what the domain was like before any socled laid hands on it. */
int tree_mark(xmlDocPtr tree, xmlDocPtr before, const char *host, const struct guest_placement *placement);
void tree_unmark(xmlDocPtr tree);
/* By itself, for a running domain; the caller's. NULL: no memory. */
char *mark_text(xmlDocPtr before, const char *host, const struct guest_placement *placement);
/* A domain's XML as it was before, and without a mark: the caller's. -EINVAL, -ENOMEM. */
int domain_before(char **ret, const char *xml);

/* ---- as a tree ---- */

int domain_tree(xmlDocPtr *ret, const char *xml);
static inline void tree_free_p(xmlDocPtr *tree)
{
        if (*tree)
                xmlFreeDoc(*tree);
}
#define cleanup_tree cleanup_(tree_free_p)
/* The tree as text, the caller's; NULL: no memory. */
char *tree_text(xmlDocPtr tree);

/* Each changes what differs from what is wanted, and nothing else; -ENOMEM. `domain` is what the tree says now. */
int tree_set_pins(xmlDocPtr tree, const struct domain *domain, const struct guest_placement *placement);
/* Memory on the nodes of the placement, in its cells (as many as the guest sees, if it sees any) and page size. */
int tree_set_memory(xmlDocPtr tree, const struct domain *domain, const struct guest_placement *placement,
                    const struct topology *topology);
int tree_set_interface(xmlDocPtr tree, const struct guest_interface *interface);
/* vhost-user needs memory that another process can map. */
int tree_share_memory(xmlDocPtr tree, const struct domain *domain);

int tree_put_interface_back(xmlDocPtr tree, xmlDocPtr before, const char *mac_address);
/* Everything that the functions above may have changed is made as it is in `before`; interfaces: those of these
 * MAC addresses. All else stays as it is now. */
int tree_put_back(xmlDocPtr tree, xmlDocPtr before, const json_t *mac_addresses);
