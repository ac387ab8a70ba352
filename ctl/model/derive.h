/* Values that one kind derives from another: shared by the kinds that check and compile with them. */
#pragma once

#include "model.h"

#define NETWORK_MTU_MAX 9216

/* Largest MTU that fits a network's encapsulation over its underlay; NETWORK_MTU_MAX if smaller. */
uint32_t network_mtu_bound(const struct model *model, const struct object *network);
/* What is set, else the bound. */
uint32_t network_mtu(const struct model *model, const struct object *network);
/* An underlay's VTEP address of a family, with its prefix length. False: it has none. */
bool underlay_vtep(const struct object *underlay, bool v4, uint8_t ret_ip[16], uint8_t *ret_prefix);
