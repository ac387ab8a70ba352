/* Writes pcapng (draft-ietf-opsawg-pcapng): one section, an interface for each of our ports, nanoseconds, comments on
 * packets. DPDK's rte_pcapng knows neither comments nor interfaces that are no ethdevs. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "socle/cleanup.h"

struct pcapng;

enum pcapng_direction { PCAPNG_UNKNOWN, PCAPNG_IN, PCAPNG_OUT }; /* to the switch; from it */

struct pcapng_packet {
        uint64_t time_ns; /* since 1970 */
        const uint8_t *frame;
        size_t captured, length; /* bytes: of the frame here, of the frame as it was */
        enum pcapng_direction direction;
        const char *comment; /* NULL: none */
};

/* Begins a section; `out` stays the caller's. All answer 0 or -errno. */
int pcapng_new(struct pcapng **ret, FILE *out, uint32_t snap_length);
struct pcapng *pcapng_free(struct pcapng *pcapng);
DEFINE_CLEANUP(struct pcapng *, pcapng_free)

/* The interface of that name, which is begun when it is new: its number, or -errno. */
int pcapng_interface(struct pcapng *pcapng, const char *name, const char *description);
int pcapng_add(struct pcapng *pcapng, int interface, const struct pcapng_packet *packet);
/* At the end: how many packets an interface had, and how many of them are not here. */
int pcapng_statistics(struct pcapng *pcapng, int interface, uint64_t time_ns, uint64_t received, uint64_t missed);
