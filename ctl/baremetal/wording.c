/* See wording.h. */
#include <stddef.h>
#include <string.h>

#include "wording.h"

#define SECRET_MIN 3 /* shorter ones are in every text, and are no secrets */
#define STARS_MAX  6

/* Bytes of the character that begins here (RFC 3629); 0: it is none. */
static size_t character(const unsigned char *at)
{
        static const struct {
                unsigned char mask, bits;
                unsigned least;
        } shapes[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

        for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
                unsigned code = at[0] & (unsigned char)~shapes[i].mask;

                if ((at[0] & shapes[i].mask) != shapes[i].bits)
                        continue;
                for (size_t j = 1; j <= i; j++) {
                        if ((at[j] & 0xc0) != 0x80)
                                return 0;
                        code = code << 6 | (at[j] & 0x3f);
                }
                return code < shapes[i].least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : i + 1;
        }
        return 0;
}

void wording_repair(char *text)
{
        char *to = text;

        for (const char *from = text; *from;) {
                size_t bytes = character((const unsigned char *)from);
                memmove(to, from, bytes);
                to += bytes;
                from += bytes ?: 1;
        }
        *to = 0;
}

bool wording_is_utf8(const char *text)
{
        for (size_t bytes; *text; text += bytes)
                if ((bytes = character((const unsigned char *)text)) == 0)
                        return false;
        return true;
}

/* `length` bytes at `at` become stars. */
static void star(char *at, size_t length)
{
        size_t stars = length < STARS_MAX ? length : STARS_MAX;

        memset(at, '*', stars);
        memmove(at + stars, at + length, strlen(at + length) + 1);
}

void wording_hide(char *text, const char *secret)
{
        size_t length = secret ? strlen(secret) : 0;

        if (length < SECRET_MIN)
                return;
        for (char *at = text; (at = strstr(at, secret)); at++)
                star(at, length);
        for (size_t part = length - 1, end = strlen(text); part >= SECRET_MIN; part--)
                if (part <= end && memcmp(text + end - part, secret, part) == 0) {
                        star(text + end - part, part);
                        return;
                }
}
