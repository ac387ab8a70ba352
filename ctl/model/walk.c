/* See validate.h: walks over validated specs along their tables, for references and for what may not change. */
#include <errno.h>
#include <string.h>

#include "socle/errors.h"
#include "validate.h"

typedef int (*reference_cb)(void *user, const struct field *field, const char *name, const struct place *place);

/* Is there a reference anywhere below? Long lists without one are not walked. */
static bool may_refer(const struct field *field)
{
        if (field->type == FIELD_REF)
                return true;
        if (field->item && may_refer(field->item))
                return true;
        for (const struct field *f = field->fields; f && f->name; f++)
                if (may_refer(f))
                        return true;
        return false;
}

static int walk(const struct field *field, const json_t *value, const struct place *place, reference_cb reference,
                void *user)
{
        int r = 0;

        if (field->type == FIELD_REF)
                return reference(user, field, json_string_value(value), place);
        if (!may_refer(field))
                return 0;
        for (size_t i = 0; r == 0 && field->item && i < json_array_size(value); i++) {
                struct place here = {.parent = place, .index = i};
                r = walk(field->item, json_array_get(value, i), &here, reference, user);
        }
        for (const struct field *f = field->fields; r == 0 && f && f->name; f++) {
                struct place here = {.parent = place, .name = f->name};
                const json_t *member = json_object_get(value, f->name);
                if (member)
                        r = walk(f, member, &here, reference, user);
        }
        return r;
}

int spec_references(const struct kind *kind, const json_t *spec, reference_cb reference, void *user)
{
        const struct field table = {.type = FIELD_OBJECT, .fields = kind->fields};
        struct place root = {.name = "spec"};

        return walk(&table, spec, &root, reference, user);
}

/* Are its members to be compared? Of an object that comes or goes as a whole, too: so do the immutable ones in it. Not
 * of another choice, which is another thing. */
static bool has_members(const struct field *field, const struct field *of, const json_t *old, const json_t *new)
{
        if (field->type != FIELD_OBJECT && field->type != FIELD_ONEOF)
                return false;
        return (old && new) || ((old || new) && field->type == FIELD_OBJECT && of->type != FIELD_ONEOF);
}

static void compare(const struct field *of, const json_t *before, const json_t *after, const struct place *place,
                    struct errors *errors)
{
        char pointer[PLACE_SIZE], was[SHOW_SIZE], expected[EXPECTED_SIZE];

        for (const struct field *field = of->fields; field->name; field++) {
                struct place here = {.parent = place, .name = field->name};
                const json_t *old = json_object_get(before, field->name), *new = json_object_get(after, field->name);

                if (has_members(field, of, old, new))
                        compare(field, old, new, &here, errors);
                if (!field->immutable || old == new || (old && new &&json_equal(old, new)))
                        continue;
                if (old)
                        snprintf(expected, sizeof(expected), "%s as it is, or the object deleted and made anew",
                                 show_value(old, was));
                else
                        snprintf(expected, sizeof(expected), "nothing, as it is, or the object deleted and made anew");
                errors_add(errors, -EINVAL, place_pointer(&here, pointer), expected,
                           "%s cannot change while the object lives", field->name);
        }
}

void validate_immutable(const struct kind *kind, const json_t *before, const json_t *after, struct errors *errors)
{
        const struct field table = {.type = FIELD_OBJECT, .fields = kind->fields};
        struct place root = {.name = "spec"};

        compare(&table, before, after, &root, errors);
}
