/* See words.h. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "values.h"
#include "words.h"

void words_next(struct words *words)
{
        const char *at = words->word + words->length;

        at += strspn(at, " \t");
        words->word = at;
        words->length = *at == '>' ? 1 : strcspn(at, " \t>");
}

bool words_is(const struct words *words, const char *word)
{
        return strlen(word) == words->length && memcmp(word, words->word, words->length) == 0;
}

bool words_copy(const char *from, size_t length, char *to, size_t size)
{
        if (length >= size)
                return false;
        memcpy(to, from, length);
        to[length] = 0;
        return true;
}

int words_fail(struct words *words, const char *at, const char *expected, const char *format, ...)
{
        va_list args;

        words->fault->at = (size_t)(at - words->text) + 1;
        snprintf(words->fault->expected, sizeof(words->fault->expected), "%s", expected);
        va_start(args, format);
        vsnprintf(words->fault->message, sizeof(words->fault->message), format, args);
        va_end(args);
        return -EINVAL;
}

int words_number(struct words *words, const char *what, const char *from, size_t length, unsigned min, unsigned max,
                 unsigned *ret)
{
        size_t digits = strspn(from, "0123456789");
        char expected[80];
        unsigned value = 0;

        snprintf(expected, sizeof(expected), "a number from %u to %u", min, max);
        if (length == 0)
                return words_fail(words, from, expected, "%s is missing", what);
        if (digits < length)
                return words_fail(words, from + digits, expected, "%s \"%.*s\" is not a number", what,
                                  (int)(length < 40 ? length : 40), from);
        for (size_t i = 0; i < length && value <= max; i++)
                value = value * 10 + (unsigned)(from[i] - '0');
        if (value < min || value > max)
                return words_fail(words, from, expected, "%s is out of bounds", what);
        *ret = value;
        return 0;
}

/* The first character that makes it no IPv4 address. */
static const char *wrong_in_ipv4(const char *from, const char *end)
{
        const char *at = from;

        for (int i = 0; i < 4; i++) {
                const char *first = at;
                unsigned value = 0;

                for (; at < end && isdigit((unsigned char)*at) && value < 1000; at++)
                        value = value * 10 + (unsigned)(*at - '0');
                if (at == first)
                        return at;
                if (value > 255 || (*first == '0' && at - first > 1))
                        return first;
                if (at == end || *at != '.' || i == 3)
                        return at;
                at++;
        }
        return at;
}

int words_ip(struct words *words, const char *from, size_t length, uint8_t ret[16])
{
        const char *colon = memchr(from, ':', length);
        bool v6 = colon && !memchr(from, '.', (size_t)(colon - from));
        char text[INET6_ADDRSTRLEN];

        if (words_copy(from, length, text, sizeof(text)) && ip_parse(text, ret) == 0)
                return 0;
        const char *wrong = v6 ? from + strspn(from, "0123456789abcdefABCDEF:.") : wrong_in_ipv4(from, from + length);
        if (length == 0 || (v6 && wrong >= from + length))
                wrong = from;
        return words_fail(words, wrong, v6 ? "an IPv6 address, such as 2001:db8::1" : "an IP address, such as 10.0.0.5",
                          length ? "\"%.*s\" is not an IP address" : "an address is missing%.*s",
                          (int)(length < 60 ? length : 60), from);
}
