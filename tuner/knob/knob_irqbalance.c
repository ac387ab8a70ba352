/* irqbalance is told which CPUs are no place for interrupts, or moves them back every ten seconds. It takes the list
 * from its environment: a file of ours that comes after the distribution's, named in a drop-in of its unit, then it is
 * started anew. Our packages ship that drop-in, since systemd takes seconds to learn of a new one; where they do not,
 * we write it. A list of ours switches its own detection of isolated CPUs off, so ours has all where interrupts shall
 * not go, isolated or not.
 *
 * Its socket is left alone: what it is told there (settings cpus) counts only at its next pass, and it dies of SIGPIPE
 * when whoever asked does not wait for the answer (1.9.2). What the running daemon was told is in its environment. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "irqbalance.h"
#include "sets.h"
#include "systemd.h"

#define UNIT      IRQBALANCE_UNIT
#define DROP_IN   "/etc/systemd/system/" UNIT ".d/50-socle.conf"
#define FILE_NAME "/etc/systemd/system/" UNIT ".d/50-socle.env"
#define VARIABLE  "IRQBALANCE_BANNED_CPULIST="
#define HEADER    "# Written by socled for its HostProfile; replaced as a whole.\n"

static int wish(const struct knob *knob, const struct host *host, const struct topology *topology,
                const struct plan *plan, struct wishes *wishes, struct errors *errors)
{
        struct cpu_set banned = topology->online;

        cpu_set_and_not(&banned, &plan->irq);
        if (cpu_set_empty(&plan->irq) || cpu_set_empty(&banned) || plan->switches.irqbalance == 0)
                return 0;
        if (!host_exists(host, "/usr/sbin/irqbalance"))
                return plan->switches.irqbalance == 1
                               ? wishes_note(wishes, knob, "", "irqbalance is asked for, and not installed")
                               : 0;
        if (!systemd_runs(host))
                return wishes_note(wishes, knob, "",
                                   "irqbalance is not started by systemd here: tell it " VARIABLE " by other means");
        cleanup_free char *list = cpu_set_to_list(&banned);
        return list ? wishes_add(wishes, knob, "", list, "irqbalance keeps interrupts off the CPUs %s", list) : -ENOMEM;
}

/* What stands behind VARIABLE in lines of text; "" if it does not. */
static char *value_in(const char *text)
{
        for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
                if (strncmp(line, VARIABLE, strlen(VARIABLE)) == 0) {
                        const char *value = line + strlen(VARIABLE);
                        return strndup(value, strcspn(value, "\n"));
                }
        return strdup("");
}

/* Known by the name of its socket. */
int irqbalance_read_running(const struct host *host, char **ret_list)
{
        cleanup_strings char **names = NULL;
        int r = host_list(host, &names, "/run/irqbalance");

        for (size_t i = 0; r == 0 && names[i]; i++) {
                cleanup_free char *name = NULL, *environment = NULL;
                unsigned pid;
                if (sscanf(names[i], "irqbalance%u.sock", &pid) != 1 ||
                    host_read(host, &name, "/proc/%u/comm", pid) < 0 || strcmp(name, "irqbalance") != 0 ||
                    host_read(host, &environment, "/proc/%u/environ", pid) < 0)
                        continue; /* it was killed, and left its socket */
                char *list = value_in(environment);
                if (!list)
                        return -ENOMEM;
                *ret_list = list;
                return 0;
        }
        return r < 0 ? r : -ENOENT;
}

/* Is the drop-in shipped (packaging/systemd/irqbalance.conf)? Then systemd knows of our file, and reads it at each
 * start. */
static bool is_shipped(const struct host *host)
{
        static const char *const paths[] = {"/usr/lib/systemd/system", "/lib/systemd/system",
                                            "/usr/local/lib/systemd/system"};

        for (size_t i = 0; i < ARRAY_LEN(paths); i++)
                if (host_exists(host, "%s/" UNIT ".d/50-socle.conf", paths[i]))
                        return true;
        return false;
}

/* "2-7"; with words in parentheses, if the daemon that runs was told something else, or only one of the two files is
 * there. */
static int read_list_of(const struct host *host, const char *target, char **ret_value)
{
        cleanup_free char *text = NULL, *written = NULL, *running = NULL;
        int r = host_read(host, &text, FILE_NAME);

        if (r < 0 && r != -ENOENT)
                return r;
        bool half = is_shipped(host) ? r < 0 && host_exists(host, DROP_IN) : host_exists(host, DROP_IN) != (r == 0);
        written = value_in(text ? text : "");
        r = written ? irqbalance_read_running(host, &running) : -ENOMEM;
        if (r == -ENOMEM)
                return r;
        char *value;
        int length = half ? asprintf(&value, "%s (half written)", written)
                     : running && strcmp(written, running) != 0
                             ? asprintf(&value, "%s (it runs with '%s')", written, running)
                             : asprintf(&value, "%s", written);
        if (length < 0)
                return -ENOMEM;
        *ret_value = value;
        return 0;
}

/* What was there before us may have been told otherwise to a daemon that is being started anew just now. */
static bool is_satisfied(const char *wanted, const char *found)
{
        const char *words = strstr(wanted, " (");

        return words && strncmp(wanted, found, (size_t)(words - wanted)) == 0;
}

static int write_drop_in(const struct host *host, bool wanted, struct knob_detail *detail)
{
        bool shipped = is_shipped(host);

        if (shipped && !host_exists(host, DROP_IN))
                return 0;
        int r = host_replace(host, wanted && !shipped ? HEADER "[Service]\nEnvironmentFile=" FILE_NAME : NULL, DROP_IN);
        return r == 0 ? SYSTEMCTL(host, detail, "daemon-reload") : r;
}

static int write_list(const struct host *host, const char *target, const char *value, struct knob_detail *detail)
{
        cleanup_free char *text = NULL;
        /* The older variable, where the distribution's file has it, would win over the list in some versions. */
        int r = asprintf(&text, HEADER "IRQBALANCE_BANNED_CPUS=\n" VARIABLE "%s\n", value) < 0 ? -ENOMEM : 0;

        if (r < 0)
                return text = NULL, r;
        r = host_replace(host, value[0] ? text : NULL, FILE_NAME);
        if (r == 0)
                r = write_drop_in(host, value[0], detail);
        if (r == 0)
                r = irqbalance_service_runs(host);
        return r > 0 ? SYSTEMCTL(host, detail, "try-restart", UNIT) : r;
}

/* The list as it was written is at the front, whatever the daemon ran with. */
static int undo_list(const struct host *host, const char *target, const char *before, struct knob_detail *detail)
{
        cleanup_free char *list = strndup(before, strcspn(before, " "));

        return list ? write_list(host, target, list, detail) : -ENOMEM;
}

static struct knob irqbalance = {
        .name = "irqbalance",
        .help = "CPUs that irqbalance keeps interrupts off: IRQBALANCE_BANNED_CPULIST (irqbalance(1)).",
        .pointer = "/spec/irq/irqbalance",
        .order = 35, /* before the interrupts are moved */
        .persistent = true,
        .watch = FILE_NAME,
        .wish = wish,
        .read = read_list_of,
        .write = write_list,
        .undo = undo_list,
        .satisfied = is_satisfied,
};
REGISTER_KNOB(irqbalance)
