/* The VXLAN header (RFC 7348 5) and the codepoints that cross a tunnel's edge. */
#pragma once

#include <rte_vxlan.h>

#define VXLAN_FLAG_VNI RTE_BE32(0x08000000)

/* RFC 3168 5 */
#define ECN_MASK    0x03
#define ECN_NOT_ECT 0x00
#define ECN_ECT1    0x01
#define ECN_ECT0    0x02
#define ECN_CE      0x03
