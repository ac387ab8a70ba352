/* What a client may send: framing (ctl/rpc/line.c) and parsing (ctl/rpc/parse.c).
 *
 * The first byte says how small the pieces are in which the rest arrives; whatever it is, the same lines must come out
 * as from a plain split, and an answer's words must be valid UTF-8. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "line.h"
#include "parse.h"

#define LIMIT 4096
#define DEPTH 32

static void check(bool right)
{
        if (!right)
                abort();
}

static unsigned int depth_of(const json_t *json)
{
        unsigned int deepest = 0, depth;
        const char *name;
        json_t *value;
        size_t i;

        json_array_foreach ((json_t *)json, i, value)
                if ((depth = depth_of(value)) > deepest)
                        deepest = depth;
        json_object_foreach ((json_t *)json, name, value)
                if ((depth = depth_of(value)) > deepest)
                        deepest = depth;
        return json_is_array(json) || json_is_object(json) ? deepest + 1 : 0;
}

static void parse(const char *line, size_t length)
{
        struct parse_error error = {};
        json_t *json = NULL;

        if (parse_line(line, length, DEPTH, &json, &error) < 0) {
                json_t *words = json_string(error.message);
                check(words && error.message[0] && error.position <= length);
                json_decref(words);
                return;
        }
        check(depth_of(json) <= DEPTH);
        json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct line_buffer buffer = {.limit = LIMIT};
        const char *text = (const char *)data + 1, *expected = text;
        size_t piece = size > 0 ? (size_t)data[0] + 1 : 1, length;
        char *line;
        int r = 0;

        for (size_t at = 0; size > 1 && at < size - 1 && r >= 0; at += piece) {
                size_t part = size - 1 - at < piece ? size - 1 - at : piece;

                check(line_append(&buffer, text + at, part) == 0);
                while ((r = line_next(&buffer, &line, &length)) > 0) {
                        check(length <= LIMIT && line[length] == 0);
                        check(memcmp(line, expected, length) == 0 && expected[length] == '\n');
                        expected += length + 1;
                        parse(line, length);
                }
        }
        if (r == 0 && size > 1) {
                /* What is left is the unfinished line, and all of it. */
                check(line_pending(&buffer) == (size_t)(text + size - 1 - expected));
                check(!memchr(expected, '\n', line_pending(&buffer)));
        }
        line_clear(&buffer);
        return 0;
}
