/* See words.h. */
#include <stdio.h>
#include <string.h>

#include "socle/cleanup.h"
#include "words.h"

const char *cpus_words(const struct cpu_set *set, char buffer[CPUS_WORDS])
{
        cleanup_free char *list = cpu_set_to_list(set);
        const char *what = cpu_set_count(set) == 1 ? "CPU" : "CPUs";
        size_t room = CPUS_WORDS - sizeof("CPUs …"), length = list ? strlen(list) : 0;

        if (length > room) {
                length = room;
                while (length > 0 && list[length] != ',')
                        length--;
                snprintf(buffer, CPUS_WORDS, "%s %.*s…", what, (int)length + 1, list);
        } else {
                snprintf(buffer, CPUS_WORDS, "%s %s", what, list ?: "");
        }
        return buffer;
}
