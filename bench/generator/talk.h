/* A TCP connection as both of its ends see it: enough that every segment is one that a stateful switch must let pass.
 * Nothing is sent again; a lost segment is acknowledged with the next one. */
#pragma once

#include <stdint.h>

struct talk {
        uint32_t next[2]; /* by port: the number of its next byte */
        uint32_t seen[2]; /* by port: the number behind the last byte that the other port got of it */
};

/* Where the connection's bytes begin, by port. */
static inline uint32_t talk_begin(uint32_t flow, unsigned port)
{
        return (flow + 1) * 0x85ebca6bU ^ (port ? 0x5bd1e995U : 0);
}

static inline void talk_heard(struct talk *talk, unsigned port, uint32_t end)
{
        if ((int32_t)(end - talk->seen[port]) > 0)
                talk->seen[port] = end;
}
