/* See systemd.h. */
#include <errno.h>
#include <string.h>

#include "systemd.h"

#define TIMEOUT_S 60
#define WORDS_MAX 8

bool systemd_runs(const struct host *host)
{
        return host_exists(host, "/run/systemd/system"); /* sd_booted(3) */
}

int systemd_do(const struct host *host, struct knob_detail *detail, const char *const words[])
{
        static const char *const paths[] = {"/usr/bin/systemctl", "/bin/systemctl", NULL};
        const char *argv[WORDS_MAX + 2] = {program_find(host, paths)};

        for (size_t i = 0; words[i]; i++) {
                if (i == WORDS_MAX)
                        return -E2BIG;
                argv[i + 1] = words[i];
        }
        if (!argv[0]) {
                if (!host_is_real(host))
                        argv[0] = paths[0]; /* a tree has no programs; that one would be run is a step all the same */
                else
                        return -ENOENT;
        }
        return program_run(host, TIMEOUT_S, detail, argv);
}
