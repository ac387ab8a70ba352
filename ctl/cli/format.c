/* See format.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "format.h"
#include "socle/cleanup.h"
#include "socle/drop.h"

static const char *scaled(char *buffer, size_t size, double value, double base, const char *const *units)
{
        size_t unit = 0;

        while (value >= base && units[unit + 1]) {
                value /= base;
                unit++;
        }
        if (unit == 0)
                snprintf(buffer, size, "%.0f%s", value, units[0]);
        else
                snprintf(buffer, size, value < 10 ? "%.2f%s" : value < 100 ? "%.1f%s" : "%.0f%s", value, units[unit]);
        return buffer;
}

const char *format_rate(char *buffer, size_t size, double value)
{
        static const char *const units[] = {"", "k", "M", "G", "T", NULL};

        return scaled(buffer, size, value, 1000, units);
}

const char *format_bytes(char *buffer, size_t size, double bytes)
{
        static const char *const units[] = {" B", " KiB", " MiB", " GiB", " TiB", NULL};

        return scaled(buffer, size, bytes, 1024, units);
}

const char *format_nanoseconds(char *buffer, size_t size, double nanoseconds)
{
        static const char *const units[] = {" ns", " µs", " ms", " s", NULL};

        return scaled(buffer, size, nanoseconds, 1000, units);
}

const char *format_duration(char *buffer, size_t size, double seconds)
{
        long whole = seconds > 0 ? (long)seconds : 0;

        if (whole >= 86400)
                snprintf(buffer, size, "%ld d %ld h", whole / 86400, whole % 86400 / 3600);
        else if (whole >= 3600)
                snprintf(buffer, size, "%ld h %ld min", whole / 3600, whole % 3600 / 60);
        else if (whole >= 60)
                snprintf(buffer, size, "%ld min %ld s", whole / 60, whole % 60);
        else
                snprintf(buffer, size, "%ld s", whole);
        return buffer;
}

static void write_value(FILE *out, const json_t *value);

/* {tap: {name: vm1, netns: guest1, queues: 1}} is "tap vm1 guest1": what names it, without its numbers. */
static void write_object(FILE *out, const json_t *object)
{
        const char *key, *blank = "";
        json_t *entry;

        json_object_foreach ((json_t *)object, key, entry) {
                if (!json_is_object(entry) && !json_is_string(entry))
                        continue;
                fputs(blank, out);
                if (json_is_object(entry))
                        fprintf(out, "%s ", key);
                write_value(out, entry);
                blank = " ";
        }
}

static void write_list(FILE *out, const json_t *list)
{
        json_t *entry;
        size_t i;

        json_array_foreach (list, i, entry) {
                if (json_is_object(entry) || json_is_array(entry)) {
                        fprintf(out, "%zu %s", json_array_size(list), json_array_size(list) == 1 ? "entry" : "entries");
                        return;
                }
                fputs(i > 0 ? ", " : "", out);
                write_value(out, entry);
        }
}

static void write_value(FILE *out, const json_t *value)
{
        cleanup_free char *text = NULL;

        if (json_is_string(value)) {
                fputs(json_string_value(value), out);
        } else if (json_is_object(value)) {
                write_object(out, value);
        } else if (json_is_array(value)) {
                write_list(out, value);
        } else if (value && !json_is_null(value)) {
                text = json_dumps(value, JSON_ENCODE_ANY);
                fputs(text ? text : "", out);
        }
}

char *format_value(const json_t *value)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return NULL;
        write_value(out, value);
        return fclose(out) == 0 ? text : NULL;
}

const json_t *member(const json_t *object, const char *key, ...)
{
        va_list args;

        va_start(args, key);
        for (; key; key = va_arg(args, const char *))
                object = json_object_get(object, key);
        va_end(args);
        return object;
}

const char *member_text(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "";
}

double member_number(const json_t *object, const char *key)
{
        return json_number_value(json_object_get(object, key));
}

double member_time(const json_t *object, const char *key)
{
        struct tm broken = {0};

        return strptime(member_text(object, key), "%Y-%m-%dT%H:%M:%SZ", &broken) ? (double)timegm(&broken) : 0;
}

bool is_loss(const char *reason)
{
        return strcmp(reason, socle_drop_info[SOCLE_DROP_ANSWERED].name) != 0;
}
