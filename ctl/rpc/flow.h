/* What `sessions`, `trace` and `capture` have in common: the port and the packet in their parameters. Both complain. */
#pragma once

#include <jansson.h>

#include "socle/errors.h"
#include "packet.h"

struct model;
struct object;

/* The Port of that name; if there is none and `underlay_too`, the Underlay ("Underlay/physnet0" means it in any case).
 * NULL: none. */
const struct object *flow_find_port(const struct model *model, const char *text, bool underlay_too,
                                    struct errors *errors);

/* packet_parse(), with its fault as "character N: …" about /packet. */
int flow_parse(const char *text, enum packet_use use, struct packet *ret, struct errors *errors);
