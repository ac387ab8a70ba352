/* audit: is the host as it should be? Findings first, then the knobs that are not as wanted. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "format.h"
#include "hostdiff.h"
#include "output.h"
#include "say.h"
#include "session.h"

static enum colour severity_colour(const char *severity)
{
        return strcmp(severity, "error") == 0 ? RED : strcmp(severity, "warning") == 0 ? YELLOW : DIM;
}

/* How many of them are errors or warnings. */
static size_t print_findings(const json_t *findings)
{
        json_t *finding;
        size_t i, serious = 0;

        json_array_foreach (findings, i, finding) {
                const char *severity = member_text(finding, "severity"), *remedy = member_text(finding, "remedy");
                serious += strcmp(severity, "info") != 0;
                printf("%s%s%s %s: %s  [%s]\n", paint(severity_colour(severity)), severity, paint(PLAIN),
                       member_text(finding, "subject"), member_text(finding, "text"), member_text(finding, "rule"));
                if (*remedy)
                        printf("    %s\n", remedy);
        }
        return serious;
}

static size_t count_serious(const json_t *answer)
{
        json_t *entry;
        size_t i, serious = 0;

        json_array_foreach (json_object_get(answer, "findings"), i, entry)
                serious += strcmp(member_text(entry, "severity"), "info") != 0;
        json_array_foreach (json_object_get(answer, "knobs"), i, entry)
                serious += strcmp(member_text(entry, "state"), "would_change") == 0 ||
                           strcmp(member_text(entry, "state"), "failed") == 0;
        return serious;
}

static void print_for_people(const json_t *answer, bool all)
{
        const json_t *knobs = json_object_get(answer, "knobs");
        size_t wanted = json_array_size(knobs);
        size_t serious = print_findings(json_object_get(answer, "findings"));

        if (serious > 0 && wanted > 0)
                putchar('\n');
        size_t others = hostdiff_print_knobs(knobs, all);
        if (wanted == 0)
                printf("no HostProfile is in force: nothing is asked of this host's knobs\n");
        else if (others == 0)
                printf("%s● all %zu knobs are as wanted%s\n", paint(GREEN), wanted, paint(PLAIN));
        else
                printf("%s✗ %zu of %zu knobs are not as wanted%s\n", paint(RED), others, wanted, paint(PLAIN));
}

static int run(struct session *session, const struct arguments *arguments)
{
        json_t *answer = NULL;
        int status = session_call(session, "audit", NULL, &answer);

        if (status)
                return status;
        status = count_serious(answer) > 0 ? CLI_DEGRADED : CLI_OK;
        if (!output_print(arguments, answer))
                print_for_people(answer, arguments_given(arguments, "all"));
        json_decref(answer);
        return status;
}

static const struct option_spec options[] = {
        {"output", 'o', "FORMAT", false, "table (default), json or yaml", output_choices_table},
        {"all", 'a', NULL, false, "also the knobs that are as wanted", NULL},
        {NULL},
};

static struct command audit_command = {
        .name = "audit",
        .summary = "is the host as its profile wants it?",
        .synopsis = "[--all] [-o table|json|yaml]",
        .description =
                "Reads every knob back, and compares what is set with what is wanted and with each other: drift,\n"
                "and settings that are each right and together wrong, with what would be right.\n"
                "Exit status 0: nothing to do; 3: there is.",
        .options = options,
        .run = run,
};
REGISTER_COMMAND(audit_command)
