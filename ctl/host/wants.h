/* What is wanted of the host, taken out of the model for the thread: specs are copies, nothing is shared. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kind;
struct model;
struct object;
struct transaction;

/* How far an object is, from pass to pass; the thread's alone. */
struct standing {
        bool tried;   /* this revision, with this plan */
        bool applied; /* it is in force: what differs now has drifted */
        bool drifted;
        char *error;          /* of the last attempt to apply it, or to put drift back; NULL: it went well */
        int64_t next_try_ms;  /* not before; 0: whenever */
        int64_t patience_ms;  /* that the last failure to put drift back was worth */
        uint64_t plan_serial; /* of a Guest: the plan by which it was placed */
        json_t *status;       /* as last told */
};

struct want {
        uint32_t id;
        uint64_t revision; /* of the object */
        char *name;
        json_t *spec;
        /* of a Guest: its Ports as [{mac_address, socket, queues, mtu, server}] */
        json_t *interfaces;
        struct standing standing;
};

struct want_list {
        struct want *list;
        size_t count;
};

struct wants {
        uint64_t revision;         /* of the model */
        struct want_list profiles; /* one at most, as the kind has it */
        struct want_list devices, guests;
        char *cordon; /* the BaremetalNode that gives this host away: no new guests; NULL: none */
};

/* The model as it is; with `transaction`, as it will be after it. NULL: no memory. */
struct wants *wants_new(const struct model *model, const struct transaction *transaction);
struct wants *wants_free(struct wants *wants);
/* What is wanted as it was before stands as it stood. */
void wants_take_standings(struct wants *wants, struct wants *before);
const struct want *want_find(const struct want_list *list, const char *name);

/* Is it the host that has to do as objects of this kind say? */
bool wants_kind(const struct kind *kind);
/* Does a change of this object concern the host? */
bool wants_concern(const struct object *object);
