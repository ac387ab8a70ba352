/* The command line of socle-generator. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

struct options {
        const char *socket[2];        /* vhost-user; the generator listens, as QEMU does */
        struct rte_ether_addr mac[2]; /* of the generator's ports */
        uint32_t flows;               /* each way */
        uint16_t length;              /* of a frame, bytes without FCS */
        bool conversation;
        double seconds, warm_up_seconds, wait_seconds;
        unsigned cpu;
};

/* 0, 1 when help was asked for and given, or -EINVAL after saying what is wrong. Strings point into argv. */
int options_parse(int argc, char **argv, struct options *ret);
