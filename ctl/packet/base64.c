/* See base64.h. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const uint8_t *bytes, size_t size, char *ret)
{
        for (size_t i = 0; i < size; i += 3) {
                size_t left = size - i;
                uint32_t three = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                                 (left > 2 ? bytes[i + 2] : 0);

                *ret++ = digits[three >> 18];
                *ret++ = digits[three >> 12 & 63];
                *ret++ = left > 1 ? digits[three >> 6 & 63] : '=';
                *ret++ = left > 2 ? digits[three & 63] : '=';
        }
        *ret = 0;
}

static int value_of(char c)
{
        const char *at = c ? strchr(digits, c) : NULL;

        return at ? (int)(at - digits) : -1;
}

int base64_decode(const char *text, uint8_t *ret, size_t size)
{
        size_t length = strlen(text), used = 0;

        if (length % 4 != 0)
                return -EINVAL;
        for (const char *at = text; at < text + length; at += 4) {
                bool last = at + 4 == text + length;
                int missing = last && at[3] == '=' ? (at[2] == '=' ? 2 : 1) : 0;
                uint32_t three = 0;

                for (int i = 0; i < 4; i++) {
                        int value = i >= 4 - missing ? 0 : value_of(at[i]);
                        if (value < 0)
                                return -EINVAL;
                        three = three << 6 | (uint32_t)value;
                }
                for (int i = 0; i < 3 - missing; i++) {
                        if (used == size)
                                return -EINVAL;
                        ret[used++] = (uint8_t)(three >> (16 - 8 * i));
                }
        }
        return (int)used;
}
