/* SessionSettings: how the node tracks sessions. One object at most; without it, its defaults hold. */
#include <stdint.h>

#include "model.h"
#include "values.h"

#include "socle/session_states.h"

#define TIMEOUT_MAX (INT32_MAX / 1000) /* half of the milliseconds that the dataplane counts in before they wrap */
#define STRING(x)   #x

static const struct field timeouts[] = {
#define X(id, state, timeout_s, meaning)                                                                               \
        {state, FIELD_INT, meaning ".", .unit = "s", .fallback = STRING(timeout_s), .min = 1, .max = TIMEOUT_MAX},
        SOCLE_SESSION_STATES(X)
#undef X
                {},
};

static const struct field fields[] = {
        {"tcp_loose", FIELD_BOOL,
         "A session may begin in the middle of a TCP connection (nf_conntrack_tcp_loose). False: only with a SYN.",
         .fallback = "true"},
        {"tcp_liberal", FIELD_BOOL,
         "Segments outside the TCP window pass, resets excepted (nf_conntrack_tcp_be_liberal).", .fallback = "false"},
        {"tcp_max_retrans", FIELD_INT,
         "After so many retransmissions without an answer, tcp_retrans shortens the timeout "
         "(nf_conntrack_tcp_max_retrans).",
         .fallback = "3", .min = 0, .max = 255},
        {"pickup", FIELD_INT,
         "For so long after the dataplane's start, connections from before are taken up again, even where their answer "
         "comes first; what only looks like such an answer passes too. 0: never.",
         .unit = "s", .fallback = "120", .min = 0, .max = 86400},
        {"timeouts", FIELD_OBJECT, "How long a session without packets is kept, by its state.", .fallback = "{}",
         .fields = timeouts},
        {},
};

static void keys(const struct model *model, const struct object *object, struct claims *claims)
{
        claims->claim(claims, "/spec", "session tracking of this node");
}

static void compile(const struct model *model, const struct object *object, struct emit *emit)
{
        const json_t *seconds = json_object_get(object->spec, "timeouts");
        struct wire_session_settings record;

        wire_init(&record, WIRE_SESSION_SETTINGS);
        record.id = object->id;
        record.tcp_loose = spec_bool(object->spec, "tcp_loose");
        record.tcp_liberal = spec_bool(object->spec, "tcp_liberal");
        record.tcp_max_retrans = spec_int(object->spec, "tcp_max_retrans", 0);
        record.pickup_s = spec_int(object->spec, "pickup", 0);
        for (size_t i = 0; i < SOCLE_SESSION_STATE_COUNT; i++)
                record.timeout_ms[i] = spec_int(seconds, timeouts[i].name, 0) * 1000;
        emit->record(emit, &record);
}

static struct kind session_settings = {
        .name = "SessionSettings",
        .area = "network",
        .help = "How the node tracks sessions: TCP's strictness and the timeouts, which are those of Linux' "
                "nf_conntrack by default. At most one object; without it, the defaults hold.",
        .write_role = ROLE_ADMIN,
        .fields = fields,
        .keys = keys,
        .compile = compile,
};
REGISTER_KIND(session_settings)
