/* Red Hat's way: grubby writes the arguments into every entry in /boot/loader/entries. It knows no drop-ins, and
 * replaces what has the same name, so what is ours and what was there instead is kept in a record of ours: "set …",
 * "had …". The record goes first (with old and new), then grubby, then the record as it is. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "boot_loader.h"
#include "program.h"

#define ENTRIES   "/boot/loader/entries"
#define RECORD    "/etc/socle/kernel-arguments"
#define GRUBBY    "/usr/sbin/grubby"
#define TIMEOUT_S 120

struct record {
        char **set, **had;
};

static void record_clear(struct record *record)
{
        record->set = strings_free(record->set);
        record->had = strings_free(record->had);
}
#define cleanup_record cleanup_(record_clear)

static bool is_here(const struct host *host)
{
        return host_exists(host, ENTRIES) && (host_exists(host, GRUBBY) || !host_is_real(host));
}

/* The rest of the line that begins with `word`, parsed; none: an empty list. */
static int parse_line(const char *text, const char *word, char ***ret)
{
        for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
                if (strncmp(line, word, strlen(word)) == 0) {
                        cleanup_free char *value = strndup(line + strlen(word), strcspn(line, "\n") - strlen(word));
                        return value ? arguments_parse(value, ret) : -ENOMEM;
                }
        return arguments_parse("", ret);
}

static int read_record(const struct host *host, struct record *ret)
{
        cleanup_free char *text = NULL;
        cleanup_record struct record record = {};
        int r = host_read(host, &text, RECORD);

        if (r < 0 && r != -ENOENT)
                return r;
        r = parse_line(text ? text : "", "set ", &record.set);
        if (r == 0)
                r = parse_line(text ? text : "", "had ", &record.had);
        if (r < 0)
                return r;
        *ret = (struct record){TAKE_PTR(record.set), TAKE_PTR(record.had)};
        return 0;
}

static int write_record(const struct host *host, const char *set, const char *had)
{
        cleanup_free char *text = NULL;

        if (asprintf(&text, "# Written by socled for its HostProfile.\nset %s\nhad %s", set, had) < 0)
                return text = NULL, -ENOMEM;
        return host_replace(host, set[0] || had[0] ? text : NULL, RECORD);
}

/* ---- the entries ---- */

static int read_entry(const struct host *host, const char *name, char ***ret)
{
        cleanup_free char *text = NULL;
        int r = host_read(host, &text, ENTRIES "/%s", name);

        return r < 0 ? r : parse_line(text, "options ", ret);
}

static bool is_normal_entry(const char *name)
{
        size_t length = strlen(name);

        return length > 5 && strcmp(name + length - 5, ".conf") == 0 && !strstr(name, "rescue");
}

/* What all normal entries have; -ENOENT: there are none. */
static int next_boot(const struct host *host, char ***ret)
{
        cleanup_strings char **names = NULL, **common = NULL;
        int r = host_list(host, &names, ENTRIES);

        for (size_t i = 0; r == 0 && names[i]; i++) {
                cleanup_strings char **entry = NULL;
                if (!is_normal_entry(names[i]))
                        continue;
                r = read_entry(host, names[i], &entry);
                if (r < 0)
                        break;
                if (!common) {
                        common = TAKE_PTR(entry);
                        continue;
                }
                arguments_keep(common, entry);
        }
        if (r == 0 && !common)
                r = -ENOENT;
        if (r == 0)
                *ret = TAKE_PTR(common);
        return r;
}

static int read_ours(const struct host *host, char ***ret)
{
        cleanup_record struct record record = {};
        int r = read_record(host, &record);

        if (r == 0)
                *ret = TAKE_PTR(record.set);
        return r;
}

/* ---- writing ---- */

/* "A B" of those in `from` that `test` says; a new string. */
static char *select_arguments(char *const *from, char *const *other,
                              bool (*test)(char *const *other, const char *argument))
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return NULL;
        for (size_t i = 0; from[i]; i++)
                if (test(other, from[i]))
                        fprintf(out, "%s%s", ftello(out) ? " " : "", from[i]);
        fclose(out);
        return text;
}

static bool not_in(char *const *other, const char *argument)
{
        return !arguments_have(other, argument);
}

static bool other_value_in(char *const *other, const char *argument)
{
        return arguments_find(other, argument) && !arguments_have(other, argument);
}

static bool name_not_in(char *const *other, const char *argument)
{
        return !arguments_find(other, argument);
}

static int join_two(const char *a, const char *b, char **ret)
{
        return asprintf(ret, "%s%s%s", a, a[0] && b[0] ? " " : "", b) < 0 ? (*ret = NULL, -ENOMEM) : 0;
}

/* What stands in for ours at present and is not ours, beside what was remembered already and still is replaced. */
static int what_had(const struct record *record, char *const *next, char *const *wanted, char **ret)
{
        cleanup_strings char **foreign = NULL;
        cleanup_free char *not_ours = select_arguments(next, record->set, not_in);
        cleanup_free char *kept = NULL, *replaced = NULL;
        int r = not_ours ? arguments_parse(not_ours, &foreign) : -ENOMEM;

        if (r < 0)
                return r;
        replaced = select_arguments(foreign, wanted, other_value_in);
        kept = select_arguments(record->had, wanted, other_value_in);
        return replaced && kept ? join_two(kept, replaced, ret) : -ENOMEM;
}

static int run_grubby(const struct host *host, const char *remove, const char *add, struct knob_detail *detail)
{
        cleanup_free char *remove_option = NULL, *add_option = NULL;

        if (asprintf(&remove_option, "--remove-args=%s", remove) < 0)
                return remove_option = NULL, -ENOMEM;
        if (asprintf(&add_option, "--args=%s", add) < 0)
                return add_option = NULL, -ENOMEM;
        return program_run(host, TIMEOUT_S, detail, PROGRAM(GRUBBY, "--update-kernel=ALL", remove_option, add_option));
}

static int write_ours(const struct host *host, char *const *wanted, struct knob_detail *detail)
{
        cleanup_record struct record record = {};
        cleanup_strings char **next = NULL;
        cleanup_free char *had = NULL, *all = NULL, *add = NULL;
        int r = read_record(host, &record);

        if (r == 0)
                r = next_boot(host, &next);
        if (r == 0)
                r = what_had(&record, next, wanted, &had);
        if (r < 0)
                return r;
        cleanup_free char *set = arguments_join(wanted), *gone = select_arguments(record.set, wanted, not_in),
                          *back = select_arguments(record.had, wanted, name_not_in);
        if (!set || !gone || !back || join_two(set, gone, &all) < 0 || join_two(set, back, &add) < 0)
                return -ENOMEM;
        r = write_record(host, all, had);
        if (r == 0)
                r = run_grubby(host, gone, add, detail);
        if (r == 0)
                r = write_record(host, set, had);
        return r;
}

const struct boot_loader boot_loader_grubby = {
        .where = ENTRIES,
        .is_here = is_here,
        .read = read_ours,
        .write = write_ours,
        .next_boot = next_boot,
};
