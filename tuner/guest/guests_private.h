/* What the files that deal with libvirt's domains share: who they are (guests.c), what is known of them (observe.c),
 * what is asked for one (demand.c), how it is brought about (change.c, live.c), what others made of it (drift.c), and
 * how it is taken back (restore.c, journal.c). */
#pragma once

#include "connection.h"
#include "domain_private.h"
#include "knob/journal.h"

/* A domain as it was last read: as it runs, else as it is defined. */
struct known {
        char uuid[UUID_TEXT];
        struct domain *domain;
        bool stale;       /* libvirt told of a change since */
        char *definition; /* XML, as last looked at; NULL: it was not yet */
        int immovable_id; /* the run (libvirt's id) of it whose memory cannot be moved; 0: none is known of */
        char immovable_why[128];
};

struct guests {
        struct host disk; /* the real root, for what is kept on disk */
        const struct host *host;
        struct connection *connection;
        char here[UUID_TEXT]; /* the host's UUID, as libvirt has it; "": not asked yet */
        struct known *known;
        size_t known_count, known_room;
        int64_t read_at_ms; /* when all were read: not everything is told of */
        bool complete;      /* every domain there is is in `known` */
        json_t *journals;   /* by name of the Guest: see journal.c */
        json_t *news;       /* uuids that libvirt told of, or that came or went, since guests_seen() */
        bool all_news;      /* or any may have */
        char words[128];    /* that guests_user_of_pci() returns */
};

/* observe.c: brings `known` up to date. -ENOTCONN, … */
int guests_refresh(struct guests *guests, virConnectPtr connection, struct errors *errors);
/* We have changed it: libvirt will say so, but not before the next who asks. */
void guests_changed(struct guests *guests, const char *uuid);
/* It is read again, and someone is to look at what is wanted of it. */
void guests_news(struct guests *guests, struct known *known);
struct known *guests_known(const struct guests *guests, const char *uuid);
/* As it runs (config: as it is defined). -ENOENT: it is gone; there is no such domain by now. */
int domain_read(virDomainPtr handle, bool config, struct domain **ret, struct errors *errors);
/* Huge pages of the default size become pages of that size. */
void domain_resolve_pages(const struct guests *guests, const struct plan *plan, struct domain *domain);
/* placed.c: how a domain is placed. `strict`: a cell whose memory is bound to no node, or to several, has the node -1;
 * else that of its CPUs is good enough. */
struct guest_placement *placement_of(const struct domain *domain, const struct topology *topology,
                                     const struct plan *plan, bool strict);

/* guests->here is known when it returns 0. */
int guests_know_here(struct guests *guests, virConnectPtr connection, struct errors *errors);

/* Are these CPUs the vCPU's alone? A single one, or some of the class for dedicated vCPUs but not all of it. */
bool pins_are_taken(const struct cpu_set *cpus, const struct plan *plan);

/* demand.c */
int demand_make(const struct guests *guests, const struct guest_wish *wish, const struct domain *domain, bool has_ports,
                const struct placement_state *state, struct guest_demand *ret, struct errors *errors);

/* live.c: the running domain's mark; NULL: none. */
char *live_get_mark(virDomainPtr handle);
int live_mark(virDomainPtr handle, const char *text, struct errors *errors);
/* A running domain's pins. -EBUSY: a job of libvirt's keeps it, for which each call would wait half a minute.
 */
int live_is_free(virDomainPtr handle, struct errors *errors);
struct live_pins {
        unsigned vcpus;
        struct cpu_set *vcpu_cpus; /* as the kernel has them; empty: the vCPU is offline */
};
int live_read(virDomainPtr handle, const struct domain *live, int cpu_limit, struct live_pins *ret,
              struct errors *errors);
void live_pins_clear(struct live_pins *pins);
/* Pins what differs, with an entry in `steps` for each; dry_run: only the entries. */
int live_pin(virDomainPtr handle, const struct domain *live, const struct live_pins *pins,
             const struct guest_placement *placement, int cpu_limit, bool dry_run, json_t *steps,
             struct errors *errors);
/* As the domain's XML says, where it says nothing: on all CPUs that are online. Ends at -EBUSY and -ENOTCONN. */
int live_put_back(virDomainPtr handle, const struct domain *before, const struct domain *now,
                  const struct cpu_set *online, int cpu_limit, struct errors *errors);
