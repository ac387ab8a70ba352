/* DPDK for the generator: its sockets, devices and memory. */
#pragma once

#include "options.h"

/* 0 or -errno, after saying what failed. Returns when the switch has connected to all sockets. */
int eal_start(const struct options *options);
