/* SCTP's state machine, association by association; each is had twice, with either end first in the key. What Linux
 * makes of the same, chunk by chunk in every state, is compared in tests/functional/test_dp_conntrack.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "track_properties.h"

enum { A, B }; /* A begins */

#define DATA          "\0\3\0\x11\0\0\0\1\0\0\0\0\0\0\0\0x\0\0\0"
#define SACK          "\3\0\0\x10\0\0\0\1\0\0\x80\0\0\0\0\0"
#define INIT(tag)     "\1\0\0\x14\0\0\0" tag "\0\1\0\0\0\x0a\0\x0a\0\0\0\1"
#define INIT_ACK(tag) "\2\0\0\x14\0\0\0" tag "\0\1\0\0\0\x0a\0\x0a\0\0\0\1"
#define HEARTBEAT                                                                                                      \
        "\4\0\0\x0c\0\1\0\x08"                                                                                         \
        "abcd"
#define HEARTBEAT_ACK                                                                                                  \
        "\5\0\0\x0c\0\1\0\x08"                                                                                         \
        "abcd"
#define ABORT(t)     "\6" t "\0\4"
#define SHUTDOWN     "\7\0\0\x08\0\0\0\1"
#define SHUTDOWN_ACK "\x08\0\0\4"
#define ERROR        "\x09\0\0\x08\0\3\0\4"
#define COOKIE_ECHO                                                                                                    \
        "\x0a\0\0\x08"                                                                                                 \
        "cook"
#define COOKIE_ACK           "\x0b\0\0\4"
#define SHUTDOWN_COMPLETE(t) "\x0e" t "\0\4"
#define UNKNOWN              "\x81\0\0\4"

#define TAG_A 0xa1
#define TAG_B 0xb2

static unsigned int first; /* A's direction of the key */
static struct track_sctp c;

static int begin(void **state)
{
        c = (struct track_sctp){0};
        return 0;
}

static int a_is_lower(void **state)
{
        first = 0;
        return 0;
}

static int a_is_higher(void **state)
{
        first = 1;
        return 0;
}

static enum dp_sctp_verdict send_it(unsigned int who, uint32_t tag, const char *chunks, size_t size)
{
        uint8_t *packet = malloc(12 + size); /* not a byte to spare behind it */

        memcpy(packet, "\x10\0\x20\0", 4);
        packet[4] = tag >> 24, packet[5] = tag >> 16, packet[6] = tag >> 8, packet[7] = tag;
        memset(packet + 8, 0, 4);
        memcpy(packet + 12, chunks, size);
        enum dp_sctp_verdict verdict = track_sctp(&c, who == A ? first : !first, packet, 12 + size);
        free(packet);
        return verdict;
}

#define SAY(who, tag, chunks)     send_it(who, tag, chunks, sizeof(chunks) - 1)
#define TAKES(who, tag, chunks)   assert_int_equal(SAY(who, tag, chunks), DP_SCTP_ACCEPT)
#define IGNORES(who, tag, chunks) assert_int_equal(SAY(who, tag, chunks), DP_SCTP_IGNORE)
#define REFUSES(who, tag, chunks) assert_int_equal(SAY(who, tag, chunks), DP_SCTP_INVALID)
#define IS(name)                  assert_int_equal(c.state, SOCLE_SESSION_SCTP_##name)

static void associate(void)
{
        TAKES(A, 0, INIT("\xa1"));
        IS(CLOSED);
        TAKES(B, TAG_A, INIT_ACK("\xb2"));
        IS(COOKIE_WAIT);
        TAKES(A, TAG_B, COOKIE_ECHO DATA);
        IS(COOKIE_ECHOED);
        assert_false(c.sctp.flags & DP_SCTP_ASSURED);
        TAKES(B, TAG_A, COOKIE_ACK SACK);
        IS(ESTABLISHED);
        assert_true(c.sctp.flags & DP_SCTP_ASSURED);
}

static void association(void **state)
{
        associate();
        TAKES(A, TAG_B, DATA);
        TAKES(B, TAG_A, SACK);
        TAKES(B, TAG_A, UNKNOWN DATA);
        IS(ESTABLISHED);
}

static void shutdown_by_either(void **state)
{
        associate();
        TAKES(A, TAG_B, SHUTDOWN);
        IS(SHUTDOWN_SENT);
        TAKES(B, TAG_A, SHUTDOWN_ACK);
        IS(SHUTDOWN_ACK_SENT);
        TAKES(A, TAG_B, SHUTDOWN_COMPLETE("\0"));
        IS(CLOSED);
        begin(state);
        associate();
        TAKES(B, TAG_A, SHUTDOWN);
        IS(SHUTDOWN_RECD);
        TAKES(A, TAG_B, SHUTDOWN_ACK);
        TAKES(B, TAG_A, SHUTDOWN_COMPLETE("\0"));
        IS(CLOSED);
}

