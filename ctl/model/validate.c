/* See validate.h. One function a type of field: it returns the value's normal form (a new reference), or complains and
 * returns NULL. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "socle/errors.h"
#include "topology/cpu_set.h"
#include "nearest.h"
#include "protocol.h"
#include "validate.h"
#include "socle/cleanup.h"
#include "values.h"

static json_t *normalise(const struct field *field, const json_t *value, const struct place *place,
                         struct errors *errors);

const char *show_value(const json_t *value, char buffer[SHOW_SIZE])
{
        switch (json_typeof(value)) {
        case JSON_STRING:
                snprintf(buffer, SHOW_SIZE, json_string_length(value) > 60 ? "the text \"%.60s…\"" : "the text \"%s\"",
                         json_string_value(value));
                break;
        case JSON_INTEGER:
                snprintf(buffer, SHOW_SIZE, "%" PRId64, (int64_t)json_integer_value(value));
                break;
        case JSON_REAL:
                snprintf(buffer, SHOW_SIZE, "the real number %g", json_real_value(value));
                break;
        case JSON_OBJECT:
                snprintf(buffer, SHOW_SIZE, "an object");
                break;
        case JSON_ARRAY:
                snprintf(buffer, SHOW_SIZE, "a list");
                break;
        case JSON_NULL:
                snprintf(buffer, SHOW_SIZE, "null");
                break;
        default:
                snprintf(buffer, SHOW_SIZE, "%s", json_is_true(value) ? "true" : "false");
        }
        return buffer;
}

/* The complaint about a value: what it is, why not (may be empty), what would be right. Returns NULL. */
static json_t *refuse(const struct field *field, const json_t *value, const struct place *place, const char *why,
                      struct errors *errors)
{
        char pointer[PLACE_SIZE], expected[EXPECTED_SIZE], shown[SHOW_SIZE];

        if (errors->count < ERRORS_MAX) {
                place_pointer(place, pointer);
                field_expected(field, expected);
                if (field->secret)
                        snprintf(shown, sizeof(shown), "not what it should be");
                else
                        show_value(value, shown);
        }
        errors_add(errors, -EINVAL, pointer, expected, "%s is %s%s%s", place->name ? place->name : "the entry", shown,
                   *why ? ", " : "", why);
        return NULL;
}

/* What was made of a value; NULL becomes a complaint, lest the value be silently absent. */
static json_t *remember(json_t *made, struct errors *errors)
{
        if (!made)
                errors_add(errors, -ENOMEM, "", "", "out of memory");
        return made;
}

/* The text when that is the normal form already, else a new string. */
static json_t *text_value(const json_t *value, const char *normal, struct errors *errors)
{
        bool same = strcmp(json_string_value(value), normal) == 0;

        return same ? json_incref((json_t *)value) : remember(json_string(normal), errors);
}

static json_t *normalise_int(const struct field *field, const json_t *value, const struct place *place,
                             struct errors *errors)
{
        if (!json_is_integer(value) || json_integer_value(value) < field->min || json_integer_value(value) > field->max)
                return refuse(field, value, place, "", errors);
        return json_incref((json_t *)value);
}

static size_t characters(const char *text)
{
        size_t count = 0;

        for (; *text; text++)
                count += (*text & 0xc0) != 0x80;
        return count;
}

static json_t *normalise_choice(const struct field *field, const json_t *value, const struct place *place,
                                struct errors *errors)
{
        char number[24] = "";
        const char *text = json_is_string(value) ? json_string_value(value) : number;

        if (strlen(text) < json_string_length(value))
                return refuse(field, value, place, "with a NUL character in it", errors);
        /* YAML writes the choice "10" as a number. */
        if (json_is_integer(value))
                snprintf(number, sizeof(number), "%" PRId64, (int64_t)json_integer_value(value));
        for (size_t i = 0; field->choices[i]; i++)
                if (strcmp(field->choices[i], text) == 0)
                        return remember(json_string(text), errors);
        return refuse(field, value, place, "", errors);
}

static json_t *normalise_string(const struct field *field, const json_t *value, const struct place *place,
                                struct errors *errors)
{
        size_t count = characters(json_string_value(value));

