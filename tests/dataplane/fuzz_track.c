/* Fuzzer: any sequence of segments to the state machines of TCP and SCTP, under any settings. Input: a byte of settings
 * (1 SCTP, 2 not loose, 4 liberal, 8 short timeouts), then records. Of TCP: direction (128) and length of the options,
 * flags, window (2), sequence number (4), acknowledgement (4), bytes of data (2), the options; of SCTP: direction
 * (128), length (2), the packet. */
#include "track_properties.h"

#define TCP_RECORD  14
#define SCTP_RECORD 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t number(const uint8_t *p, unsigned int bytes)
{
        uint32_t value = 0;

        for (unsigned int i = 0; i < bytes; i++)
                value = value << 8 | p[i];
        return value;
}

/* A block of its own, so that the address sanitizer sees a read beyond its end. */
static uint8_t *own(const uint8_t *data, size_t size)
{
        uint8_t *block = malloc(size ? size : 1);

        TRACK_MUST(block);
        memcpy(block, data, size);
        return block;
}

static void play_tcp(const uint8_t *p, const uint8_t *end, const struct dp_tcp_settings *settings)
{
        struct track_tcp c[2] = {0};

        while (end - p >= TCP_RECORD) {
                unsigned int d = p[0] >> 7, options = (p[0] & 127) % 41;
                struct dp_tcp_segment segment = {.flags = p[1],
                                                 .window = number(p + 2, 2),
                                                 .seq = number(p + 4, 4),
                                                 .ack = number(p + 8, 4),
                                                 .payload = number(p + 12, 2),
                                                 .option_length = options};
                p += TCP_RECORD;
                if (end - p < options)
                        return;
                uint8_t *block = own(p, options);
                segment.options = block;
                track_tcp_both(c, d, &segment, settings);
                free(block);
                p += options;
        }
}

static void play_sctp(const uint8_t *p, const uint8_t *end)
{
        struct track_sctp c[2] = {0};

        while (end - p >= SCTP_RECORD) {
                unsigned int d = p[0] >> 7;
                uint32_t length = number(p + 1, 2);
                p += SCTP_RECORD;
                if (end - p < length)
                        length = end - p;
                uint8_t *block = own(p, length);
                track_sctp_both(c, d, block, length);
                free(block);
                p += length;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static uint32_t short_ms[SOCLE_SESSION_STATE_COUNT];
        struct dp_tcp_settings settings = dp_session_settings->tcp;

        if (size == 0 || size > 16384)
                return 0;
        memcpy(short_ms, dp_session_settings->timeout_ms, sizeof(short_ms));
        short_ms[SOCLE_SESSION_TCP_RETRANS] = short_ms[SOCLE_SESSION_TCP_UNACK] = 1000;
        settings.loose = !(data[0] & 2);
        settings.liberal = data[0] & 4;
        if (data[0] & 8)
                settings.timeout_ms = short_ms;
        if (data[0] & 1)
                play_sctp(data + 1, data + size);
        else
                play_tcp(data + 1, data + size, &settings);
        return 0;
}
