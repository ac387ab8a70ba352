/* The field tables for readers: machines (`schema`) and people (what would be right for a field, in words). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "topology/cpu_set.h"
#include "model.h"
#include "validate.h"

static const char *const type_names[] = {
        [FIELD_BOOL] = "bool",     [FIELD_INT] = "int",       [FIELD_STRING] = "string",     [FIELD_REF] = "ref",
        [FIELD_MAC] = "mac",       [FIELD_IP] = "ip",         [FIELD_CIDR] = "cidr",         [FIELD_PATH] = "path",
        [FIELD_IFNAME] = "ifname", [FIELD_PCI] = "pci",       [FIELD_OBJECT] = "object",     [FIELD_ONEOF] = "oneof",
        [FIELD_LIST] = "list",     [FIELD_PREFIX] = "prefix", [FIELD_PROTOCOL] = "protocol", [FIELD_CPUS] = "cpus",
};

static const char *const role_names[] = {
        [ROLE_NONE] = "none", [ROLE_READ] = "read", [ROLE_OPERATE] = "operate", [ROLE_ADMIN] = "admin"};

const char *field_type_name(enum field_type type)
{
        return type_names[type];
}

/* "a, b, c", or with more than `most` "a, b, c … z". */
static void list_names(char *buffer, size_t size, size_t most, const char *(*name_at)(const void *table, size_t i),
                       const void *table)
{
        size_t count = 0, used = 0;

        while (name_at(table, count))
                count++;
        for (size_t i = 0; i < count && used < size; i++) {
                bool last = i + 1 == count;
                const char *between = i == 0 ? "" : count > most && last ? " … " : ", ";

                if (count > most && i > 2 && !last)
                        continue;
                used += snprintf(buffer + used, size - used, "%s%s", between, name_at(table, i));
        }
}

static const char *choice_at(const void *table, size_t i)
{
        return ((const char *const *)table)[i];
}

static const char *field_at(const void *table, size_t i)
{
        return ((const struct field *)table)[i].name;
}

static void expect_string(const struct field *field, char *buffer)
{
        char names[160];

        if (field->choices) {
                list_names(names, sizeof(names), 8, choice_at, field->choices);
                snprintf(buffer, EXPECTED_SIZE, "one of: %s", names);
        } else {
                snprintf(buffer, EXPECTED_SIZE, "a text of %" PRId64 " to %" PRId64 " characters", field->min,
                         field->max > 0 ? field->max : 255);
        }
}

static void expect_list(const struct field *field, char *buffer)
{
        if (field->max > 0)
                snprintf(buffer, EXPECTED_SIZE, "a list of %" PRId64 " to %" PRId64 " entries", field->min, field->max);
        else if (field->min > 0)
                snprintf(buffer, EXPECTED_SIZE, "a list of at least %" PRId64 " entries", field->min);
        else
                snprintf(buffer, EXPECTED_SIZE, "a list");
}

