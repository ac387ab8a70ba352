/* See dataplane_reader.h. */
#include <errno.h>

#include "dataplane_reader.h"

/* The HELLO of another version may be of another size, which wire_next would call malformed: header and version come
 * first in every version, and are looked at alone. */
static int check_version(struct dataplane_reader *reader, const void *datagram, size_t size)
{
        const struct wire_hello *hello = datagram;

        if (size < offsetof(struct wire_hello, pid) || hello->header.type != WIRE_HELLO)
                return -EPROTO;
        reader->peer_version = hello->version;
        return hello->version == WIRE_VERSION ? 0 : -EPROTONOSUPPORT;
}

static bool from_dataplane(uint16_t type)
{
        switch (type) {
        case WIRE_RESULT:
        case WIRE_COMMITTED:
        case WIRE_PORT_STATE:
        case WIRE_UNDERLAY_STATE:
        case WIRE_PEER_STATE:
        case WIRE_PORT_STATS:
        case WIRE_WORKER_STATS:
        case WIRE_NETWORK_STATS:
        case WIRE_NODE_STATS:
        case WIRE_SESSION_STATS:
        case WIRE_STATS_END:
        case WIRE_SESSION:
        case WIRE_SESSIONS_END:
        case WIRE_TRACE_STEP:
        case WIRE_TRACE_END:
        case WIRE_CAPTURED:
        case WIRE_CAPTURE_END:
                return true;
        default:
                return false;
        }
}

int dataplane_read(struct dataplane_reader *reader, const void *datagram, size_t size)
{
        const struct wire_header *record;
        size_t offset = 0;
        int r;

        if (!reader->greeted) {
                r = check_version(reader, datagram, size);
                if (r < 0)
                        return r;
        }
        while ((r = wire_next(datagram, size, &offset, &record)) > 0) {
                if (reader->greeted ? !from_dataplane(record->type) : record->type != WIRE_HELLO)
                        return -EPROTO;
                reader->greeted = true;
                r = reader->record(reader->user, record);
                if (r < 0)
                        return r;
        }
        return r;
}
