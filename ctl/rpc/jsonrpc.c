/* JSON-RPC 2.0: lines into calls, calls into answers; batches. https://www.jsonrpc.org/specification */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "private.h"

json_t *jsonrpc_error(json_t *id, int code, const char *message, json_t *data)
{
        json_t *text = json_string(message) ?: json_string("(a message that is not UTF-8)");
        json_t *error = json_pack("{si, so}", "code", code, "message", text);

        if (data)
                json_object_set_new(error, "data", data);
        return json_pack("{ss, so, sO}", "jsonrpc", "2.0", "error", error, "id", id ?: json_null());
}

/* ---- answers ---- */

static void batch_finish_if_done(struct client *client, struct batch *batch)
{
        if (batch->next < json_array_size(batch->requests) || batch->pending > 0)
                return;
        if (batch->answers.size > 0 && text_append(&batch->answers, "]", 1) >= 0)
                client_send(client, &batch->answers);
        if (client->batch == batch)
                client->batch = NULL;
        text_clear(&batch->answers);
        json_decref(batch->requests);
        free(batch);
}

/* Takes over `answer`. */
static void send_answer(struct client *client, struct batch *batch, json_t *answer)
{
        if (!batch) {
                client_send_json(client, answer);
                return;
        }
        if (text_append(&batch->answers, batch->answers.size ? "," : "[", 1) < 0 ||
            text_append_json(&batch->answers, answer) < 0)
                client_last_word(client, RPC_INTERNAL, "out of memory");
        json_decref(answer);
}

static void call_free(struct call *call)
{
        struct client *client = call->client;

        if (call->previous)
                call->previous->next = call->next;
        else
                client->calls = call->next;
        if (call->next)
                call->next->previous = call->previous;
        client->call_count--;
        json_decref(call->id);
        free(call);
}

static void call_end(struct call *call, json_t *answer)
{
        struct client *client = call->client;
        struct batch *batch = call->batch;

        if (call->id)
                send_answer(client, batch, answer);
        else
                json_decref(answer);
        call_free(call);
        if (batch) {
                batch->pending--;
                batch_finish_if_done(client, batch);
        }
        client_kick(client);
}

void call_reply(struct call *call, json_t *result)
{
        if (!result) {
                call_fail(call, RPC_INTERNAL, "out of memory");
                return;
        }
        call_end(call, json_pack("{ss, so, sO}", "jsonrpc", "2.0", "result", result, "id", call->id ?: json_null()));
}

void call_fail(struct call *call, int code, const char *message)
{
        struct errors errors = {};

        errors_add(&errors, -EINVAL, "", "", "%s", message);
        call_end(call, jsonrpc_error(call->id, code, message, errors_to_json(&errors)));
}

void call_reply_of_dataplane(struct call *call, json_t *result)
{
        call->cancel = NULL;
        if (result)
                call_reply(call, result);
        else
                call_fail(call, RPC_NO_DATAPLANE, "the dataplane does not answer; `info` tells its state");
}

static int code_of(int error)
{
        switch (error) {
        case -EINVAL:
                return RPC_INVALID_PARAMS;
        case -EPERM:
        case -EACCES:
                return RPC_PERMISSION;
        case -ESTALE:
                return RPC_STALE;
        case -ENOENT:
                return RPC_NOT_FOUND;
        case -EBUSY:
                return RPC_IN_USE;
        case -E2BIG:
        case -EMSGSIZE:
                return RPC_LIMIT;
        case -ENOMEM:
        case -ENOSYS:
                return RPC_INTERNAL;
        default:
                return RPC_STORAGE;
        }
}

void call_fail_errors(struct call *call, const struct errors *errors)
{
        const struct complaint *first = &errors->list[0];
        char message[1024];
        size_t n = 0;

        if (first->kind[0])
                n += (size_t)snprintf(message, sizeof(message), "%s \"%s\": ", first->kind, first->name);
        if (first->pointer[0])
                n += (size_t)snprintf(message + n, sizeof(message) - n, "%s: ", first->pointer);
        n += (size_t)snprintf(message + n, sizeof(message) - n, "%s", first->message);
        if (first->expected[0])
                n += (size_t)snprintf(message + n, sizeof(message) - n, "; expected: %s", first->expected);
        if (errors->count > 1)
                snprintf(message + n, sizeof(message) - n, " (and %zu more)", errors->count - 1);
        call_end(call, jsonrpc_error(call->id, code_of(errors->code), message, errors_to_json(errors)));
}

