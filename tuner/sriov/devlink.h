/* The switch inside a device, over devlink (generic netlink): legacy, or switchdev with a representor a VF. Called by
 * bounded.h: a driver may hang in it. */
#pragma once

#include "knob/host.h"
#include "link.h"
#include "state.h"

/* -EOPNOTSUPP: the device has none, -ENODEV: its driver knows no devlink; whatever the kernel says else. */
int devlink_read_eswitch(const struct host *host, const char *address, enum eswitch_mode *ret);
int devlink_write_eswitch(const struct host *host, const char *address, enum eswitch_mode mode,
                          char words[LINK_WORDS_SIZE]);
