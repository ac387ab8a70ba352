/* The Guests' step of a pass: all domains are looked at, then each Guest that something has happened to is placed and
 * pinned; a domain that is not there yet is waited for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "machine.h"
#include "socle/cleanup.h"

#define PREFIX      "guest-"
#define KIND        "Guest"
#define TELL_MS     32000 /* how old what is told of domains may be where none is a Guest's */
#define PUT_BACK_MS 30000 /* between two attempts to set what somebody else sets, too */
DEFINE_CLEANUP(struct placement_state *, placement_state_free)

/* ---- what is wanted no more ---- */

static void restore_one(struct machine *machine, const char *name, void *user)
{
        struct errors errors = {};

        if (want_find(&machine->wants->guests, name) || machine->stopping(machine->user))
                return;
        if (guests_restore(machine->guests, name, &errors) < 0)
                machine_not_restored(machine, KIND, name, &errors);
        machine->step(machine->user);
}

void guests_restore_gone(struct machine *machine)
{
        if (machine->guests)
                each_journal(machine, PREFIX, restore_one, machine, NULL);
}

/* ---- one Guest ---- */

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

static int apply_wish(struct machine *machine, const struct want *want, const struct guest_wish *wish,
                      struct placement_state *state, enum guest_mode mode, json_t **ret_status, struct errors *errors)
{
        size_t count;
        cleanup_free struct guest_interface *interfaces = interfaces_of(want, &count);

        if (!interfaces)
                return -ENOMEM;
        return guests_apply(machine->guests, want->name, wish, interfaces, count, state, mode, ret_status, errors);
}

/* Of those that run. */
static bool has_live_steps(const json_t *status)
{
        json_t *domain, *step;
        size_t i, j;

        json_array_foreach (json_object_get(status, "domains"), i, domain)
                json_array_foreach (json_object_get(domain, "steps"), j, step)
                        if (strcmp(json_string_value(json_object_get(step, "scope")), "live") == 0)
                                return true;
        return false;
}

static bool has_drift(const json_t *status)
{
        json_t *domain;
        size_t i;

        json_array_foreach (json_object_get(status, "domains"), i, domain)
                if (json_array_size(json_object_get(domain, "drift")) > 0)
                        return true;
        return false;
}

/* Not there yet, or libvirtd is not, or a job keeps it: no failure, it is waited for. Takes over `status`. */
static void tell(struct machine *machine, struct want *want, int r, json_t *status, const struct errors *errors)
{
        struct standing *standing = &want->standing;
        char words[640];

        if (!status)
                status = json_object();
        standing->drifted = has_drift(status);
        if (r == 0) {
                int64_t next_try_ms = standing->next_try_ms; /* to put back the next drift */
                standing_applied(standing);
                standing->next_try_ms = next_try_ms;
                json_object_set_new(status, "state", json_string(standing->drifted ? "drifted" : "active"));
                machine->tell(machine->user, want, status, NULL);
                return;
        }
        failure_words(errors, words, sizeof(words));
        if (r == -ENOENT || r == -ENOTCONN || r == -EBUSY) {
                standing->tried = true;
                standing->applied = false;
                standing->next_try_ms = machine_now_ms() + (r == -EBUSY ? BUSY_MS : RETRY_MS);
                json_object_set_new(status, "state", json_string("waiting"));
                json_object_set_new(status, "waiting_for", json_string(words));
                machine->tell(machine->user, want, status, NULL);
                return;
        }
        standing_failed(machine, want, KIND, words, RETRY_MS);
        json_t *error = status_of_errors(errors);
        json_object_update(status, error);
        json_decref(error);
        machine->tell(machine->user, want, status, words);
}

/* Over what others have set meanwhile goes only a new spec, a new plan, or a profile that enforces, now and then. */
static enum guest_mode mode_of(struct machine *machine, struct want *want)
{
        struct standing *standing = &want->standing;

        if (!standing->tried || standing->plan_serial != machine->plan_serial)
                return GUEST_SET;
        if (!standing->drifted || !machine->enforce || !standing_is_due(standing))
                return GUEST_FOLLOW;
        standing->next_try_ms = machine_now_ms() + PUT_BACK_MS;
        machine->enforced++;
        return GUEST_SET;
}

static void apply_one(struct machine *machine, struct want *want, const struct guest_wish *wish,
                      struct placement_state *state)
{
        enum guest_mode mode = mode_of(machine, want);
        struct errors errors = {};
        json_t *status = NULL;
        int r;

