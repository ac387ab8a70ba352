/* What a dataplane may send: wire_next() and socled's reader of it (ctl/reconcile/dataplane_reader.c).
 *
 * The input is a series of datagrams, each behind its size in two bytes. Every record that passes must lie within its
 * datagram, be of its type's size, and have ending texts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane_reader.h"
#include "fuzz.h"

static uint64_t datagram[WIRE_DATAGRAM_MAX / 8];
static size_t datagram_size;
static bool greeted;

static void check(bool right)
{
        if (!right)
                abort();
}

static int on_record(void *user, const struct wire_header *record)
{
        const char *begin = (const char *)datagram, *at = (const char *)record;

        check(at >= begin && at + record->length <= begin + datagram_size);
        const struct wire_type_info *info = &wire_type_info[record->type];
        check(info->variable ? record->length >= info->size : record->length == info->size);
        check((record->type == WIRE_HELLO) == !greeted);
        greeted = true;
        if (record->type == WIRE_HELLO)
                check(strlen(((const struct wire_hello *)record)->software) < WIRE_NAME_SIZE);
        if (record->type == WIRE_RESULT)
                check(strlen(((const struct wire_result *)record)->text) < WIRE_TEXT_SIZE);
        if (record->type == WIRE_PORT_STATE)
                check(strlen(((const struct wire_port_state *)record)->text) < WIRE_TEXT_SIZE);
        if (record->type == WIRE_TRACE_STEP)
                check(strlen(((const struct wire_trace_step *)record)->text) < WIRE_TEXT_SIZE);
        if (record->type == WIRE_CAPTURE_END)
                check(strlen(((const struct wire_capture_end *)record)->text) < WIRE_TEXT_SIZE);
        return 0;
}

/* All types, as the dataplane's side would read them. */
static void walk(void)
{
        const struct wire_header *record;
        size_t offset = 0;

        while (wire_next(datagram, datagram_size, &offset, &record) > 0)
                check(offset <= datagram_size && record->length >= sizeof(*record));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct dataplane_reader reader = {.record = on_record};
        int r = 0;

        greeted = false;
        while (size >= 2) {
                datagram_size = (size_t)(data[0] | data[1] << 8) % (sizeof(datagram) + 1);
                data += 2;
                size -= 2;
                if (datagram_size > size)
                        datagram_size = size;
                memcpy(datagram, data, datagram_size);
                data += datagram_size;
                size -= datagram_size;

                walk();
                if (r >= 0)
                        r = dataplane_read(&reader, datagram, datagram_size);
                check(r == 0 || r == -EBADMSG || r == -EPROTO || r == -EPROTONOSUPPORT);
        }
        return 0;
}
