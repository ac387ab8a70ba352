/* Network: one tenant's layer 2, isolated from every other; VXLAN or a VLAN on an underlay. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "derive.h"
#include "socle/errors.h"
#include "values.h"

static const struct field fields[] = {
        {"underlay", FIELD_REF, "What it rides on.", .required = true, .ref_kind = "Underlay"},
        {"vni", FIELD_INT, "VXLAN network identifier; this or vlan.", .min = 1, .max = 16777215},
        {"vlan", FIELD_INT, "VLAN on the underlay, 0 for untagged frames; this or vni.", .min = 0, .max = 4094},
        {"mtu", FIELD_INT, "Largest IP packet of the tenant; by default as large as the underlay allows.",
         .unit = "bytes", .min = 68, .max = NETWORK_MTU_MAX},
        {"flood", FIELD_BOOL,
         "Learn addresses from traffic and flood frames to unknown ones. Not needed where all ports "
         "and peers are declared.",
         .fallback = "false"},
        {"learn_max", FIELD_INT, "Learned addresses at most; used with flood.", .fallback = "4096", .min = 0,
         .max = 1048576},
        {"learn_age", FIELD_INT, "Until an idle learned address is forgotten; used with flood.", .unit = "s",
         .fallback = "300", .min = 1, .max = 1000000},
        {},
};

static bool is_vxlan(const struct object *network)
{
        return json_object_get(network->spec, "vni") != NULL;
}

uint32_t network_mtu_bound(const struct model *model, const struct object *network)
{
        const struct object *underlay = model_find(model, "Underlay", spec_string(network->spec, "underlay"));
        uint32_t bound = spec_int(underlay->spec, "mtu", 1500);

        /* Inner Ethernet 14, VXLAN 8 and UDP 8, and the larger of the outer IP headers that may be needed. */
        if (is_vxlan(network))
                bound -= 14 + 8 + 8 + (spec_string(underlay->spec, "vtep_ipv6") ? 40 : 20);
        return bound < NETWORK_MTU_MAX ? bound : NETWORK_MTU_MAX;
}

uint32_t network_mtu(const struct model *model, const struct object *network)
{
        int64_t set = spec_int(network->spec, "mtu", 0);

        return set ? set : network_mtu_bound(model, network);
}

static void check(const struct model *model, const struct object *object, struct errors *errors)
{
        bool vlan = json_object_get(object->spec, "vlan") != NULL;
        char expected[160];

        if (is_vxlan(object) == vlan) {
                errors_add(errors, -EINVAL, vlan ? "/spec/vlan" : "/spec/vni", "exactly one of vni and vlan",
                           vlan ? "there are both a vni and a vlan" : "there is neither a vni nor a vlan");
                return;
        }
        uint32_t bound = network_mtu_bound(model, object);
        if (spec_int(object->spec, "mtu", 0) > bound) {
                snprintf(expected, sizeof(expected), "at most %" PRIu32 " bytes, or a larger mtu of Underlay %s", bound,
                         spec_string(object->spec, "underlay"));
                errors_add(errors, -EINVAL, "/spec/mtu", expected,
                           "mtu is %" PRId64 ", and does not fit into the underlay's",
                           spec_int(object->spec, "mtu", 0));
        }
}

static void keys(const struct model *model, const struct object *object, struct claims *claims)
{
        const char *underlay = spec_string(object->spec, "underlay");

        if (json_object_get(object->spec, "vni"))
                claims->claim(claims, "/spec/vni", "VNI %" PRId64 " on underlay %s", spec_int(object->spec, "vni", 0),
                              underlay);
        if (json_object_get(object->spec, "vlan"))
                claims->claim(claims, "/spec/vlan", "VLAN %" PRId64 " on underlay %s",
                              spec_int(object->spec, "vlan", 0), underlay);
}

static void compile(const struct model *model, const struct object *object, struct emit *emit)
{
        const struct object *underlay = model_find(model, "Underlay", spec_string(object->spec, "underlay"));
        struct wire_network record;

        wire_init(&record, WIRE_NETWORK);
        record.id = object->id;
        record.underlay = underlay->id;
        record.encapsulation = is_vxlan(object) ? WIRE_ENCAP_VXLAN : WIRE_ENCAP_VLAN;
        record.tag = spec_int(object->spec, is_vxlan(object) ? "vni" : "vlan", 0);
        record.mtu = network_mtu(model, object);
        if (spec_bool(object->spec, "flood")) {
                record.flood = 1;
                record.learn_max = spec_int(object->spec, "learn_max", 0);
                record.learn_age_s = spec_int(object->spec, "learn_age", 0);
        }
        snprintf(record.name, sizeof(record.name), "%s", object->name);
        emit->record(emit, &record);
}

static struct kind network = {
        .name = "Network",
        .area = "network",
        .help = "One tenant's layer 2, isolated from every other: addresses may overlap between networks. VXLAN or a "
                "VLAN "
                "on an underlay.",
        .write_role = ROLE_OPERATE,
        .fields = fields,
        .check = check,
        .keys = keys,
        .compile = compile,
};
REGISTER_KIND(network)
