/* The underlay's next hops: asks for their MACs by ARP and ND, answers those that ask for ours, and for pings to the
 * VTEP. A peer is resolved as soon as it is declared and kept fresh, so that no tenant's packet has to wait for it. */
#pragma once

#include <stdint.h>

/* Packets that workers punted. */
void resolver_drain(void);

/* Several times a second: asks for what is unresolved or stale. now: CLOCK_MONOTONIC, ms. */
void resolver_tick(uint64_t now_ms);