        if (count < field->min)
                return refuse(field, value, place, "too short", errors);
        if (count > (field->max > 0 ? field->max : 255))
                return refuse(field, value, place, "too long", errors);
        return json_incref((json_t *)value);
}

static json_t *normalise_mac(const struct field *field, const json_t *value, const struct place *place,
                             struct errors *errors)
{
        static const uint8_t zero[6];
        char normal[VALUE_SIZE];
        uint8_t mac[6];

        if (mac_parse(json_string_value(value), mac) < 0)
                return refuse(field, value, place, "", errors);
        if (mac[0] & 1)
                return refuse(field, value, place, "a multicast address", errors);
        if (memcmp(mac, zero, sizeof(mac)) == 0)
                return refuse(field, value, place, "the zero address", errors);
        mac_format(mac, normal);
        return text_value(value, normal, errors);
}

/* Why an address cannot be that of a host; NULL: it can. */
static const char *address_fault(const struct field *field, const uint8_t ip[16])
{
        static const uint8_t zero[16], loopback[16] = {[15] = 1};
        bool v4 = wire_ip_is_v4(ip);

        if ((field->family == 4 && !v4) || (field->family == 6 && v4))
                return "of the other family";
        if (v4 ? ip[12] == 0 : memcmp(ip, zero, 16) == 0)
                return "an unspecified address";
        if (v4 ? ip[12] >= 224 : ip[0] == 0xff)
                return v4 && ip[12] >= 240 ? "a reserved or broadcast address" : "a multicast address";
        if (v4 ? ip[12] == 127 : memcmp(ip, loopback, 16) == 0)
                return "a loopback address";
        return NULL;
}

static json_t *normalise_address(const struct field *field, const json_t *value, const struct place *place,
                                 struct errors *errors)
{
        char normal[VALUE_SIZE];
        uint8_t ip[16], prefix = 0;
        const char *text = json_string_value(value);
        int r = field->type == FIELD_CIDR ? cidr_parse(text, ip, &prefix) : ip_parse(text, ip);

        if (r < 0)
                return refuse(field, value, place, "", errors);
        const char *fault = address_fault(field, ip);
        if (fault)
                return refuse(field, value, place, fault, errors);
        if (field->type == FIELD_CIDR)
                cidr_format(ip, prefix, normal);
        else
                ip_format(ip, normal);
        return text_value(value, normal, errors);
}

/* Any prefix: also everything, multicast and what no host could have. */
static json_t *normalise_prefix(const struct field *field, const json_t *value, const struct place *place,
                                struct errors *errors)
{
        char normal[VALUE_SIZE];
        uint8_t ip[16], prefix;

        if (prefix_parse(json_string_value(value), ip, &prefix) < 0)
                return refuse(field, value, place, "", errors);
        cidr_format(ip, prefix, normal);
        return text_value(value, normal, errors);
}

static json_t *normalise_protocol(const struct field *field, const json_t *value, const struct place *place,
                                  struct errors *errors)
{
        char number[24] = "", normal[VALUE_SIZE];
        const char *text = json_is_string(value) ? json_string_value(value) : number;

        if (strlen(text) < json_string_length(value))
                return refuse(field, value, place, "with a NUL character in it", errors);
        if (json_is_integer(value))
                snprintf(number, sizeof(number), "%" PRId64, (int64_t)json_integer_value(value));
        int protocol = protocol_parse(text);
        if (protocol < 0)
                return refuse(field, value, place, "", errors);
        protocol_format(protocol, normal);
        return json_is_string(value) ? text_value(value, normal, errors) : remember(json_string(normal), errors);
}

/* YAML writes the list "3" as a number. */
static json_t *normalise_cpus(const struct field *field, const json_t *value, const struct place *place,
                              struct errors *errors)
{
        char number[24] = "";
        const char *text = json_is_string(value) ? json_string_value(value) : number;
        cleanup_free char *normal = NULL;
        struct cpu_set set;

        if (json_is_integer(value))
                snprintf(number, sizeof(number), "%" PRId64, (int64_t)json_integer_value(value));
        if (strlen(text) < json_string_length(value))
                return refuse(field, value, place, "with a NUL character in it", errors);
        if ((!json_is_string(value) && !json_is_integer(value)) || cpu_set_from_list(text, &set) < 0)
                return refuse(field, value, place, "", errors);
        normal = cpu_set_to_list(&set);
        return remember(normal ? json_string(normal) : NULL, errors);
}

