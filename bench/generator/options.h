/* The command line of socle-generator. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

#include "dial.h"

#define LOADS_MAX 16

struct load {
        enum { LOAD_MAX, LOAD_PPS, LOAD_SHARE } kind;
        double value;     /* packets a second of both ports together; or the share of what came back at LOAD_MAX */
        const char *text; /* as it was given */
};

struct options {
        const char *socket[2];        /* vhost-user; the generator listens, as QEMU does */
        struct rte_ether_addr mac[2]; /* of the generator's ports */
        const char *wire[2];          /* sockets that a wire joins; NULL: no wire */
        struct load loads[LOADS_MAX];
        unsigned load_count;
        uint32_t flows; /* each way */
        uint32_t window;
        uint16_t length; /* of a frame, bytes without FCS; 0: IMIX */
        uint8_t protocol;
        bool conversation, latency;
        bool dial; /* open conversations and do nothing else */
        enum dial_close close;
        double seconds, warm_up_seconds, wait_seconds, interval_seconds;
        unsigned cpu;
};

/* 0, 1 when help was asked for and given, or -EINVAL after saying what is wrong. Strings point into argv. */
int options_parse(int argc, char **argv, struct options *ret);
