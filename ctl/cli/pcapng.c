/* See pcapng.h. A block is put together in memory, since its length comes first, and then written at once. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "pcapng.h"

/* Block types, section numbers of the draft: 4.1 to 4.6. */
#define SECTION_HEADER        0x0a0d0d0a
#define INTERFACE_DESCRIPTION 1
#define INTERFACE_STATISTICS  5
#define ENHANCED_PACKET       6

#define LINK_ETHERNET 1

enum {
        OPT_END = 0,
        OPT_COMMENT = 1,
        SHB_USERAPPL = 4,
        IF_NAME = 2,
        IF_DESCRIPTION = 3,
        IF_TSRESOL = 9,
        EPB_FLAGS = 2,
        ISB_IFRECV = 4,
        ISB_IFDROP = 5,
};

#define COMMENT_MAX 1024

struct pcapng {
        FILE *out;
        uint32_t snap_length;
        char **interfaces; /* their names */
        int interface_count;
        uint8_t *block; /* the one being put together */
        size_t used, capacity;
        int error; /* the first, of this block */
};

static void put(struct pcapng *pcapng, const void *bytes, size_t size)
{
        size_t padded = (size + 3) / 4 * 4;

        if (pcapng->used + padded > pcapng->capacity) {
                size_t capacity = (pcapng->used + padded) * 2;
                uint8_t *block = realloc(pcapng->block, capacity);

                if (!block) {
                        pcapng->error = -ENOMEM;
                        return;
                }
                pcapng->block = block;
                pcapng->capacity = capacity;
        }
        memcpy(pcapng->block + pcapng->used, bytes, size);
        memset(pcapng->block + pcapng->used + size, 0, padded - size);
        pcapng->used += padded;
}

static void put32(struct pcapng *pcapng, uint32_t value)
{
        put(pcapng, &value, sizeof(value));
}

static void put_time(struct pcapng *pcapng, uint64_t time_ns)
{
        put32(pcapng, (uint32_t)(time_ns >> 32));
        put32(pcapng, (uint32_t)time_ns);
}

static void put_option(struct pcapng *pcapng, uint16_t code, const void *value, size_t size)
{
        uint16_t head[2] = {code, (uint16_t)size};

        put(pcapng, head, sizeof(head));
        put(pcapng, value, size);
}

static void put_text(struct pcapng *pcapng, uint16_t code, const char *text)
{
        if (text && *text)
                put_option(pcapng, code, text, strnlen(text, COMMENT_MAX));
}

static void begin(struct pcapng *pcapng, uint32_t type)
{
        pcapng->used = 0;
        pcapng->error = 0;
        put32(pcapng, type);
        put32(pcapng, 0); /* the length, known at the end */
}

/* Options end, the length goes to both places, and the block out. */
static int finish(struct pcapng *pcapng)
{
        uint32_t length;

        put32(pcapng, OPT_END);
        length = (uint32_t)pcapng->used + sizeof(length);
        put32(pcapng, length);
        if (pcapng->error)
                return pcapng->error;
        memcpy(pcapng->block + 4, &length, sizeof(length));
        return fwrite(pcapng->block, 1, length, pcapng->out) == length ? 0 : -EIO;
}

int pcapng_new(struct pcapng **ret, FILE *out, uint32_t snap_length)
{
        static const uint16_t version[2] = {1, 0};
        static const uint64_t unknown_length = UINT64_MAX;
        cleanup_(pcapng_free_p) struct pcapng *pcapng = calloc(1, sizeof(*pcapng));

        if (!pcapng)
                return -ENOMEM;
        pcapng->out = out;
        pcapng->snap_length = snap_length;
        begin(pcapng, SECTION_HEADER);
        put32(pcapng, 0x1a2b3c4d); /* tells the order of bytes */
        put(pcapng, version, sizeof(version));
        put(pcapng, &unknown_length, sizeof(unknown_length));
        put_text(pcapng, SHB_USERAPPL, "soclectl " SOCLE_VERSION);
        int r = finish(pcapng);
        if (r == 0)
                *ret = TAKE_PTR(pcapng);
        return r;
}

struct pcapng *pcapng_free(struct pcapng *pcapng)
{
        if (!pcapng)
                return NULL;
        for (int i = 0; i < pcapng->interface_count; i++)
                free(pcapng->interfaces[i]);
        free(pcapng->interfaces);
        free(pcapng->block);
        free(pcapng);
        return NULL;
}

static int remember(struct pcapng *pcapng, const char *name)
{
        char **interfaces = reallocarray(pcapng->interfaces, (size_t)pcapng->interface_count + 1, sizeof(char *));

        if (!interfaces)
                return -ENOMEM;
        pcapng->interfaces = interfaces;
        interfaces[pcapng->interface_count] = strdup(name);
        return interfaces[pcapng->interface_count] ? pcapng->interface_count++ : -ENOMEM;
}

int pcapng_interface(struct pcapng *pcapng, const char *name, const char *description)
{
        static const uint16_t link[2] = {LINK_ETHERNET, 0};
        static const uint8_t nanoseconds = 9;
        int r;

        for (int i = 0; i < pcapng->interface_count; i++)
                if (strcmp(pcapng->interfaces[i], name) == 0)
                        return i;
        begin(pcapng, INTERFACE_DESCRIPTION);
        put(pcapng, link, sizeof(link));
        put32(pcapng, pcapng->snap_length);
        put_text(pcapng, IF_NAME, name);
        put_text(pcapng, IF_DESCRIPTION, description);
        put_option(pcapng, IF_TSRESOL, &nanoseconds, sizeof(nanoseconds));
        r = finish(pcapng);
        return r < 0 ? r : remember(pcapng, name);
}

int pcapng_add(struct pcapng *pcapng, int interface, const struct pcapng_packet *packet)
{
        uint32_t flags = packet->direction; /* bits 0 and 1 */

        begin(pcapng, ENHANCED_PACKET);
        put32(pcapng, (uint32_t)interface);
        put_time(pcapng, packet->time_ns);
        put32(pcapng, (uint32_t)packet->captured);
        put32(pcapng, (uint32_t)packet->length);
        put(pcapng, packet->frame, packet->captured);
        put_option(pcapng, EPB_FLAGS, &flags, sizeof(flags));
        put_text(pcapng, OPT_COMMENT, packet->comment);
        return finish(pcapng);
}

int pcapng_statistics(struct pcapng *pcapng, int interface, uint64_t time_ns, uint64_t received, uint64_t missed)
{
        begin(pcapng, INTERFACE_STATISTICS);
        put32(pcapng, (uint32_t)interface);
        put_time(pcapng, time_ns);
        put_option(pcapng, ISB_IFRECV, &received, sizeof(received));
        put_option(pcapng, ISB_IFDROP, &missed, sizeof(missed));
        return finish(pcapng);
}
