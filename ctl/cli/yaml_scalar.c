/* The YAML 1.2 core schema (spec 1.2.2, section 10.3.2): what a plain scalar is. See yaml.h. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "yaml.h"

#define NUMBER_MAX 64 /* longer ones are beyond what JSON holds */

static bool is_one_of(const char *text, size_t length, const char *const *words)
{
        for (; *words; words++)
                if (strlen(*words) == length && memcmp(*words, text, length) == 0)
                        return true;
        return false;
}

static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
static const char *const truths[] = {"true", "True", "TRUE", NULL};
static const char *const falsehoods[] = {"false", "False", "FALSE", NULL};
static const char *const not_finite[] = {".inf",  ".Inf",  ".INF", "+.inf", "+.Inf", "+.INF", "-.inf",
                                         "-.Inf", "-.INF", ".nan", ".NaN",  ".NAN",  NULL};

static size_t span_digits(const char *text, size_t length, size_t at, int base)
{
        size_t start = at;

        while (at < length && (base == 16  ? isxdigit((unsigned char)text[at])
                               : base == 8 ? text[at] >= '0' && text[at] <= '7'
                                           : isdigit((unsigned char)text[at])))
                at++;
        return at - start;
}

/* 10, 8 or 16 for an integer, 0 for anything else. */
static int integer_base(const char *text, size_t length)
{
        size_t sign = length > 0 && (text[0] == '-' || text[0] == '+');

        if (length > 2 && text[0] == '0' && text[1] == 'o' && span_digits(text, length, 2, 8) == length - 2)
                return 8;
        if (length > 2 && text[0] == '0' && text[1] == 'x' && span_digits(text, length, 2, 16) == length - 2)
                return 16;
        return length > sign && span_digits(text, length, sign, 10) == length - sign ? 10 : 0;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_float(const char *text, size_t length)
{
        size_t at = length > 0 && (text[0] == '-' || text[0] == '+');
        size_t whole = span_digits(text, length, at, 10), digits;

        at += whole;
        if (at < length && text[at] == '.') {
                digits = span_digits(text, length, at + 1, 10);
                if (whole == 0 && digits == 0)
                        return false;
                at += 1 + digits;
        } else if (whole == 0) {
                return false;
        }
        if (at < length && (text[at] == 'e' || text[at] == 'E')) {
                at++;
                if (at < length && (text[at] == '-' || text[at] == '+'))
                        at++;
                digits = span_digits(text, length, at, 10);
                if (digits == 0)
                        return false;
                at += digits;
        }
        return at == length;
}

static json_t *to_number(const char *text, size_t length, int base)
{
        char buffer[NUMBER_MAX];
        json_t *number = NULL;

        if (length >= sizeof(buffer))
                return NULL;
        memcpy(buffer, text, length);
        buffer[length] = '\0';
        errno = 0;
        if (base) {
                long long integer = strtoll(buffer + (base == 10 ? 0 : 2), NULL, base);

                number = errno ? NULL : json_integer(integer);
        } else {
                number = json_real(strtod(buffer, NULL)); /* NULL when it is not finite */
        }
        return number;
}

json_t *yaml_plain(const char *text, size_t length)
{
        int base;

        if (is_one_of(text, length, nulls))
                return json_null();
        if (is_one_of(text, length, truths))
                return json_true();
        if (is_one_of(text, length, falsehoods))
                return json_false();
        if (is_one_of(text, length, not_finite))
                return NULL;
        base = integer_base(text, length);
        if (base || is_float(text, length))
                return to_number(text, length, base);
        return json_stringn(text, length);
}

json_t *yaml_tagged(const char *tag, const char *text, size_t length)
{
        static const struct {
                const char *shorthand, *full;
                json_type types[2];
        } tags[] = {
                {"!!null", "tag:yaml.org,2002:null", {JSON_NULL, JSON_NULL}},
                {"!!bool", "tag:yaml.org,2002:bool", {JSON_TRUE, JSON_FALSE}},
                {"!!int", "tag:yaml.org,2002:int", {JSON_INTEGER, JSON_INTEGER}},
                {"!!float", "tag:yaml.org,2002:float", {JSON_REAL, JSON_INTEGER}},
        };

        if (strcmp(tag, "!") == 0 || strcmp(tag, "!!str") == 0 || strcmp(tag, "tag:yaml.org,2002:str") == 0)
                return json_stringn(text, length);
        for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
                json_t *value;

                if (strcmp(tag, tags[i].shorthand) != 0 && strcmp(tag, tags[i].full) != 0)
                        continue;
                value = yaml_plain(text, length);
                if (value && json_typeof(value) != tags[i].types[0] && json_typeof(value) != tags[i].types[1]) {
                        json_decref(value);
                        value = NULL;
                }
                return value;
        }
        return NULL;
}
