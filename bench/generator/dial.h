/* Opens conversations, one after the other, with a bounded number of them under way: the first port is the client. UDP:
 * a question and its answer. TCP: the handshake, and a close if that is wanted. For `cps`, and before conversations
 * are loaded. */
#pragma once

#include "port.h"

enum dial_close { DIAL_OPEN, DIAL_RST, DIAL_FIN };

struct dial_options {
        uint32_t first, conversations; /* the first flow, and how many */
        uint32_t window;               /* under way at once, at most DIAL_WINDOW */
        enum dial_close close;
        bool insist; /* what fails is tried again, and counted as failed each time */
};

#define DIAL_WINDOW  1024U
#define DIAL_TIMEOUT 0.1 /* s; far beyond any delay of a switch that has not lost the packet */
#define DIAL_OUT     256U

struct dialer {
        struct port *ports;
        struct dial_options options;
        uint32_t opened, done; /* conversations begun; complete */
        uint64_t failed;
        uint64_t foreign; /* frames that belong to no conversation under way */
        uint8_t *stage;   /* by flow, from the first on */
        struct {
                uint32_t flow;
                uint64_t since;   /* TSC */
        } under_way[DIAL_WINDOW]; /* a ring, from `head` on, `count` of them */
        uint32_t head, count;
        struct {
                struct rte_mbuf *packets[DIAL_OUT];
                unsigned count;
        } out[2];
};

/* 0 or -ENOMEM. `ports` stay the caller's. */
int dial_start(struct dialer *ret, struct port ports[2], const struct dial_options *options);
void dial_stop(struct dialer *dialer);

/* Some steps. True until all conversations are complete, or given up. */
bool dial_turn(struct dialer *dialer, uint64_t now);
