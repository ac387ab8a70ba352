/* Counters of a port, one set a worker: written by that worker alone without atomics, read by control at any time
 * (aligned 64-bit loads do not tear). */
#pragma once

#include <rte_common.h>
#include <stdint.h>

#include "socle/drop.h"

struct dp_port_counters {
        uint64_t rx_packets, rx_bytes;
        uint64_t tx_packets, tx_bytes;
        uint64_t drops[SOCLE_DROP_COUNT];
} __rte_cache_aligned;
