/* See errors.h. Texts are kept valid UTF-8 whatever was cut or came in, since they go out as JSON. */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "socle/errors.h"

/* The more a caller can do about it by himself, the lower. */
static int severity(int code)
{
        static const int order[] = {0, -EINVAL, -EBUSY, -ENOENT, -ESTALE, -EPERM};

        for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
                if (order[i] == code)
                        return i;
        return sizeof(order) / sizeof(order[0]); /* ENOSPC, EIO, ENOMEM: not the caller's doing */
}

/* Length of the UTF-8 sequence at s, 0 when it is not one. */
static size_t utf8_length(const unsigned char *s)
{
        size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;

        if (s[0] >= 0xf5)
                return 0;
        for (size_t i = 1; i < n; i++)
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
        if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
            (s[0] == 0xf4 && s[1] > 0x8f))
                return 0;
        return n;
}

/* Replaces what is not UTF-8, and control characters, by '?'; drops a sequence cut off at the end. */
static void make_printable(char *text, bool cut)
{
        unsigned char *s = (unsigned char *)text;

        while (*s) {
                size_t n = utf8_length(s);
                if (n == 0 && cut && strlen((char *)s) < 4 && *s >= 0xc2) {
                        *s = 0;
                        return;
                }
                if (n == 0 || *s < 0x20 || *s == 0x7f) {
                        *s++ = '?';
                        continue;
                }
                s += n;
        }
}

static void copy(char *to, size_t size, const char *from)
{
        int n = snprintf(to, size, "%s", from ? from : "");

        make_printable(to, n >= (int)size);
}

void errors_add(struct errors *errors, int code, const char *pointer, const char *expected, const char *format, ...)
{
        va_list args;

        if (severity(code) > severity(errors->code))
                errors->code = code;
        if (errors->count++ >= ERRORS_MAX)
                return;

        struct complaint *complaint = &errors->list[errors->count - 1];
        copy(complaint->kind, sizeof(complaint->kind), errors->kind);
        copy(complaint->name, sizeof(complaint->name), errors->name);
        copy(complaint->pointer, sizeof(complaint->pointer), pointer);
        copy(complaint->expected, sizeof(complaint->expected), expected);

        va_start(args, format);
        int n = vsnprintf(complaint->message, sizeof(complaint->message), format, args);
        va_end(args);
        make_printable(complaint->message, n >= (int)sizeof(complaint->message));
}

json_t *errors_to_json(const struct errors *errors)
{
        json_t *list = json_array();

        for (size_t i = 0; i < errors->count && i < ERRORS_MAX; i++) {
                const struct complaint *c = &errors->list[i];
                json_t *entry = json_pack("{s:s}", "message", c->message);

                if (c->kind[0])
                        json_object_set_new(entry, "kind", json_string(c->kind));
                if (c->name[0])
                        json_object_set_new(entry, "name", json_string(c->name));
                if (c->pointer[0])
                        json_object_set_new(entry, "pointer", json_string(c->pointer));
                if (c->expected[0])
                        json_object_set_new(entry, "expected", json_string(c->expected));
                json_array_append_new(list, entry);
        }
        return json_pack("{s:o, s:I}", "errors", list, "count", (json_int_t)errors->count);
}
