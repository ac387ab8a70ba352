/* Metrics as text: OpenMetrics 1.0 (https://github.com/prometheus/OpenMetrics), or Prometheus' older text format 0.0.4
 * for those who do not ask for it. Base units; counters end in _total. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

enum metric_type { METRIC_GAUGE, METRIC_COUNTER, METRIC_INFO, METRIC_SUMMARY };

struct exposition {
        FILE *out;
        bool openmetrics;
        const char *family; /* the one that samples are now written of */
        enum metric_type type;
};

/* `name`: without _total. `unit`: "seconds", "bytes" and then the end of the name; NULL: none. Each family once. */
void exposition_family(struct exposition *exposition, const char *name, enum metric_type type, const char *unit,
                       const char *help);
/* Labels: name, value, …, NULL. A label without a value ("" or NULL) is left out. */
void exposition_sample(struct exposition *exposition, double value, ...) __attribute__((sentinel));
/* Of a summary: how many, and their sum. */
void exposition_summary(struct exposition *exposition, double count, double sum, const char *label, const char *value);
void exposition_end(struct exposition *exposition);
