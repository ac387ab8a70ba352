/* Transparent huge pages: khugepaged and compaction steal time from whoever faults. */
#include <errno.h>
#include <string.h>

#include "knob.h"
#include "socle/cleanup.h"

#define PATH "/sys/kernel/mm/transparent_hugepage/enabled"

static int wish(const struct knob *knob, const struct host *host, const struct topology *topology,
                const struct plan *plan, struct wishes *wishes, struct errors *errors)
{
        static const char *const modes[] = {"never", "madvise", "always"};
        int mode = plan->switches.thp;

        if (mode < 0 || mode >= (int)ARRAY_LEN(modes))
                return 0;
        return wishes_add_file(wishes, knob, host, "", modes[mode], "so are transparent huge pages asked for");
}

/* "always [madvise] never": what is in force stands in brackets. */
static int read_mode(const struct host *host, const char *target, char **ret_value)
{
        cleanup_free char *text = NULL;
        int r = host_read(host, &text, PATH);

        if (r < 0)
                return r;
        const char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;
        char *value = close ? strndup(open + 1, (size_t)(close - open - 1)) : TAKE_PTR(text);
        if (!value)
                return -ENOMEM;
        *ret_value = value;
        return 0;
}

static struct knob thp = {
        .name = "thp",
        .help = "Transparent huge pages: always, madvise or never (Documentation/admin-guide/mm/transhuge.rst).",
        .pointer = "/spec/memory/transparent_hugepages",
        .order = 60,
        .path = PATH,
        .wish = wish,
        .read = read_mode,
};
REGISTER_KNOB(thp)
