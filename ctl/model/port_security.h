/* Port security and security groups of a Port: what of them a table cannot say, and their records. Works with
 * kind_port.c; Peer's hosts are in groups too. */
#pragma once

#include "kind.h"

#define FIXED_IPS_MAX       256
#define SECURITY_GROUPS_MAX 32
#define ADDRESS_PAIRS_MAX   256

/* Entries of the lists security_groups and allowed_address_pairs. */
extern const struct field port_security_group, port_security_pair;

void port_security_check(const struct object *port, struct errors *errors);
/* What it may send from, the groups it is in, and its addresses as their members. */
void port_security_compile(const struct model *model, const struct object *port, const struct wire_port *record,
                           struct emit *emit);
