/* The methods: one file each, method_*.c, with a table of parameters from which validation and `schema` come.
 * REGISTER_METHOD makes it known: a new method is one new file. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "socle/errors.h"
#include "kind.h"

enum rpc_code {
        RPC_PARSE_ERROR = -32700,
        RPC_INVALID_REQUEST = -32600,
        RPC_METHOD_NOT_FOUND = -32601,
        RPC_INVALID_PARAMS = -32602,
        RPC_INTERNAL = -32603,
        RPC_PERMISSION = -32001,
        RPC_STALE = -32002,
        RPC_NOT_FOUND = -32003,
        RPC_IN_USE = -32004,
        RPC_STORAGE = -32005,
        RPC_LIMIT = -32006,
        RPC_NO_DATAPLANE = -32010,
        RPC_NO_TUNER = -32011,
};

enum param_type {
        PARAM_BOOL,
        PARAM_INT,    /* min … max */
        PARAM_NUMBER, /* min … max, may have a fraction */
        PARAM_STRING,
        PARAM_STRINGS, /* a list of them */
        PARAM_OBJECTS, /* a list of {kind, name, …}; its entries are the model's to check */
};

struct param {
        const char *name; /* NULL ends a table */
        enum param_type type;
        const char *help;
        bool required;
        const char *unit;
        int64_t min, max;
};

struct client;
struct rpc_context;

/* One request under way. Ends with exactly one of call_reply and call_fail, at once or later. */
struct call {
        struct client *client;
        const struct method *method;
        json_t *id; /* NULL: a notification, which gets no answer */
        struct batch *batch;
        void (*cancel)(void *user); /* set by who answers later: the client is gone, and with it the call */
        void *cancel_user;
        struct call *next, *previous;
};

struct method {
        const char *name;
        const char *help;
        enum role role; /* needed to call it at all */
        const struct param *params;
        void (*run)(struct call *call, json_t *params); /* params: validated, borrowed, an object */
        struct method *next;
};

const struct method *method_first(void); /* sorted by name */
const struct method *method_find(const char *name);
void method_register(struct method *method);
json_t *method_to_json(const struct method *method);
/* 0, or -EINVAL with complaints. NULL params: none. */
int method_check_params(const struct method *method, const json_t *params, struct errors *errors);

#define REGISTER_METHOD(variable)                                                                                      \
        __attribute__((constructor)) static void register_##variable(void)                                             \
        {                                                                                                              \
                method_register(&variable);                                                                            \
        }

/* Ends the call and frees it. Takes over `result`. */
void call_reply(struct call *call, json_t *result);
void call_fail(struct call *call, int code, const char *message);
/* What the dataplane answered; takes `result`. NULL: it did not. Nothing is left to cancel. */
void call_reply_of_dataplane(struct call *call, json_t *result);
/* Code and message from what the model or the store complained of. */
void call_fail_errors(struct call *call, const struct errors *errors);

struct rpc_context *call_context(const struct call *call);
enum role call_role(const struct call *call);

/* changes.c: commits the transaction (takes it over) unless it is a dry run, and ends the call with what it changed.
 * `objects`: of the request; `wait`: the parameter, NULL when absent. */
struct transaction;
void call_finish_transaction(struct call *call, struct transaction *transaction, const json_t *objects, bool dry_run,
                             const json_t *wait);
/* The transaction that was asked for cannot be: ends the call with the errors, and says so in the audit log. */
void call_refuse_change(struct call *call, const json_t *objects, bool dry_run, const struct errors *errors);
/* diff.c: [{pointer, before, after}…] of two specs. */
json_t *spec_diff(const json_t *before, const json_t *after);

/* wait.c: replies with `result`, `in_force`, and `failures` among its `changes`, once those that the kinds of `objects`
 * concern, dataplane or host, have the revision in force, or the time is over. Takes over result. */
void call_reply_in_force(struct call *call, json_t *result, const json_t *objects, uint64_t revision, double seconds);

/* host.c: asks the tuner's thread, and ends the call with its answer. */
void call_ask_tuning(struct call *call, int topic);
/* The same for a dry run: `result` gets a `host` list of what would change there. Takes over both. */
void call_preview_host(struct call *call, struct transaction *transaction, json_t *result);

/* watch.c */
int watch_subscribe(struct call *call, json_t *params, uint64_t *ret_id, struct errors *errors);
bool watch_unsubscribe(struct call *call, uint64_t id);

/* stream.c: -ENOTCONN, -ENOMEM, or a complaint. */
int stream_start(struct call *call, struct wire_capture_start *start, uint64_t *ret_id, struct errors *errors);
bool stream_stop(struct call *call, uint64_t id);
