/* Shares of the last-level cache (CAT) and of memory bandwidth (MBA): a resctrl group for each class that is asked to
 * have one, with the class's CPUs. A value is "cpus 2-5 L3 f0 MB 50", the same in every cache domain; what is not asked
 * for is left out. Threads that run on no class's CPU keep to the default group. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sets.h"

#define ROOT  "/sys/fs/resctrl"
#define GROUP ROOT "/socle-%s"
#define NONE  "none"

/* ---- wishes ---- */

static unsigned read_number(const struct host *host, const char *file, int base, unsigned fallback)
{
        cleanup_free char *text = NULL;

        return host_read(host, &text, ROOT "/info/%s", file) < 0 ? fallback : (unsigned)strtoul(text, NULL, base);
}

/* The kernel rounds up to what the CPU can do. */
static unsigned round_bandwidth(const struct host *host, unsigned percent)
{
        unsigned step = read_number(host, "MB/bandwidth_gran", 10, 1),
                 least = read_number(host, "MB/min_bandwidth", 10, 1);

        percent = percent < least ? least : percent;
        return step ? (percent + step - 1) / step * step : percent;
}

static int check_mask(const struct host *host, const char *pointer, uint32_t mask, struct errors *errors)
{
        uint32_t all = read_number(host, "L3/cbm_mask", 16, UINT32_MAX);
        unsigned least = read_number(host, "L3/min_cbm_bits", 10, 1);
        char expected[64];

        if (!mask || (!(mask & ~all) && (unsigned)__builtin_popcount(mask) >= least))
                return 0;
        snprintf(expected, sizeof(expected), "at least %u adjacent bits of %" PRIx32, least, all);
        errors_add(errors, -EINVAL, pointer, expected, "the cache cannot be shared as %" PRIx32, mask);
        return -EINVAL;
}

static int wish_class(const struct knob *knob, const struct host *host, const struct plan *plan, int class,
                      struct wishes *wishes, struct errors *errors)
{
        uint32_t mask = plan->cache.l3_mask[class];
        int percent = plan->cache.mb_percent[class];
        cleanup_free char *cpus = cpu_set_to_list(&plan->classes[class]), *value = NULL;
        char pointer[64], l3[32] = "", mb[32] = "";

        snprintf(pointer, sizeof(pointer), "/spec/cache/%s", cpu_class_names[class]);
        int r = cpus ? check_mask(host, pointer, mask, errors) : -ENOMEM;
        if (r < 0)
                return r;
        if (mask)
                snprintf(l3, sizeof(l3), " L3 %" PRIx32, mask);
        if (percent)
                snprintf(mb, sizeof(mb), " MB %u", round_bandwidth(host, (unsigned)percent));
        if (asprintf(&value, "cpus %s%s%s", cpus, l3, mb) < 0)
                return value = NULL, -ENOMEM;
        return wishes_add(wishes, knob, cpu_class_names[class], value, "its share of cache and memory bandwidth");
}

static int wish(const struct knob *knob, const struct host *host, const struct topology *topology,
                const struct plan *plan, struct wishes *wishes, struct errors *errors)
{
        int r = 0;

        for (int class = 0; class < CLASS_COUNT && r == 0; class ++) {
                if (!plan->cache.l3_mask[class] && !plan->cache.mb_percent[class])
                        continue;
                if (!host_exists(host, ROOT "/schemata"))
                        return wishes_note(wishes, knob, cpu_class_names[class],
                                           "resctrl is not mounted here: mount -t resctrl resctrl " ROOT);
                r = wish_class(knob, host, plan, class, wishes, errors);
        }
        return r;
}

/* ---- schemata: "L3:0=7ff;1=7ff", "MB:0= 50;1= 50", a line each ---- */

struct line {
        char name[16];
        const char *domains; /* up to the end of the line */
};

/* The next line at *text, which is moved on; false: no more. */
static bool next_line(const char **text, struct line *ret)
{
        while (**text == ' ' || **text == '\n')
                (*text)++;
        size_t length = strcspn(*text, ":\n");
        if ((*text)[length] != ':' || length >= sizeof(ret->name))
                return false;
        memcpy(ret->name, *text, length);
        ret->name[length] = '\0';
        ret->domains = *text + length + 1;
        *text = ret->domains + strcspn(ret->domains, "\n");
        return true;
}

/* " L3 f0", or " L3 0=f0;1=ff" where domains differ. */
static void print_line(const struct line *line, FILE *out)
{
        int base = line->name[0] == 'L' ? 16 : 10;
        unsigned long first = 0;
        bool same = true;

        for (const char *at = line->domains; at && *at != '\n' && *at;) {
                const char *equals = strchr(at, '=');
                if (!equals)
                        break;
                char *end;
                unsigned long value = strtoul(equals + 1, &end, base);
                same = same && (at == line->domains || value == first);
                first = value;
                at = *end == ';' ? end + 1 : NULL;
        }
        if (same) {
                fprintf(out, base == 16 ? " %s %lx" : " %s %lu", line->name, first);
                return;
        }
        fprintf(out, " %s ", line->name);
        for (const char *at = line->domains; *at && *at != '\n'; at++)
                if (*at != ' ')
                        fputc(*at, out);
}

