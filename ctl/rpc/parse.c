/* See parse.h. jansson's own limit of depth (2048) is fixed when it is built; ours is counted before it recurses. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"

/* Where the nesting first exceeds depth_max, or -1. Strings are skipped; what else is wrong is jansson's to say. */
static ssize_t too_deep(const char *line, size_t length, unsigned int depth_max)
{
        unsigned int depth = 0;

        for (size_t i = 0; i < length; i++) {
                switch (line[i]) {
                case '"':
                        for (i++; i < length && line[i] != '"'; i++)
                                if (line[i] == '\\')
                                        i++;
                        break;
                case '[':
                case '{':
                        if (++depth > depth_max)
                                return (ssize_t)i;
                        break;
                case ']':
                case '}':
                        if (depth > 0)
                                depth--;
                        break;
                }
        }
        return -1;
}

/* jansson quotes what it stumbled over, which may be anything: the answer must be valid UTF-8 itself. */
static void make_printable(char *text)
{
        for (; *text; text++)
                if (*text < 0x20 || *text > 0x7e)
                        *text = '?';
}

int parse_line(const char *line, size_t length, unsigned int depth_max, json_t **ret, struct parse_error *error)
{
        ssize_t deep = too_deep(line, length, depth_max);
        json_error_t json_error;

        if (deep >= 0) {
                error->position = (size_t)deep;
                snprintf(error->message, sizeof(error->message),
                         "JSON nested deeper than %u, at byte %zd (the limit is json_depth in socled.conf)", depth_max,
                         deep);
                return -EINVAL;
        }
        json_t *json = json_loadb(line, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &json_error);
        if (!json) {
                error->position = json_error.position > 0 ? json_error.position : 0;
                snprintf(error->message, sizeof(error->message), "not valid JSON: %.160s, at byte %zu", json_error.text,
                         error->position);
                make_printable(error->message);
                return -EINVAL;
        }
        *ret = json;
        return 0;
}
