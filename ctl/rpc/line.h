/* Framing: bytes in, lines out. A line ends with '\n'; what is longer than the limit is an error. Knows no socket.
 * Its buffer is there only while bytes are, so that ten thousand idle clients cost nothing. */
#pragma once

#include <stddef.h>

struct line_buffer {
        char *data;
        size_t capacity;
        size_t start;   /* of the line that comes next */
        size_t scanned; /* no '\n' between start and here */
        size_t end;
        size_t limit; /* bytes of a line, without its '\n' */
};

void line_clear(struct line_buffer *buffer);

/* Copies bytes in. -ENOMEM. */
int line_append(struct line_buffer *buffer, const char *data, size_t size);

/* Takes the next whole line, without its '\n' and NUL-terminated: valid until the next call. 1; 0 when there is none
 * yet; -EMSGSIZE when it is over the limit (and for ever after). */
int line_next(struct line_buffer *buffer, char **ret, size_t *ret_length);

/* Bytes held. After line_next has returned 0: of an incomplete line. */
static inline size_t line_pending(const struct line_buffer *buffer)
{
        return buffer->end - buffer->start;
}
