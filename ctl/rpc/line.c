/* See line.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"

#define CAPACITY_MIN 1024

void line_clear(struct line_buffer *buffer)
{
        size_t limit = buffer->limit;

        free(buffer->data);
        *buffer = (struct line_buffer){.limit = limit};
}

static void compact(struct line_buffer *buffer)
{
        if (buffer->start == 0)
                return;
        memmove(buffer->data, buffer->data + buffer->start, buffer->end - buffer->start);
        buffer->end -= buffer->start;
        buffer->scanned -= buffer->start;
        buffer->start = 0;
}

int line_append(struct line_buffer *buffer, const char *data, size_t size)
{
        /* Moving at most once for as many bytes as were consumed keeps it linear. */
        if (buffer->end + size > buffer->capacity && buffer->start >= buffer->end - buffer->start)
                compact(buffer);
        if (buffer->end + size > buffer->capacity) {
                size_t capacity = buffer->capacity ?: CAPACITY_MIN;
                while (capacity < buffer->end + size)
                        capacity *= 2;
                char *grown = realloc(buffer->data, capacity);
                if (!grown)
                        return -ENOMEM;
                buffer->data = grown;
                buffer->capacity = capacity;
        }
        memcpy(buffer->data + buffer->end, data, size);
        buffer->end += size;
        return 0;
}

int line_next(struct line_buffer *buffer, char **ret, size_t *ret_length)
{
        if (buffer->start == buffer->end) {
                line_clear(buffer);
                return 0;
        }

        char *line = buffer->data + buffer->start;
        char *end = memchr(buffer->data + buffer->scanned, '\n', buffer->end - buffer->scanned);
        size_t length = (end ?: buffer->data + buffer->end) - line;

        if (length > buffer->limit)
                return -EMSGSIZE;
        if (!end) {
                buffer->scanned = buffer->end;
                return 0;
        }
        *end = 0;
        buffer->start = buffer->scanned = (end + 1) - buffer->data;
        *ret = line;
        *ret_length = length;
        return 1;
}