static json_t *normalise_path(const struct field *field, const json_t *value, const struct place *place,
                              struct errors *errors)
{
        size_t length = json_string_length(value);

        if (json_string_value(value)[0] != '/')
                return refuse(field, value, place, "not absolute", errors);
        if (length > (field->max > 0 ? field->max : 4095))
                return refuse(field, value, place, "too long", errors);
        if (json_string_value(value)[length - 1] == '/')
                return refuse(field, value, place, "a directory", errors);
        return json_incref((json_t *)value);
}

static json_t *normalise_text(const struct field *field, const json_t *value, const struct place *place,
                              struct errors *errors)
{
        char normal[VALUE_SIZE];

        if (!json_is_string(value))
                return refuse(field, value, place, "", errors);
        if (strlen(json_string_value(value)) != json_string_length(value))
                return refuse(field, value, place, "with a NUL character in it", errors);

        switch (field->type) {
        case FIELD_STRING:
                return normalise_string(field, value, place, errors);
        case FIELD_MAC:
                return normalise_mac(field, value, place, errors);
        case FIELD_IP:
        case FIELD_CIDR:
                return normalise_address(field, value, place, errors);
        case FIELD_PREFIX:
                return normalise_prefix(field, value, place, errors);
        case FIELD_PATH:
                return normalise_path(field, value, place, errors);
        case FIELD_PCI:
                if (pci_normalise(json_string_value(value), normal) < 0)
                        return refuse(field, value, place, "", errors);
                return text_value(value, normal, errors);
        case FIELD_REF:
                if (!object_name_valid(json_string_value(value)))
                        return refuse(field, value, place, "which is no name", errors);
                return json_incref((json_t *)value);
        default: /* FIELD_IFNAME */
                if (!interface_name_valid(json_string_value(value)))
                        return refuse(field, value, place, "", errors);
                return json_incref((json_t *)value);
        }
}

static const struct field *find_field(const struct field *fields, const char *name)
{
        for (; fields->name; fields++)
                if (strcmp(fields->name, name) == 0)
                        return fields;
        return NULL;
}

static void complain_unknown(const struct field *fields, const char *name, const struct place *place,
                             struct errors *errors)
{
        struct place here = {.parent = place, .name = name};
        struct nearest nearest = nearest_start(name);
        char pointer[PLACE_SIZE], expected[EXPECTED_SIZE];

        if (errors->count < ERRORS_MAX) {
                struct field table = {.type = FIELD_OBJECT, .fields = fields};

                for (size_t i = 0; fields[i].name; i++)
                        nearest_try(&nearest, fields[i].name);
                place_pointer(&here, pointer);
                field_expected(&table, expected);
                if (nearest.best)
                        snprintf(expected, sizeof(expected), "did you mean %s?", nearest.best);
        }
        errors_add(errors, -EINVAL, pointer, expected, "there is no field \"%.60s\"", name);
}

static json_t *normalise_member(const struct field *field, const json_t *value, const struct place *place,
                                struct errors *errors)
{
        struct place here = {.parent = place, .name = field->name};
        char pointer[PLACE_SIZE], expected[EXPECTED_SIZE];

        if (value && !json_is_null(value))
                return normalise(field, value, &here, errors);
        if (field->fallback) {
                cleanup_(json_decrefp) json_t *fallback = json_loads(field->fallback, JSON_DECODE_ANY, NULL);

                /* An object's is {}: its members have theirs. */
                return field->type == FIELD_OBJECT && fallback ? normalise(field, fallback, &here, errors)
                                                               : remember(json_incref(fallback), errors);
        }
        if (field->required)
                errors_add(errors, -EINVAL, place_pointer(&here, pointer), field_expected(field, expected),
                           "%s is missing", field->name);
        return NULL;
}

/* null is as good as absent, for a field with a default as for one without. */
static json_t *normalise_table(const struct field *fields, const json_t *value, const struct place *place,
                               struct errors *errors)
{
        size_t before = errors->count;
        json_t *normal = remember(json_object(), errors), *member;
        const char *name;

