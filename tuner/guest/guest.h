/* Guests of libvirt: found, read, placed, followed. Blocks on libvirtd, so it is called from the tuner's thread; events
 * come on a descriptor. libvirtd may be absent, go and come back at any time: every call then is -ENOTCONN with words,
 * and guests_event_fd tells when it is back. */
#pragma once

#include <jansson.h>

#include "knob/host.h"
#include "placement.h"
#include "wish.h"

/* A vhost-user port that a guest is to have (a Port whose attachment names the guest's interface). */
struct guest_interface {
        const char *mac_address, *socket;
        unsigned queues, mtu;
        bool server; /* QEMU listens */
};

struct guests;
/* uri: "qemu:///system". Never fails because libvirtd is not there. One in a process (-EBUSY). `host` must outlive it.
 */
int guests_new(struct guests **ret, const struct host *host, const char *uri);
struct guests *guests_free(struct guests *guests);
/* Readable: a domain started, stopped, migrated, was defined or undefined, or the connection came or went. */
int guests_event_fd(const struct guests *guests);
int guests_dispatch(struct guests *guests); /* drains; 1: something changed */

/* What libvirt has told of is read again, and what is older than half a minute. -ENOTCONN. */
int guests_read(struct guests *guests, struct errors *errors);
/* Has libvirt told of a domain that the Guest means, or meant, since guests_seen()? */
bool guests_concerned(const struct guests *guests, const char *name, const struct guest_wish *wish);
void guests_seen(struct guests *guests);
/* Cheap, for every few seconds: what libvirt does not tell of. 1: a running domain of ours has other pins than those
 * that were set, which the kernel is asked for, by libvirt; or any domain, running or not, another definition than at
 * the last look. That is news then. -ENOTCONN. */
int guests_look(struct guests *guests, int cpu_limit);

/* Who is pinned where: every domain's placement, ours or not, goes into `state`. What libvirt tells of is read again at
 * once, the rest (persistent pins that someone changes) when it is older than half a minute. ret_list: [{name, uuid,
 * active, foreign, guest, vcpus, cpus, memory_bytes, nodes, pci, manager, placement, findings}], as topology_render_…()
 * takes them. */
int guests_observe(struct guests *guests, struct placement_state *state, json_t **ret_list, struct errors *errors);

enum guest_mode {
        GUEST_DRY_RUN, /* only what differs */
        GUEST_FOLLOW,  /* pins that others have set over ours are told (`drift`) and stay */
        GUEST_SET,     /* those, too, are set anew */
};

/* Places and applies, live and persistent, through libvirt's API, and reads back; on failure what was there is put
 * back. The domain that is not there: -ENOENT (the object waits); libvirt or a migration keeps it: -EBUSY (try again
 * soon); it is another Guest's: -EEXIST; Nova has pinned it, before us or over us: -EPERM, and it is Nova's; its
 * journal is damaged: -EBADMSG. Of several domains the worst counts, one that is to be waited for least. What was there
 * before the first apply is kept in host->state/guest-NAME.json for guests_restore(). A guest that is placed as wished
 * stays where it is; domains that the wish means no more are put back. Killed half-way, it is to be called again, or
 * guests_restore() is. `state`: from guests_observe(); the guest's new place is in it afterwards, also after a dry run.
 * ret_status, also on failure: {domains: [{name, uuid, active, placement, steps: [{scope: "live" | "persistent", what,
 * from, to}], restart_required, restart_reasons, drift}]}; after a dry run, steps are what differs. `drift`, only if
 * there is some: steps from what others have set to what was set. Of a domain that could not be: {name, uuid, error}.
 */
int guests_apply(struct guests *guests, const char *name, const struct guest_wish *wish,
                 const struct guest_interface *interfaces, size_t interface_count, struct placement_state *state,
                 enum guest_mode mode, json_t **ret_status, struct errors *errors);
/* All that was changed for that Guest, as it was; what others changed meanwhile stays. The domain that is gone, or was
 * made anew, is left alone. -ENOTCONN, -EBUSY (a job keeps it): to be tried again. */
int guests_restore(struct guests *guests, const char *name, struct errors *errors);

/* Words, or NULL: the running guest that has this PCI function, by what was read last: before something is taken away,
 * guests_read(). Valid until the next call. */
const char *guests_user_of_pci(struct guests *guests, const char *pci_address);
