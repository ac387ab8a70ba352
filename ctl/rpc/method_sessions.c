/* sessions and sessions_kill: those in the dataplane's table that match all that is asked for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow.h"
#include "method.h"
#include "model.h"
#include "private.h"
#include "protocol.h"
#include "questions.h"
#include "server.h"
#include "values.h"

#define LIMIT_DEFAULT 1000

#define FILTERS                                                                                                        \
        {"port", PARAM_STRING, "either end is this Port"}, {"network", PARAM_STRING, "in this Network"},               \
                {"ip", PARAM_STRING, "either end has this address, or one within this prefix"},                        \
                {"l4_port", PARAM_INT, "either end has this TCP, UDP or SCTP port", .min = 1, .max = 65535},           \
                {"protocol", PARAM_STRING, "an IP protocol: a name such as tcp, or a number"},                         \
                {"state", PARAM_STRING, "a state of session_states.h, such as tcp_established"},                       \
        {                                                                                                              \
                "family", PARAM_INT, "IP version: 4 or 6", .min = 4, .max = 6                                          \
        }

static int take_ends(const struct model *model, const json_t *json, struct wire_sessions_get *get,
                     struct errors *errors)
{
        const char *port = json_string_value(json_object_get(json, "port"));
        const char *network = json_string_value(json_object_get(json, "network"));
        const struct object *object;

        if (port) {
                object = flow_find_port(model, port, false, errors);
                get->port = object ? object->id : 0;
        }
        if (network) {
                object = model_find(model, "Network", network);
                if (!object)
                        errors_add(errors, -ENOENT, "/network", "the name of a Network",
                                   "there is no Network \"%.64s\"", network);
                get->network = object ? object->id : 0;
        }
        return errors->count > 0 ? -EINVAL : 0;
}

static int take_ip(const char *text, struct wire_sessions_get *get, struct errors *errors)
{
        uint8_t prefix;

        if (ip_parse(text, get->ip) == 0) {
                get->prefix = 128;
                return 0;
        }
        if (cidr_parse(text, get->ip, &prefix) < 0) {
                errors_add(errors, -EINVAL, "/ip", "an address or a prefix, such as 10.0.0.5 or 2001:db8::/32",
                           "\"%.64s\" is neither an IP address nor a prefix", text);
                return -EINVAL;
        }
        get->prefix = wire_ip_is_v4(get->ip) ? prefix + 96 : prefix;
        get->family = wire_ip_is_v4(get->ip) ? 4 : 6; /* ::/0 is all of IPv6, not any */
        return 0;
}

static int take_protocol(const char *text, struct wire_sessions_get *get, struct errors *errors)
{
        int number = protocol_parse(text);

        if (number < 0) {
                errors_add(errors, -EINVAL, "/protocol", "a name such as tcp, udp, icmp, or a number from 0 to 255",
                           "there is no protocol \"%.32s\"", text);
                return -EINVAL;
        }
        get->protocol = (uint16_t)number;
        return 0;
}

static int take_state(const char *text, struct wire_sessions_get *get, struct errors *errors)
{
        char words[256] = "one of:";
        size_t used = strlen(words);

        for (int i = 0; i < SOCLE_SESSION_STATE_COUNT; i++) {
                if (strcmp(socle_session_state_info[i].name, text) == 0) {
                        get->state = (uint8_t)(i + 1);
                        return 0;
                }
                if (used < sizeof(words))
                        used += (size_t)snprintf(words + used, sizeof(words) - used, " %s",
                                                 socle_session_state_info[i].name);
        }
        errors_add(errors, -EINVAL, "/state", words, "there is no state \"%.32s\"", text);
        return -EINVAL;
}

