/* Underlay: a NIC towards the other nodes, with this node's tunnel endpoint (VTEP) addresses on it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attachment.h"
#include "derive.h"
#include "socle/errors.h"
#include "values.h"

#define DSCP_10(t) t "0", t "1", t "2", t "3", t "4", t "5", t "6", t "7", t "8", t "9"

static const char *const dscps[] = {
        "inherit",    DSCP_10(""), DSCP_10("1"), DSCP_10("2"), DSCP_10("3"), DSCP_10("4"),
        DSCP_10("5"), "60",        "61",         "62",         "63",         NULL,
};

static const struct field devices[] = {
        {"pci", FIELD_OBJECT, "A PCI function, driven by DPDK.", .fields = attachment_pci},
        {"af_packet", FIELD_OBJECT, "A kernel interface, through AF_PACKET.", .fields = attachment_interface},
        {"af_xdp", FIELD_OBJECT, "A kernel interface, through AF_XDP.", .fields = attachment_interface},
        {"tap", FIELD_OBJECT, "A tap: the underlay is what the kernel makes of it.", .fields = attachment_tap},
        {"vhost_user", FIELD_OBJECT, "A vhost-user socket: the underlay is behind another process, such as a switch.",
         .fields = attachment_vhost_user},
        {},
};

static const struct field fields[] = {
        {"device", FIELD_ONEOF, "The NIC.", .required = true, .fields = devices},
        {"rx_queues", FIELD_INT, "Receive queues, spread over the workers.", .fallback = "1", .min = 1,
         .max = QUEUES_MAX},
        {"workers", FIELD_LIST, "Workers that may serve the receive queues; empty: the dataplane chooses.",
         .fallback = "[]", .max = WORKERS_MAX, .item = &attachment_worker},
        {"vtep_ipv4", FIELD_CIDR, "This node's IPv4 tunnel endpoint, with the prefix length of its subnet.",
         .family = 4},
        {"vtep_ipv6", FIELD_CIDR, "This node's IPv6 tunnel endpoint, with the prefix length of its subnet.",
         .family = 6},
        {"gateway_ipv4", FIELD_IP, "Next hop to IPv4 tunnel endpoints in other subnets.", .family = 4},
        {"gateway_ipv6", FIELD_IP, "Next hop to IPv6 tunnel endpoints in other subnets.", .family = 6},
        {"mtu", FIELD_INT, "Largest IP packet that the underlay carries, tunnel headers included.", .unit = "bytes",
         .fallback = "1500", .min = 576, .max = 9702},
        {"udp_port", FIELD_INT, "UDP port of VXLAN (RFC 7348: 4789).", .fallback = "4789", .min = 1, .max = 65535},
        {"ttl", FIELD_INT, "TTL or hop limit of the outer header.", .fallback = "64", .min = 1, .max = 255},
        {"dscp", FIELD_STRING, "DSCP of the outer header; inherit: that of the inner packet.",
         .fallback = "\"inherit\"", .choices = dscps},
        {},
};

bool underlay_vtep(const struct object *underlay, bool v4, uint8_t ret_ip[16], uint8_t *ret_prefix)
{
        const char *cidr = spec_string(underlay->spec, v4 ? "vtep_ipv4" : "vtep_ipv6");

        return cidr && cidr_parse(cidr, ret_ip, ret_prefix) == 0;
}

/* Is the host part all zeroes, or, in IPv4, all ones? Of a subnet that has such addresses. */
static const char *no_host(const uint8_t ip[16], uint8_t prefix)
{
        bool v4 = wire_ip_is_v4(ip), zeroes = true, ones = true;
        unsigned first = v4 ? 96 + prefix : prefix;

        if (prefix >= (v4 ? 31 : 127))
                return NULL;
        for (unsigned bit = first; bit < 128; bit++) {
                bool set = ip[bit / 8] >> (7 - bit % 8) & 1;
                zeroes &= !set;
                ones &= set;
        }
        return zeroes ? "the address of the subnet itself" : v4 && ones ? "the broadcast address of the subnet" : NULL;
}