/* Memory of a running guest to these nodes; 1: libvirt cannot, and says why in `why`. */
int live_set_nodes(virDomainPtr handle, const struct cpu_set *nodes, bool is_bound, char why[128]);
/* Memory to where it was bound before; bound to nothing: to all nodes that have memory. Where libvirt cannot, it stays:
 * nothing is lost by that. */
void live_put_nodes_back(virDomainPtr handle, const struct cpu_set *before, const struct cpu_set *now,
                         const struct cpu_set *with_memory);

/* {scope: "live" | "persistent", what, from, to} */
void step_add(json_t *steps, const char *scope, const char *what, const char *from, const char *to);
void step_add_sets(json_t *steps, const char *scope, const char *what, const struct cpu_set *from,
                   const struct cpu_set *to);

/* change.c: one domain, to one placement. */
struct change {
        struct guests *guests;
        const char *guest; /* the object's name */
        const struct guest_interface *interfaces;
        size_t interface_count;
        const struct topology *topology;
        const struct plan *plan;
        enum guest_mode mode;
        virConnectPtr connection;
        virDomainPtr handle;
        struct domain *live, *config; /* NULL: it does not run; it is not persistent */
        struct guest_placement *placement;
        json_t *steps, *restart_reasons;
        json_t *drift; /* steps; NULL: not looked for */
        bool memory_moved;
        bool marked;    /* the running domain, anew */
        char *mark_was; /* its mark before that; NULL: none */
};
int change_domain(struct change *change, struct errors *errors);
/* apply.c: a domain of the Guest; `change` says how and by whom, and is cleared. Its status, or why not, goes to
 * `list`. */
int apply_domain(struct change *change, const char *uuid, const struct guest_wish *wish, struct placement_state *state,
                 json_t *list, struct errors *errors);
/* diff.c: what the persistent XML says otherwise, into `steps`. */
void change_diff(const struct change *change, const struct domain *config, json_t *steps);
/* MAC addresses of interfaces that we set once and that are wanted no more; a new list. */
json_t *change_stale_interfaces(const struct change *change);
int define_tree(virConnectPtr connection, xmlDocPtr tree, const char *name, struct errors *errors);

/* drift.c: does the running domain have other pins than the journal's? Of vCPUs only. */
bool drift_has_moved(const json_t *entry, virDomainPtr handle, const struct domain *domain, int cpu_limit);
/* Pins that are neither ours (as set, or as they were about to be set) nor those from before us, as steps; nor what the
 * domain has brought along from another host.
 * Pins that are not there at all are nobody's. Nothing of it without `entry`, the domain's in the journal. */
int drift_find(const json_t *entry, const char *here, const struct domain *live, const struct live_pins *pins,
               const struct domain *config, const struct topology *topology, json_t *steps);
/* CPUs that the domain has for itself though no pin tells of it (idle siblings), if its vCPUs are where we put them. */
void drift_add_taken(const struct guests *guests, const struct domain *domain, const struct topology *topology,
                     struct guest_placement *placement);

/* journal.c. What was there before a domain was first changed, and what was set, {domains: {UUID: {name, id, config,
 * live, interfaces, ours, next}}}: XML as libvirt gave it, MAC addresses of interfaces that were set, the placement as
 * JSON; `next`: the one that was being set when the journal was written. */
int journals_load(struct guests *guests);
/* -EBADMSG and words: that Guest's cannot be read. */
int journal_check(struct guests *guests, const char *guest, struct errors *errors);
json_t *journal_domains(const struct guests *guests, const char *guest); /* borrowed; NULL: none */
json_t *journal_entry(const struct guests *guests, const char *guest, const char *uuid);
/* The Guest that the domain belongs to, NULL: none of ours. */
const char *journal_owner(const struct guests *guests, const char *uuid);
/* On disk when it returns 0. The entry is taken over. */
int journal_put(struct guests *guests, const char *guest, const char *uuid, json_t *entry, struct errors *errors);
int journal_drop(struct guests *guests, const char *guest, const char *uuid, struct errors *errors);

/* restore.c: one domain, to what it was before us. The domain that is gone is as it was. */
int restore_domain(struct guests *guests, virConnectPtr connection, const char *guest, const char *uuid,
                   struct errors *errors);
