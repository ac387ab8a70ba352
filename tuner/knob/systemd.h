/* systemd, where it runs: what knobs ask of it. */
#pragma once

#include "program.h"

bool systemd_runs(const struct host *host);
/* systemctl with these words; -ENOENT: there is none. */
int systemd_do(const struct host *host, struct knob_detail *detail, const char *const words[]);
#define SYSTEMCTL(host, detail, ...) systemd_do(host, detail, (const char *const[]){__VA_ARGS__, NULL})