const char *field_expected(const struct field *field, char buffer[EXPECTED_SIZE])
{
        const char *family = field->family == 4   ? "an IPv4 address"
                             : field->family == 6 ? "an IPv6 address"
                                                  : "an IP address";
        const char *example = field->family == 6 ? "2001:db8::1" : "192.0.2.1";
        char names[220] = "";

        switch (field->type) {
        case FIELD_BOOL:
                snprintf(buffer, EXPECTED_SIZE, "true or false");
                break;
        case FIELD_INT:
                snprintf(buffer, EXPECTED_SIZE, "an integer from %" PRId64 " to %" PRId64 "%s%s", field->min,
                         field->max, field->unit ? " " : "", field->unit ? field->unit : "");
                break;
        case FIELD_STRING:
                expect_string(field, buffer);
                break;
        case FIELD_REF:
                snprintf(buffer, EXPECTED_SIZE, "the name of an object of kind %s", field->ref_kind);
                break;
        case FIELD_MAC:
                snprintf(buffer, EXPECTED_SIZE, "a unicast MAC address such as fa:16:3e:00:00:01");
                break;
        case FIELD_IP:
                snprintf(buffer, EXPECTED_SIZE, "%s such as %s", family, example);
                break;
        case FIELD_CIDR:
                snprintf(buffer, EXPECTED_SIZE, "%s with its prefix length, such as %s/%d", family, example,
                         field->family == 6 ? 64 : 24);
                break;
        case FIELD_PREFIX:
                snprintf(buffer, EXPECTED_SIZE, "an IP prefix such as 192.0.2.0/24 or 2001:db8::/64, or an address");
                break;
        case FIELD_PROTOCOL:
                snprintf(
                        buffer, EXPECTED_SIZE,
                        "any, the name of an IP protocol such as tcp, udp, icmp or ipv6-icmp, or its number, 0 to 255");
                break;
        case FIELD_PATH:
                snprintf(buffer, EXPECTED_SIZE, "an absolute path of at most %" PRId64 " bytes",
                         field->max > 0 ? field->max : 4095);
                break;
        case FIELD_IFNAME:
                snprintf(buffer, EXPECTED_SIZE,
                         "the name of a network interface: 1 to 15 bytes without '/', ':' or blanks");
                break;
        case FIELD_PCI:
                snprintf(buffer, EXPECTED_SIZE, "a PCI address such as 0000:3b:00.0");
                break;
        case FIELD_CPUS:
                snprintf(buffer, EXPECTED_SIZE, "a list of CPUs below %d such as 2-7,34-39", CPU_MAX);
                break;
        case FIELD_OBJECT:
                list_names(names, sizeof(names), 16, field_at, field->fields);
                snprintf(buffer, EXPECTED_SIZE, "an object of: %s", names);
                break;
        case FIELD_ONEOF:
                list_names(names, sizeof(names), 16, field_at, field->fields);
                snprintf(buffer, EXPECTED_SIZE, "an object with exactly one of: %s", names);
                break;
        case FIELD_LIST:
                expect_list(field, buffer);
                break;
        }
        return buffer;
}

static json_t *fields_to_json(const struct field *fields);

static void set_bounds(json_t *json, const struct field *field)
{
        bool counted = field->type == FIELD_INT || field->type == FIELD_STRING || field->type == FIELD_LIST ||
                       field->type == FIELD_PATH;

        if (!counted || field->choices)
                return;
        if (field->type == FIELD_INT || field->min > 0)
                json_object_set_new(json, "min", json_integer(field->min));
        if (field->type == FIELD_INT || field->max > 0)
                json_object_set_new(json, "max", json_integer(field->max));
}

static json_t *field_to_json(const struct field *field)
{
        char expected[EXPECTED_SIZE];
        json_t *json = json_object();

        if (field->name)
                json_object_set_new(json, "name", json_string(field->name));
        json_object_set_new(json, "type", json_string(type_names[field->type]));
        json_object_set_new(json, "help", json_string(field->help ? field->help : ""));
        json_object_set_new(json, "expected", json_string(field_expected(field, expected)));
        json_object_set_new(json, "required", json_boolean(field->required));
        json_object_set_new(json, "immutable", json_boolean(field->immutable));
        if (field->unit)
                json_object_set_new(json, "unit", json_string(field->unit));
        if (field->fallback)
                json_object_set_new(json, "default", json_loads(field->fallback, JSON_DECODE_ANY, NULL));
        set_bounds(json, field);
        if (field->family)
                json_object_set_new(json, "family", json_integer(field->family));
        if (field->ref_kind)
                json_object_set_new(json, "ref", json_string(field->ref_kind));
        if (field->choices) {
                json_t *choices = json_array();
                for (size_t i = 0; field->choices[i]; i++)
                        json_array_append_new(choices, json_string(field->choices[i]));
                json_object_set_new(json, "choices", choices);
        }
        if (field->fields)
                json_object_set_new(json, "fields", fields_to_json(field->fields));
        if (field->item)
                json_object_set_new(json, "item", field_to_json(field->item));
        return json;
}

static json_t *fields_to_json(const struct field *fields)
{
        json_t *list = json_array();

        for (; fields->name; fields++)
                json_array_append_new(list, field_to_json(fields));
        return list;
}

json_t *kind_to_json(const struct kind *kind)
{
        if (kind)
                return json_pack("{s:s, s:s, s:s, s:s, s:o}", "kind", kind->name, "area", kind->area, "help",
                                 kind->help, "write_role", role_names[kind->write_role], "fields",
                                 fields_to_json(kind->fields));

        json_t *list = json_array();
        for (kind = kind_first(); kind; kind = kind->next)
                json_array_append_new(list, kind_to_json(kind));
        return list;
}
