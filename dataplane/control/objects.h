/* What is in force, as control keeps it, and the functions that put a record into force or take it away. They are
 * called in an order in which references resolve (generation.c) and publish to the workers at once; objects_settle()
 * then does what is done once for all of them. Control thread only. */
#pragma once

#include "index.h"
#include "io.h"
#include "socle/record_table.h"

struct control;

/* A tenant's port or an underlay. */
struct port_object {
        uint32_t id;
        uint16_t index;
        bool is_underlay;
        bool open;        /* the device is; else tried again every second */
        bool report;      /* its state goes to socled with the next report */
        uint32_t network; /* id; tenants */
        struct wire_attachment attachment;
        struct dp_port *port;
        struct dp_io *io;
        struct dp_io_error error;
        char name[WIRE_NAME_SIZE];
        struct wire_underlay underlay; /* the record, of an underlay */
};

struct network_object {
        struct wire_network record;
        uint16_t index;
        bool dirty; /* its flood list is to be made anew */
        uint32_t learned;
        uint64_t learn_full;
        uint16_t *ports, port_count, port_room;       /* port indices */
        uint16_t *tunnels, tunnel_count, tunnel_room; /* of its flood list */
};

/* A peer: the tunnel to it and the resolution of its next hop. */
struct tunnel_object {
        struct wire_peer record;
        uint16_t index;
        bool report;
        uint8_t next_hop[16]; /* all zero: none can be told */
        struct rte_ether_addr mac;
        bool resolved;
        uint16_t vtep_underlay; /* the port index under which dp.vteps knows it; DP_INDEX_NONE: it does not */
        uint8_t probes;         /* unanswered since */
        uint64_t next_probe_ms;
};

extern struct indices port_indices, network_indices, tunnel_indices;
extern struct port_object *port_objects[DP_PORT_MAX];
extern struct network_object *network_objects[DP_NETWORK_MAX];
extern struct tunnel_object *tunnel_objects[DP_TUNNEL_MAX];
extern struct record_table *objects_in_force;

/* Ids of ports and underlays share the index space. */
static inline uint64_t port_key(bool is_underlay, uint32_t id)
{
        return (uint64_t)is_underlay << 32 | id;
}

int objects_init(void);

/* 0, or -errno with words. An error to open a device leaves the object in force and closed. */
int port_put(const struct wire_port *record, struct dp_io_error *error);
int underlay_put(const struct wire_underlay *record, struct dp_io_error *error);
int network_put(const struct wire_network *record, struct dp_io_error *error);
int peer_put(const struct wire_peer *record, struct dp_io_error *error);
int fdb_put(const struct wire_fdb *record, struct dp_io_error *error);
int neigh_put(const struct wire_neigh *record, struct dp_io_error *error);
int flood_put(const struct wire_flood *record, struct dp_io_error *error);

/* Closes the device of a port or underlay that is about to be attached elsewhere. */
void port_release(bool is_underlay, uint32_t id, const struct wire_attachment *wanted);

/* Into the log, with the object's name. false: there is none with this id. */
bool port_say_failed(bool is_underlay, uint32_t id, const char *text);

void port_remove(const struct wire_port *record);
void underlay_remove(const struct wire_underlay *record);
void network_remove(const struct wire_network *record);
void peer_remove(const struct wire_peer *record);
void fdb_remove(const struct wire_fdb *record);
void neigh_remove(const struct wire_neigh *record);
void flood_remove(const struct wire_flood *record);

/* Puts a declared MAC into the table, over a learned or a remote one. 0 or -ENOMEM. */
int fdb_declare(uint16_t network, const struct rte_ether_addr *mac, uint64_t location);

/* Puts what a local port declared over into the table again, or takes the entry away. */
void fdb_restore(uint32_t network_id, uint16_t network, const uint8_t mac[6]);
/* Forgets learned MACs at a place whose index is about to be reused; done by learning_settle(), for many at once. */
void learning_forget(enum dp_place place, uint16_t index);
/* Forgets all that was learned in a network. */
void learning_forget_network(uint16_t network);
/* A learned entry of the network gave way to a declared one. */
void learning_displaced(uint16_t network);
void learning_settle(void);

/* Underlays came or went: networks and tunnels that name them are published anew. */
void networks_refresh(void);
void tunnels_refresh(void);
void tunnel_publish(struct tunnel_object *tunnel);
void network_add_port(uint16_t network, uint16_t port);
void network_drop_port(uint16_t network, uint16_t port);
void network_secure(uint16_t network); /* a port's `secured` or `guarded` is another; DP_INDEX_NONE: no network's */

/* The sessions of a port that is gone are deleted once no worker can make another. */
void sessions_forget_port(uint16_t index);

void networks_settle(void); /* makes dirty flood lists */

/* Makes dirty flood lists, assigns queues to workers, puts the policy into force, waits for a grace period and frees
 * what is unpublished. */
void objects_settle(void);

/* Opens what could not be opened, and looks after devices that changed or broke. */
void ports_look_after(bool retry);
