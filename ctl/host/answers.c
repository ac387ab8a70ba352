/* What the thread is asked: the machine, what is wrong with it, what a change would do. See machine.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "socle/cleanup.h"

DEFINE_CLEANUP(struct placement_state *, placement_state_free)

json_t *machine_topology(struct machine *machine, struct errors *errors)
{
        const struct topology_source here = {.root = machine->host.root};
        struct topology *topology;

        if (topology_read(&topology, &here, errors) < 0)
                return NULL;
        json_t *document = topology_to_json(topology);
        if (machine->plan) {
                json_t *plan = plan_to_json(machine->plan, topology);
                json_object_set(document, "classes", json_object_get(plan, "classes"));
                json_decref(plan);
        }
        if (machine->guest_list)
                json_object_set(document, "guests", machine->guest_list);
        topology_free(topology);
        return document;
}

/* As each SriovDevice was last seen. */
static json_t *devices_as_seen(const struct machine *machine)
{
        json_t *list = json_array();

        for (size_t i = 0; machine->wants && i < machine->wants->devices.count; i++)
                if (machine->wants->devices.list[i].standing.status)
                        json_array_append(list, machine->wants->devices.list[i].standing.status);
        return list;
}

json_t *machine_audit(struct machine *machine, struct errors *errors)
{
        struct audit_finding *findings = NULL;
        struct knob_results results = {};
        size_t count = 0;
        json_t *devices = devices_as_seen(machine);
        struct audit_facts facts = {
                .host = &machine->host,
                .topology = machine->topology,
                .plan = machine->plan,
                .guests = machine->guest_list,
                .devices = devices,
                .isolation = machine->proof,
        };
        int r = audit(&facts, &findings, &count);

        json_decref(devices);
        if (r == 0 && machine->plan)
                r = knobs_compare(&machine->host, &machine->wishes, &results);
        if (r < 0) {
                errors_add(errors, r, "", NULL, "the host cannot be read: %s", strerror(-r));
                free(findings);
                return NULL;
        }
        json_t *answer = json_pack("{so, so}", "findings", audit_to_json(findings, count), "knobs",
                                   knob_results_to_json(&results));
        if (machine->plan)
                json_object_set_new(answer, "plan", plan_to_json(machine->plan, machine->topology));
        knob_results_clear(&results);
        free(findings);
        return answer;
}

/* ---- what a change would do ---- */

/* A world to be tried out: who would be where. */
struct preview {
        struct machine *machine;
        const struct wants *wants;
        struct draft draft; /* of the previewed profile; its plan NULL: there is none, or it cannot be */
        json_t *answer;
};

static void add(struct preview *preview, const char *kind, const char *name, json_t *plan, const struct errors *errors)
{
        json_array_append_new(preview->answer, json_pack("{ss, ss, so}", "kind", kind, "name", name, "plan",
                                                         plan ?: status_of_errors(errors)));
}

/* How the knobs would be, and which would be put back: all, with no wishes. */
static json_t *compare(struct preview *preview, struct errors *errors)
{
        struct knob_results results = {};
        int r = knobs_compare(&preview->machine->host, &preview->draft.wishes, &results);

        if (r < 0) {
                errors_add(errors, r, "", NULL, "the host cannot be read: %s", strerror(-r));
                return NULL;
        }
        json_t *knobs = knob_results_to_json(&results);
        knob_results_clear(&results);
        return knobs;
}

static void preview_profile(struct preview *preview)
{
        const struct want *want = preview->wants->profiles.count > 0 ? &preview->wants->profiles.list[0] : NULL;
        struct errors errors = {};
        json_t *plan = NULL, *knobs;

        if (!want) {
                knobs = compare(preview, &errors);
                if (json_array_size(knobs) > 0)
                        add(preview, "HostProfile", "", json_pack("{sb, sO}", "restored", true, "knobs", knobs), NULL);
                json_decref(knobs);
                return;
        }
        if (draft_make(preview->machine, want->spec, &preview->draft, &errors) < 0)
                preview->draft.plan = plan_free(preview->draft.plan);
        else if ((knobs = compare(preview, &errors)))
                plan = json_pack("{so, so, so}", "plan", plan_to_json(preview->draft.plan, preview->draft.topology),
                                 "knobs", knobs, "notes", notes_of(&preview->draft.wishes));
        add(preview, "HostProfile", want->name, plan, &errors);
}

static void preview_devices(struct preview *preview)
{
        for (size_t i = 0; i < preview->wants->devices.count; i++) {
                const struct want *want = &preview->wants->devices.list[i];
                struct errors errors = {};
                json_t *plan = device_preview(preview->machine, want, &errors);
                add(preview, "SriovDevice", want->name, plan, &errors);
        }
}

/* The books of all guests, by the profile that is previewed. */
static int make_state(const struct preview *preview, struct placement_state **ret, struct errors *errors)
{
        cleanup_(placement_state_free_p) struct placement_state *state = NULL;
        struct machine *machine = preview->machine;
        int r;

        if (!machine->guests) {
                errors_add(errors, -ENOTCONN, "", "libvirt_uri in socled.conf", "guests are not looked after here");
                return -ENOTCONN;
        }
        if (!preview->draft.plan) {
                errors_add(errors, -ENOTCONN, "", "a HostProfile: guests are placed on the CPUs that it gives them",
                           "there would be no HostProfile in force");
                return -ENOTCONN;
        }
        r = placement_state_new(&state, preview->draft.topology, preview->draft.plan);
        if (r == 0)
                r = guests_observe(machine->guests, state, NULL, errors);
        if (r == 0)
                *ret = TAKE_PTR(state);
        return r;
}

static void preview_guests(struct preview *preview)
{
        cleanup_(placement_state_free_p) struct placement_state *state = NULL;
        struct errors of_all = {};
        int r = preview->wants->guests.count > 0 ? make_state(preview, &state, &of_all) : 0;

        for (size_t i = 0; i < preview->wants->guests.count; i++) {
                const struct want *want = &preview->wants->guests.list[i];
                struct errors errors = {};
                json_t *plan = r == 0 ? guest_preview(preview->machine, want, state, &errors) : NULL;
                add(preview, "Guest", want->name, plan, r < 0 ? &of_all : &errors);
        }
}

struct gone {
        struct preview *preview;
        const char *kind;
        const struct want_list *list;
};

static void add_gone(struct machine *machine, const char *name, void *user)
{
        const struct gone *gone = user;

        if (!want_find(gone->list, name))
                add(gone->preview, gone->kind, name, json_pack("{sb}", "restored", true), NULL);
}

json_t *machine_preview(struct machine *machine, const struct wants *wants, struct errors *errors)
{
        struct preview preview = {.machine = machine, .wants = wants, .answer = json_array()};
        struct gone guests = {&preview, "Guest", &wants->guests}, devices = {&preview, "SriovDevice", &wants->devices};

        each_journal(machine, "guest-", add_gone, machine, &guests);
        each_journal(machine, "sriov-", add_gone, machine, &devices);
        preview_profile(&preview);
        preview_devices(&preview);
        preview_guests(&preview);
        draft_clear(&preview.draft);
        return preview.answer;
}
