/* Types of LLDP TLVs (IEEE 802.1AB 8.4), for lldp_tlvs.c and lldp_link.c. */
#pragma once

enum tlv {
        TLV_CHASSIS = 1,
        TLV_PORT,
        TLV_TTL,
        TLV_PORT_DESCRIPTION,
        TLV_SYSTEM_NAME,
        TLV_SYSTEM_DESCRIPTION,
        TLV_CAPABILITIES,
        TLV_MANAGEMENT_ADDRESS,
        TLV_ORGANISATION = 127,
};
