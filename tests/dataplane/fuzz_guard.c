/* Fuzzer: any bytes as a frame that a guest with port security sent, and as one that goes to it. Nothing is read
 * outside of it (sanitizer); and what passes is, for an eye that looks at nothing else, the port's own. Input: the
 * frame. */
#include <stdlib.h>
#include <string.h>

#include "guard_port.h"

#define PROPERTY(x)                                                                                                    \
        do {                                                                                                           \
                if (!(x)) {                                                                                            \
                        fprintf(stderr, "does not hold: %s\n", #x);                                                    \
                        abort();                                                                                       \
                }                                                                                                      \
        } while (0)

#define MAC(frame) ((frame)[11]) /* its last byte tells the port's two apart */

static uint16_t read16(const uint8_t *at)
{
        return at[0] << 8 | at[1];
}

static void own_ipv4(const uint8_t *frame, size_t size)
{
        const uint8_t *ip = frame + 14, *source = ip + 12, *udp = ip + (ip[0] & 15) * 4;
        const uint8_t nobody[4] = {0}, own[4] = {10, 0, 0, 1}, own_prefix[3] = {10, 0, 0};
        bool first = !(read16(ip + 6) & 0x1fff), has_ports = first && ip[9] == 17 && udp + 4 <= frame + size;
        bool client = has_ports && read16(udp) == 68 && read16(udp + 2) == 67;

        PROPERTY(!(has_ports && read16(udp) == 67 && read16(udp + 2) == 68));
        if (MAC(frame) == 2)
                PROPERTY(source[0] == 10 && source[1] == 2);
        else
                PROPERTY(memcmp(source, own, 4) == 0 ||
                         (memcmp(source, own_prefix, 3) == 0 && (source[3] & 0xfc) == 8) ||
                         (memcmp(source, nobody, 4) == 0 && client));
}

/* The upper layer's header, wherever the chain leads; NULL: not in this packet. */
static const uint8_t *upper_layer(const uint8_t *frame, size_t size, uint8_t *ret_protocol, bool *ret_fragment)
{
        size_t at = 54;
        uint8_t next = frame[20];

        while (next == 0 || next == 43 || next == 44 || next == 51 || next == 60) {
                if (at + 8 > size || (next == 44 && read16(frame + at + 2) & 0xfff8))
                        return NULL;
                *ret_fragment |= next == 44;
                size_t length = next == 44 ? 8 : next == 51 ? (frame[at + 1] + 2u) * 4 : (frame[at + 1] + 1u) * 8;
                next = frame[at];
                at += length;
        }
        *ret_protocol = next;
        return at + 4 <= size ? frame + at : NULL;
}

static void own_ipv6(const uint8_t *frame, size_t size)
{
        const uint8_t *source = frame + 22, nobody[16] = {0}, own[16] = {0xfd, [15] = 1};
        const uint8_t link_local[16] = {0xfe, 0x80, [8] = 0xf8, 0x16, 0x3e, 0xff, 0xfe, 0, 0, MAC(frame)};
        const uint8_t link_local_other[16] = {0xfe, 0x80, [8] = 0xf8, 0x16, 0x3e, 0xff, 0xfe, 0, 0, 3 - MAC(frame)};
        const uint8_t pair[8] = {0xfd, 2};
        const uint8_t mapped[12] = {[10] = 0xff, 0xff};
        uint8_t protocol = 59;
        bool fragment = false;
        const uint8_t *upper = upper_layer(frame, size, &protocol, &fragment);
        bool discovery = upper && protocol == 58 && upper[0] >= 133 && upper[0] <= 137;

        PROPERTY(memcmp(source, mapped, 12) != 0);
        PROPERTY(!(discovery && (fragment || upper[0] == 134 || upper[0] == 137)));
        PROPERTY(!(upper && protocol == 17 && read16(upper) == 547 && read16(upper + 2) == 546));
        if (memcmp(source, nobody, 16) == 0)
                PROPERTY(upper && protocol == 58 && frame[38] == 0xff);
        else if (discovery) /* may tell of the other MAC's address, by an option */
                PROPERTY(memcmp(source, own, 16) == 0 || memcmp(source, pair, 8) == 0 ||
                         memcmp(source, link_local, 16) == 0 || memcmp(source, link_local_other, 16) == 0);
        else
                PROPERTY(memcmp(source, link_local, 16) == 0 ||
                         (MAC(frame) == 1 ? memcmp(source, own, 16) == 0 : memcmp(source, pair, 8) == 0));
}

static void passes(const uint8_t *frame, size_t size)
{
        const uint8_t mac[5] = {0xfa, 0x16, 0x3e, 0, 0};
        uint16_t type = read16(frame + 12);

        PROPERTY(memcmp(frame + 6, mac, 5) == 0 && (MAC(frame) == 1 || MAC(frame) == 2));
        PROPERTY(type == 0x0800 || type == 0x86dd || type == 0x0806 || type == 0x8035);
        if (type == 0x0800)
                own_ipv4(frame, size);
        else if (type == 0x86dd)
                own_ipv6(frame, size);
        else
                PROPERTY(memcmp(frame + 22, mac, 5) == 0 && (frame[27] == 1 || frame[27] == 2));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static bool ready;
        bool trusted;

        if (!ready)
                harness_init();
        ready = true;
        if (size == 0 || size > 16384)
                return 0;

        struct rte_mbuf *m = harness_packet(data, size);
        enum socle_drop drop = dp_guard_check(guard_port(), m, &trusted);
        PROPERTY(drop == SOCLE_DROP_COUNT || !trusted);
        if (drop == SOCLE_DROP_COUNT)
                passes(data, size);
        if (size >= DP_GUARD_QUICK_MIN && dp_guard_quick(guard_port(), data)) {
                PROPERTY(drop == SOCLE_DROP_COUNT || drop == SOCLE_DROP_MALFORMED || drop == SOCLE_DROP_FRAGMENT_BAD);
                own_ipv4(data, size);
        }
        dp_guard_trusted_in(m);
        rte_pktmbuf_free(m);
        return 0;
}
