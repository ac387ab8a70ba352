/* SecurityGroup: what the ports in it may send and get. Neutron's words and rules; each rule allows, nothing forbids.
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "socle/errors.h"
#include "model.h"
#include "protocol.h"
#include "values.h"

#define RULES_MAX 4096

static const char *const directions[] = {"ingress", "egress", NULL};
static const char *const ethertypes[] = {"IPv4", "IPv6", NULL};

static const struct field rule_fields[] = {
        {"direction", FIELD_STRING, "As the guest sees it: ingress is to it, egress from it.", .required = true,
         .choices = directions},
        {"ethertype", FIELD_STRING, "The IP version it speaks of.", .fallback = "\"IPv4\"", .choices = ethertypes},
        {"protocol", FIELD_PROTOCOL, "The IP protocol; icmp in an IPv6 rule means ipv6-icmp.", .fallback = "\"any\""},
        {"port_range_min", FIELD_INT,
         "First destination port, 1 to 65535, of tcp, udp, udplite, sctp and dccp; of ICMP the type, 0 to 255. All of "
         "them if absent.",
         .min = 0, .max = 65535},
        {"port_range_max", FIELD_INT,
         "Last destination port; of ICMP the code, 0 to 255, and all codes of the type if absent.", .min = 0,
         .max = 65535},
        {"remote_ip_prefix", FIELD_PREFIX,
         "The other end is within this prefix. At most one of the three remotes; none: anyone."},
        {"remote_group", FIELD_REF,
         "The other end is one of the addresses of the ports in this group, here and behind the peers; it may be this "
         "very group.",
         .ref_kind = "SecurityGroup"},
        {"remote_address_group", FIELD_REF, "The other end is in this address group.", .ref_kind = "AddressGroup"},
        {},
};

static const struct field rule = {
        .name = "rule", .type = FIELD_OBJECT, .help = "What is allowed.", .fields = rule_fields};

static const struct field fields[] = {
        {"description", FIELD_STRING, "A note for people.", .max = 255},
        {"stateful", FIELD_BOOL,
         "Answers to what is allowed, and ICMP errors about it, are allowed too. False: every packet is looked at by "
         "itself, and answers need rules of their own.",
         .fallback = "true"},
        {"rules", FIELD_LIST, "What is allowed; all else is not, in either direction.", .fallback = "[]",
         .max = RULES_MAX, .item = &rule},
        {},
};

static bool is_v6(const json_t *entry)
{
        return strcmp(spec_string(entry, "ethertype"), "IPv6") == 0;
}

/* IANA's number. Neutron takes icmp in an IPv6 rule for ipv6-icmp. */
static int protocol_of(const json_t *entry)
{
        int protocol = protocol_parse(spec_string(entry, "protocol"));

        return protocol == IPPROTO_ICMP && is_v6(entry) ? IPPROTO_ICMPV6 : protocol;
}

struct checking {
        struct errors *errors;
        size_t index; /* of the rule */
        const json_t *entry;
};

static void complain(const struct checking *checking, const char *member, const char *expected, const char *message)
{
        char pointer[64];

        snprintf(pointer, sizeof(pointer), "/spec/rules/%zu/%s", checking->index, member);
        errors_add(checking->errors, -EINVAL, pointer, expected, "%s", message);
}

static void check_ports(const struct checking *checking, int64_t min, int64_t max)
{
        char message[96];

        if (min < 0 || max < 0)
                complain(checking, min < 0 ? "port_range_min" : "port_range_max",
                         "both ends of the range, equal for a single port, or neither",
                         min < 0 ? "port_range_max comes without port_range_min"
                                 : "port_range_min comes without port_range_max");
        else if (min == 0)
                complain(checking, "port_range_min", "a port from 1 to 65535", "port_range_min is the port 0");
        else if (min > max) {
                snprintf(message, sizeof(message), "port_range_min is %" PRId64 ", above port_range_max %" PRId64, min,
                         max);
                complain(checking, "port_range_min", "a port not above port_range_max", message);
        }
}

static void check_icmp(const struct checking *checking, int64_t type, int64_t code)
{
        if (type > 255)
                complain(checking, "port_range_min", "an ICMP type from 0 to 255", "port_range_min is no ICMP type");
        if (code > 255)
                complain(checking, "port_range_max", "an ICMP code from 0 to 255", "port_range_max is no ICMP code");
        if (type < 0 && code >= 0)
                complain(checking, "port_range_min", "the ICMP type, of which port_range_max is the code",
                         "port_range_max comes without port_range_min");
}

static void check_range(const struct checking *checking, int protocol)
{
        int64_t min = spec_int(checking->entry, "port_range_min", -1);
        int64_t max = spec_int(checking->entry, "port_range_max", -1);
        char message[96];

        if (min < 0 && max < 0)
                return;
        if (protocol_has_ports(protocol)) {
                check_ports(checking, min, max);
        } else if (protocol_is_icmp(protocol)) {
                check_icmp(checking, min, max);
        } else {
                snprintf(message, sizeof(message), "the protocol is %s, which has no ports",
                         spec_string(checking->entry, "protocol"));
                complain(checking, min < 0 ? "port_range_max" : "port_range_min",
                         "no port range, or one of the protocols tcp, udp, udplite, sctp, dccp, icmp, ipv6-icmp",
                         message);
        }
}