static int read_share(const struct host *host, const char *target, char **ret_value)
{
        cleanup_free char *cpus = NULL, *schemata = NULL, *value = NULL;
        struct line line;
        size_t size;
        int r = read_list(host, &cpus, GROUP "/cpus_list", target);

        if (r == -ENOENT) {
                value = strdup(NONE);
        } else {
                if (r == 0)
                        r = host_read(host, &schemata, GROUP "/schemata", target);
                FILE *out = r == 0 ? open_memstream(&value, &size) : NULL;
                if (!out)
                        return r < 0 ? r : -ENOMEM;
                fprintf(out, "cpus %s", cpus);
                for (const char *at = schemata; next_line(&at, &line);)
                        print_line(&line, out);
                fclose(out);
        }
        if (!value)
                return -ENOMEM;
        *ret_value = TAKE_PTR(value);
        return 0;
}

/* Of "cpus 2-5 L3 f0": what stands behind `name`; a new string, "" if it is not there, NULL: no memory. */
static char *value_of(const char *share, const char *name)
{
        size_t length = strlen(name);

        for (const char *at = share; at; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL)
                if (strncmp(at, name, length) == 0 && at[length] == ' ')
                        return strndup(at + length + 1, strcspn(at + length + 1, " "));
        return strdup("");
}

/* All that is asked for is there; code and data may have shares of their own (CDP: L3CODE, L3DATA). */
static bool has_share(const char *wanted, const char *found)
{
        static const char *const names[] = {"cpus", "L3", "MB"};

        if (strcmp(wanted, NONE) == 0 || strcmp(found, NONE) == 0)
                return false; /* not the same, then */
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                cleanup_free char *want = value_of(wanted, names[i]), *have = value_of(found, names[i]);
                cleanup_free char *code = value_of(found, "L3CODE"), *data = value_of(found, "L3DATA");
                if (!want || !have || !code || !data)
                        return false;
                if (!want[0] || strcmp(want, have) == 0)
                        continue;
                if (strcmp(names[i], "L3") != 0 || strcmp(want, code) != 0 || strcmp(want, data) != 0)
                        return false;
        }
        return true;
}

/* The same value in each domain that the line has, or what is given a domain already ("0=f0;1=ff"). */
static int write_line(const struct host *host, const char *target, const struct line *line, const char *value)
{
        cleanup_free char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return -ENOMEM;
        fprintf(out, "%s:", line->name);
        if (strchr(value, '='))
                fputs(value, out);
        else
                for (const char *at = line->domains; at;) {
                        const char *next = strpbrk(at, ";\n");
                        fprintf(out, "%s%lu=%s", at == line->domains ? "" : ";", strtoul(at, NULL, 10), value);
                        at = next && *next == ';' ? next + 1 : NULL;
                }
        fputc('\n', out);
        fclose(out);
        return host_write(host, text, GROUP "/schemata", target);
}

static int write_schemata(const struct host *host, const char *target, const char *share)
{
        cleanup_free char *schemata = NULL;
        struct line line;
        int r = host_read(host, &schemata, ROOT "/schemata");

        for (const char *at = schemata; r == 0 && next_line(&at, &line);) {
                cleanup_free char *own = value_of(share, line.name);
                cleanup_free char *common = strncmp(line.name, "L3", 2) == 0 ? value_of(share, "L3") : strdup("");
                if (!own || !common)
                        return -ENOMEM;
                const char *value = own[0] ? own : common;
                r = value[0] ? write_line(host, target, &line, value) : 0;
        }
        return r;
}

static int write_share(const struct host *host, const char *target, const char *value, struct knob_detail *detail)
{
        cleanup_free char *cpus = NULL, *status = NULL;

        if (strcmp(value, NONE) == 0)
                return host_remove_directory(host, GROUP, target);
        cpus = value_of(value, "cpus");
        if (!cpus)
                return -ENOMEM;
        int r = host_make_directory(host, GROUP, target);
        if (r == 0)
                r = host_write(host, cpus, GROUP "/cpus_list", target);
        if (r == 0)
                r = write_schemata(host, target, value);
        if (r < 0 && host_read(host, &status, ROOT "/info/last_cmd_status") == 0)
                knob_say(detail, "the kernel says: %s", status);
        return r;
}

static struct knob resctrl = {
        .name = "resctrl",
        .help = "Shares of cache and memory bandwidth of a class (Documentation/arch/x86/resctrl.rst).",
        .pointer = "/spec/cache",
        .order = 55,
        .watch = ROOT "/socle-*/schemata",
        .wish = wish,
        .read = read_share,
        .write = write_share,
        .satisfied = has_share,
};
REGISTER_KNOB(resctrl)