static int build(struct call *call, const json_t *json, struct wire_sessions_get *get, struct errors *errors)
{
        const char *ip = json_string_value(json_object_get(json, "ip"));
        const char *protocol = json_string_value(json_object_get(json, "protocol"));
        const char *state = json_string_value(json_object_get(json, "state"));
        const json_t *family = json_object_get(json, "family");

        wire_init(get, WIRE_SESSIONS_GET);
        get->protocol = WIRE_PROTOCOL_ANY;
        get->l4_port = (uint16_t)json_integer_value(json_object_get(json, "l4_port"));
        take_ends(call_context(call)->model, json, get, errors);
        if (ip)
                take_ip(ip, get, errors);
        if (protocol)
                take_protocol(protocol, get, errors);
        if (state)
                take_state(state, get, errors);
        if (!family)
                return errors->count > 0 ? -EINVAL : 0;
        if (json_integer_value(family) == 5)
                errors_add(errors, -EINVAL, "/family", "4 or 6", "there is no IP version 5");
        else if (get->family && get->family != json_integer_value(family))
                errors_add(errors, -EINVAL, "/family", "the family of \"ip\", or none",
                           "\"ip\" is of the other family");
        get->family = (uint8_t)json_integer_value(family);
        return errors->count > 0 ? -EINVAL : 0;
}

/* ---- asking ---- */

static void on_done(void *user, json_t *result)
{
        call_reply_of_dataplane(user, result);
}

static void on_cancel(void *user)
{
        network_sessions_cancel(user);
}

static void ask(struct call *call, const struct wire_sessions_get *get)
{
        struct sessions_request *request;

        if (network_sessions(call_context(call)->network, get, on_done, call, &request) < 0) {
                call_fail(call, RPC_NO_DATAPLANE, "the dataplane is not connected; `info` tells its state");
                return;
        }
        call->cancel = on_cancel;
        call->cancel_user = request;
}

static const struct param sessions_params[] = {
        FILTERS,
        {"limit", PARAM_INT, "list so many at most (1000); `matched` counts all", .min = 1, .max = SESSIONS_LIST_MAX},
        {"count", PARAM_BOOL, "only count them"},
        {},
};

static void run_sessions(struct call *call, json_t *json)
{
        const json_t *limit = json_object_get(json, "limit");
        struct wire_sessions_get get;
        struct errors errors = {};

        if (build(call, json, &get, &errors) < 0) {
                call_fail_errors(call, &errors);
                return;
        }
        get.action = json_is_true(json_object_get(json, "count")) ? WIRE_SESSIONS_COUNT : WIRE_SESSIONS_LIST;
        if (get.action == WIRE_SESSIONS_LIST)
                get.limit = limit ? (uint32_t)json_integer_value(limit) : LIMIT_DEFAULT;
        ask(call, &get);
}

static struct method sessions = {
        .name = "sessions",
        .help = "The sessions in the dataplane's table, or their number.",
        .role = ROLE_READ,
        .params = sessions_params,
        .run = run_sessions,
};
REGISTER_METHOD(sessions);

static const struct param kill_params[] = {
        FILTERS,
        {"all", PARAM_BOOL, "needed to kill all there are: without it at least one condition is"},
        {},
};

static void run_kill(struct call *call, json_t *json)
{
        bool all = json_is_true(json_object_get(json, "all"));
        size_t conditions = json_object_size(json) - (json_object_get(json, "all") ? 1 : 0);
        struct wire_sessions_get get;
        struct errors errors = {};

        if (conditions == 0 && !all)
                errors_add(&errors, -EINVAL, "/all", "a condition, such as a port; or true",
                           "this would kill all sessions of the node");
        if (conditions > 0 && all)
                errors_add(&errors, -EINVAL, "/all", "either \"all\" or conditions",
                           "not all sessions match the conditions");
        if (build(call, json, &get, &errors) < 0) {
                call_fail_errors(call, &errors);
                return;
        }
        get.action = WIRE_SESSIONS_KILL;
        audit_log(call, NULL, "sessions killed", model_revision(call_context(call)->model));
        ask(call, &get);
}

static struct method sessions_kill = {
        .name = "sessions_kill",
        .help = "Ends the sessions that match: their next packet begins a new one, if it is allowed to. `matched`: how "
                "many they were.",
        .role = ROLE_OPERATE,
        .params = kill_params,
        .run = run_kill,
};
REGISTER_METHOD(sessions_kill);