static void check_family(const struct object *object, bool v4, struct errors *errors)
{
        const char *gateway = spec_string(object->spec, v4 ? "gateway_ipv4" : "gateway_ipv6");
        const char *vtep_at = v4 ? "/spec/vtep_ipv4" : "/spec/vtep_ipv6";
        const char *gateway_at = v4 ? "/spec/gateway_ipv4" : "/spec/gateway_ipv6";
        uint8_t vtep[16], prefix, hop[16];
        char expected[160];
        bool has_vtep = underlay_vtep(object, v4, vtep, &prefix);

        if (has_vtep && (prefix == 0 || no_host(vtep, prefix)))
                errors_add(errors, -EINVAL, vtep_at, "this node's own address in the subnet", "%s is %s", vtep_at + 6,
                           prefix == 0 ? "in a subnet of everything" : no_host(vtep, prefix));
        if (!gateway)
                return;
        spec_ip(object->spec, gateway_at + 6, hop);
        if (!has_vtep) {
                snprintf(expected, sizeof(expected), "%s beside it", vtep_at + 6);
                errors_add(errors, -EINVAL, gateway_at, expected, "a gateway without a tunnel endpoint of its family");
        } else if (memcmp(hop, vtep, 16) == 0) {
                errors_add(errors, -EINVAL, gateway_at, "the address of a router", "%s is this node's own address",
                           gateway);
        } else if (!ip_within(hop, vtep, prefix) && !(!v4 && hop[0] == 0xfe && (hop[1] & 0xc0) == 0x80)) {
                snprintf(expected, sizeof(expected), "an address in the subnet of %s%s",
                         spec_string(object->spec, vtep_at + 6), v4 ? "" : ", or a link-local one");
                errors_add(errors, -EINVAL, gateway_at, expected, "%s is not on the underlay's link", gateway);
        }
}

static void check(const struct model *model, const struct object *object, struct errors *errors)
{
        attachment_check(json_object_get(object->spec, "device"), "/spec/device", errors);
        attachment_check_workers(json_object_get(object->spec, "workers"), "/spec/workers", errors);
        check_family(object, true, errors);
        check_family(object, false, errors);
        if (spec_string(object->spec, "vtep_ipv6") && spec_int(object->spec, "mtu", 0) < 1280)
                errors_add(errors, -EINVAL, "/spec/mtu", "1280 bytes or more",
                           "IPv6 needs an MTU of at least 1280 bytes");
}

static void keys(const struct model *model, const struct object *object, struct claims *claims)
{
        attachment_claim(json_object_get(object->spec, "device"), "/spec/device", claims);
}

static void compile(const struct model *model, const struct object *object, struct emit *emit)
{
        const char *dscp = spec_string(object->spec, "dscp");
        struct wire_underlay record;

        wire_init(&record, WIRE_UNDERLAY);
        record.id = object->id;
        record.mtu = spec_int(object->spec, "mtu", 1500);
        attachment_compile(json_object_get(object->spec, "device"), spec_int(object->spec, "rx_queues", 1),
                           json_object_get(object->spec, "workers"), &record.attachment);
        underlay_vtep(object, true, record.vtep4, &record.prefix4);
        underlay_vtep(object, false, record.vtep6, &record.prefix6);
        spec_ip(object->spec, "gateway_ipv4", record.gateway4);
        spec_ip(object->spec, "gateway_ipv6", record.gateway6);
        record.ttl = spec_int(object->spec, "ttl", 64);
        record.dscp = strcmp(dscp, "inherit") == 0 ? 255 : strtoul(dscp, NULL, 10);
        record.udp_port = spec_int(object->spec, "udp_port", 4789);
        snprintf(record.name, sizeof(record.name), "%s", object->name);
        emit->record(emit, &record);
}

static struct kind underlay = {
        .name = "Underlay",
        .area = "network",
        .help = "A NIC towards the other nodes, with this node's tunnel endpoint addresses on it. Networks ride on it, "
                "in "
                "VXLAN or as VLANs.",
        .write_role = ROLE_ADMIN,
        .fields = fields,
        .check = check,
        .keys = keys,
        .compile = compile,
};
REGISTER_KIND(underlay)
