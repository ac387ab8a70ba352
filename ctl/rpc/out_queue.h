/* What a client has yet to read: lines of text, sent as far as the socket takes them. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Text that grows. */
struct text {
        char *data;
        size_t size, capacity;
};

int text_append(struct text *text, const char *data, size_t size); /* -ENOMEM */
int text_append_json(struct text *text, const json_t *json);       /* compact, in one line */
void text_clear(struct text *text);

struct out_chunk;
struct channel;

struct out_queue {
        struct out_chunk *first, **last;
        size_t bytes;     /* not sent yet */
        size_t committed; /* of these, what TLS has a record of already: it must be sent as it is */
};

void out_queue_init(struct out_queue *queue);
void out_queue_clear(struct out_queue *queue);

/* Takes over the text. -ENOMEM: it is gone. */
int out_queue_add(struct out_queue *queue, struct text *text);

/* Drops what has not been begun, so that a last word can follow in a well-formed stream. */
void out_queue_cut(struct out_queue *queue);

/* Sends what the channel takes. 0 (queue->bytes says what is left) or -errno. */
int out_queue_flush(struct out_queue *queue, struct channel *channel);