static void wrong_tags(void **state)
{
        associate();
        REFUSES(A, TAG_A, DATA);
        REFUSES(B, TAG_B, DATA);
        REFUSES(A, 0, DATA);
        REFUSES(A, 77, SHUTDOWN);
        REFUSES(A, 77, COOKIE_ECHO);
        REFUSES(A, 77, SHUTDOWN_COMPLETE("\0"));
        REFUSES(A, 5, INIT("\xa1"));
        REFUSES(A, 77, UNKNOWN);
        IS(ESTABLISHED);
}

static void abort_and_its_t_bit(void **state)
{
        associate();
        REFUSES(B, TAG_B, ABORT("\0"));
        REFUSES(B, TAG_A, ABORT("\1"));
        REFUSES(B, 77, ABORT("\1"));
        IS(ESTABLISHED);
        TAKES(B, TAG_B, ABORT("\1"));
        IS(CLOSED);
        begin(state);
        associate();
        TAKES(A, TAG_B, ABORT("\0"));
        IS(CLOSED);
}

static void init_again(void **state)
{
        TAKES(A, 0, INIT("\xa1"));
        IGNORES(A, 0, INIT("\xa1")); /* or who sends INITs would keep it for ever */
        IGNORES(A, 0, INIT("\xa3"));
        REFUSES(B, 0xa1, SACK);
        TAKES(B, 0xa3, INIT_ACK("\xb2"));
        IS(COOKIE_WAIT);
}

static void inits_cross(void **state)
{
        TAKES(A, 0, INIT("\xa1"));
        IGNORES(B, 0, INIT("\xb2"));
        REFUSES(B, TAG_A, INIT_ACK("\xb3")); /* disowns its INIT */
        TAKES(B, TAG_A, INIT_ACK("\xb2"));
        TAKES(A, TAG_B, INIT_ACK("\xa1"));
        TAKES(A, TAG_B, COOKIE_ECHO);
        TAKES(B, TAG_A, COOKIE_ACK);
        IS(ESTABLISHED);
}

static void restart(void **state)
{
        associate();
        REFUSES(B, TAG_A, INIT_ACK("\xc4")); /* nobody asked */
        TAKES(A, 0, INIT("\xc3"));
        IS(ESTABLISHED);
        TAKES(B, 0xc3, INIT_ACK("\xd4"));
        TAKES(A, 0xd4, COOKIE_ECHO);
        TAKES(B, 0xc3, COOKIE_ACK);
        TAKES(A, 0xd4, DATA);
        REFUSES(A, TAG_B, DATA);
        IS(ESTABLISHED);
}

static void stale_cookie(void **state)
{
        TAKES(A, 0, INIT("\xa1"));
        TAKES(B, TAG_A, INIT_ACK("\xb2"));
        TAKES(A, TAG_B, COOKIE_ECHO);
        TAKES(B, TAG_A, ERROR);
        IS(CLOSED);
}

static void another_path(void **state)
{
        TAKES(A, TAG_B, HEARTBEAT);
        IS(HEARTBEAT_SENT);
        TAKES(B, TAG_A, HEARTBEAT_ACK);
        IS(ESTABLISHED);
        TAKES(A, TAG_B, DATA);
        REFUSES(A, TAG_A, DATA);
        TAKES(B, TAG_A, SACK);
}

static void stray_heartbeats(void **state)
{
        associate();
        REFUSES(A, 77, HEARTBEAT DATA);     /* not as an envelope */
        REFUSES(B, 78, HEARTBEAT_ACK);      /* to nothing */
        IGNORES(A, 77, HEARTBEAT);          /* has the association been restarted? */
        REFUSES(A, 78, HEARTBEAT_ACK);      /* its sender cannot answer it */
        REFUSES(B, 78, HEARTBEAT_ACK DATA); /* not as an envelope either */
        REFUSES(A, 77, DATA);
        TAKES(B, 78, HEARTBEAT_ACK); /* it has */
        TAKES(B, 78, DATA);
        TAKES(A, 77, HEARTBEAT);
        TAKES(A, 77, DATA);
}

static void what_may_not_begin(void **state)
{
        REFUSES(A, 5, DATA);
        REFUSES(A, 5, SACK);
        REFUSES(A, 5, ABORT("\0"));
        REFUSES(A, 5, COOKIE_ECHO);
        REFUSES(A, 5, COOKIE_ACK);
        REFUSES(A, 5, SHUTDOWN);
        REFUSES(A, 5, SHUTDOWN_COMPLETE("\0"));
        REFUSES(A, 5, ERROR);
        REFUSES(A, 5, UNKNOWN);
        REFUSES(A, 5, INIT("\xa1"));
        TAKES(A, TAG_B, SHUTDOWN_ACK); /* of an association that we have not seen: its answer shall find its way */
        TAKES(B, TAG_B, SHUTDOWN_COMPLETE("\0"));
        IS(CLOSED);
}