        json_object_foreach ((json_t *)value, name, member) {
                if (!find_field(fields, name))
                        complain_unknown(fields, name, place, errors);
        }
        for (; fields->name; fields++) {
                member = normalise_member(fields, json_object_get(value, fields->name), place, errors);
                if (member && json_object_set_new(normal, fields->name, member) < 0)
                        remember(NULL, errors);
        }
        if (errors->count == before)
                return normal;
        json_decref(normal);
        return NULL;
}

static json_t *normalise_oneof(const struct field *field, const json_t *value, const struct place *place,
                               struct errors *errors)
{
        const struct field *choice = NULL;
        char pointer[PLACE_SIZE], expected[EXPECTED_SIZE];
        size_t before = errors->count, given = 0;
        const char *name;
        json_t *member, *normal;

        json_object_foreach ((json_t *)value, name, member) {
                if (json_is_null(member))
                        continue;
                given++;
                choice = find_field(field->fields, name);
                if (!choice)
                        complain_unknown(field->fields, name, place, errors);
        }
        if (given != 1 && errors->count == before)
                errors_add(errors, -EINVAL, place_pointer(place, pointer), field_expected(field, expected),
                           given ? "%s has %zu alternatives at once" : "%s names no alternative",
                           place->name ? place->name : "the entry", given);
        if (errors->count > before)
                return NULL;
        member = normalise_member(choice, json_object_get(value, choice->name), place, errors);
        if (!member)
                return NULL;
        normal = json_object();
        if (json_object_set_new(normal, choice->name, member) == 0)
                return normal;
        json_decref(normal);
        return remember(NULL, errors);
}

static json_t *normalise_list(const struct field *field, const json_t *value, const struct place *place,
                              struct errors *errors)
{
        size_t before = errors->count, count = json_array_size(value);
        json_t *normal, *entry;

        if (count < field->min)
                return refuse(field, value, place, "too short", errors);
        if (field->max > 0 && count > field->max)
                return refuse(field, value, place, "too long", errors);

        normal = remember(json_array(), errors);
        for (size_t i = 0; i < count; i++) {
                struct place here = {.parent = place, .index = i};

                entry = normalise(field->item, json_array_get(value, i), &here, errors);
                if (entry && json_array_append_new(normal, entry) < 0)
                        remember(NULL, errors);
        }
        if (errors->count == before)
                return normal;
        json_decref(normal);
        return NULL;
}

static json_t *normalise(const struct field *field, const json_t *value, const struct place *place,
                         struct errors *errors)
{
        switch (field->type) {
        case FIELD_BOOL:
                return json_is_boolean(value) ? json_incref((json_t *)value) : refuse(field, value, place, "", errors);
        case FIELD_INT:
                return normalise_int(field, value, place, errors);
        case FIELD_OBJECT:
        case FIELD_ONEOF:
                if (!json_is_object(value))
                        return refuse(field, value, place, "", errors);
                return field->type == FIELD_OBJECT ? normalise_table(field->fields, value, place, errors)
                                                   : normalise_oneof(field, value, place, errors);
        case FIELD_LIST:
                if (!json_is_array(value))
                        return refuse(field, value, place, "", errors);
                return normalise_list(field, value, place, errors);
        case FIELD_PROTOCOL:
                return normalise_protocol(field, value, place, errors);
        case FIELD_CPUS:
                return normalise_cpus(field, value, place, errors);
        default:
                if (field->choices)
                        return normalise_choice(field, value, place, errors);
                return normalise_text(field, value, place, errors);
        }
}

int validate_spec(const struct kind *kind, const json_t *spec, json_t **ret, struct errors *errors)
{
        const struct field table = {.name = "spec", .type = FIELD_OBJECT, .fields = kind->fields};
        size_t before = errors->count;
        json_t *empty = spec && !json_is_null(spec) ? NULL : json_object();
        struct place root = {.name = "spec"};
        json_t *normal = NULL;

        if (empty || spec)
                normal = normalise(&table, empty ? empty : spec, &root, errors);
        json_decref(empty);
        if (!normal) {
                if (errors->count == before)
                        remember(NULL, errors);
                return errors->code == -ENOMEM ? -ENOMEM : -EINVAL;
        }
        *ret = normal;
        return 0;
}
