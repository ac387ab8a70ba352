/* The reconciler of BaremetalNode objects: makes Ironic have what they say, and those objects' status say what Ironic
 * has. Observes the model on the event loop; each node's work is done on a thread of its own (node.c). Works with
 * host/tuning.h (the cordon), reconcile/network.h (are the ports released?) and rpc/, which waits. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct baremetal;
struct kind;
struct model;
struct network;
struct tuning;

struct baremetal_options {
        const char *root;        /* of /proc and /sys; NULL: "/" */
        const char *lldp_socket; /* NULL: lldpd's default */
        const char *state;       /* directory of what must be remembered until it is taken back */
        const char *libvirt_uri; /* "": there are no guests */
        struct tuning *tuning;   /* NULL: nobody places guests here */
        struct network *network;
};

struct baremetal_events {
        void (*progress)(void *user); /* a revision is in force, or has failed */
        void (*note)(void *user, int priority, const char *text);
        void *user;
};

/* Texts are copied; the rest stays the caller's. */
int baremetal_new(struct baremetal **ret, sd_event *event, struct model *model,
                  const struct baremetal_options *options);
struct baremetal *baremetal_free(struct baremetal *baremetal);
void baremetal_set_events(struct baremetal *baremetal, const struct baremetal_events *events);

/* Tuner or dataplane have moved on: the host may be free by now. */
void baremetal_host_changed(struct baremetal *baremetal);

bool baremetal_kind(const struct kind *kind);
/* Has the object of that name got where this revision wants it, has failed, or is gone? */
bool baremetal_in_force(const struct baremetal *baremetal, const char *name, uint64_t revision);
/* Why the object is not in force; NULL: it is, or nothing is known. */
const char *baremetal_failure(const struct baremetal *baremetal, uint32_t id);
/* For `info`. */
json_t *baremetal_info(const struct baremetal *baremetal);
