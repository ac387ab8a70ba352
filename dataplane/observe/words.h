/* Packets, addresses and rules in words. Each returns its argument `text`, for use in a call of printf's kind. */
#pragma once

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "policy.h"
#include "socle/wire.h"

#define WORDS_MAC  18
#define WORDS_IP   46
#define WORDS_LONG 128

const char *words_mac(const struct rte_ether_addr *mac, char text[WORDS_MAC]);
const char *words_ip(const uint8_t ip[16], char text[WORDS_IP]);
const char *words_protocol(unsigned int protocol, bool v6, char text[16]);

/* "tcp 10.0.0.5:33000 > 10.0.1.7:443 [S]" */
const char *words_packet(const struct rte_mbuf *m, char text[WORDS_LONG]);

/* "egress tcp 443 to 10.0.1.7" */
const char *words_subject(const struct dp_subject *subject, enum dp_direction direction, char text[WORDS_LONG]);

/* "egress tcp 1-1024 to 10.0.1.0/24" */
const char *words_rule(const struct wire_rule *rule, char text[WORDS_LONG]);
