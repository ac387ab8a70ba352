/* Settings that are each right and together wrong (audit.h): reads the facts, lets the rules look, puts what they found
 * in order. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "audit_private.h"
#include "socle/cleanup.h"

static const char *const severities[] = {[AUDIT_ERROR] = "error", [AUDIT_WARNING] = "warning", [AUDIT_INFO] = "info"};

void audit_add(struct auditor *auditor, enum audit_severity severity, const char *rule, const char *subject,
               const char *remedy, const char *text, ...)
{
        va_list args;

        if (auditor->count == auditor->room) {
                size_t room = auditor->room ? auditor->room * 2 : 16;
                struct audit_finding *list = reallocarray(auditor->list, room, sizeof(*list));
                if (!list) {
                        auditor->no_memory = true;
                        return;
                }
                auditor->list = list;
                auditor->room = room;
        }
        struct audit_finding *finding = &auditor->list[auditor->count++];
        snprintf(finding->rule, sizeof(finding->rule), "%s", rule);
        snprintf(finding->severity, sizeof(finding->severity), "%s", severities[severity]);
        snprintf(finding->subject, sizeof(finding->subject), "%s", subject);
        snprintf(finding->remedy, sizeof(finding->remedy), "%s", remedy);
        va_start(args, text);
        vsnprintf(finding->text, sizeof(finding->text), text, args);
        va_end(args);
}

char *audit_overlap(const struct cpu_set *set, const struct cpu_set *other)
{
        struct cpu_set both = *set;

        cpu_set_and(&both, other);
        return cpu_set_empty(&both) ? NULL : cpu_set_to_list(&both);
}

/* ---- facts ---- */

/* A file that is not there, or has "(null)" in it (nohz_full on kernels without), is an empty set. */
static void read_set(const struct host *host, const char *path, struct cpu_set *ret)
{
        cleanup_free char *text = NULL;

        *ret = (struct cpu_set){};
        if (host_read(host, &text, "%s", path) == 0 && cpu_set_from_list(text, ret) < 0)
                *ret = (struct cpu_set){};
}

/* Flags before the list ("isolcpus=domain,2-3") are passed over. */
static void read_argument(char *const *command_line, const char *name, struct cpu_set *ret)
{
        const char *argument = arguments_find(command_line, name);
        const char *list = argument ? argument + strlen(name) : "";

        *ret = (struct cpu_set){};
        list += strcspn(list, "0123456789");
        if (cpu_set_from_list(list, ret) < 0)
                *ret = (struct cpu_set){};
}

static void read_partition(const struct host *host, struct cpu_set *ret)
{
        const struct knob *knob = knob_find("partition");
        cleanup_free char *value = NULL;

        *ret = (struct cpu_set){};
        if (knob && knob_read(knob, host, "", &value) == 0 && strncmp(value, "isolated ", strlen("isolated ")) == 0 &&
            cpu_set_from_list(value + strlen("isolated "), ret) < 0)
                *ret = (struct cpu_set){};
}

static int read_facts(struct auditor *auditor)
{
        const struct host *host = auditor->facts->host;
        cleanup_free char *line = NULL;
        int r = host_read(host, &line, "/proc/cmdline");

        if (r == -ENOMEM || arguments_parse(r == 0 ? line : "", &auditor->command_line) < 0)
                return -ENOMEM;
        read_set(host, "/sys/devices/system/cpu/isolated", &auditor->boot_isolated);
        read_set(host, "/sys/devices/system/cpu/nohz_full", &auditor->nohz_full);
        read_argument(auditor->command_line, "irqaffinity", &auditor->irqaffinity);
        read_partition(host, &auditor->partition);
        if (auditor->facts->plan) {
                auditor->isolated = auditor->facts->plan->isolated;
        } else {
                auditor->isolated = auditor->boot_isolated;
                cpu_set_or(&auditor->isolated, &auditor->partition);
        }
        return 0;
}

/* ---- */

static int rank(const char *severity)
{
        for (int i = 0; i < (int)ARRAY_LEN(severities); i++)
                if (strcmp(severities[i], severity) == 0)
                        return i;
        return (int)ARRAY_LEN(severities);
}

static int by_weight(const void *a, const void *b)
{
        const struct audit_finding *x = a, *y = b;
        int order = rank(x->severity) - rank(y->severity);

        if (order == 0)
                order = strcmp(x->rule, y->rule);
        return order ? order : strverscmp(x->subject, y->subject);
}

int audit(const struct audit_facts *facts, struct audit_finding **ret, size_t *ret_count)
{
        struct auditor auditor = {.facts = facts};
        int r = facts->host ? read_facts(&auditor) : arguments_parse("", &auditor.command_line);

        if (r == 0) {
                audit_boot(&auditor);
                audit_cpus(&auditor);
                audit_interrupts(&auditor);
                audit_guests(&auditor);
                audit_noise(&auditor);
        }
        strings_free(auditor.command_line);
        if (r < 0 || auditor.no_memory) {
                free(auditor.list);
                return -ENOMEM;
        }
        if (auditor.count > 0)
                qsort(auditor.list, auditor.count, sizeof(*auditor.list), by_weight);
        *ret = auditor.list;
        *ret_count = auditor.count;
        return 0;
}

json_t *audit_to_json(const struct audit_finding *findings, size_t count)
{
        json_t *list = json_array();

        for (size_t i = 0; i < count; i++)
                json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "rule", findings[i].rule, "severity",
                                                      findings[i].severity, "subject", findings[i].subject, "text",
                                                      findings[i].text, "remedy", findings[i].remedy));
        return list;
}
