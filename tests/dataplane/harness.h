/* The packet path without a machine around it: the real graph on one worker, with ports that take their frames from the
 * test and keep what they are told to send. No huge pages, no privileges, no threads. */
#pragma once

#include "state.h"

#define HARNESS_SESSIONS  4096
#define HARNESS_SENT_MAX  256
#define HARNESS_BURST_MAX 64 /* what the graph takes from a queue at a time */

enum { HARNESS_PORT_A, HARNESS_PORT_B, HARNESS_PORT_PLAIN, HARNESS_UNDERLAY, HARNESS_PORTS };

/* Network 0 (VNI 100, MTU 1450): A, B (all offloads) and PLAIN (none); the peer 192.0.2.2 (tunnel 0) and the peer fd00:2::2
 * (tunnel 1) flood. Network 1 (VLAN 7, floods and learns): nobody. Addresses 10.0.0.1 … 3 and fd00::1 … 3 are
 * declared; 10.0.0.9 is behind tunnel 0, 10.0.0.10 behind tunnel 1. */
void harness_init(void);

/* fa:16:3e:00:00:n: 1 A, 2 B, 3 PLAIN, 9 and 10 the remote ones. */
struct rte_ether_addr harness_mac(uint8_t n);

/* A packet whose bytes are a malloc'ed block with not one byte to spare behind the frame, so that the address sanitizer
 * sees a read beyond its end. */
struct rte_mbuf *harness_packet(const void *frame, size_t size);

/* Lets the port receive the packet, walks the graph until nothing moves. */
void harness_receive(unsigned int port, struct rte_mbuf *packet);
void harness_receive_burst(unsigned int port, struct rte_mbuf **packets, unsigned int n);

/* What the port receives in the next round. */
void harness_offer(unsigned int port, struct rte_mbuf **packets, unsigned int n);

/* One round of the worker. Time stands still: dp.workers->now_ms is the test's. */
void harness_walk(void);

/* What a port was told to send since the last harness_clear(), in order. */
unsigned int harness_sent_count(unsigned int port);
struct rte_mbuf *harness_sent(unsigned int port, unsigned int i);
void harness_clear(void);

uint64_t harness_drops(unsigned int port, enum socle_drop reason);
uint64_t harness_all_drops(void);
uint64_t harness_punted(void);

struct rte_mempool *harness_pool(void);

/* Buffers that are neither in the pool nor in the test's hands: 0 unless something leaks. */
unsigned int harness_leaked(void);