static void check_family(const struct checking *checking, int protocol)
{
        const char *text = spec_string(checking->entry, "remote_ip_prefix");
        char message[96];
        uint8_t ip[16];
        uint16_t bits;

        if (!is_v6(checking->entry) && protocol_is_ipv6_only(protocol)) {
                snprintf(message, sizeof(message), "the protocol is %s, but the ethertype is IPv4",
                         spec_string(checking->entry, "protocol"));
                complain(checking, "protocol",
                         protocol == IPPROTO_ICMPV6 ? "icmp, or ethertype IPv6" : "ethertype IPv6", message);
        }
        if (!text)
                return;
        spec_prefix(text, ip, &bits);
        if (wire_ip_is_v4(ip) != is_v6(checking->entry))
                return;
        snprintf(message, sizeof(message), "%s is of the other family than ethertype %s", text,
                 spec_string(checking->entry, "ethertype"));
        complain(checking, "remote_ip_prefix",
                 is_v6(checking->entry) ? "an IPv6 prefix, or ethertype IPv4" : "an IPv4 prefix, or ethertype IPv6",
                 message);
}

static void check_remotes(const struct checking *checking)
{
        static const char *const remotes[] = {"remote_ip_prefix", "remote_group", "remote_address_group"};
        const char *first = NULL;
        char message[96];

        for (size_t i = 0; i < 3; i++) {
                if (!json_object_get(checking->entry, remotes[i]))
                        continue;
                if (first) {
                        snprintf(message, sizeof(message), "there is a %s already", first);
                        complain(checking, remotes[i],
                                 "one of remote_ip_prefix, remote_group and remote_address_group, or none", message);
                }
                first = first ? first : remotes[i];
        }
}

static void check(const struct model *model, const struct object *object, struct errors *errors)
{
        struct checking checking = {.errors = errors};
        json_t *entry;

        json_array_foreach (json_object_get(object->spec, "rules"), checking.index, entry) {
                int protocol = protocol_of(entry);

                checking.entry = entry;
                check_range(&checking, protocol);
                check_family(&checking, protocol);
                check_remotes(&checking);
        }
}

static void compile_range(const json_t *entry, struct wire_rule *ret)
{
        int64_t min = spec_int(entry, "port_range_min", -1), max = spec_int(entry, "port_range_max", -1);

        ret->first = 0;
        ret->last = UINT16_MAX;
        if (min < 0)
                return;
        if (protocol_is_icmp(ret->protocol)) {
                ret->first = min << 8 | (max < 0 ? 0 : max);
                ret->last = min << 8 | (max < 0 ? 255 : max);
        } else {
                ret->first = min;
                ret->last = max;
        }
}

static void compile_remote(const struct model *model, const json_t *entry, struct wire_rule *ret)
{
        const char *prefix = spec_string(entry, "remote_ip_prefix"), *group = spec_string(entry, "remote_group");
        const char *addresses = spec_string(entry, "remote_address_group");
        uint16_t bits;

        ret->remote = WIRE_REMOTE_ANY;
        if (prefix) {
                spec_prefix(prefix, ret->ip, &bits);
                ret->prefix = bits;
                ret->remote = WIRE_REMOTE_CIDR;
                if (bits == (is_v6(entry) ? 0 : 96)) { /* everyone of the family */
                        ret->remote = WIRE_REMOTE_ANY;
                        ret->prefix = 0;
                        memset(ret->ip, 0, sizeof(ret->ip));
                }
        } else if (group || addresses) {
                ret->remote = WIRE_REMOTE_SET;
                ret->remote_set = model_find(model, group ? "SecurityGroup" : "AddressGroup", group ?: addresses)->id;
        }
}

static void compile(const struct model *model, const struct object *object, struct emit *emit)
{
        struct wire_security_group record;
        struct wire_rule wire;
        json_t *entry;
        size_t i;

        wire_init(&record, WIRE_SECURITY_GROUP);
        record.id = object->id;
        record.stateful = spec_bool(object->spec, "stateful");
        snprintf(record.name, sizeof(record.name), "%s", object->name);
        emit->record(emit, &record);

        json_array_foreach (json_object_get(object->spec, "rules"), i, entry) {
                wire_init(&wire, WIRE_RULE);
                wire.group = object->id;
                wire.number = i;
                wire.direction = strcmp(spec_string(entry, "direction"), "ingress") == 0 ? WIRE_INGRESS : WIRE_EGRESS;
                wire.family = is_v6(entry) ? 6 : 4;
                wire.protocol = protocol_of(entry);
                compile_range(entry, &wire);
                compile_remote(model, entry, &wire);
                emit->record(emit, &wire);
        }
}

static struct kind security_group = {
        .name = "SecurityGroup",
        .area = "network",
        .help = "What the ports in it may send and get. What is declared is the whole truth: a group without rules "
                "allows nothing in either direction, and there is no default group. A port may be in several; what "
                "one of them allows is allowed.",
        .write_role = ROLE_OPERATE,
        .fields = fields,
        .opaque = true,
        .check = check,
        .compile = compile,
};
REGISTER_KIND(security_group)