        want->standing.plan_serial = machine->plan_serial;
        r = apply_wish(machine, want, wish, state, mode, &status, &errors);
        if (r == 0 && mode == GUEST_FOLLOW && has_drift(status) && !want->standing.drifted && machine->enforce &&
            standing_is_due(&want->standing)) { /* just seen */
                want->standing.drifted = true;
                json_decref(status);
                apply_one(machine, want, wish, state);
                return;
        }
        machine->changes += has_live_steps(status);
        tell(machine, want, r, status, &errors);
}

/* ---- all of them ---- */

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

/* With `libvirt_uri =` nobody looks after them. */
static void tell_nobody(struct machine *machine)
{
        struct errors errors = {};

        errors_add(&errors, -ENOTSUP, "", "libvirt_uri in socled.conf", "guests are not looked after here");
        for (size_t i = 0; i < machine->wants->guests.count; i++) {
                struct want *want = &machine->wants->guests.list[i];
                if (!want->standing.tried)
                        tell(machine, want, -ENOTSUP, NULL, &errors);
        }
}

static bool is_to_be_applied(struct machine *machine, const struct want *want, const struct guest_wish *wish,
                             bool looked_for)
{
        const struct standing *standing = &want->standing;

        if (!standing->tried || standing->plan_serial != machine->plan_serial ||
            guests_concerned(machine->guests, want->name, wish))
                return true;
        if (!looked_for)
                return !standing->applied;
        if (standing->drifted) /* is it still? */
                return true;
        return !standing->applied && standing_is_due(standing);
}

/* Is there any that something is to be done about? Idle, this is all that is done. */
static bool any_to_be_applied(struct machine *machine)
{
        bool any = false;

        for (size_t i = 0; i < machine->wants->guests.count && !any; i++) {
                const struct want *want = &machine->wants->guests.list[i];
                struct errors ignored = {};
                struct guest_wish *wish;
                if (is_kept_out(machine, want) || guest_wish_from_json(&wish, want->spec, &ignored) < 0)
                        continue;
                any = is_to_be_applied(machine, want, wish, true);
                guest_wish_free(wish);
        }
        return any;
}

static void reconcile_one(struct machine *machine, struct want *want, struct placement_state *state, bool all,
                          bool looked_for)
{
        struct errors errors = {};
        struct guest_wish *wish;

        int r = guest_wish_from_json(&wish, want->spec, &errors);
        if (r < 0) {
                tell(machine, want, r, NULL, &errors);
                return;
        }
        if (all || is_to_be_applied(machine, want, wish, looked_for))
                apply_one(machine, want, wish, state);
        guest_wish_free(wish);
        machine->step(machine->user);
}

void guests_reconcile(struct machine *machine, bool looked_for)
{
        cleanup_(placement_state_free_p) struct placement_state *state = NULL;
        struct want_list *wanted = &machine->wants->guests;
        bool all = machine_now_ms() >= machine->guests_at_ms, moved = false;
        struct errors errors = {};

        if (!machine->guests) {
                tell_nobody(machine);
                return;
        }
        if (looked_for && wanted->count > 0 && machine->plan)
                moved = guests_look(machine->guests, machine->topology->cpu_limit) > 0;
        if (looked_for && !all && !moved && machine->plan && !any_to_be_applied(machine))
                return;
        int r = observe(machine, &state, &errors);
        for (size_t i = 0; i < wanted->count && !machine->stopping(machine->user); i++) {
                if (is_kept_out(machine, &wanted->list[i]))
                        tell_kept_out(machine, &wanted->list[i]);
                else if (r == 0)
                        reconcile_one(machine, &wanted->list[i], state, all, looked_for);
                else
                        tell(machine, &wanted->list[i], r, NULL, &errors);
        }
        if (r < 0)
                return;
        guests_seen(machine->guests);
        if (all)
                machine->guests_at_ms = machine_now_ms() + (wanted->count > 0 ? GUESTS_MS : TELL_MS);
}

json_t *guest_preview(struct machine *machine, const struct want *want, struct placement_state *state,
                      struct errors *errors)
{
        struct guest_wish *wish;
        json_t *status = NULL;

        if (guest_wish_from_json(&wish, want->spec, errors) < 0)
                return NULL;
        int r = apply_wish(machine, want, wish, state, GUEST_DRY_RUN, &status, errors);
        guest_wish_free(wish);
        if (r == 0)
                return status;
        json_decref(status);
        return NULL;
}
