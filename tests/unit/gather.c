/* See gather.h. */
#include "gather.h"

#include <arpa/inet.h>
#include <string.h>

static void gather_record(struct emit *emit, const void *record)
{
        struct gather *gather = (struct gather *)emit;
        const struct wire_header *header = record;

        assert_true(gather->size + header->length <= sizeof(gather->bytes));
        memcpy(gather->bytes + gather->size, record, header->length);
        gather->size += header->length;
        gather->count++;
}

void gather_object(struct fixture *f, const char *kind, const char *name, struct gather *ret)
{
        const struct object *object = model_find(f->model, kind, name);
        const struct wire_header *record;
        size_t offset = 0;

        assert_non_null(object);
        memset(ret, 0, sizeof(*ret));
        ret->emit.record = gather_record;
        object->kind->compile(f->model, object, &ret->emit);
        while (wire_next(ret->bytes, ret->size, &offset, &record) == 1)
                assert_true(wire_type_info[record->type].key_size > 0);
        assert_int_equal(offset, ret->size); /* all well-formed */
}

const void *gathered(const struct gather *gather, size_t index)
{
        const struct wire_header *record;
        size_t offset = 0;

        for (size_t i = 0; i <= index; i++)
                assert_int_equal(wire_next(gather->bytes, gather->size, &offset, &record), 1);
        return record;
}

size_t gathered_of(const struct gather *gather, enum wire_type type)
{
        const struct wire_header *record;
        size_t offset = 0, count = 0;

        while (wire_next(gather->bytes, gather->size, &offset, &record) == 1)
                count += record->type == type;
        return count;
}

void assert_record(const struct gather *gather, size_t index, const void *expected)
{
        const struct wire_header *header = expected, *found = gathered(gather, index);

        assert_int_equal(found->type, header->type);
        assert_memory_equal(found, expected, header->length);
}

void wire_ip(const char *text, uint8_t ret[16])
{
        static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

        if (inet_pton(AF_INET6, text, ret) == 1)
                return;
        memcpy(ret, mapped, sizeof(mapped));
        assert_int_equal(inet_pton(AF_INET, text, ret + 12), 1);
}

uint32_t id_of(struct fixture *f, const char *kind, const char *name)
{
        return model_find(f->model, kind, name)->id;
}
