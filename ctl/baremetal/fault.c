/* See fault.h. Bodies are of these shapes:
 *
 *   {"error_message": "{\"faultstring\": …, \"faultcode\": …}"}      Ironic: JSON in a JSON string
 *   {"error_message": {"faultstring": …}}                            the same, decoded once (newer)
 *   {"error_message": "{\"code\": 404, \"title\": …, \"description\": …}"}   Ironic's 404, 405, 406
 *   {"error": {"message": …, "code": …, "title": …}}                 Keystone, and its middleware; HTTP basic
 *   anything                                                         a proxy in between
 */
#include <ctype.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "fault.h"
#include "socle/cleanup.h"
#include "wording.h"

DEFINE_CLEANUP(json_t *, json_decref)

static const char *text_of(const json_t *object, const char *name)
{
        const char *text = json_string_value(json_object_get(object, name));

        return text && text[0] ? text : NULL;
}

static const char *said_in(const json_t *json)
{
        static const char *const names[] = {"faultstring", "description", "message", "title", "faultcode"};

        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (text_of(json, names[i]))
                        return text_of(json, names[i]);
        return NULL;
}

/* As one line, cut at a character's end. */
static void copy_words(char words[FAULT_WORDS], const char *text)
{
        size_t n = 0;

        for (; *text && n < FAULT_WORDS - 1; text++) {
                unsigned char c = (unsigned char)*text;
                if ((c < 0x20 || c == 0x7f || c == ' ') && (n == 0 || words[n - 1] == ' '))
                        continue;
                words[n++] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
        }
        while (n > 0 && words[n - 1] == ' ')
                n--;
        words[n] = 0;
        wording_repair(words);
}

static void say(char words[FAULT_WORDS], int status, const json_t *body)
{
        const json_t *outer = json_object_get(body, "error_message") ?: json_object_get(body, "error");
        cleanup_(json_decref_p) json_t *inner =
                json_is_string(outer) ? json_loads(json_string_value(outer), 0, NULL) : NULL;
        const char *text = said_in(inner ?: outer) ?: said_in(body);

        if (!text && json_is_string(outer))
                text = json_string_value(outer); /* words, not JSON */
        copy_words(words, text ?: "");
        if (!words[0])
                snprintf(words, FAULT_WORDS, "it answers %d and does not say why", status);
}

/* Ironic has no codes for these: its words are all there is. */
static enum fault conflict(const char *words)
{
        if (strstr(words, "is locked by host") || strstr(words, "NodeLocked"))
                return FAULT_LOCKED;
        if (strcasestr(words, "already exists") || strcasestr(words, "already in use") ||
            strcasestr(words, "Duplicate") || strcasestr(words, "already has"))
                return FAULT_DUPLICATE;
        return FAULT_WRONG_STATE;
}

/* Its node is there, but nobody who could look after it: a conductor is restarted, or there is no such driver. */
static bool is_unserved(int status, const char *words)
{
        return (status == 400 || status == 404) && strstr(words, "No valid host") && strstr(words, "No conductor");
}

static enum fault kind_of(int status, const char *words)
{
        if (is_unserved(status, words))
                return FAULT_UNSERVED;
        switch (status) {
        case 401:
                return FAULT_DENIED;
        case 403:
                return FAULT_FORBIDDEN;
        case 404:
                return FAULT_NOT_FOUND;
        case 406:
                return FAULT_VERSION;
        case 409:
                return conflict(words);
        case 429:
                return FAULT_BUSY;
        case 400:
                return strstr(words, "can not be performed on node") || strstr(words, "while in state")
                               ? FAULT_WRONG_STATE
                               : FAULT_REFUSED;
        default:
                return status >= 500 ? FAULT_BUSY : FAULT_REFUSED;
        }
}

enum fault fault_decode(int status, const char *body, size_t length, char words[FAULT_WORDS])
{
        cleanup_(json_decref_p) json_t *json = json_loadb(body, length, 0, NULL);

        say(words, status, json);
        return kind_of(status, words);
}

int fault_is_ironics(const char *body, size_t length)
{
        cleanup_(json_decref_p) json_t *json = json_loadb(body, length, 0, NULL);

        return json_object_get(json, "error_message") != NULL;
}

int fault_is_passing(enum fault fault)
{
        return fault == FAULT_UNREACHABLE || fault == FAULT_BUSY || fault == FAULT_LOCKED;
}
