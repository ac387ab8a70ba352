/* The kernel's command line of the next boot, and whether this one began with it. Arguments are compared as a set
 * (arguments.h): written in another order, they ask for no reboot. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "boot_loader.h"

/* Boot loaders' scripts take these for themselves, in a value that they write into other scripts. */
#define SPECIAL "\"'$`\\;&|<>(){}*?#\n"

const struct boot_loader *boot_loader_find(const struct host *host)
{
        static const struct boot_loader *const known[] = {&boot_loader_grubby, &boot_loader_debian};

        for (size_t i = 0; i < ARRAY_LEN(known); i++)
                if (known[i]->is_here(host))
                        return known[i];
        return NULL;
}

static int check(const struct knob *knob, char *const *arguments, struct errors *errors)
{
        int r = 0;

        for (size_t i = 0; arguments[i]; i++) {
                size_t at = strcspn(arguments[i], SPECIAL);
                if (!arguments[i][at])
                        continue;
                errors_add(errors, -EINVAL, knob->pointer,
                           "an argument without quotes and characters special to a shell", "'%s' has a '%c' in it",
                           arguments[i], arguments[i][at]);
                r = -EINVAL;
        }
        return r;
}

static int wish(const struct knob *knob, const struct host *host, const struct topology *topology,
                const struct plan *plan, struct wishes *wishes, struct errors *errors)
{
        cleanup_strings char **arguments = NULL;

        if (!plan->kernel_arguments || !plan->kernel_arguments[0])
                return 0;
        cleanup_free char *given = arguments_join(plan->kernel_arguments), *text = NULL;
        int r = given ? arguments_parse(given, &arguments) : -ENOMEM;
        if (r == 0)
                r = check(knob, arguments, errors);
        if (r < 0)
                return r;
        text = arguments_join(arguments);
        if (!text)
                return -ENOMEM;
        if (!boot_loader_find(host))
                return wishes_note(wishes, knob, "",
                                   "no boot loader that is known here (GRUB with update-grub, or grubby): add to the "
                                   "kernel's command line by hand: %s",
                                   text);
        return wishes_add(wishes, knob, "", text, "isolation and huge pages that only begin with the kernel");
}

static bool are_in(char *const *arguments, char *const *others)
{
        for (size_t i = 0; arguments[i]; i++)
                if (!arguments_have(others, arguments[i]))
                        return false;
        return true;
}

/* "A B", or "A B (not in FILE)" when the boot loader does not know of them: update-grub failed, or an entry was made
 * without them. */
static int read_line(const struct host *host, const char *target, char **ret_value)
{
        const struct boot_loader *loader = boot_loader_find(host);
        cleanup_strings char **arguments = NULL, **next = NULL;
        int r = loader ? loader->read(host, &arguments) : -ENOENT;

        if (r == 0)
                r = loader->next_boot(host, &next);
        if (r < 0 && (r != -ENOENT || !arguments))
                return r;
        cleanup_free char *text = arguments_join(arguments);
        bool missing = next && !are_in(arguments, next);
        char *value;
        if (!text || asprintf(&value, missing ? "%s (not in %s)" : "%s", text, loader->where) < 0)
                return -ENOMEM;
        *ret_value = value;
        return 0;
}

static int write_line(const struct host *host, const char *target, const char *value, struct knob_detail *detail)
{
        const struct boot_loader *loader = boot_loader_find(host);
        cleanup_strings char **arguments = NULL;
        cleanup_free char *text = strndup(value, strcspn(value, "("));
        int r = !loader ? -ENOENT : !text ? -ENOMEM : arguments_parse(text, &arguments);

        return r < 0 ? r : loader->write(host, arguments, detail);
}

/* ---- in force ---- */

static bool is_isolation(const char *argument)
{
        static const char *const names[] = {"isolcpus=",     "nohz_full=",          "rcu_nocbs=", "irqaffinity=",
                                            "kthread_cpus=", "default_hugepagesz=", "hugepagesz="};

        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (strncmp(argument, names[i], strlen(names[i])) == 0)
                        return true;
        return false;
}

static int read_running(const struct host *host, char ***ret)
{
        cleanup_free char *text = NULL;
        int r = host_read(host, &text, "/proc/cmdline");

        return r < 0 ? r : arguments_parse(text, ret);
}

/* Of what the kernel runs with: what has to do with us. */
static char *describe(char *const *running, char *const *wanted)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return NULL;
        for (size_t i = 0; running[i]; i++)
                if (arguments_find(wanted, running[i]) || is_isolation(running[i]))
                        fprintf(out, "%s%s", ftello(out) ? " " : "", running[i]);
        fclose(out);
        return text;
}

/* All that is wanted is there, and no isolation that the next boot will not have any more. */
static bool is_in_force(char *const *wanted, char *const *running, char *const *next)
{
        if (!are_in(wanted, running))
                return false;
        for (size_t i = 0; next && running[i]; i++)
                if (is_isolation(running[i]) && !arguments_have(wanted, running[i]) &&
                    !arguments_have(next, running[i]))
                        return false;
        return true;
}

static int in_force(const struct host *host, const char *target, const char *wanted_text, bool *ret, char **ret_found)
{
        const struct boot_loader *loader = boot_loader_find(host);
        cleanup_strings char **wanted = NULL, **running = NULL, **next = NULL;
        int r = arguments_parse(wanted_text, &wanted);

        if (r == 0)
                r = read_running(host, &running);
        if (r == 0 && loader && loader->next_boot(host, &next) == -ENOMEM)
                r = -ENOMEM;
        if (r < 0)
                return r;
        char *found = describe(running, wanted);
        if (!found)
                return -ENOMEM;
        *ret = is_in_force(wanted, running, next);
        *ret_found = found;
        return 0;
}

/* The slowest comes last, only when all else went well. Begun early, beside the others, it would save at most what they
 * take (a fifth, in the lab), and each of them that fails would cost two runs of the boot loader's program, there and
 * back, instead of none. */
static struct knob kernel_command_line = {
        .name = "kernel_command_line",
        .help = "Arguments of the kernel at the next boot (Documentation/admin-guide/kernel-parameters.rst).",
        .pointer = "/spec/kernel_arguments",
        .order = 90,
        .boot = true,
        .persistent = true,
        .watch = "/etc/default/grub.d/50-socle.cfg",
        .wish = wish,
        .read = read_line,
        .write = write_line,
        .in_force = in_force,
};
REGISTER_KNOB(kernel_command_line)
