/* What the packet path makes of a conversation, packet by packet, for whoever compares it with another's opinion
 * (tests/functional/test_dp_conntrack.py, with Linux'). Port A is a guest that may begin conversations and whom nobody
 * may address unasked; port B is free. Reads lines, answers each with one:
 *
 *      settings LOOSE LIBERAL MAX_RETRANS           0 or 1, 0 or 1, number
 *      timeout STATE MILLISECONDS                   by its name in session_states.h
 *      clear                                        forgets all sessions
 *      A|B MILLISECONDS HEX                         an IP packet from A or B, at that time
 *
 * A packet's answer: `pass` or the drop reason's name; then the session, if there is one: state, milliseconds left, 1
 * if it was answered, 1 if it is assured. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "harness_policy.h"
#include "rcu.h"
#include "settings.h"
#include "table.h"
#include "worker.h"

#define PACKET_MAX 2048

static struct dp_session_settings settings;

static void set_policy(void)
{
        static const struct harness_rule out[] = {HARNESS_ANY(DP_EGRESS, false), HARNESS_ANY(DP_EGRESS, true)};

        harness_secure(HARNESS_PORT_A, true, out, RTE_DIM(out));
}

static void use_settings(void)
{
        settings.tcp.timeout_ms = settings.timeout_ms;
        dp_session_settings = &settings;
}

static void set_timeout(const char *name, uint32_t timeout_ms)
{
        for (unsigned int state = 0; state < SOCLE_SESSION_STATE_COUNT; state++)
                if (strcmp(socle_session_state_info[state].name, name) == 0)
                        settings.timeout_ms[state] = timeout_ms;
}

static void clear(void)
{
        for (uint32_t i = 0; i < dp_sessions.capacity; i++)
                if (dp_sessions.entries[i].flags & DP_SESSION_LIVE)
                        dp_session_delete(0, &dp_sessions.entries[i]);
        for (unsigned int i = 0; i < 3; i++)
                harness_walk();
}

static size_t read_hex(const char *hex, uint8_t *bytes, size_t max)
{
        unsigned int byte;
        size_t n;

        for (n = 0; n < max && sscanf(hex + 2 * n, "%2x", &byte) == 1; n++)
                bytes[n] = byte;
        return n;
}

/* There is one at a time. */
static void say_session(void)
{
        for (uint32_t i = 0; i < dp_sessions.capacity; i++) {
                const struct dp_session *session = &dp_sessions.entries[i];
                if (!(session->flags & DP_SESSION_LIVE))
                        continue;
                printf(" %s %d %d %d", socle_session_state_info[session->state].name,
                       (int)(session->seen_ms + settings.timeout_ms[session->timeout_state] - dp.workers->now_ms),
                       !!(session->flags & DP_SESSION_REPLIED), !!(session->flags & DP_SESSION_ASSURED));
                return;
        }
}

static const char *drop_name(void)
{
        for (unsigned int p = 0; p < HARNESS_PORTS; p++)
                for (unsigned int d = 0; d < SOCLE_DROP_COUNT; d++)
                        if (harness_drops(p, d))
                                return socle_drop_info[d].name;
        return "vanished";
}

static void take_packet(unsigned int port, uint32_t at_ms, const char *hex)
{
        unsigned int other = port == HARNESS_PORT_A ? HARNESS_PORT_B : HARNESS_PORT_A;
        uint8_t frame[PACKET_MAX] = {0};
        struct rte_ether_hdr *ether = (void *)frame;
        size_t size = read_hex(hex, frame + sizeof(*ether), sizeof(frame) - sizeof(*ether));

        ether->dst_addr = harness_mac(other + 1);
        ether->src_addr = harness_mac(port + 1);
        ether->ether_type =
                frame[sizeof(*ether)] >> 4 == 6 ? RTE_BE16(RTE_ETHER_TYPE_IPV6) : RTE_BE16(RTE_ETHER_TYPE_IPV4);
        dp.workers->now_ms = at_ms;
        harness_receive(port, harness_packet(frame, sizeof(*ether) + size));
        printf("%s", harness_sent_count(other) ? "pass" : drop_name());
        harness_clear();
        say_session();
        printf("\n");
}

int main(void)
{
        char line[2 * PACKET_MAX + 64], word[32], hex[2 * PACKET_MAX + 1];
        unsigned int a, b, c;

        harness_init();
        settings = *dp_session_settings;
        settings.pickup_ms = 0;
        use_settings();
        set_policy();
        setvbuf(stdout, NULL, _IOLBF, 0);
        while (fgets(line, sizeof(line), stdin)) {
                if (sscanf(line, "settings %u %u %u", &a, &b, &c) == 3) {
                        settings.tcp.loose = a;
                        settings.tcp.liberal = b;
                        settings.tcp.max_retrans = c;
                        printf("ok\n");
                } else if (sscanf(line, "timeout %31s %u", word, &a) == 2) {
                        set_timeout(word, a);
                        printf("ok\n");
                } else if (strcmp(line, "clear\n") == 0) {
                        clear();
                        printf("ok\n");
                } else if (sscanf(line, "%31s %u %4096s", word, &a, hex) == 3) {
                        take_packet(word[0] == 'A' ? HARNESS_PORT_A : HARNESS_PORT_B, a, hex);
                } else {
                        fprintf(stderr, "what is '%s'?\n", line);
                        return EXIT_FAILURE;
                }
        }
        return EXIT_SUCCESS;
}