struct rpc_context *call_context(const struct call *call)
{
        return &call->client->server->context;
}

enum role call_role(const struct call *call)
{
        return call->client->role;
}

/* ---- requests ---- */

static void refuse(struct client *client, struct batch *batch, json_t *id, int code, const char *pointer,
                   const char *expected, const char *message)
{
        struct errors errors = {};

        errors_add(&errors, -EINVAL, pointer, expected, "%s", message);
        send_answer(client, batch, jsonrpc_error(id, code, message, errors_to_json(&errors)));
}

/* What is wrong with the envelope, or NULL. */
static const char *envelope_fault(const json_t *request, const char **ret_pointer, const char **ret_expected)
{
        const json_t *id = json_object_get(request, "id");
        const json_t *params = json_object_get(request, "params");
        const char *version = json_string_value(json_object_get(request, "jsonrpc"));
        const char *name;
        json_t *value;

        *ret_pointer = "";
        *ret_expected = "an object with jsonrpc, method, params and id";
        if (!json_is_object(request))
                return "a request must be an object";
        json_object_foreach ((json_t *)request, name, value)
                if (strcmp(name, "jsonrpc") && strcmp(name, "method") && strcmp(name, "params") && strcmp(name, "id"))
                        return "the request has a member that JSON-RPC 2.0 does not know";
        *ret_pointer = "/jsonrpc";
        *ret_expected = "the text \"2.0\"";
        if (!version || strcmp(version, "2.0") != 0)
                return "this is not JSON-RPC 2.0";
        *ret_pointer = "/id";
        *ret_expected = "a string or a number";
        if (id && !json_is_string(id) && !json_is_number(id) && !json_is_null(id))
                return "the id is of a wrong type";
        *ret_pointer = "/method";
        *ret_expected = "a method's name; `schema` lists them";
        if (!json_is_string(json_object_get(request, "method")))
                return "the method is missing";
        *ret_pointer = "/params";
        *ret_expected = "an object: parameters by name";
        if (params && !json_is_object(params))
                return "parameters are given by name";
        return NULL;
}

static void complain_method(struct client *client, struct batch *batch, json_t *id, const char *name)
{
        char message[160], expected[256] = "one of:";
        size_t used = strlen(expected);

        for (const struct method *m = method_first(); m && used < sizeof(expected); m = m->next)
                used += (size_t)snprintf(expected + used, sizeof(expected) - used, " %s%s", m->name,
                                         m->next ? "," : "");
        snprintf(message, sizeof(message), "there is no method \"%.60s\"", name);
        for (char *c = message; *c; c++)
                if (*c < 0x20 || *c > 0x7e)
                        *c = '?'; /* %.60s may have cut a character in two */
        refuse(client, batch, id, RPC_METHOD_NOT_FOUND, "/method", expected, message);
}

static struct call *call_new(struct client *client, const struct method *method, json_t *id, struct batch *batch)
{
        struct call *call = calloc(1, sizeof(*call));

        if (!call)
                return NULL;
        *call = (struct call){.client = client, .method = method, .id = json_incref(id), .batch = batch};
        call->next = client->calls;
        if (call->next)
                call->next->previous = call;
        client->calls = call;
        client->call_count++;
        if (batch)
                batch->pending++;
        return call;
}

static void run(struct call *call, json_t *params)
{
        const struct method *method = call->method;
        struct errors errors = {};
        char message[256];

        if (call_role(call) < method->role) {
                snprintf(message, sizeof(message),
                         "\"%s\" needs the role %s, and %s has the role %s (see [%s] in socled.conf)", method->name,
                         role_name(method->role), call->client->identity.who, role_name(call_role(call)),
                         call->client->channel.tls ? "tls_roles" : "roles");
                call_fail(call, RPC_PERMISSION, message);
                return;
        }
        if (method_check_params(method, params, &errors) < 0) {
                call_fail_errors(call, &errors);
                return;
        }
        method->run(call, params);
}

