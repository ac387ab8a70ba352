/* The codec of the wire: what is put comes out, and nothing that is not well-formed gets through. */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "socle/wire.h"

struct sink {
        size_t datagrams, bytes, records[WIRE_TYPE_COUNT];
        int fail_after;
};

static int receive(void *user, const void *datagram, size_t size)
{
        struct sink *sink = user;
        const struct wire_header *record;
        size_t offset = 0;
        int r;

        if (sink->fail_after >= 0 && sink->datagrams >= (size_t)sink->fail_after)
                return -EPIPE;
        assert_true(size > 0 && size <= WIRE_DATAGRAM_MAX);
        sink->datagrams++;
        sink->bytes += size;
        while ((r = wire_next(datagram, size, &offset, &record)) == 1)
                sink->records[record->type]++;
        assert_int_equal(r, 0);
        return 0;
}

static void test_every_type_round_trips(void **state)
{
        static struct wire_writer writer;
        static uint64_t record[WIRE_DATAGRAM_MAX / 8];
        struct sink sink = {.fail_after = -1};

        writer = (struct wire_writer){.send = receive, .user = &sink};
        for (int type = WIRE_NONE + 1; type < WIRE_TYPE_COUNT; type++) {
                assert_non_null(wire_type_info[type].name);
                assert_true(wire_type_info[type].size >= sizeof(struct wire_header));
                assert_int_equal(wire_type_info[type].size % 8, 0);
                assert_true(wire_type_info[type].key_size <= WIRE_KEY_MAX);
                wire_init(record, type);
                assert_int_equal(wire_put(&writer, record), 0);
        }
        assert_int_equal(wire_flush(&writer), 0);
        assert_int_equal(sink.datagrams, 1);
        for (int type = WIRE_NONE + 1; type < WIRE_TYPE_COUNT; type++)
                assert_int_equal(sink.records[type], 1);
}

static void test_datagrams_are_filled_and_bounded(void **state)
{
        static struct wire_writer writer;
        struct sink sink = {.fail_after = -1};
        struct wire_neigh neigh;
        size_t fit = WIRE_DATAGRAM_MAX / sizeof(neigh);

        writer = (struct wire_writer){.send = receive, .user = &sink};
        wire_init(&neigh, WIRE_NEIGH);
        for (size_t i = 0; i < fit * 3 + 1; i++)
                assert_int_equal(wire_put(&writer, &neigh), 0);
        assert_int_equal(sink.datagrams, 3);
        assert_int_equal(wire_flush(&writer), 0);
        assert_int_equal(sink.datagrams, 4);
        assert_int_equal(sink.records[WIRE_NEIGH], fit * 3 + 1);
        assert_int_equal(wire_flush(&writer), 0); /* nothing left: no empty datagram */
        assert_int_equal(sink.datagrams, 4);
}

static void test_a_failed_send_is_kept(void **state)
{
        static struct wire_writer writer;
        struct sink sink = {.fail_after = 1};
        struct wire_port port;
        int r = 0;

        writer = (struct wire_writer){.send = receive, .user = &sink};
        wire_init(&port, WIRE_PORT);
        for (size_t i = 0; i < 1000 && r == 0; i++)
                r = wire_put(&writer, &port);
        assert_int_equal(r, -EPIPE);
        sink.fail_after = -1;
        assert_int_equal(wire_put(&writer, &port), -EPIPE);
        assert_int_equal(wire_flush(&writer), -EPIPE);
        assert_int_equal(sink.datagrams, 1);
}

/* ---- what must not get through ---- */

static int next(const void *datagram, size_t size)
{
        const struct wire_header *record;
        size_t offset = 0;
        int r;

        while ((r = wire_next(datagram, size, &offset, &record)) == 1)
                assert_true(offset <= size);
        return r;
}

