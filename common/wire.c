/* The codec of socle/wire.h: the table of record types, iteration over a datagram, gathering into datagrams. */
#include <errno.h>
#include <string.h>

#include "socle/wire.h"

#define RECORD(type, record, key) [type] = {#record, sizeof(struct wire_##record), key, false}
#define VARIABLE(type, record)    [type] = {#record, sizeof(struct wire_##record), 0, true}

const struct wire_type_info wire_type_info[WIRE_TYPE_COUNT] = {
        RECORD(WIRE_HELLO, hello, 0),
        RECORD(WIRE_BEGIN, begin, 0),
        RECORD(WIRE_DELETE, delete, 0),
        RECORD(WIRE_COMMIT, commit, 0),
        RECORD(WIRE_RESULT, result, 0),
        RECORD(WIRE_COMMITTED, committed, 0),
        RECORD(WIRE_UNDERLAY, underlay, 4),
        RECORD(WIRE_NETWORK, network, 4),
        RECORD(WIRE_PORT, port, 4),
        RECORD(WIRE_PEER, peer, 4),
        RECORD(WIRE_FDB, fdb, 16),
        RECORD(WIRE_NEIGH, neigh, 24),
        RECORD(WIRE_FLOOD, flood, 8),
        RECORD(WIRE_SECURITY_GROUP, security_group, 4),
        RECORD(WIRE_RULE, rule, 8),
        RECORD(WIRE_ADDRESS_GROUP, address_group, 4),
        RECORD(WIRE_MEMBER, member, 32),
        RECORD(WIRE_PORT_GROUP, port_group, 8),
        RECORD(WIRE_ALLOWED, allowed, 32),
        RECORD(WIRE_SESSION_SETTINGS, session_settings, 4),
        RECORD(WIRE_PORT_STATE, port_state, 0),
        RECORD(WIRE_UNDERLAY_STATE, underlay_state, 0),
        RECORD(WIRE_PEER_STATE, peer_state, 0),
        RECORD(WIRE_STATS_GET, stats_get, 0),
        RECORD(WIRE_PORT_STATS, port_stats, 0),
        RECORD(WIRE_WORKER_STATS, worker_stats, 0),
        RECORD(WIRE_NETWORK_STATS, network_stats, 0),
        RECORD(WIRE_STATS_END, stats_end, 0),
        RECORD(WIRE_NODE_STATS, node_stats, 0),
        RECORD(WIRE_SESSION_STATS, session_stats, 0),
        RECORD(WIRE_SESSIONS_GET, sessions_get, 0),
        RECORD(WIRE_SESSION, session, 0),
        RECORD(WIRE_SESSIONS_END, sessions_end, 0),
        RECORD(WIRE_TRACE, trace, 0),
        RECORD(WIRE_TRACE_STEP, trace_step, 0),
        RECORD(WIRE_TRACE_END, trace_end, 0),
        RECORD(WIRE_CAPTURE_START, capture_start, 0),
        RECORD(WIRE_CAPTURE_STOP, capture_stop, 0),
        VARIABLE(WIRE_CAPTURED, captured),
        RECORD(WIRE_CAPTURE_END, capture_end, 0),
};

/* Where a type holds strings that a reader will trust to end. */
static const struct {
        uint16_t type, offset, size;
} strings[] = {
        {WIRE_HELLO, offsetof(struct wire_hello, software), WIRE_NAME_SIZE},
        {WIRE_RESULT, offsetof(struct wire_result, text), WIRE_TEXT_SIZE},
        {WIRE_UNDERLAY, offsetof(struct wire_underlay, name), WIRE_NAME_SIZE},
        {WIRE_UNDERLAY, offsetof(struct wire_underlay, attachment.name), 32},
        {WIRE_UNDERLAY, offsetof(struct wire_underlay, attachment.path), WIRE_PATH_SIZE},
        {WIRE_NETWORK, offsetof(struct wire_network, name), WIRE_NAME_SIZE},
        {WIRE_PORT, offsetof(struct wire_port, name), WIRE_NAME_SIZE},
        {WIRE_PORT, offsetof(struct wire_port, attachment.name), 32},
        {WIRE_PORT, offsetof(struct wire_port, attachment.path), WIRE_PATH_SIZE},
        {WIRE_PEER, offsetof(struct wire_peer, name), WIRE_NAME_SIZE},
        {WIRE_SECURITY_GROUP, offsetof(struct wire_security_group, name), WIRE_NAME_SIZE},
        {WIRE_ADDRESS_GROUP, offsetof(struct wire_address_group, name), WIRE_NAME_SIZE},
        {WIRE_NODE_STATS, offsetof(struct wire_node_stats, name), WIRE_NAME_SIZE},
        {WIRE_TRACE_STEP, offsetof(struct wire_trace_step, text), WIRE_TEXT_SIZE},
        {WIRE_CAPTURE_END, offsetof(struct wire_capture_end, text), WIRE_TEXT_SIZE},
        {WIRE_PORT_STATE, offsetof(struct wire_port_state, text), WIRE_TEXT_SIZE},
        {WIRE_UNDERLAY_STATE, offsetof(struct wire_underlay_state, text), WIRE_TEXT_SIZE},
};

void wire_init(void *record, enum wire_type type)
{
        struct wire_header *header = record;

        memset(record, 0, wire_type_info[type].size);
        header->type = type;
        header->length = wire_type_info[type].size;
}

static bool length_ok(const struct wire_header *header)
{
        const struct wire_type_info *info = &wire_type_info[header->type];

        if (!info->variable)
                return header->length == info->size;
        return header->length % 8 == 0 && header->length >= info->size && header->length - info->size <= WIRE_FRAME_MAX;
}

int wire_next(const void *datagram, size_t size, size_t *offset, const struct wire_header **ret)
{
        const struct wire_header *header = (const void *)((const char *)datagram + *offset);
        size_t left = size - *offset;

        if (left == 0)
                return 0;
        if (left < sizeof(*header) || header->type == WIRE_NONE || header->type >= WIRE_TYPE_COUNT)
                return -EBADMSG;
        if (!length_ok(header) || header->length > left)
                return -EBADMSG;

        for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
                if (strings[i].type == header->type &&
                    !memchr((const char *)header + strings[i].offset, 0, strings[i].size))
                        return -EBADMSG;

        *offset += header->length;
        *ret = header;
        return 1;
}

int wire_put(struct wire_writer *writer, const void *record)
{
        const struct wire_header *header = record;

        if (writer->used + header->length > sizeof(writer->buffer)) {
                int r = wire_flush(writer);
                if (r < 0)
                        return r;
        }
        memcpy((char *)writer->buffer + writer->used, record, header->length);
        writer->used += header->length;
        return writer->error;
}

int wire_flush(struct wire_writer *writer)
{
        if (writer->used > 0 && writer->error == 0)
                writer->error = writer->send(writer->user, writer->buffer, writer->used);
        writer->used = 0;
        return writer->error;
}
