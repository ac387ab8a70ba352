/* See tuning.h: the loop's side. A commit that concerns the host sends the thread what is wanted now; what comes back
 * becomes the objects' status. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "proof.h"
#include "socle/cleanup.h"
#include "thread.h"

struct failure {
        uint32_t id;
        char *text;
};

struct tuning {
        struct model *model;
        struct model_observer observer;
        struct thread *thread;
        struct proof *proof;
        struct tuning_events events;
        uint64_t wanted;          /* the last revision that concerns the host */
        uint64_t done;            /* the last that the thread is through with */
        struct failure *failures; /* of the last pass */
        size_t failure_count;
        json_t *restoring; /* [{kind, name, words}] */
        char *isolated;
        uint64_t passes; /* since the start: how many, and how long they took together */
        double passes_s;
};

/* ---- failures ---- */

static void failure_set(struct tuning *tuning, uint32_t id, const char *text)
{
        size_t i = 0;

        while (i < tuning->failure_count && tuning->failures[i].id != id)
                i++;
        if (i < tuning->failure_count) {
                free(tuning->failures[i].text);
                tuning->failures[i] = tuning->failures[--tuning->failure_count];
        }
        if (!text)
                return;
        struct failure *more = reallocarray(tuning->failures, tuning->failure_count + 1, sizeof(*more));
        if (!more)
                return; /* the status says it all the same */
        tuning->failures = more;
        more[tuning->failure_count++] = (struct failure){id, strdup(text)};
}

const char *tuning_failure(const struct tuning *tuning, uint32_t id)
{
        for (size_t i = 0; i < tuning->failure_count; i++)
                if (tuning->failures[i].id == id)
                        return tuning->failures[i].text;
        return NULL;
}

/* The host's profile is one, whatever it was called. */
const char *tuning_restoring(const struct tuning *tuning, const char *kind, const char *name)
{
        json_t *entry;
        size_t i;

        json_array_foreach (tuning->restoring, i, entry) {
                const char *its = json_string_value(json_object_get(entry, "name"));
                if (strcmp(json_string_value(json_object_get(entry, "kind")), kind) == 0 &&
                    (!*its || strcmp(its, name) == 0))
                        return json_string_value(json_object_get(entry, "words"));
        }
        return NULL;
}

/* ---- the model's side ---- */

bool tuning_concerns(const struct transaction *transaction)
{
        for (size_t i = 0; i < transaction_count(transaction); i++) {
                const struct change *change = transaction_change(transaction, i);
                if ((change->after && wants_concern(change->after)) ||
                    (change->before && wants_concern(change->before)))
                        return true;
        }
        return false;
}

static void want_now(struct tuning *tuning)
{
        struct wants *wants = wants_new(tuning->model, NULL);

        if (wants)
                thread_want(tuning->thread, wants);
}

/* Objects of network kinds have their status from the dataplane. */
static bool is_host_kind(const struct object *object)
{
        return strcmp(object->kind->area, "host") == 0;
}

static void on_committed(void *user, uint64_t revision, const struct change *changes, size_t count)
{
        struct tuning *tuning = user;
        bool concerned = false;

        for (size_t i = 0; i < count; i++) {
                const struct object *object = changes[i].after ?: changes[i].before;
                if (!wants_concern(object) && !(changes[i].before && wants_concern(changes[i].before)))
                        continue;
                concerned = true;
                if (!is_host_kind(object))
                        continue;
                failure_set(tuning, object->id, NULL);
                if (changes[i].after)
                        model_set_status(tuning->model, model_find_id(tuning->model, object->id),
                                         json_pack("{ss}", "state", "pending"));
        }
        if (!concerned)
                return;
        tuning->wanted = revision;
        want_now(tuning);
}

/* ---- the thread's side ---- */

static void on_told(void *user, uint32_t id, uint64_t revision, json_t *status, const char *failure)
{
        struct tuning *tuning = user;
        struct object *object = model_find_id(tuning->model, id);

        if (!object || object->revision != revision) { /* deleted or changed meanwhile: another pass is on its way */
                json_decref(status);
                return;
        }
        failure_set(tuning, id, failure);
        if (strcmp(object->kind->name, "HostProfile") == 0 && proof_result(tuning->proof))
                json_object_set(status, "isolation", (json_t *)proof_result(tuning->proof));
        model_set_status(tuning->model, object, status);
}

/* ---- is it isolated? ---- */

static struct object *profile_of(const struct tuning *tuning)
{
        return model_next(tuning->model, kind_find("HostProfile"), NULL);
}

static void on_proof(void *user, const json_t *isolation)
{
        struct tuning *tuning = user;
        struct object *object = profile_of(tuning);

        thread_take_proof(tuning->thread, isolation ? json_deep_copy(isolation) : json_null());
        if (!object || !object->status)
                return;
        json_t *status = json_copy(object->status);
        json_object_del(status, "isolation");
        if (isolation)
                json_object_set(status, "isolation", (json_t *)isolation);
        model_set_status(tuning->model, object, status);
}

