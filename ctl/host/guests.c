/* The Guests' step of a pass: all domains are looked at, then each Guest is placed and pinned; a domain that is not
 * there yet is waited for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "machine.h"
#include "socle/cleanup.h"

#define PREFIX "guest-"
DEFINE_CLEANUP(struct placement_state *, placement_state_free)

static void restore_one(struct machine *machine, const char *name)
{
        struct errors errors = {};
        char words[640];

        if (want_find(&machine->wants->guests, name) || guests_restore(machine->guests, name, &errors) == 0)
                return;
        failure_words(&errors, words, sizeof(words));
        machine->note(machine->user, LOG_ERR, "Guest %s could not be put back: %s", name, words);
}

static struct guest_interface *interfaces_of(const struct want *want, size_t *ret_count)
{
        size_t count = json_array_size(want->interfaces);
        struct guest_interface *list = calloc(count + 1, sizeof(*list));

        for (size_t i = 0; list && i < count; i++) {
                const json_t *json = json_array_get(want->interfaces, i);
                list[i] = (struct guest_interface){
                        .mac_address = json_string_value(json_object_get(json, "mac_address")),
                        .socket = json_string_value(json_object_get(json, "socket")),
                        .queues = (unsigned)json_integer_value(json_object_get(json, "queues")),
                        .mtu = (unsigned)json_integer_value(json_object_get(json, "mtu")),
                        .server = true, /* the dataplane connects: it may restart without the guest's knowing */
                };
        }
        *ret_count = count;
        return list;
}

static int apply_one(struct machine *machine, const struct want *want, struct placement_state *state, bool dry_run,
                     json_t **ret_status, struct errors *errors)
{
        size_t count;
        cleanup_free struct guest_interface *interfaces = interfaces_of(want, &count);
        struct guest_wish *wish;
        int r = interfaces ? guest_wish_from_json(&wish, want->spec, errors) : -ENOMEM;

        if (r < 0)
                return r;
        r = guests_apply(machine->guests, want->name, wish, interfaces, count, state, dry_run, ret_status, errors);
        guest_wish_free(wish);
        return r;
}

/* Not there yet, or libvirtd is not, or a job keeps it: no failure, it is waited for. */
static void tell(struct machine *machine, const struct want *want, int r, json_t *status, const struct errors *errors)
{
        char words[640];

        if (r == 0) {
                if (!json_object_get(status, "state"))
                        json_object_set_new(status, "state", json_string("active"));
                machine->tell(machine->user, want, status, NULL);
                return;
        }
        failure_words(errors, words, sizeof(words));
        if (r == -EBUSY)
                machine->failed = true; /* libvirt tells of no end of a job: try again */
        if (r == -ENOENT || r == -ENOTCONN || r == -EBUSY)
                machine->tell(machine->user, want, json_pack("{ss, ss}", "state", "waiting", "waiting_for", words),
                              NULL);
        else
                machine->tell(machine->user, want, status_of_errors(errors), words);
}

/* Who is where; -ENOTCONN with words when there is no plan to place by, or no libvirt. */
static int observe(struct machine *machine, struct placement_state **ret, struct errors *errors)
{
        cleanup_(placement_state_free_p) struct placement_state *state = NULL;
        json_t *list = NULL;

        if (!machine->plan) {
                errors_add(errors, -ENOTCONN, "", "a HostProfile: guests are placed on the CPUs that it gives them",
                           "there is no HostProfile in force");
                return -ENOTCONN;
        }
        int r = placement_state_new(&state, machine->topology, machine->plan);
        if (r == 0)
                r = guests_observe(machine->guests, state, &list, errors);
        if (r < 0)
                return r;
        json_decref(machine->guest_list);
        machine->guest_list = list;
        *ret = TAKE_PTR(state);
        return 0;
}

/* A guest that was never placed here does not come to a host that is given away. */
static bool is_kept_out(const struct machine *machine, const struct want *want)
{
        struct host state = {.root = machine->host.state, .state = machine->host.state};

        return machine->wants->cordon && !host_exists(&state, "/" PREFIX "%s.json", want->name);
}

static void tell_kept_out(struct machine *machine, const struct want *want)
{
        json_t *status =
                json_pack("{ss, so}", "state", "waiting", "waiting_for",
                          json_sprintf("the host is cordoned: BaremetalNode %s gives it away", machine->wants->cordon));

        machine->tell(machine->user, want, status, NULL);
}

void guests_reconcile(struct machine *machine)
{
        cleanup_(placement_state_free_p) struct placement_state *state = NULL;
        struct errors errors = {};
        int r;

        if (!machine->guests)
                return;
        each_journal(machine, PREFIX, restore_one, machine);
        r = observe(machine, &state, &errors);
        for (size_t i = 0; i < machine->wants->guests.count; i++) {
                const struct want *want = &machine->wants->guests.list[i];
                struct errors own = {};
                json_t *status = NULL;
                if (is_kept_out(machine, want))
                        tell_kept_out(machine, want);
                else if (r < 0)
                        tell(machine, want, r, NULL, &errors);
                else {
                        int applied = apply_one(machine, want, state, false, &status, &own);
                        tell(machine, want, applied, status, &own);
                }
        }
}

json_t *guest_preview(struct machine *machine, const struct want *want, struct errors *errors)
{
        cleanup_(placement_state_free_p) struct placement_state *state = NULL;
        json_t *status = NULL;

        if (!machine->guests) {
                errors_add(errors, -ENOTCONN, "", "libvirt_uri in socled.conf", "guests are not looked after here");
                return NULL;
        }
        if (observe(machine, &state, errors) < 0 || apply_one(machine, want, state, true, &status, errors) < 0)
                return NULL;
        return status;
}
