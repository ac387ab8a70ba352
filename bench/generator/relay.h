/* A wire between two more ports: what comes in at one leaves at the other, untouched. It stands for the underlay
 * between the two sides of an overlay. A frame waits while the far side has no room; the switch sees that as a full
 * queue. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "port.h"

struct relay {
        uint16_t first; /* ethdev; the other one is the next */
        struct {
                struct rte_mbuf *packets[BURST];
                unsigned count;
        } held[2]; /* by the port they came in at */
        uint64_t passed;
};

/* Sets up ethdevs 2 and 3. 0 or -errno, after saying what failed. */
int relay_start(struct relay *relay);
void relay_stop(struct relay *relay);

/* True when frames have passed. */
bool relay_turn(struct relay *relay);
