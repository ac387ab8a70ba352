/* YAML out, in block style: see yaml.h. Strings are quoted wherever a reader of YAML 1.2 or 1.1 could take them for
 * something else; 00:11:22:33:44:55 is a number with base 60 to the latter. */
#include <string.h>

#include "socle/cleanup.h"

#include "yaml.h"

/* Words that YAML 1.1 takes for booleans. */
static bool is_old_boolean(const char *text)
{
        static const char *const words[] = {"y", "n", "yes", "no", "on", "off"};

        for (size_t i = 0; i < ARRAY_LEN(words); i++)
                if (strcasecmp(text, words[i]) == 0)
                        return true;
        return false;
}

/* Digits with colons, underscores or dashes: YAML 1.1's base 60 and grouped numbers, and dates. */
static bool is_old_number(const char *text)
{
        return text[strspn(text, "0123456789:_.+-")] == '\0' && text[strcspn(text, ":_+-")] != '\0';
}

static bool needs_quotes(const char *text, size_t length)
{
        json_t *plain;
        bool other;

        if (length == 0 || strlen(text) != length || strchr("-?:,[]{}#&*!|>'\"%@`=<.~ ", text[0]) ||
            text[length - 1] == ':' || text[length - 1] == ' ' || strstr(text, ": ") || strstr(text, " #"))
                return true;
        for (size_t i = 0; i < length; i++)
                if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f || (unsigned char)text[i] >= 0x80)
                        return true;
        if (is_old_boolean(text) || is_old_number(text))
                return true;
        plain = yaml_plain(text, length);
        other = !json_is_string(plain);
        json_decref(plain);
        return other;
}

/* DEL, NEL, U+2028 and U+2029: legal in JSON's strings as they are. */
static bool has_odd_characters(const json_t *value)
{
        const char *text = json_string_value(value);

        return text && (strstr(text, "\x7f") || strstr(text, "\xc2\x85") || strstr(text, "\xe2\x80\xa8") ||
                        strstr(text, "\xe2\x80\xa9"));
}

/* With as few digits as read back to the same number; a point, so that it stays a real. */
static void emit_real(FILE *out, double real)
{
        char text[40];

        for (int digits = 6; digits <= 17; digits++) {
                snprintf(text, sizeof(text), "%.*g", digits, real);
                if (strtod(text, NULL) == real)
                        break;
        }
        fprintf(out, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

static void emit_scalar(FILE *out, const json_t *value)
{
        cleanup_free char *text = NULL;

        if (json_is_string(value) && !needs_quotes(json_string_value(value), json_string_length(value))) {
                fputs(json_string_value(value), out);
                return;
        }
        if (json_is_real(value)) {
                emit_real(out, json_real_value(value));
                return;
        }
        /* JSON's quoted strings and numbers are YAML's too, but for what YAML takes for line ends or not for text. */
        text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | (has_odd_characters(value) ? JSON_ENSURE_ASCII : 0));
        fputs(text ? text : "null", out);
}

static void emit_key(FILE *out, const char *key)
{
        json_t *text = json_string(key);

        emit_scalar(out, text);
        json_decref(text);
        fputc(':', out);
}

static bool is_empty_container(const json_t *value)
{
        return (json_is_object(value) && json_object_size(value) == 0) ||
               (json_is_array(value) && json_array_size(value) == 0);
}

static bool is_scalar(const json_t *value)
{
        return !json_is_object(value) && !json_is_array(value);
}

static void emit_block(FILE *out, const json_t *value, int indent, bool first_indented);

/* The rest of a line that has a key or a dash on it already. */
static void emit_rest(FILE *out, const json_t *value, int indent, bool after_dash)
{
        if (is_scalar(value)) {
                fputc(' ', out);
                emit_scalar(out, value);
                fputc('\n', out);
        } else if (is_empty_container(value)) {
                fputs(json_is_object(value) ? " {}\n" : " []\n", out);
        } else if (after_dash) {
                fputc(' ', out);
                emit_block(out, value, indent + 2, true);
        } else {
                fputc('\n', out);
                emit_block(out, value, indent + 2, false);
        }
}

static void emit_block(FILE *out, const json_t *value, int indent, bool first_indented)
{
        const char *key;
        json_t *entry;
        size_t i;

        if (json_is_object(value)) {
                json_object_foreach ((json_t *)value, key, entry) {
                        fprintf(out, "%*s", first_indented ? 0 : indent, "");
                        first_indented = false;
                        emit_key(out, key);
                        emit_rest(out, entry, indent, false);
                }
                return;
        }
        json_array_foreach (value, i, entry) {
                fprintf(out, "%*s-", first_indented ? 0 : indent, "");
                first_indented = false;
                emit_rest(out, entry, indent, true);
        }
}

void yaml_emit(FILE *out, const json_t *value, int indent)
{
        if (!is_scalar(value) && !is_empty_container(value)) {
                emit_block(out, value, indent, false);
                return;
        }
        fprintf(out, "%*s", indent, "");
        if (is_scalar(value))
                emit_scalar(out, value);
        else
                fputs(json_is_object(value) ? "{}" : "[]", out);
        fputc('\n', out);
}