static void company(void **state)
{
        REFUSES(A, 0, INIT("\xa1") DATA);
        associate();
        REFUSES(A, TAG_B, DATA INIT("\xa1"));
        REFUSES(B, TAG_A, SACK COOKIE_ACK);
        REFUSES(A, TAG_B, DATA COOKIE_ECHO);
        REFUSES(A, TAG_B, SHUTDOWN_COMPLETE("\0") DATA);
}

/* A chunk that does not belong makes those before it as if they had not been. */
static void all_or_nothing(void **state)
{
        associate();
        REFUSES(A, 77, SHUTDOWN ABORT("\0"));
        IS(ESTABLISHED);
        REFUSES(A, 77, SHUTDOWN HEARTBEAT DATA);
        IS(ESTABLISHED);
        TAKES(A, TAG_B, SHUTDOWN DATA);
        IS(SHUTDOWN_SENT);
}

static void lengths(void **state)
{
        associate();
        REFUSES(A, TAG_B, "");
        REFUSES(A, TAG_B, "\0\3\0");
        REFUSES(A, TAG_B, "\0\3\0\0");
        REFUSES(A, TAG_B, DATA "\0\3\0\0");
        TAKES(A, TAG_B, DATA "\0\3\xff\xff"); /* its data may be in another segment of the buffer */
        TAKES(A, TAG_B, DATA "\0\3");
        REFUSES(A, 0, "\1\0\0\x14\0\0\0\xa1\0\1\0\0\0\x0a\0\x0a\0\0\0"); /* a byte short of an INIT */
        for (unsigned int size = 0; size < 12; size++) {
                uint8_t *packet = calloc(1, size + 1);
                assert_int_equal(track_sctp(&c, first, packet, size), DP_SCTP_INVALID);
                free(packet);
        }
}

/* Chunks of every sort, cut anywhere, with tags that mean something. */
static void any_packets(void **state)
{
        static const struct {
                const char *bytes;
                unsigned int size;
        } chunks[] = {
#define CHUNK(bytes) {bytes, sizeof(bytes) - 1}
                CHUNK(DATA),
                CHUNK(SACK),
                CHUNK(INIT("\xa1")),
                CHUNK(INIT("\xb2")),
                CHUNK(INIT_ACK("\xa1")),
                CHUNK(INIT_ACK("\xb2")),
                CHUNK(HEARTBEAT),
                CHUNK(HEARTBEAT_ACK),
                CHUNK(ABORT("\0")),
                CHUNK(ABORT("\1")),
                CHUNK(SHUTDOWN),
                CHUNK(SHUTDOWN_ACK),
                CHUNK(ERROR),
                CHUNK(COOKIE_ECHO),
                CHUNK(COOKIE_ACK),
                CHUNK(SHUTDOWN_COMPLETE("\0")),
                CHUNK(SHUTDOWN_COMPLETE("\1")),
                CHUNK(UNKNOWN),
#undef CHUNK
        };
        static const uint8_t tags[] = {0, 0, TAG_A, TAG_A, TAG_B, TAG_B, 77};
        unsigned int states = 0;

        srand(1 + first);
        for (unsigned int round = 0; round < 20000; round++) {
                struct track_sctp both[2] = {0};
                for (unsigned int i = 0; i < 20; i++) {
                        char data[256] = "\x10\0\x20\0";
                        unsigned int size = 12;
                        data[7] = tags[rand() % sizeof(tags)];
                        for (unsigned int n = rand() % 8 ? 1 : 3; n > 0; n--) {
                                unsigned int chosen = rand() % (sizeof(chunks) / sizeof(chunks[0]));
                                memcpy(data + size, chunks[chosen].bytes, chunks[chosen].size);
                                size += chunks[chosen].size;
                        }
                        if (rand() % 16 == 0)
                                size = rand() % size;
                        uint8_t *exact = malloc(size + 1);
                        memcpy(exact + 1, data, size);
                        track_sctp_both(both, rand() % 2, exact + 1, size);
                        free(exact);
                        if (both[0].live)
                                states |= 1u << (both[0].state - SOCLE_SESSION_SCTP_CLOSED);
                }
        }
        assert_int_equal(states, 0xff); /* all were reached */
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(association),
                TEST(shutdown_by_either),
                TEST(wrong_tags),
                TEST(abort_and_its_t_bit),
                TEST(init_again),
                TEST(inits_cross),
                TEST(restart),
                TEST(stale_cookie),
                TEST(another_path),
                TEST(stray_heartbeats),
                TEST(what_may_not_begin),
                TEST(company),
                TEST(all_or_nothing),
                TEST(lengths),
                TEST(any_packets),
        };
        int failed = cmocka_run_group_tests_name("the lower end begins", tests, a_is_lower, NULL);

        return failed + cmocka_run_group_tests_name("the higher end begins", tests, a_is_higher, NULL);
}
