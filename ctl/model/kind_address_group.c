/* AddressGroup: addresses by one name, for the rules of security groups to refer to. */
#include <stdio.h>

#include "member.h"
#include "model.h"
#include "values.h"

static const struct field address = {.name = "address", .type = FIELD_PREFIX, .help = "A prefix, or one address."};

static const struct field fields[] = {
        {"description", FIELD_STRING, "A note for people.", .max = 255},
        {"addresses", FIELD_LIST, "Prefixes and addresses of both families.", .fallback = "[]", .max = 65536,
         .item = &address},
        {},
};

static void keys(const struct model *model, const struct object *object, struct claims *claims)
{
        char pointer[64];
        json_t *entry;
        size_t i;

        json_array_foreach (json_object_get(object->spec, "addresses"), i, entry) {
                snprintf(pointer, sizeof(pointer), "/spec/addresses/%zu", i);
                claims->claim(claims, pointer, "%s in address group %s", json_string_value(entry), object->name);
        }
}

static void compile(const struct model *model, const struct object *object, struct emit *emit)
{
        struct wire_address_group record;
        json_t *entry;
        size_t i;

        wire_init(&record, WIRE_ADDRESS_GROUP);
        record.id = object->id;
        snprintf(record.name, sizeof(record.name), "%s", object->name);
        emit->record(emit, &record);
        json_array_foreach (json_object_get(object->spec, "addresses"), i, entry)
                member_compile(json_string_value(entry), object->id, object->id, emit);
}

static struct kind address_group = {
        .name = "AddressGroup",
        .area = "network",
        .help = "Addresses by one name. Rules of security groups refer to it, and need not change when it does.",
        .write_role = ROLE_OPERATE,
        .fields = fields,
        .opaque = true,
        .keys = keys,
        .compile = compile,
};
REGISTER_KIND(address_group)
