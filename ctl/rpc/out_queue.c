/* See out_queue.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "out_queue.h"
#include "socle/cleanup.h"

#define CHUNKS_A_CALL 32

struct out_chunk {
        struct out_chunk *next;
        char *data;
        size_t size, sent;
};

int text_append(struct text *text, const char *data, size_t size)
{
        if (text->size + size > text->capacity) {
                size_t capacity = text->capacity ?: 256;
                while (capacity < text->size + size)
                        capacity *= 2;
                char *grown = realloc(text->data, capacity);
                if (!grown)
                        return -ENOMEM;
                text->data = grown;
                text->capacity = capacity;
        }
        memcpy(text->data + text->size, data, size);
        text->size += size;
        return 0;
}

static int on_dump(const char *buffer, size_t size, void *user)
{
        return text_append(user, buffer, size);
}

int text_append_json(struct text *text, const json_t *json)
{
        return json_dump_callback(json, on_dump, text, JSON_COMPACT | JSON_ENCODE_ANY) < 0 ? -ENOMEM : 0;
}

void text_clear(struct text *text)
{
        free(text->data);
        *text = (struct text){};
}

void out_queue_init(struct out_queue *queue)
{
        *queue = (struct out_queue){.last = &queue->first};
}

static void chunk_free(struct out_chunk *chunk)
{
        free(chunk->data);
        free(chunk);
}

void out_queue_clear(struct out_queue *queue)
{
        struct out_chunk *next;

        for (struct out_chunk *c = queue->first; c; c = next) {
                next = c->next;
                chunk_free(c);
        }
        out_queue_init(queue);
}

int out_queue_add(struct out_queue *queue, struct text *text)
{
        struct out_chunk *chunk = calloc(1, sizeof(*chunk));

        if (!chunk) {
                text_clear(text);
                return -ENOMEM;
        }
        chunk->size = text->size;
        chunk->data = realloc(text->data, text->size) ?: text->data; /* it may wait long: no slack */
        *text = (struct text){};
        *queue->last = chunk;
        queue->last = &chunk->next;
        queue->bytes += chunk->size;
        return 0;
}

void out_queue_cut(struct out_queue *queue)
{
        struct out_chunk **at = &queue->first, *next;
        size_t kept = 0;

        while (*at && ((*at)->sent > 0 || kept < queue->committed)) {
                kept += (*at)->size - (*at)->sent;
                at = &(*at)->next;
        }
        for (struct out_chunk *c = *at; c; c = next) {
                next = c->next;
                chunk_free(c);
        }
        *at = NULL;
        queue->last = at;
        queue->bytes = kept;
}

static void consume(struct out_queue *queue, size_t sent)
{
        queue->bytes -= sent;
        while (sent > 0) {
                struct out_chunk *chunk = queue->first;
                size_t part = chunk->size - chunk->sent < sent ? chunk->size - chunk->sent : sent;

                chunk->sent += part;
                sent -= part;
                if (chunk->sent < chunk->size)
                        return;
                queue->first = chunk->next;
                if (!queue->first)
                        queue->last = &queue->first;
                chunk_free(chunk);
        }
}

int out_queue_flush(struct out_queue *queue, struct channel *channel)
{
        while (queue->first) {
                struct iovec iov[CHUNKS_A_CALL];
                size_t count = 0, offered = 0;

                for (struct out_chunk *c = queue->first; c && count < CHUNKS_A_CALL; c = c->next)
                        iov[count++] = (struct iovec){c->data + c->sent, c->size - c->sent};
                ssize_t sent = channel_write(channel, iov, count, &offered);
                queue->committed = sent == -EAGAIN ? offered : 0;
                if (sent < 0)
                        return sent == -EAGAIN ? 0 : (int)sent;
                consume(queue, (size_t)sent);
        }
        return 0;
}
