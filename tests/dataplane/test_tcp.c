/* TCP's state machine, conversation by conversation; each is had twice, with either end first in the key. What Linux
 * makes of the same is compared in tests/functional/test_dp_conntrack.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "track_properties.h"

enum { A, B }; /* A begins */

#define FIN DP_TCP_FIN
#define SYN DP_TCP_SYN
#define RST DP_TCP_RST
#define PSH DP_TCP_PSH
#define ACK DP_TCP_ACK
#define URG DP_TCP_URG

static unsigned int first; /* A's direction of the key */
static struct track_tcp c;
static struct dp_tcp_settings settings;
static uint32_t timeout_ms[SOCLE_SESSION_STATE_COUNT];

static int begin(void **state)
{
        c = (struct track_tcp){0};
        settings = dp_session_settings->tcp;
        memcpy(timeout_ms, dp_session_settings->timeout_ms, sizeof(timeout_ms));
        settings.timeout_ms = timeout_ms;
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

struct say {
        uint8_t flags;
        uint32_t seq, ack;
        uint32_t length;
        uint16_t window; /* 0: 1000 */
        bool closed;     /* a window of 0 */
        const char *options;
        uint8_t option_length;
};

static enum dp_tcp_verdict say_it(unsigned int who, struct say say)
{
        struct dp_tcp_segment segment = {
                .flags = say.flags,
                .seq = say.seq,
                .ack = say.ack,
                .payload = say.length,
                .window = say.closed   ? 0
                          : say.window ? say.window
                                       : 1000,
                .options = (const uint8_t *)say.options,
                .option_length = say.option_length,
        };

        return track_tcp(&c, who == A ? first : !first, &segment, &settings);
}

#define SAY(who, flags_, seq_, ack_, ...)                                                                              \
        say_it(who, (struct say){.flags = (flags_), .seq = (seq_), .ack = (ack_), __VA_ARGS__})
#define OPTIONS(string) .options = string, .option_length = sizeof(string) - 1
#define TAKES(...)      assert_int_equal(SAY(__VA_ARGS__), DP_TCP_ACCEPT)
#define IGNORES(...)    assert_int_equal(SAY(__VA_ARGS__), DP_TCP_IGNORE)
#define REFUSES(...)    assert_int_equal(SAY(__VA_ARGS__), DP_TCP_INVALID)
#define IS(name)        assert_int_equal(c.state, SOCLE_SESSION_TCP_##name)
#define LASTS_AS(name)  assert_int_equal(c.timeout_state, SOCLE_SESSION_TCP_##name)

/* A goes on at 101, B at 501. */
static void open_it(void)
{
        TAKES(A, SYN, 100, 0);
        TAKES(B, SYN | ACK, 500, 101);
        TAKES(A, ACK, 101, 501);
        IS(ESTABLISHED);
}

static void open_scaled(void)
{
        TAKES(A, SYN, 100, 0, OPTIONS("\1\3\3\7"));
        TAKES(B, SYN | ACK, 500, 101, OPTIONS("\1\3\3\2"));
        TAKES(A, ACK, 101, 501);
}

static void open_sack(void)
{
        TAKES(A, SYN, 100, 0, OPTIONS("\4\2\1\1"));
        TAKES(B, SYN | ACK, 500, 101, OPTIONS("\4\2\1\1"));
        TAKES(A, ACK, 101, 501);
}

/* ---- a life ---- */

static void handshake(void **state)
{
        TAKES(A, SYN, 100, 0);
        IS(SYN_SENT);
        LASTS_AS(SYN_SENT);
        TAKES(B, SYN | ACK, 500, 101);
        IS(SYN_RECV);
        assert_int_equal(c.tcp.flags, DP_TCP_REPLIED);
        TAKES(A, ACK, 101, 501);
        IS(ESTABLISHED);
        LASTS_AS(ESTABLISHED);
        assert_int_equal(c.tcp.flags, DP_TCP_REPLIED | DP_TCP_ASSURED);
}

static void close_in_order(void **state)
{
        open_it();
        TAKES(A, FIN | ACK, 101, 501);
        IS(FIN_WAIT);
        TAKES(B, ACK, 501, 102);
        IS(CLOSE_WAIT);
        TAKES(B, FIN | ACK, 501, 102);
        IS(LAST_ACK);
        TAKES(A, ACK, 102, 502);
        IS(TIME_WAIT);
        LASTS_AS(TIME_WAIT);
}

static void half_close(void **state)
{
        open_it();
        TAKES(A, FIN | ACK, 101, 501);
        TAKES(B, ACK, 501, 102);
        for (uint32_t i = 0; i < 10; i++) {
                TAKES(B, PSH | ACK, 501 + 1000 * i, 102, .length = 1000);
                TAKES(A, ACK, 102, 1501 + 1000 * i);
                IS(CLOSE_WAIT);
        }
        TAKES(B, FIN | ACK, 10501, 102);
        TAKES(A, ACK, 102, 10502);
        IS(TIME_WAIT);
}

static void simultaneous_open(void **state)
{
        TAKES(A, SYN, 100, 0);
        assert_int_equal(SAY(B, SYN, 500, 0), DP_TCP_IGNORE); /* prolongs nothing before there is an answer */
        IS(SYN_SENT2);
        TAKES(B, SYN | ACK, 500, 101);
        IS(SYN_RECV);
        TAKES(A, SYN | ACK, 100, 501);
        IS(SYN_RECV);
        TAKES(B, ACK, 501, 101);
        IS(ESTABLISHED);
        TAKES(A, ACK, 101, 501);
        assert_true(c.tcp.flags & DP_TCP_ASSURED);
}

static void simultaneous_close(void **state)
{
        open_it();
        TAKES(A, FIN | ACK, 101, 501);
        TAKES(B, FIN | ACK, 501, 101);
        IS(LAST_ACK);
        TAKES(A, ACK, 102, 502);
        IS(TIME_WAIT);
}

static void syn_again(void **state)
{
        TAKES(A, SYN, 100, 0);
        IGNORES(A, SYN, 100, 0); /* or who sends SYNs would keep it for ever */
        IS(SYN_SENT);
        TAKES(B, SYN | ACK, 500, 101);
        IGNORES(B, SYN | ACK, 500, 101);
        IS(SYN_RECV);
        TAKES(A, ACK, 101, 501);
        IS(ESTABLISHED);
}

static void syn_is_refused(void **state)
{
        TAKES(A, SYN, 100, 0);
        REFUSES(B, RST | ACK, 0, 2101);
        assert_true(c.live);
        assert_int_equal(SAY(B, RST | ACK, 0, 101), DP_TCP_DELETE);
        TAKES(A, SYN, 100, 0);
        assert_int_equal(SAY(A, RST, 101, 0), DP_TCP_DELETE);
}

static void no_ack_before_syn_ack(void **state)
{
        TAKES(A, SYN, 100, 0);
        REFUSES(A, ACK, 101, 501);
        REFUSES(A, FIN | ACK, 101, 501);
        REFUSES(B, FIN | ACK, 500, 101);
        IS(SYN_SENT);
}

/* ---- windows ---- */

static void window_edges(void **state)
{
        open_it();
        TAKES(A, PSH | ACK, 101, 501, .length = 1000);
        TAKES(A, ACK, 1101, 501);                /* at the edge */
        IGNORES(A, ACK, 1102, 501, .length = 1); /* beyond it by less than a window: passes, proves nothing */
        REFUSES(A, PSH | ACK, 3000, 501, .length = 1);
        TAKES(B, ACK, 501, 1103); /* what passed may be acknowledged */
        REFUSES(B, ACK, 501, 1104);
        IGNORES(A, ACK, 1103 - 1001, 501); /* a window below what was sent */
        TAKES(A, ACK, 1103 - 1000, 501);
        TAKES(A, ACK, 1103, 501);
        IS(ESTABLISHED);
}

static void old_acknowledgements(void **state)
{
        TAKES(A, SYN, 200000, 0);
        TAKES(B, SYN | ACK, 300000, 200001);
        TAKES(A, ACK, 200001, 300001);
        TAKES(A, ACK, 200001, 300001 - 66000);
        IGNORES(A, ACK, 200001, 300001 - 66001);
}

static void scaling(void **state)
{
        open_scaled();
        TAKES(B, ACK, 501, 101); /* 1000 << 2 */
        TAKES(A, PSH | ACK, 101, 501, .length = 4000);
        REFUSES(A, PSH | ACK, 4101 + 4000, 501, .length = 1);
        TAKES(A, ACK, 4101, 501); /* 1000 << 7 */
        TAKES(B, PSH | ACK, 501, 4101, .length = 64000);
        TAKES(B, PSH | ACK, 64501, 4101, .length = 64000);
        REFUSES(B, PSH | ACK, 128501 + 128000, 4101, .length = 1);
}

static void scaling_needs_both(void **state)
{
        TAKES(A, SYN, 100, 0, OPTIONS("\1\3\3\7"));
        TAKES(B, SYN | ACK, 500, 101);
        TAKES(A, ACK, 101, 501);
        assert_int_equal(c.tcp.peers[0].scale | c.tcp.peers[1].scale, 0);
        REFUSES(B, PSH | ACK, 501 + 5000, 101, .length = 1);
}

static void scale_is_bounded(void **state)
{
        TAKES(A, SYN, 100, 0, OPTIONS("\1\3\3\xff"));
        TAKES(B, SYN | ACK, 500, 101, OPTIONS("\1\3\3\xff"));
        assert_int_equal(c.tcp.peers[first].scale, 14);
        assert_int_equal(c.tcp.peers[!first].scale, 14);
}

static void closed_window(void **state)
{
        open_it();
        TAKES(B, ACK, 501, 101, .closed = true);
        TAKES(A, ACK, 101, 501, .length = 1); /* the probe */
        REFUSES(A, ACK, 2200, 501, .length = 1);
        TAKES(B, ACK, 501, 101, .closed = true);
        TAKES(B, ACK, 501, 102);
        TAKES(A, PSH | ACK, 102, 501, .length = 1000);
}

static void keep_alive(void **state)
{
        open_it();
        TAKES(A, ACK, 100, 501);
        TAKES(B, ACK, 501, 101);
}

static void selective_acknowledgement(void **state)
{
        open_sack();
        TAKES(A, PSH | ACK, 101, 501, .length = 100);
        TAKES(A, PSH | ACK, 301, 501, .length = 100);
        TAKES(B, ACK, 501, 201, OPTIONS("\1\1\5\x0a\0\0\1\x2d\0\0\1\x91")); /* 301–401 */
        assert_int_equal(c.tcp.peers[first].max_end, 1401);
        REFUSES(B, ACK, 501, 201, OPTIONS("\1\1\5\x0a\0\0\1\x2d\0\0\1\x92")); /* 402 was never sent */
        TAKES(B, ACK, 501, 201, OPTIONS("\1\1\5\x09\0\0\1\x2d\0\0\1\x92"));   /* not an option */
        TAKES(B, ACK, 501, 201, OPTIONS("\1\1\5\xff\0\0\1\x2d\0\0\1\x92"));
}

static void no_sack_without_consent(void **state)
{
        open_it();
        TAKES(B, ACK, 501, 101, OPTIONS("\1\1\5\x0a\0\0\1\x2d\0\0\1\x92"));
}

static void numbers_come_round(void **state)
{
        TAKES(A, SYN, 0xfffffff0, 0);
        TAKES(B, SYN | ACK, 0xfffffffe, 0xfffffff1);
        TAKES(A, ACK, 0xfffffff1, 0xffffffff);
        TAKES(A, PSH | ACK, 0xfffffff1, 0xffffffff, .length = 100);
        TAKES(B, PSH | ACK, 0xffffffff, 0x55, .length = 100);
        TAKES(A, ACK, 0x55, 99);
        REFUSES(A, ACK, 0x55 + 5000, 99);
        REFUSES(A, ACK, 0x55, 100);
        TAKES(A, FIN | ACK, 0x55, 99);
        TAKES(B, ACK, 99, 0x56);
        IS(CLOSE_WAIT);
}

static void liberal(void **state)
{
        settings.liberal = true;
        open_it();
        TAKES(A, ACK, 900000, 501);
        TAKES(B, ACK, 501, 900000);
        TAKES(A, FIN | ACK, 12345, 54321);
        IS(FIN_WAIT);
}

/* ---- timeouts ---- */

static void retransmissions_shorten(void **state)
{
        open_it();
        for (int i = 0; i < 3; i++) {
                TAKES(A, PSH | ACK, 101, 501, .length = 10);
                LASTS_AS(UNACK);
        }
        TAKES(A, PSH | ACK, 101, 501, .length = 10); /* the third time again */
        LASTS_AS(RETRANS);
        TAKES(B, ACK, 501, 111);
        LASTS_AS(ESTABLISHED);
}

static void unacknowledged_data_shortens(void **state)
{
        open_it();
        TAKES(A, PSH | ACK, 101, 501, .length = 10);
        LASTS_AS(UNACK);
        TAKES(B, ACK, 501, 101);
        LASTS_AS(UNACK);
        TAKES(B, ACK, 501, 111);
        LASTS_AS(ESTABLISHED);
}

static void closed_window_shortens(void **state)
{
        open_it();
        TAKES(B, ACK, 501, 101, .closed = true);
        LASTS_AS(RETRANS);
}

static void ends_out_of_window_shorten(void **state)
{
        open_it();
        REFUSES(A, FIN | ACK, 900000, 501);
        LASTS_AS(ESTABLISHED);
        REFUSES(A, FIN | ACK, 900000, 501); /* one side's word is not enough */
        LASTS_AS(ESTABLISHED);
        REFUSES(B, RST | ACK, 900000, 900001);
        LASTS_AS(UNACK);
        IS(ESTABLISHED);
}

/* ---- RFC 5961 ---- */

static void blind_syn(void **state)
{
        open_it();
        IGNORES(A, SYN, 900000, 0);
        IS(ESTABLISHED);
        TAKES(B, ACK, 501, 101); /* the challenge */
        TAKES(A, PSH | ACK, 101, 501, .length = 10);
        REFUSES(B, SYN, 900000, 0);
        IS(ESTABLISHED);
}

static void rebooted_host(void **state)
{
        open_it();
        IGNORES(A, SYN, 900000, 0);
        TAKES(B, ACK, 501, 101);
        TAKES(A, RST, 101, 0); /* as the challenge wants it */
        IS(CLOSE);
        assert_int_equal(SAY(A, SYN, 900000, 0), DP_TCP_REOPEN);
        IS(SYN_SENT);
        TAKES(B, SYN | ACK, 7000, 900001);
        TAKES(A, ACK, 900001, 7001);
        IS(ESTABLISHED);
}

static void unseen_syn_is_answered(void **state)
{
        open_it();
        IGNORES(A, SYN, 900000, 0, OPTIONS("\1\3\3\3"));
        TAKES(B, SYN | ACK, 7000, 900001, OPTIONS("\1\3\3\4"));
        IS(SYN_RECV);
        assert_int_equal(c.tcp.peers[first].scale, 3);
        TAKES(A, ACK, 900001, 7001);
        IS(ESTABLISHED);
}

static void unseen_syn_is_refused(void **state)
{
        open_it();
        IGNORES(A, SYN, 900000, 0);
        TAKES(B, RST | ACK, 0, 900001);
        IS(CLOSE);
        begin(state);
        open_it();
        IGNORES(A, SYN, 900000, 0);
        REFUSES(B, RST | ACK, 0, 900002); /* a guess */
        IS(ESTABLISHED);
}

static void challenge_in_syn_sent(void **state)
{
        TAKES(A, SYN, 900000, 0);
        IGNORES(B, ACK, 501, 101); /* B still has the old connection */
        TAKES(A, RST, 101, 0);
        IS(CLOSE);
        assert_int_equal(SAY(A, SYN, 900000, 0), DP_TCP_REOPEN);
}

static void challenge_is_not_the_last_ack(void **state)
{
        open_it();
        TAKES(B, FIN | ACK, 501, 101);
        TAKES(A, FIN | ACK, 101, 502);
        IGNORES(A, SYN, 900000, 0);
        IGNORES(B, ACK, 502, 101);
        IS(LAST_ACK);
        TAKES(B, ACK, 502, 102);
        IS(TIME_WAIT);
}

static void rst_must_be_exact(void **state)
{
        open_it();
        TAKES(B, ACK, 501, 101);
        TAKES(A, RST, 300, 0); /* in the window: B will ask */
        IS(ESTABLISHED);
        LASTS_AS(CLOSE);
        TAKES(B, ACK, 501, 101); /* it does */
        LASTS_AS(UNACK);
        TAKES(A, RST, 101, 0);
        IS(CLOSE);
}

static void rst_behind_own_data(void **state)
{
        open_it();
        TAKES(A, PSH | ACK, 101, 501, .length = 10);
        TAKES(A, RST, 111, 0);
        IS(CLOSE);
}

static void rst_out_of_window(void **state)
{
        open_it();
        TAKES(A, PSH | ACK, 101, 501, .length = 10);
        TAKES(B, ACK, 501, 111);
        REFUSES(A, RST, 110, 0);
        REFUSES(A, RST, 0, 0);
        REFUSES(A, RST, 900000, 0);
        IS(ESTABLISHED);
}

/* ---- again, and in the middle ---- */

static void reopening(void **state)
{
        close_in_order(state);
        REFUSES(A, SYN | ACK, 70000, 502);
        assert_int_equal(SAY(A, SYN, 70000, 0), DP_TCP_REOPEN);
        IS(SYN_SENT);
        TAKES(B, SYN | ACK, 90000, 70001);
        TAKES(A, ACK, 70001, 90001);
        IS(ESTABLISHED);
}

static void reopening_from_the_other_side(void **state)
{
        close_in_order(state);
        assert_int_equal(SAY(B, SYN, 70000, 0), DP_TCP_REOPEN);
        assert_int_equal(c.origin, !first);
}

static void no_reopening_after_the_others_rst(void **state)
{
        open_it();
        TAKES(B, RST, 501, 0);
        IS(CLOSE);
        IGNORES(A, SYN, 70000, 0);
        IS(CLOSE);
        TAKES(B, SYN | ACK, 90000, 70001);
        IS(SYN_RECV);
}

static void pick_up(void **state)
{
        timeout_ms[SOCLE_SESSION_TCP_UNACK] = 200000;
        TAKES(A, PSH | ACK, 5000, 9000, .length = 10);
        IS(ESTABLISHED);
        LASTS_AS(UNACK); /* until somebody answers */
        TAKES(B, ACK, 9000, 5010);
        TAKES(B, ACK, 9000, 5010, .window = 2000);
        IS(ESTABLISHED);
        LASTS_AS(ESTABLISHED);
        assert_true(c.tcp.flags & DP_TCP_ASSURED);
        TAKES(A, PSH | ACK, 5010, 9000, .length = 60000); /* scales are not known */
        TAKES(A, FIN | ACK, 65010, 9000);
        IS(FIN_WAIT);
}

static void strict(void **state)
{
        settings.loose = false;
        REFUSES(A, ACK, 5000, 9000);
        REFUSES(A, PSH | ACK, 5000, 9000, .length = 10);
        open_it();
}

static void what_begins_nothing(void **state)
{
        REFUSES(A, SYN | ACK, 1, 1);
        REFUSES(A, FIN | ACK, 1, 1);
        REFUSES(A, RST, 1, 1);
        REFUSES(A, RST | ACK, 1, 1);
}

/* Every combination of the six flags, against the list of those that a stack sends. */
static void illegal_flags(void **state)
{
        static const uint8_t legal[] = {SYN,       SYN | URG, SYN | ACK,       RST,      RST | ACK,
                                        FIN | ACK, ACK,       FIN | ACK | URG, ACK | URG};

        for (unsigned int flags = 0; flags < 256; flags++) {
                bool is_legal = false;
                for (size_t i = 0; i < sizeof(legal); i++)
                        is_legal |= (flags & ~(PSH | DP_TCP_ECE | DP_TCP_CWR)) == legal[i];
                begin(state);
                open_it();
                struct track_tcp before = c;
                enum dp_tcp_verdict verdict = SAY(A, flags, 101, 501);
                if (is_legal)
                        assert_true(verdict != DP_TCP_INVALID || flags & (SYN | RST));
                else
                        assert_int_equal(verdict, DP_TCP_INVALID);
                if (!is_legal)
                        assert_memory_equal(&before, &c, sizeof(c));
        }
}

/* ---- any ---- */

static uint32_t near(uint32_t number)
{
        static const int32_t steps[] = {0,    0,    0,     1,      -1,     10,    100,      999,
                                        1000, 1001, -1000, -66000, -66001, 70000, INT32_MIN};

        return number + steps[rand() % (sizeof(steps) / sizeof(steps[0]))];
}

static struct dp_tcp_segment any_segment(const struct track_tcp *conversation, unsigned int d, uint8_t *options)
{
        static const uint8_t flags[] = {ACK, ACK,       ACK, ACK,       ACK, ACK, PSH | ACK, PSH | ACK, FIN | ACK,
                                        SYN, SYN | ACK, RST, RST | ACK, FIN, 0,   SYN | FIN, URG | ACK};
        const struct dp_tcp *tcp = &conversation->tcp;
        struct dp_tcp_segment segment = {
                .flags = flags[rand() % sizeof(flags)],
                .seq = rand() % 4 ? tcp->peers[d].end : near(tcp->peers[d].end),
                .ack = rand() % 4 ? tcp->peers[!d].end : near(tcp->peers[!d].end),
                .window = rand() % 8 ? 1000 + rand() % 1000 : rand(),
                .payload = rand() % 2 ? 0 : rand() % 1500,
                .options = options,
        };

        if (rand() % 4 == 0) {
                segment.option_length = rand() % 41;
                for (unsigned int i = 0; i < segment.option_length; i++)
                        options[i] = rand() % 3 ? rand() % 12 : rand();
        }
        if (rand() % 16 == 0)
                segment.seq = tcp->peers[!d].max_ack;
        return segment;
}

static void any_conversation(void **state)
{
        static const struct dp_tcp_settings *defaults;
        unsigned int quick = 0;

        defaults = &dp_session_settings->tcp;
        srand(1 + first);
        for (unsigned int round = 0; round < 20000; round++) {
                struct track_tcp both[2] = {0};
                settings = *defaults;
                settings.loose = round % 4;
                settings.liberal = round % 16 == 1;
                for (unsigned int i = 0; i < 30; i++) {
                        unsigned int d = rand() % 2;
                        uint8_t options[40];
                        struct dp_tcp_segment segment = any_segment(&both[0], d, options);
                        uint8_t *exact = malloc(segment.option_length + 1u);
                        memcpy(exact + 1, options, segment.option_length);
                        segment.options = exact + 1;
                        if (i == 0)
                                segment.flags = SYN;
                        if (i == 1 && round % 2)
                                d = !both[0].origin, segment.flags = SYN | ACK;
                        track_tcp_both(both, d, &segment, &settings);
                        free(exact);
                }
                quick += both[0].quick;
        }
        assert_true(quick > 10000); /* so that the comparison of the two ways means something */
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(handshake),
                TEST(close_in_order),
                TEST(half_close),
                TEST(simultaneous_open),
                TEST(simultaneous_close),
                TEST(syn_again),
                TEST(syn_is_refused),
                TEST(no_ack_before_syn_ack),
                TEST(window_edges),
                TEST(old_acknowledgements),
                TEST(scaling),
                TEST(scaling_needs_both),
                TEST(scale_is_bounded),
                TEST(closed_window),
                TEST(keep_alive),
                TEST(selective_acknowledgement),
                TEST(no_sack_without_consent),
                TEST(numbers_come_round),
                TEST(liberal),
                TEST(retransmissions_shorten),
                TEST(unacknowledged_data_shortens),
                TEST(closed_window_shortens),
                TEST(ends_out_of_window_shorten),
                TEST(blind_syn),
                TEST(rebooted_host),
                TEST(unseen_syn_is_answered),
                TEST(unseen_syn_is_refused),
                TEST(challenge_in_syn_sent),
                TEST(challenge_is_not_the_last_ack),
                TEST(rst_must_be_exact),
                TEST(rst_behind_own_data),
                TEST(rst_out_of_window),
                TEST(reopening),
                TEST(reopening_from_the_other_side),
                TEST(no_reopening_after_the_others_rst),
                TEST(pick_up),
                TEST(strict),
                TEST(what_begins_nothing),
                TEST(illegal_flags),
                TEST(any_conversation),
        };
        int failed = cmocka_run_group_tests_name("the lower end begins", tests, a_is_lower, NULL);

        return failed + cmocka_run_group_tests_name("the higher end begins", tests, a_is_higher, NULL);
}
