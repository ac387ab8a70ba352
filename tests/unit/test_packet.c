/* Packets in words: what is understood, what is complained of and where, and the frames that come of it. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "packet.h"
#include "values.h"

static struct packet parsed(const char *text, enum packet_use use)
{
        struct packet_fault fault = {};
        struct packet packet;

        if (packet_parse(text, use, &packet, &fault) < 0)
                fail_msg("%s: character %zu: %s (%s)", text, fault.at, fault.message, fault.expected);
        return packet;
}

/* Is the frame of the first text described as the second? */
static void check_described(const char *text, const char *expected)
{
        struct packet packet = parsed(text, PACKET_ONE);
        uint8_t frame[PACKET_ETHER_BYTES + PACKET_LENGTH_MAX];
        size_t length = packet_build(&packet, frame, sizeof(frame));
        char described[PACKET_TEXT_SIZE];

        packet_describe(frame, length, length, described);
        assert_string_equal(described, expected);
}

static void test_words_to_frames_and_back(void **state)
{
        static const char *const texts[][2] = {
                {"tcp 10.0.0.5:33000 > 10.0.1.7:443", "tcp 10.0.0.5:33000 > 10.0.1.7:443 flags syn length 40"},
                {"  tcp\t10.0.0.5:0>10.0.1.7:65535 ttl 3 flags syn,ack",
                 "tcp 10.0.0.5:0 > 10.0.1.7:65535 flags syn,ack length 40"},
                {"tcp [fd00::1]:1 > [FD00:0::2]:2 flags none", "tcp [fd00::1]:1 > [fd00::2]:2 flags none length 60"},
                {"tcp 1.2.3.4:1 > 1.2.3.5:2 flags cwr,FIN,rst,psh,ack,urg,ece,syn length 1500",
                 "tcp 1.2.3.4:1 > 1.2.3.5:2 flags fin,syn,rst,psh,ack,urg,ece,cwr length 1500"},
                {"udp [fd00::1]:1 > [fd00::2]:2", "udp [fd00::1]:1 > [fd00::2]:2 length 48"},
                {"sctp 1.2.3.4:1 > 1.2.3.5:2", "sctp 1.2.3.4:1 > 1.2.3.5:2 chunk init length 52"},
                {"sctp 1.2.3.4:1 > 1.2.3.5:2 chunk 200", "sctp 1.2.3.4:1 > 1.2.3.5:2 chunk 200 length 36"},
                {"sctp 1.2.3.4:1 > 1.2.3.5:2 chunk cookie-echo",
                 "sctp 1.2.3.4:1 > 1.2.3.5:2 chunk cookie-echo length 36"},
                {"icmp 1.2.3.4 > 1.2.3.5", "icmp 1.2.3.4 > 1.2.3.5 echo-request length 28"},
                {"icmp 1.2.3.4 > 1.2.3.5 echo-reply id 7", "icmp 1.2.3.4 > 1.2.3.5 echo-reply id 7 length 28"},
                {"icmp 1.2.3.4 > 1.2.3.5 type 3 code 4", "icmp 1.2.3.4 > 1.2.3.5 type 3 code 4 length 28"},
                {"icmp6 fd00::1 > ff02::1", "icmp6 fd00::1 > ff02::1 echo-request length 48"},
                {"icmp6 fd00::1 > fd00::2 echo-reply", "icmp6 fd00::1 > fd00::2 echo-reply length 48"},
                {"proto 47 1.2.3.4 > 1.2.3.5", "proto 47 1.2.3.4 > 1.2.3.5 length 20"},
                {"proto 17 1.2.3.4 > 1.2.3.5", "udp 1.2.3.4:0 > 1.2.3.5:0 length 28"},
                {"arp who-has 10.0.0.6 tell 10.0.0.5", "arp who-has 10.0.0.6 tell 10.0.0.5"},
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
                check_described(texts[i][0], texts[i][1]);
}

static void test_macs(void **state)
{
        struct packet packet = parsed("udp 1.2.3.4:1 > 1.2.3.5:2 dst-mac FA-16-3E-00-00-02 ttl 9", PACKET_ONE);
        uint8_t frame[PACKET_ETHER_BYTES + PACKET_LENGTH_MAX];

        assert_false(packet.has_mac[0]);
        assert_true(packet.has_mac[1]);
        assert_int_equal(packet.destination_at, 17);
        memcpy(packet.mac[0], "\x02\x00\x00\x00\x00\x01", 6);
        assert_int_equal(packet_build(&packet, frame, sizeof(frame)), 14 + 28);
        assert_memory_equal(frame, "\xfa\x16\x3e\x00\x00\x02\x02\x00\x00\x00\x00\x01\x08\x00", 14);
        assert_int_equal(frame[14 + 8], 9);
}

static void test_filters(void **state)
{
        static const uint8_t any[16];
        struct packet packet = parsed("tcp 10.0.0.5 > any:443", PACKET_FILTER);

        assert_int_equal(packet.family, 4);
        assert_int_equal(packet.protocol, 6);
        assert_memory_equal(packet.ip[1], any, 16);
        assert_int_equal(packet.l4_port[0], 0);
        assert_int_equal(packet.l4_port[1], 443);
        packet = parsed("ip any > fd00::1", PACKET_FILTER);
        assert_int_equal(packet.family, 6);
        assert_int_equal(packet.protocol, PACKET_ANY_PROTOCOL);
        packet = parsed("udp fd00::1 > [fd00::2]:53", PACKET_FILTER);
        assert_int_equal(packet.l4_port[1], 53);
        packet = parsed("udp 1.1.1.1:any > 1.1.1.2:any", PACKET_FILTER);
        assert_int_equal(packet.l4_port[0] | packet.l4_port[1], 0);
        packet = parsed("icmp6 any > any", PACKET_FILTER);
        assert_int_equal(packet.family, 6);
        packet = parsed("proto 47 1.1.1.1 > any", PACKET_FILTER);
        assert_int_equal(packet.protocol, 47);
}

/* A text, the character that is wrong in it, and words of the complaint or of what would be right. */
static const struct misspelt {
        enum packet_use use;
        const char *text;
        size_t at;
        const char *words;
} misspelt[] = {
        {PACKET_ONE, "", 1, "the protocol is missing"},
        {PACKET_ONE, "tpc 1.2.3.4:1 > 1.2.3.5:2", 1, "\"tpc\" is no protocol"},
        {PACKET_ONE, "ip 1.2.3.4 > 1.2.3.5", 1, "\"ip\" is no protocol"},
        {PACKET_ONE, "tcp", 4, "the source is missing"},
        {PACKET_ONE, "tcp > 1.2.3.5:2", 5, "the source is missing"},
        {PACKET_ONE, "tcp 1.2.3.4:1 1.2.3.5:2", 15, "a '>' between"},
        {PACKET_ONE, "tcp 1.2.3.4:1 >", 16, "the destination is missing"},
        {PACKET_ONE, "tcp 1.2.3.4:1 > 1.2.3.5", 24, "the port is missing"},
        {PACKET_ONE, "tcp 1.2.3.4: > 1.2.3.5:1", 13, "the port is missing"},
        {PACKET_ONE, "tcp 1.2.3.4:65536 > 1.2.3.5:1", 13, "a number from 0 to 65535"},
        {PACKET_ONE, "tcp 1.2.3.4:8x > 1.2.3.5:1", 14, "is not a number"},
        {PACKET_ONE, "tcp 1.2.3.4:http > 1.2.3.5:1", 13, "\"http\" is not a number"},
        {PACKET_ONE, "tcp 1.2.300.4:1 > 1.2.3.5:1", 9, "\"1.2.300.4\" is not an IP address"},
        {PACKET_ONE, "tcp 1.2.3:1 > 1.2.3.5:1", 10, "is not an IP address"},
        {PACKET_ONE, "tcp 1.2.03.4:1 > 1.2.3.5:1", 9, "is not an IP address"},
        {PACKET_ONE, "tcp host:1 > 1.2.3.5:1", 5, "\"host\" is not an IP address"},
        {PACKET_ONE, "tcp any:1 > 1.2.3.5:1", 5, "\"any\" is not an IP address"},
        {PACKET_ONE, "tcp fd00::1:80 > [fd00::2]:80", 5, "written in brackets"},
        {PACKET_ONE, "tcp [fd00::1:80 > [fd00::2]:80", 16, "the bracket is not closed"},
        {PACKET_ONE, "tcp [fd00::g]:80 > [fd00::2]:80", 12, "an IPv6 address, such as"},
        {PACKET_ONE, "tcp [fd00::1]80 > [fd00::2]:80", 14, "the port is missing"},
        {PACKET_ONE, "tcp [1.2.3.4]:80 > 1.2.3.5:80", 5, "brackets are for IPv6"},
        {PACKET_ONE, "tcp [::ffff:1.2.3.4]:80 > 1.2.3.5:80", 6, "is not an IP address"},
        {PACKET_ONE, "tcp 1.2.3.4:1 > [fd00::2]:80", 17, "an IPv6 address, where one of IPv4 belongs"},
        {PACKET_ONE, "icmp fd00::1 > fd00::2", 6, "where one of IPv4 belongs"},
        {PACKET_ONE, "icmp 1.2.3.4:1 > 1.2.3.5", 13, "is not an IP address"},
        {PACKET_ONE, "icmp6 [fd00::1]:1 > fd00::2", 16, "icmp6 has no ports"},
        {PACKET_ONE, "proto", 6, "the protocol is missing"},
        {PACKET_ONE, "proto 256 1.2.3.4 > 1.2.3.5", 7, "a number from 0 to 255"},
        {PACKET_ONE, "udp 1.2.3.4:1 > 1.2.3.5:2 flags syn", 27, "\"flags\" is for TCP only"},
        {PACKET_ONE, "tcp 1.2.3.4:1 > 1.2.3.5:2 flags syn,akc", 37, "there is no TCP flag \"akc\""},
        {PACKET_ONE, "tcp 1.2.3.4:1 > 1.2.3.5:2 flags syn,", 37, "a TCP flag is missing"},
        {PACKET_ONE, "tcp 1.2.3.4:1 > 1.2.3.5:2 flags", 32, "a TCP flag is missing"},
        {PACKET_ONE, "tcp 1.2.3.4:1 > 1.2.3.5:2 ttl 0", 31, "a number from 1 to 255"},
        {PACKET_ONE, "tcp 1.2.3.4:1 > 1.2.3.5:2 ttl 5 ttl 6", 33, "said twice"},
        {PACKET_ONE, "tcp 1.2.3.4:1 > 1.2.3.5:2 length 39", 34, "a number from 40 to 2034"},
        {PACKET_ONE, "tcp 1.2.3.4:1 > 1.2.3.5:2 length 99999999999", 34, "out of bounds"},
        {PACKET_ONE, "tcp 1.2.3.4:1 > 1.2.3.5:2 fast", 27, "ttl length src-mac dst-mac"},
        {PACKET_ONE, "icmp 1.2.3.4 > 1.2.3.5 type 256", 29, "a number from 0 to 255"},
        {PACKET_ONE, "sctp 1.2.3.4:1 > 1.2.3.5:2 chunk initial", 34, "no SCTP chunk \"initial\""},
        {PACKET_ONE, "icmp 1.2.3.4 > 1.2.3.5 dst-mac fa:16", 32, "is not a MAC address"},
        {PACKET_ONE, "arp 10.0.0.1", 5, "\"who-has\" is missing"},
        {PACKET_ONE, "arp who-has 10.0.0.1", 21, "\"tell\" is missing"},
        {PACKET_ONE, "arp who-has fd00::1 tell 10.0.0.1", 13, "ARP is for IPv4"},
        {PACKET_ONE, "arp who-has 10.0.0.2 tell 10.0.0.1 ttl 4", 36, "for IP packets only"},
        {PACKET_FILTER, "tcp any > any:443", 11, "neither side says"},
        {PACKET_FILTER, "arp who-has 10.0.0.2 tell 10.0.0.1", 1, "\"arp\" is no protocol"},
        {PACKET_FILTER, "proto 0 1.2.3.4 > any", 7, "a number from 1 to 255"},
        {PACKET_FILTER, "tcp 1.2.3.4 > any flags syn", 19, "a filter ends with its addresses"},
        {PACKET_FILTER, "tcp 1.2.3.4:x > any", 13, "is not a number"},
};

static void test_complaints_point_at_what_is_wrong(void **state)
{
        for (size_t i = 0; i < sizeof(misspelt) / sizeof(misspelt[0]); i++) {
                struct packet packet = {.protocol = 99};
                struct packet_fault fault = {};

                if (packet_parse(misspelt[i].text, misspelt[i].use, &packet, &fault) == 0)
                        fail_msg("\"%s\" is understood", misspelt[i].text);
                if (fault.at != misspelt[i].at ||
                    (!strstr(fault.message, misspelt[i].words) && !strstr(fault.expected, misspelt[i].words)))
                        fail_msg("\"%s\": character %zu: %s (%s)", misspelt[i].text, fault.at, fault.message,
                                 fault.expected);
                assert_int_equal(packet.protocol, 99); /* untouched */
        }
}

/* RFC 1071: over a right header the sum is zero. */
static unsigned checksum(uint32_t sum, const uint8_t *bytes, size_t size)
{
        for (size_t i = 0; i < size; i++)
                sum += i % 2 ? bytes[i] : bytes[i] << 8;
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        return sum ^ 0xffff;
}

static void test_checksums(void **state)
{
        static const char *const texts[] = {"tcp 10.0.0.5:33000 > 10.0.1.7:443 length 61",
                                            "udp 10.0.0.5:1 > 10.0.1.7:2", "icmp 10.0.0.5 > 10.0.1.7 length 99"};
        uint8_t frame[PACKET_ETHER_BYTES + PACKET_LENGTH_MAX];

        for (size_t i = 0; i < 3; i++) {
                struct packet packet = parsed(texts[i], PACKET_ONE);
                size_t size = packet_build(&packet, frame, sizeof(frame)) - 34;
                uint32_t pseudo = i == 2 ? 0 : packet.protocol + (uint32_t)size;

                for (size_t j = 0; i < 2 && j < 8; j += 2)
                        pseudo += (uint32_t)(frame[26 + j] << 8 | frame[27 + j]);
                assert_int_equal(checksum(0, frame + 14, 20), 0);
                assert_int_equal(checksum(pseudo, frame + 34, size), 0);
        }
        /* CRC-32C of this INIT, as scapy computes it. */
        struct packet packet = parsed("sctp 10.0.0.5:7 > 10.0.1.7:8", PACKET_ONE);
        packet_build(&packet, frame, sizeof(frame));
        assert_memory_equal(frame + 34 + 8, "\x8d\x9b\x98\xfc", 4);
}

static void test_frames_without_words(void **state)
{
        uint8_t frame[60] = {[12] = 0x88, [13] = 0xcc};
        char text[PACKET_TEXT_SIZE];

        packet_describe(frame, sizeof(frame), sizeof(frame), text);
        assert_string_equal(text, "ethertype 0x88cc, 60 bytes");
        packet_describe(frame, 5, 5, text);
        assert_string_equal(text, "5 bytes, too few for an Ethernet header");
        memcpy(frame + 12, "\x81\x00\x00\x05\x08\x00\x45", 7);
        packet_describe(frame, 30, 60, text);
        assert_string_equal(text, "vlan 5 a cut or malformed IPv4 header");
        memcpy(frame + 24, "\x20\xb9\x40\x11", 4); /* more fragments, from byte 1480 on; UDP */
        packet_describe(frame, 60, 60, text);
        assert_string_equal(text, "vlan 5 proto 17 0.0.0.0 > 0.0.0.0 length 0 (fragment from byte 1480 on)");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words_to_frames_and_back),
                cmocka_unit_test(test_macs),
                cmocka_unit_test(test_filters),
                cmocka_unit_test(test_complaints_point_at_what_is_wrong),
                cmocka_unit_test(test_checksums),
                cmocka_unit_test(test_frames_without_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
