/* See socle/log.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#include "socle/log.h"

#define FIELDS_MAX 16
#define LINE_SIZE  2048

static int log_threshold = LOG_INFO;
static enum socle_log_form log_form = LOG_FORM_AUTO;

void socle_log_level(int priority)
{
        log_threshold = priority;
}

/* systemd tells by device and inode which stream is the journal's (systemd.exec(5), $JOURNAL_STREAM). */
static bool stderr_is_journal(void)
{
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat st;

        return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
               st.st_dev == device && st.st_ino == inode;
}

int socle_log_format(const char *name)
{
        static const char *const names[] = {[LOG_FORM_AUTO] = "auto",
                                            [LOG_FORM_TEXT] = "text",
                                            [LOG_FORM_JOURNAL] = "journal",
                                            [LOG_FORM_JSON] = "json"};

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (strcmp(name, names[i]) == 0) {
                        log_form = (enum socle_log_form)i;
                        return 0;
                }
        return -EINVAL;
}

/* ---- the forms ---- */

static void write_text(int priority, const char *line)
{
        static const char *const colour[] = {
                [LOG_ERR] = "\x1b[31m", [LOG_WARNING] = "\x1b[33m", [LOG_NOTICE] = "\x1b[1m", [LOG_DEBUG] = "\x1b[2m"};

        if (isatty(STDERR_FILENO))
                fprintf(stderr, "%s%s\x1b[0m\n", priority <= LOG_DEBUG && colour[priority] ? colour[priority] : "",
                        line);
        else
                fprintf(stderr, "<%d>%s\n", priority, line);
}

static void write_journal(int priority, const char *const *fields, const char *line)
{
        char message[LINE_SIZE + 16], level[16];
        struct iovec iov[FIELDS_MAX + 2];
        int count = 0;

        snprintf(message, sizeof(message), "MESSAGE=%s", line);
        snprintf(level, sizeof(level), "PRIORITY=%d", priority);
        iov[count++] = (struct iovec){message, strlen(message)};
        iov[count++] = (struct iovec){level, strlen(level)};
        for (; fields && *fields && count < FIELDS_MAX + 2; fields++)
                iov[count++] = (struct iovec){(char *)*fields, strlen(*fields)};
        if (sd_journal_sendv(iov, count) < 0)
                write_text(priority, line);
}

/* Bytes that are no UTF-8 come from people's own names at worst; JSON readers replace them. */
static void put_json(FILE *out, const char *name, size_t name_length, const char *value)
{
        putc('"', out);
        for (size_t i = 0; i < name_length; i++)
                putc(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 'a' - 'A' : name[i], out);
        fputs("\":\"", out);
        for (; *value; value++) {
                unsigned char c = (unsigned char)*value;
                if (c == '"' || c == '\\')
                        fprintf(out, "\\%c", c);
                else if (c < 0x20)
                        fprintf(out, "\\u%04x", c);
                else
                        putc(c, out);
        }
        putc('"', out);
}

static void write_json(int priority, const char *const *fields, const char *line)
{
        static const char *const levels[] = {"emergency", "alert",  "critical", "error",
                                             "warning",   "notice", "info",     "debug"};
        char *text = NULL, when[48];
        struct timespec now;
        struct tm tm;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return;
        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &tm);
        size_t used = strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(when + used, sizeof(when) - used, ".%06ldZ", now.tv_nsec / 1000);
        putc('{', out);
        put_json(out, "@timestamp", 10, when);
        putc(',', out);
        put_json(out, "level", 5, levels[priority & 7]);
        putc(',', out);
        put_json(out, "program", 7, program_invocation_short_name);
        putc(',', out);
        put_json(out, "message", 7, line);
        for (; fields && *fields; fields++) {
                const char *equals = strchr(*fields, '=');
                putc(',', out);
                put_json(out, *fields, (size_t)(equals - *fields), equals + 1);
        }
        fputs("}\n", out);
        if (fclose(out) == 0)
                (void)!write(STDERR_FILENO, text, size); /* in one piece: two threads' lines do not mix */
        free(text);
}

static void write_event(int priority, const char *const *fields, const char *format, va_list args)
{
        char line[LINE_SIZE];

        if (log_form == LOG_FORM_AUTO)
                log_form = stderr_is_journal() ? LOG_FORM_JOURNAL : LOG_FORM_TEXT;
        vsnprintf(line, sizeof(line), format, args);
        if (log_form == LOG_FORM_JOURNAL)
                write_journal(priority, fields, line);
        else if (log_form == LOG_FORM_JSON)
                write_json(priority, fields, line);
        else
                write_text(priority, line);
}

void socle_log(int priority, const char *format, ...)
{
        va_list args;

        if (priority > log_threshold)
                return;
        va_start(args, format);
        write_event(priority, NULL, format, args);
        va_end(args);
}

void socle_log_fields(int priority, const char *const *fields, const char *format, ...)
{
        va_list args;

        if (priority > log_threshold)
                return;
        va_start(args, format);
        write_event(priority, fields, format, args);
        va_end(args);
}
