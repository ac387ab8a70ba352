/* IP protocols by name and number: the names that Neutron's security group rules know (neutron-lib, constants.py).
 * Works with validate.c (FIELD_PROTOCOL) and kind_security_group.c. */
#pragma once

#include <stdbool.h>

#include "values.h"

/* A name, or a number 0 … 255, to IANA's number; "any" and its other name "ip" to WIRE_PROTOCOL_ANY. -EINVAL. */
int protocol_parse(const char *text);
/* The one normal way to write it: its name if it has one, else the number. */
void protocol_format(int protocol, char ret[VALUE_SIZE]);

/* Has source and destination ports. */
bool protocol_has_ports(int protocol);
/* Of either family. */
bool protocol_is_icmp(int protocol);
/* Part of IPv6 itself: never in an IPv4 packet. */
bool protocol_is_ipv6_only(int protocol);
