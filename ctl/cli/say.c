/* See say.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "say.h"

static bool colours_out, colours_err;

static const char *const sequences[] = {
        [PLAIN] = "\x1b[0m",  [BOLD] = "\x1b[1m",    [DIM] = "\x1b[2m",   [RED] = "\x1b[31m",
        [GREEN] = "\x1b[32m", [YELLOW] = "\x1b[33m", [CYAN] = "\x1b[36m",
};

void say_colours(const char *when)
{
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
        bool allowed = (!no_color || !*no_color) && term && strcmp(term, "dumb") != 0;

        colours_out = strcmp(when, "always") == 0 || (strcmp(when, "auto") == 0 && allowed && isatty(STDOUT_FILENO));
        colours_err = strcmp(when, "always") == 0 || (strcmp(when, "auto") == 0 && allowed && isatty(STDERR_FILENO));
}

bool say_colours_on(void)
{
        return colours_out;
}

const char *paint(enum colour colour)
{
        return colours_out ? sequences[colour] : "";
}

void complain(const char *format, ...)
{
        va_list args;

        fflush(stdout);
        fprintf(stderr, "%ssoclectl:%s ", colours_err ? sequences[RED] : "", colours_err ? sequences[PLAIN] : "");
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
        fputc('\n', stderr);
}

void advise(const char *format, ...)
{
        va_list args;

        fputs("  ", stderr);
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
        fputc('\n', stderr);
}
