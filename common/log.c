/* See socle/log.h. */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "socle/log.h"

static int log_threshold = LOG_INFO;

void socle_log_level(int priority)
{
        log_threshold = priority;
}

void socle_log(int priority, const char *format, ...)
{
        static const char *const colour[] = {
                [LOG_ERR] = "\x1b[31m", [LOG_WARNING] = "\x1b[33m", [LOG_NOTICE] = "\x1b[1m", [LOG_DEBUG] = "\x1b[2m"};
        char line[1024];
        va_list args;

        if (priority > log_threshold)
                return;

        va_start(args, format);
        vsnprintf(line, sizeof(line), format, args);
        va_end(args);

        if (isatty(STDERR_FILENO))
                fprintf(stderr, "%s%s\x1b[0m\n", priority <= LOG_DEBUG && colour[priority] ? colour[priority] : "",
                        line);
        else
                fprintf(stderr, "<%d>%s\n", priority, line);
}
