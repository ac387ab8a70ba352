/* One run of the generator: its phases, one after the other. */
#pragma once

#include <signal.h>

#include "dial.h"
#include "options.h"
#include "relay.h"
#include "report.h"

struct run {
        const struct options *options;
        struct port *ports;  /* two */
        struct relay *relay; /* NULL: no wire */
        struct dialer dialer;
        bool dialing;
        uint64_t last;  /* TSC: when the last turn ended */
        uint64_t moved; /* frames that the dialer sent and received until then */
        struct self self;
        double max_pps; /* what came back at the last load "max" */
        const volatile sig_atomic_t *stop;
};

/* 0; -ETIMEDOUT when nothing came back, -ENOTCONN when the switch has gone, -EINTR when it was stopped, -EIO when
 * nobody reads what it says. All but the last two have been explained on stderr. */
int run_all(struct run *run);
