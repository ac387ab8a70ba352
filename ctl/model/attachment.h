/* What underlays and ports are attached to: devices of the host, taps, vhost-user sockets. The field tables, the claims
 * and the wire form, shared by kind_underlay.c and kind_port.c, since both compete for the same devices. */
#pragma once

#include <jansson.h>

#include "kind.h"

#define QUEUES_MAX  16
#define WORKERS_MAX 64

/* Tables for FIELD_OBJECT members of a FIELD_ONEOF. */
extern const struct field attachment_pci[];             /* address */
extern const struct field attachment_interface[];       /* interface: of af_packet and af_xdp */
extern const struct field attachment_tap[];             /* name, netns */
extern const struct field attachment_port_tap[];        /* name, netns, queues */
extern const struct field attachment_vhost_user[];      /* socket, queues: of an underlay */
extern const struct field attachment_port_vhost_user[]; /* socket, queues, guest */
/* FIELD_ONEOF of what every host has: pci, af_packet, af_xdp. */
extern const struct field attachment_devices[];
/* An entry of a list of workers. */
extern const struct field attachment_worker;

/* `attachment` is {"tap": {…}} and so on, at `pointer`. */
void attachment_check(const json_t *attachment, const char *pointer, struct errors *errors);
void attachment_claim(const json_t *attachment, const char *pointer, struct claims *claims);
/* `queues` where the attachment does not say itself. */
void attachment_compile(const json_t *attachment, uint32_t queues, const json_t *workers, struct wire_attachment *ret);
/* No worker twice. */
void attachment_check_workers(const json_t *workers, const char *pointer, struct errors *errors);
