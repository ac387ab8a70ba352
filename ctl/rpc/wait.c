/* Answers that wait for dataplane and host: given once both have the revision in force, or when the caller's patience
 * ends. */
#include <stdlib.h>

#include "baremetal.h"
#include "network.h"
#include "private.h"
#include "socle/cleanup.h"
#include "tuning.h"
#include "wants.h"

struct wait {
        struct rpc_server *server;
        struct call *call;
        json_t *result;
        uint64_t revision;
        bool dataplane, host; /* who has to have it */
        json_t *nodes;        /* names of BaremetalNodes: of others' enrolments some are always under way */
        sd_event_source *timer;
        struct wait *next;
};

static bool nodes_in_force(const struct wait *wait)
{
        json_t *name;
        size_t i;

        json_array_foreach (wait->nodes, i, name)
                if (!baremetal_in_force(wait->server->context.baremetal, json_string_value(name), wait->revision))
                        return false;
        return true;
}

static bool in_force(const struct wait *wait)
{
        const struct rpc_context *context = &wait->server->context;

        return (!wait->dataplane || network_in_force(context->network, wait->revision)) &&
               (!wait->host || tuning_in_force(context->tuning, wait->revision)) && nodes_in_force(wait);
}

/* A profile does not wait for a dataplane, which a node may not even have; nor a port for the host. */
static void find_parts(struct wait *wait, const json_t *objects)
{
        const struct rpc_context *context = &wait->server->context;
        json_t *object;
        size_t i;

        json_array_foreach ((json_t *)objects, i, object) {
                const struct kind *kind = kind_find(json_string_value(json_object_get(object, "kind")) ?: "");
                if (!kind)
                        continue;
                wait->dataplane = wait->dataplane || kind->compile;
                wait->host = wait->host || wants_kind(kind);
                if (baremetal_kind(kind) && context->baremetal)
                        json_array_append(wait->nodes, json_object_get(object, "name"));
        }
        wait->host = wait->host && context->tuning;
}

static const char *failure_of(const struct rpc_server *server, const struct object *object)
{
        const struct rpc_context *context = &server->context;
        const char *text = network_failure(context->network, object->id);

        if (!text && context->tuning)
                text = tuning_failure(context->tuning, object->id);
        if (!text && context->baremetal)
                text = baremetal_failure(context->baremetal, object->id);
        return text;
}

/* `failures`: what of the caller's objects could not be put into force. */
static void add_failures(struct rpc_server *server, json_t *result)
{
        json_t *failures = json_array(), *change;
        size_t i;

        json_array_foreach (json_object_get(result, "changes"), i, change) {
                const char *kind = json_string_value(json_object_get(change, "kind"));
                const char *name = json_string_value(json_object_get(change, "name"));
                const struct object *object = model_find(server->context.model, kind, name);
                const char *text = object                   ? failure_of(server, object)
                                   : server->context.tuning ? tuning_restoring(server->context.tuning, kind, name)
                                                            : NULL;

                if (text)
                        json_array_append_new(failures,
                                              json_pack("{ss, ss, ss}", "kind", kind, "name", name, "message", text));
        }
        if (json_array_size(failures) > 0)
                json_object_set(result, "failures", failures);
        json_decref(failures);
}

static void unlink_wait(struct wait *wait)
{
        for (struct wait **at = &wait->server->waits; *at; at = &(*at)->next)
                if (*at == wait) {
                        *at = wait->next;
                        return;
                }
}

static void wait_free(struct wait *wait)
{
        unlink_wait(wait);
        sd_event_source_disable_unref(wait->timer);
        json_decref(wait->result);
        json_decref(wait->nodes);
        free(wait);
}

static void on_cancel(void *user)
{
        wait_free(user);
}

static void finish(struct wait *wait, bool is_in_force)
{
        struct call *call = wait->call;
        json_t *result = json_incref(wait->result);

        json_object_set_new(result, "in_force", json_boolean(is_in_force));
        if (is_in_force)
                add_failures(wait->server, result);
        call->cancel = NULL;
        wait_free(wait);
        call_reply(call, result);
}

static int on_timer(sd_event_source *source, uint64_t now_us, void *user)
{
        finish(user, false);
        return 0;
}

void wait_check(struct rpc_server *server)
{
        struct wait *next;

        for (struct wait *wait = server->waits; wait; wait = next) {
                next = wait->next;
                if (in_force(wait))
                        finish(wait, true);
        }
}

void call_reply_in_force(struct call *call, json_t *result, const json_t *objects, uint64_t revision, double seconds)
{
        struct rpc_server *server = call->client->server;
        struct wait *wait = calloc(1, sizeof(*wait));

        if (!wait) {
                call_reply(call, result); /* durable it is; only the wait is not possible */
                return;
        }
        *wait = (struct wait){
                .server = server, .call = call, .result = result, .revision = revision, .nodes = json_array()};
        find_parts(wait, objects);
        find_parts(wait, json_object_get(result, "changes")); /* also what goes since it is not named */
        wait->next = server->waits;
        server->waits = wait;
        call->cancel = on_cancel;
        call->cancel_user = wait;

        if (in_force(wait))
                finish(wait, true);
        else if (seconds <= 0 || sd_event_add_time_relative(server->event, &wait->timer, CLOCK_MONOTONIC,
                                                            (uint64_t)(seconds * 1e6), 1000, on_timer, wait) < 0)
                finish(wait, false);
}