static void request(struct client *client, json_t *json, struct batch *batch)
{
        json_t *id = json_is_object(json) ? json_object_get(json, "id") : NULL;
        json_t *params = json_is_object(json) ? json_object_get(json, "params") : NULL;
        const char *pointer, *expected, *fault = envelope_fault(json, &pointer, &expected);

        if (fault) {
                bool id_usable = json_is_string(id) || json_is_number(id);
                refuse(client, batch, id_usable ? id : NULL,
                       params && strcmp(pointer, "/params") == 0 ? RPC_INVALID_PARAMS : RPC_INVALID_REQUEST, pointer,
                       expected, fault);
                return;
        }
        const char *name = json_string_value(json_object_get(json, "method"));
        const struct method *method = method_find(name);
        if (!method) {
                if (id)
                        complain_method(client, batch, id, name);
                return;
        }
        struct call *call = call_new(client, method, id, batch);
        json_t *none = params ? NULL : json_object();
        if (call)
                run(call, params ?: none);
        else
                client_last_word(client, RPC_INTERNAL, "out of memory");
        json_decref(none);
}

/* ---- batches ---- */

static void batch_start(struct client *client, json_t *requests)
{
        uint32_t max = client->server->limits.batch_requests;
        char message[128];

        if (json_array_size(requests) == 0 || json_array_size(requests) > max) {
                snprintf(message, sizeof(message), "a batch holds 1 to %u requests, not %zu", max,
                         json_array_size(requests));
                refuse(client, NULL, NULL, json_array_size(requests) ? RPC_LIMIT : RPC_INVALID_REQUEST, "", "",
                       message);
                return;
        }
        client->batch = calloc(1, sizeof(*client->batch));
        if (!client->batch) {
                client_last_word(client, RPC_INTERNAL, "out of memory");
                return;
        }
        client->batch->requests = json_incref(requests);
}

void jsonrpc_batch_step(struct client *client)
{
        struct batch *batch = client->batch;
        json_t *json = json_incref(json_array_get(batch->requests, batch->next));

        batch->pending++; /* keeps it alive while its request is run */
        batch->next++;
        if (batch->next == json_array_size(batch->requests))
                client->batch = NULL; /* the next line may be begun */
        /* The whole answer is one line: it must not outgrow what a line may be. */
        if (batch->answers.size > client->server->limits.line_bytes) {
                json_t *id = json_is_object(json) ? json_object_get(json, "id") : NULL;
                if (id)
                        refuse(client, batch, id, RPC_LIMIT, "", "fewer requests in a batch",
                               "the batch's answer is too long");
        } else
                request(client, json, batch);
        json_decref(json);
        batch->pending--;
        batch_finish_if_done(client, batch);
}

/* ---- lines ---- */

void jsonrpc_line(struct client *client, const char *line, size_t length)
{
        struct parse_error error;
        json_t *json;

        if (strspn(line, " \t\r") == length)
                return;
        if (parse_line(line, length, client->server->limits.json_depth, &json, &error) < 0) {
                char pointer[32];
                snprintf(pointer, sizeof(pointer), "byte %zu", error.position);
                refuse(client, NULL, NULL, RPC_PARSE_ERROR, pointer, "one JSON text in UTF-8 a line (RFC 8259)",
                       error.message);
                return;
        }
        if (json_is_array(json))
                batch_start(client, json);
        else
                request(client, json, NULL);
        json_decref(json);
}

void jsonrpc_forget(struct client *client)
{
        while (client->calls) {
                struct call *call = client->calls;
                struct batch *batch = call->batch;

                if (call->cancel)
                        call->cancel(call->cancel_user);
                call_free(call);
                if (batch && --batch->pending == 0 && batch != client->batch) {
                        text_clear(&batch->answers);
                        json_decref(batch->requests);
                        free(batch);
                }
        }
        if (client->batch) {
                text_clear(&client->batch->answers);
                json_decref(client->batch->requests);
                free(client->batch);
                client->batch = NULL;
        }
}
