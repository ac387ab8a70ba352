/* The kernel modules of drivers. Called by bounded.h: a driver that begins may hang. */
#pragma once

#include "knob/host.h"

/* Loads a module by its name or by a device's alias ("pci:v00008086d…"), as modprobe does, also its list of those that
 * are not wanted. 0: loaded, built in, or there already. -ENOENT: there is none. Of a tree of files: -ENOENT. */
int module_load(const struct host *host, const char *name_or_alias);
