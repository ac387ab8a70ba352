/* The port whose frames the guard's tests and its fuzzer judge. Its own MAC is fa:16:3e:00:00:01 with 10.0.0.1,
 * 10.0.0.8/30 and fd00::1; an allowed address pair is fa:16:3e:00:00:02 with 10.2.0.0/16 and fd02::/64. */
#pragma once

#include "guard.h"
#include "harness.h"

static inline const struct dp_port_policy *guard_port(void)
{
        static struct rte_ether_addr macs[2];
        static const struct dp_allowed allowed[] = {
                {.ip = {[10] = 0xff, 0xff, 10, 0, 0, 1}, .prefix = 128, .mac = 0},
                {.ip = {[10] = 0xff, 0xff, 10, 0, 0, 8}, .prefix = 126, .mac = 0},
                {.ip = {[10] = 0xff, 0xff, 10, 2, 0, 0}, .prefix = 112, .mac = 1},
                {.ip = {0xfd, [15] = 1}, .prefix = 128, .mac = 0},
                {.ip = {0xfd, 2}, .prefix = 64, .mac = 1},
        };
        static struct dp_port_policy port = {
                .id = 1, .mac_count = 2, .allowed_count = RTE_DIM(allowed), .macs = macs, .allowed = allowed};
        const uint8_t ether[8] = {0xfa, 0x16, 0x3e, 0, 0, 1, 8, 0};
        const uint8_t ips[2][4] = {{10, 0, 0, 1}, {10, 0, 0, 8}},
                      masks[2][4] = {{255, 255, 255, 255}, {255, 255, 255, 252}};

        macs[0] = harness_mac(1);
        macs[1] = harness_mac(2);
        memcpy(&port.quick_ether, ether, 8);
        for (unsigned int i = 0; i < 2; i++) {
                port.quick_ipv4[i] = 0;
                memcpy(&port.quick_ipv4[i], ips[i], 4);
                memcpy(&port.quick_mask[i], masks[i], 4);
        }
        return &port;
}
