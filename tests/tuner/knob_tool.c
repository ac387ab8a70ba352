/* Knobs on the host that this runs on, for tests in the lab's machine: plans a HostProfile's spec for it and does what
 * socled would do with it. The answer is JSON on stdout: {"results", "notes", "errors", "undone", "findings"}.
 *
 *      knob-tool STATE-DIRECTORY plan|compare|apply|drift|audit SPEC.json
 *      knob-tool STATE-DIRECTORY restore|recover
 *
 * KNOB_TOOL_DIE=N ends the process, as kill -9 does, before the N-th step on the host. KNOB_TOOL_TRACE=1 writes to stderr
 * what takes more than a millisecond. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "knob/apply.h"
#include "knob/audit.h"
#include "socle/cleanup.h"
#include "validate.h"

static int steps_left;
static bool trace;
static struct timespec began;

static int count_step(void *user, enum host_step step, const char *path)
{
        if (steps_left > 0 && --steps_left == 0)
                _exit(42);
        clock_gettime(CLOCK_MONOTONIC, &began);
        return 0;
}

static void time_step(void *user, enum host_step step, const char *path)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        double seconds = (double)(now.tv_sec - began.tv_sec) + (double)(now.tv_nsec - began.tv_nsec) / 1e9;
        if (trace && seconds > 0.001)
                fprintf(stderr, "%.3f s step %d %s\n", seconds, step, path);
}

static const struct host_observer observer = {.before = count_step, .after = time_step};

struct answer {
        struct wishes wishes;
        struct knob_results results;
        struct errors errors;
        struct audit_finding *findings;
        size_t finding_count;
        bool undone;
};

static json_t *notes_to_json(const struct wishes *wishes)
{
        json_t *list = json_array();

        for (size_t i = 0; i < wishes->note_count; i++)
                json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "knob", wishes->notes[i].knob->name, "target",
                                                      wishes->notes[i].target, "text", wishes->notes[i].text));
        return list;
}

static int plan_host(const char *path, struct topology **ret_topology, struct plan **ret_plan, struct errors *errors)
{
        const struct topology_source here = {};
        struct host_profile *profile = NULL;
        json_t *given = json_load_file(path, 0, NULL), *spec = NULL;
        int r = given ? validate_spec(kind_find("HostProfile"), given, &spec, errors) : -ENOENT;

        if (r == 0)
                r = host_profile_from_json(&profile, spec, errors);
        json_decref(given);
        json_decref(spec);
        if (r == 0)
                r = topology_read(ret_topology, &here, errors);
        /* A partition takes its CPUs from the cgroup that we are in; they are the plan's all the same. */
        if (r == 0)
                (*ret_topology)->allowed = (*ret_topology)->online;
        if (r == 0)
                r = plan_make(ret_plan, *ret_topology, profile, errors);
        host_profile_free(profile);
        return r;
}

static int with_plan(const struct host *host, const char *what, const char *spec, struct answer *answer)
{
        cleanup_(topology_free_p) struct topology *topology = NULL;
        cleanup_(plan_free_p) struct plan *plan = NULL;
        int r = plan_host(spec, &topology, &plan, &answer->errors);

        if (r == 0)
                r = knobs_wish(host, topology, plan, &answer->wishes, &answer->errors);
        if (r < 0 || strcmp(what, "plan") == 0)
                return r;
        if (strcmp(what, "compare") == 0)
                return knobs_compare(host, &answer->wishes, &answer->results);
        if (strcmp(what, "apply") == 0)
                return knobs_apply(host, &answer->wishes, &answer->results, &answer->errors);
        if (strcmp(what, "drift") == 0)
                return knobs_drift(host, &answer->wishes, &answer->results);
        const struct audit_facts facts = {.host = host, .topology = topology, .plan = plan};
        return audit(&facts, &answer->findings, &answer->finding_count);
}

static int act(const struct host *host, int argc, char **argv, struct answer *answer)
{
        if (argc == 3 && strcmp(argv[2], "restore") == 0)
                return knobs_restore(host, &answer->results, &answer->errors);
        if (argc == 3 && strcmp(argv[2], "recover") == 0)
                return knobs_recover(host, &answer->undone, &answer->errors);
        if (argc == 4)
                return with_plan(host, argv[2], argv[3], answer);
        fprintf(stderr, "knob-tool STATE-DIRECTORY plan|compare|apply|drift|audit SPEC.json\n"
                        "knob-tool STATE-DIRECTORY restore|recover\n");
        exit(2);
}

int main(int argc, char **argv)
{
        const struct host host = {.root = "/", .state = argc > 1 ? argv[1] : "", .observer = &observer};
        static struct answer answer;

        steps_left = getenv("KNOB_TOOL_DIE") ? (int)strtol(getenv("KNOB_TOOL_DIE"), NULL, 10) : 0;
        trace = getenv("KNOB_TOOL_TRACE");
        int r = act(&host, argc, argv, &answer);
        json_t *errors = errors_to_json(&answer.errors);
        json_t *json = json_pack("{s:o, s:o, s:O, s:b, s:o}", "results", knob_results_to_json(&answer.results), "notes",
                                 notes_to_json(&answer.wishes), "errors", json_object_get(errors, "errors"), "undone",
                                 answer.undone, "findings", audit_to_json(answer.findings, answer.finding_count));
        json_dumpf(json, stdout, JSON_INDENT(1));
        putchar('\n');
        json_decref(errors);
        json_decref(json);
        free(answer.findings);
        knob_results_clear(&answer.results);
        wishes_clear(&answer.wishes);
        return r < 0;
}
