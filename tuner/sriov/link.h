/* The network interface of a PF, over netlink: what its VFs are like, one value at a time so that a refusal names the
 * value, and whether it is up. The messages are made here and not by libnl-route's rtnl_link_vf_*, which in 3.7 sends
 * the VLAN protocol in the wrong byte order, and reads so much of each VF that a device with 256 of them does not fit
 * into an attribute. Works with state.h, and with bounded.h, by which the others call it: a driver may hang in it. */
#pragma once

#include "knob/host.h"
#include "state.h"

#define LINK_WORDS_SIZE 160 /* the kernel's own words about a refusal (extended acknowledgement); may be empty */

/* Fills in what the device tells of VFs 0 … count - 1: known and value, of VF_NETLINK. */
int link_read_vfs(const struct host *host, const char *interface, struct vf *vfs, unsigned count);
/* One of VF_NETLINK; what goes together in one message (vlan, qos and vlan_protocol; the two rates) is taken from
 * `values` too. */
int link_write_vf(const struct host *host, const char *interface, unsigned number, enum vf_value which,
                  const struct vf_values *values, char words[LINK_WORDS_SIZE]);
int link_set_up(const struct host *host, const char *interface, bool up, char words[LINK_WORDS_SIZE]);
/* Has it an address by which others reach this host? Not a link-local one. 0 or 1; -errno: that cannot be told. */
int link_has_address(const struct host *host, const char *interface);
