/* Control without a socket and without workers: the test's records go through real generations into dp, which the test
 * then looks at as a worker would. A port's device is the test's own and tells what it saw when it was opened. */
#pragma once

#include "policy.h"
#include "socle/wire.h"
#include "state.h"

#define FIXTURE_NETWORK 1 /* declared by fixture_init() */

void fixture_init(void);

/* A generation: fixture_begin(), then put and delete, then fixture_commit(). Put and delete outside of one are a
 * generation of their own. fixture_commit() returns how many records failed; fixture_failure() is the last one's text.
 */
void fixture_begin(bool full);
void fixture_put(const void *record);
void fixture_delete(const void *record); /* by its key */
struct wire_committed fixture_commit(void);
const char *fixture_failure(void);

/* A group teardown of cmocka: sweeps all records, so that the leak sanitizer sees what they left behind. */
int fixture_clear(void **state);

/* ---- records ---- */

struct wire_port fixture_port(uint32_t id, bool port_security);
struct wire_security_group fixture_group(uint32_t id, bool stateful);
struct wire_address_group fixture_address_group(uint32_t id);
struct wire_port_group fixture_port_group(uint32_t port, uint32_t group);
/* Addresses as text: "10.0.0.1", "10.0.0.0/8", "fd00::/64". */
struct wire_member fixture_member(uint32_t set, uint32_t owner, const char *address);
struct wire_allowed fixture_allowed(uint32_t port, uint8_t mac, const char *address);

/* "ingress 4 tcp 80-90 from 10.0.0.0/8", "egress 6 any", "ingress 4 17 53 set 7", "ingress 6 icmp 128.0" (type.code),
 * "ingress 4 icmp 3". */
struct wire_rule fixture_rule(uint32_t group, uint32_t number, const char *text);

struct rte_ether_addr fixture_mac(uint8_t n); /* fa:16:3e:00:00:n; port N's own is N */

/* ---- what is in force ---- */

uint16_t fixture_index(uint32_t port); /* of dp.ports */
const struct dp_port_policy *fixture_policy(uint32_t port);

/* Do the port's groups allow it? "tcp 80", "udp 53", "icmp 8.0", "47"; `far`: the other end. */
struct dp_verdict fixture_check(uint32_t port, enum dp_direction direction, const char *packet, const char *far);

/* Of the port's device: how often it was opened, and whether it was secured at the last time. */
unsigned int fixture_opened(uint32_t port, bool *ret_secured);

/* Reads "ADDRESS[/BITS]" into a mapped address and its bits. */
uint16_t fixture_address(const char *text, uint8_t ip[16]);
