/* See exposition.h. */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "exposition.h"

/* In both formats alike: backslash, newline, and in label values the double quote. */
static void put_escaped(FILE *out, const char *text, bool quotes)
{
        for (; *text; text++) {
                if (*text == '\\' || (*text == '"' && quotes))
                        putc('\\', out);
                if (*text == '\n')
                        fputs("\\n", out);
                else
                        putc(*text, out);
        }
}

void exposition_family(struct exposition *exposition, const char *name, enum metric_type type, const char *unit,
                       const char *help)
{
        static const char *const types[] = {[METRIC_GAUGE] = "gauge",
                                            [METRIC_COUNTER] = "counter",
                                            [METRIC_INFO] = "info",
                                            [METRIC_SUMMARY] = "summary"};
        FILE *out = exposition->out;
        /* The older format names a family as its samples are named, and knows no info. */
        const char *suffix = exposition->openmetrics  ? ""
                             : type == METRIC_COUNTER ? "_total"
                             : type == METRIC_INFO    ? "_info"
                                                      : "";

        exposition->family = name;
        exposition->type = type;
        fprintf(out, "# TYPE %s%s %s\n", name, suffix,
                type == METRIC_INFO && !exposition->openmetrics ? "gauge" : types[type]);
        if (unit && exposition->openmetrics)
                fprintf(out, "# UNIT %s %s\n", name, unit);
        fprintf(out, "# HELP %s%s ", name, suffix);
        put_escaped(out, help, exposition->openmetrics);
        putc('\n', out);
}

static void put_value(FILE *out, double value)
{
        if (value == floor(value) && fabs(value) < 1e15)
                fprintf(out, " %.0f\n", value);
        else
                fprintf(out, " %.9g\n", value);
}

static void put_label(FILE *out, const char **separator, const char *name, const char *value)
{
        if (!value || !*value)
                return;
        fprintf(out, "%s%s=\"", *separator, name);
        put_escaped(out, value, true);
        putc('"', out);
        *separator = ",";
}

void exposition_sample(struct exposition *exposition, double value, ...)
{
        static const char *const suffixes[] = {
                [METRIC_GAUGE] = "", [METRIC_COUNTER] = "_total", [METRIC_INFO] = "_info", [METRIC_SUMMARY] = ""};
        FILE *out = exposition->out;
        const char *separator = "{", *name;
        va_list labels;

        fprintf(out, "%s%s", exposition->family, suffixes[exposition->type]);
        va_start(labels, value);
        while ((name = va_arg(labels, const char *)))
                put_label(out, &separator, name, va_arg(labels, const char *));
        va_end(labels);
        if (*separator == ',')
                putc('}', out);
        put_value(out, value);
}

void exposition_summary(struct exposition *exposition, double count, double sum, const char *label, const char *value)
{
        const char *const suffixes[] = {"_count", "_sum"};
        const double values[] = {count, sum};

        for (int i = 0; i < 2; i++) {
                const char *separator = "{";
                fprintf(exposition->out, "%s%s", exposition->family, suffixes[i]);
                put_label(exposition->out, &separator, label, value);
                if (*separator == ',')
                        putc('}', exposition->out);
                put_value(exposition->out, values[i]);
        }
}

void exposition_end(struct exposition *exposition)
{
        if (exposition->openmetrics)
                fputs("# EOF\n", exposition->out);
}
