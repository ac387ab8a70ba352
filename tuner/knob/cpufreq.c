/* See cpufreq.h. */
#include <errno.h>
#include <string.h>

#include "cpufreq.h"

#define DIRECTORY "/sys/devices/system/cpu/cpufreq"

static bool has_word(const char *words, const char *word)
{
        size_t length = strlen(word);

        for (const char *at = words; (at = strstr(at, word)); at += length)
                if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\n' || at[length] == '\0'))
                        return true;
        return false;
}

static int check(const struct knob *knob, const struct host *host, const char *policy, const char *value,
                 const char *available, struct errors *errors)
{
        cleanup_free char *words = NULL;

        /* A driver that lists nothing takes what it takes; reading back will tell. */
        if (host_read(host, &words, DIRECTORY "/%s/%s", policy, available) < 0 || has_word(words, value))
                return 0;
        errors_add(errors, -EINVAL, knob->pointer, words, "'%s' is not to be had here (%s)", value, policy);
        return -EINVAL;
}

int cpufreq_wish(const struct knob *knob, const struct host *host, const char *value, const char *available,
                 const char *why, struct wishes *wishes, struct errors *errors)
{
        cleanup_strings char **names = NULL;
        size_t before = wishes->count;

        if (!value[0])
                return 0;
        int r = host_list(host, &names, DIRECTORY);
        for (size_t i = 0; r == 0 && names[i]; i++) {
                cleanup_free char *path = knob_path(knob, names[i]);
                if (!path)
                        return -ENOMEM;
                if (!host_exists(host, "%s", path))
                        continue;
                r = check(knob, host, names[i], value, available, errors);
                if (r == 0)
                        r = wishes_add(wishes, knob, names[i], value, "%s", why);
        }
        if ((r == 0 || r == -ENOENT) && wishes->count == before)
                r = wishes_note(wishes, knob, "", "this host has no %s", knob->path);
        return r;
}