static void test_malformed_headers(void **state)
{
        struct wire_port port[2];

        wire_init(&port[0], WIRE_PORT);
        wire_init(&port[1], WIRE_PORT);
        assert_int_equal(next(port, 0), 0);
        assert_int_equal(next(port, sizeof(port)), 0);
        for (size_t size = 1; size < sizeof(port); size++)
                assert_int_equal(next(port, size), size == sizeof(port[0]) ? 0 : -EBADMSG);

        port[1].header.type = WIRE_NONE;
        assert_int_equal(next(port, sizeof(port)), -EBADMSG);
        port[1].header.type = WIRE_TYPE_COUNT;
        assert_int_equal(next(port, sizeof(port)), -EBADMSG);
        port[1].header.type = UINT16_MAX;
        assert_int_equal(next(port, sizeof(port)), -EBADMSG);
        port[1].header.type = WIRE_NETWORK; /* not the length of that type */
        assert_int_equal(next(port, sizeof(port)), -EBADMSG);
        port[1].header.type = WIRE_PORT;
        for (unsigned length = 0; length < 1024; length++) {
                port[1].header.length = length;
                assert_int_equal(next(port, sizeof(port)), length == sizeof(port[1]) ? 0 : -EBADMSG);
        }
}

static void test_strings_must_end(void **state)
{
        union {
                struct wire_header header;
                struct wire_hello hello;
                struct wire_result result;
                struct wire_underlay underlay;
                struct wire_network network;
                struct wire_port port;
                struct wire_peer peer;
                struct wire_port_state port_state;
                struct wire_underlay_state underlay_state;
        } u;
        struct {
                enum wire_type type;
                char *at;
                size_t size;
        } strings[] = {
                {WIRE_HELLO, u.hello.software, sizeof(u.hello.software)},
                {WIRE_RESULT, u.result.text, sizeof(u.result.text)},
                {WIRE_UNDERLAY, u.underlay.name, sizeof(u.underlay.name)},
                {WIRE_UNDERLAY, u.underlay.attachment.name, sizeof(u.underlay.attachment.name)},
                {WIRE_UNDERLAY, u.underlay.attachment.path, sizeof(u.underlay.attachment.path)},
                {WIRE_NETWORK, u.network.name, sizeof(u.network.name)},
                {WIRE_PORT, u.port.name, sizeof(u.port.name)},
                {WIRE_PORT, u.port.attachment.name, sizeof(u.port.attachment.name)},
                {WIRE_PORT, u.port.attachment.path, sizeof(u.port.attachment.path)},
                {WIRE_PEER, u.peer.name, sizeof(u.peer.name)},
                {WIRE_PORT_STATE, u.port_state.text, sizeof(u.port_state.text)},
                {WIRE_UNDERLAY_STATE, u.underlay_state.text, sizeof(u.underlay_state.text)},
        };

        for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
                wire_init(&u, strings[i].type);
                memset(strings[i].at, 'x', strings[i].size);
                assert_int_equal(next(&u, u.header.length), -EBADMSG);
                strings[i].at[strings[i].size - 1] = 0;
                assert_int_equal(next(&u, u.header.length), 0);
        }
}

/* Garbage, and well-formed datagrams with a few bytes changed; under ASan a read past the end would show, since each
 * datagram has a block of memory of exactly its size. */
static void test_garbage(void **state)
{
        size_t accepted = 0, refused = 0;

        srand(7);
        for (int round = 0; round < 20000; round++) {
                size_t size = rand() % 2048 + 1, used = 0;
                char *datagram = calloc(1, size);

                while (round % 4 && used < size) {
                        int type = 1 + rand() % (WIRE_TYPE_COUNT - 1);
                        if (used + wire_type_info[type].size > size)
                                break;
                        wire_init(datagram + used, type);
                        used += wire_type_info[type].size;
                }
                if (used > 0)
                        size = used;
                for (int i = round % 4 ? rand() % 3 : (int)size; i > 0; i--)
                        datagram[rand() % size] = rand();

                char *exact = malloc(size);
                memcpy(exact, datagram, size);
                int r = next(exact, size);
                assert_true(r == 0 || r == -EBADMSG);
                accepted += r == 0;
                refused += r != 0;
                free(exact);
                free(datagram);
        }
        assert_true(accepted > 1000 && refused > 1000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_type_round_trips), cmocka_unit_test(test_datagrams_are_filled_and_bounded),
                cmocka_unit_test(test_a_failed_send_is_kept),  cmocka_unit_test(test_malformed_headers),
                cmocka_unit_test(test_strings_must_end),       cmocka_unit_test(test_garbage),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