/* The kernel's command line isolates, and is not the one that it runs with. */
static bool is_yet_to_boot(const struct object *profile)
{
        json_t *reason;
        size_t i;

        json_array_foreach (json_object_get(profile->status, "reboot_reasons"), i, reason)
                if (strcmp(json_string_value(json_object_get(reason, "knob")) ?: "", "kernel_command_line") == 0)
                        return true;
        return false;
}

static void consider_proof(struct tuning *tuning, bool changed)
{
        const struct object *object = profile_of(tuning);
        struct host_profile *profile = NULL;
        struct errors ignored = {};

        if (!object || host_profile_from_json(&profile, object->spec, &ignored) < 0) {
                proof_consider(tuning->proof, NULL, NULL, changed, NULL);
                return;
        }
        proof_consider(tuning->proof, &profile->check, tuning->isolated, changed,
                       is_yet_to_boot(object) ? "the kernel is to be booted with its new command line first" : NULL);
        host_profile_free(profile);
}

static void on_passed(void *user, uint64_t revision, double seconds, const char *isolated, bool changed)
{
        struct tuning *tuning = user;

        if (seconds >= 0) {
                tuning->passes++;
                tuning->passes_s += seconds;
                tuning->done = revision;
        }
        free(tuning->isolated);
        tuning->isolated = isolated ? strdup(isolated) : NULL;
        consider_proof(tuning, changed);
        if (tuning->events.progress)
                tuning->events.progress(tuning->events.user);
}

static void on_step(void *user)
{
        struct tuning *tuning = user;

        if (tuning->events.step)
                tuning->events.step(tuning->events.user);
}

static void on_gone(void *user, json_t *restoring)
{
        struct tuning *tuning = user;

        json_decref(tuning->restoring);
        tuning->restoring = restoring;
}

static void on_note(void *user, int priority, const char *text)
{
        struct tuning *tuning = user;

        if (tuning->events.note)
                tuning->events.note(tuning->events.user, priority, text);
}

static const struct thread_handlers handlers = {
        .told = on_told,
        .passed = on_passed,
        .step = on_step,
        .gone = on_gone,
        .note = on_note,
};

/* ---- outside ---- */

bool tuning_in_force(const struct tuning *tuning, uint64_t revision)
{
        return tuning->done >= tuning->wanted || tuning->done >= revision;
}

const char *tuning_isolated_cpus(const struct tuning *tuning)
{
        return tuning->isolated;
}

json_t *tuning_info(const struct tuning *tuning)
{
        return json_pack("{ss, sI, sI, s{sI, sf}, sO*}", "state",
                         tuning->done >= tuning->wanted ? "settled" : "working", "in_force_revision",
                         (json_int_t)tuning->done, "failures", (json_int_t)tuning->failure_count, "passes", "count",
                         (json_int_t)tuning->passes, "seconds", tuning->passes_s, "restoring",
                         json_array_size(tuning->restoring) > 0 ? tuning->restoring : NULL);
}

int tuning_ask(struct tuning *tuning, enum tuning_topic topic, const struct transaction *transaction,
               void (*done)(void *user, json_t *answer, const struct errors *errors), void *user,
               struct tuning_request **ret)
{
        struct wants *wants = transaction ? wants_new(tuning->model, transaction) : NULL;

        if (transaction && !wants)
                return -ENOMEM;
        return thread_ask(tuning->thread, topic, wants, done, user, ret);
}

void tuning_set_events(struct tuning *tuning, const struct tuning_events *events)
{
        tuning->events = *events;
}

struct tuning *tuning_free(struct tuning *tuning)
{
        if (!tuning)
                return NULL;
        proof_free(tuning->proof);
        thread_free(tuning->thread);
        model_unobserve(tuning->model, &tuning->observer);
        for (size_t i = 0; i < tuning->failure_count; i++)
                free(tuning->failures[i].text);
        free(tuning->failures);
        free(tuning->isolated);
        json_decref(tuning->restoring);
        free(tuning);
        return NULL;
}
DEFINE_CLEANUP(struct tuning *, tuning_free)

/* Whatever is in the store is pending until the thread has said otherwise. */
static void adopt_model(struct tuning *tuning)
{
        for (const struct kind *kind = kind_first(); kind; kind = kind->next)
                for (struct object *o = NULL;
                     strcmp(kind->area, "host") == 0 && (o = model_next(tuning->model, kind, o));)
                        model_set_status(tuning->model, o, json_pack("{ss}", "state", "pending"));
        tuning->wanted = model_revision(tuning->model);
        want_now(tuning);
}

int tuning_new(struct tuning **ret, sd_event *event, struct model *model, const struct tuning_options *options)
{
        cleanup_(tuning_free_p) struct tuning *tuning = calloc(1, sizeof(*tuning));

        if (!tuning)
                return -ENOMEM;
        tuning->model = model;
        tuning->observer = (struct model_observer){.committed = on_committed, .user = tuning};
        model_observe(model, &tuning->observer);
        const struct proof_options proof = {.told = on_proof, .user = tuning};
        int r = proof_new(&tuning->proof, event, &proof);
        if (r == 0)
                r = thread_new(&tuning->thread, event, options, &handlers, tuning);
        if (r < 0)
                return r;
        adopt_model(tuning);
        *ret = TAKE_PTR(tuning);
        return 0;
}
