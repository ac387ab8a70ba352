/* sessions: those in the dataplane's table: lists, counts, ends them. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "format.h"
#include "output.h"
#include "say.h"
#include "session.h"
#include "socle/session_states.h"
#include "table.h"

static const struct {
        const char *option, *param;
} conditions[] = {{"port", "port"}, {"network", "network"}, {"ip", "ip"}, {"protocol", "protocol"}, {"state", "state"}};

/* ---- a table ---- */

static void cell_protocol(struct table *table, const json_t *session)
{
        const json_t *type = json_object_get(session, "icmp_type");

        if (type)
                table_cell(table, PLAIN, "%s %lld id %.0f", member_text(session, "protocol"),
                           (long long)json_integer_value(type), member_number(session, "icmp_identifier"));
        else
                table_cell(table, PLAIN, "%s", member_text(session, "protocol"));
}

static void cell_end(struct table *table, const json_t *end)
{
        const char *ip = member_text(end, "ip");
        const json_t *port = json_object_get(end, "l4_port");

        if (port)
                table_cell(table, PLAIN, strchr(ip, ':') ? "[%s]:%lld" : "%s:%lld", ip,
                           (long long)json_integer_value(port));
        else
                table_cell(table, PLAIN, "%s", ip);
}

/* Our port, or the peer behind which the end is. */
static const char *place_of(const json_t *end)
{
        const char *port = member_text(end, "port"), *peer = member_text(end, "peer");

        return *port ? port : *peer ? peer : "?";
}

static void cell_both(struct table *table, const json_t *session, const char *what)
{
        char sent[32], answered[32];

        table_cell(table, PLAIN, "%s / %s",
                   format_rate(sent, sizeof(sent), member_number(json_object_get(session, "initiator"), what)),
                   format_rate(answered, sizeof(answered), member_number(json_object_get(session, "responder"), what)));
}

static void cell_time(struct table *table, const json_t *session, const char *what)
{
        char text[32];

        table_cell(table, PLAIN, "%s", format_duration(text, sizeof(text), member_number(session, what) / 1000));
}

static void print_sessions(const json_t *sessions)
{
        static const char *const headings[] = {"PROTOCOL", "INITIATOR", "RESPONDER", "NETWORK", "FROM → TO", "STATE"};
        static const char *const numbers[] = {"PACKETS", "BYTES", "AGE", "IDLE", "EXPIRES"};
        cleanup_(table_free_p) struct table *table = table_new();
        json_t *session;
        size_t i;

        if (!table)
                return;
        for (i = 0; i < ARRAY_LEN(headings); i++)
                table_column(table, headings[i], 0);
        for (i = 0; i < ARRAY_LEN(numbers); i++)
                table_column(table, numbers[i], TABLE_RIGHT);
        json_array_foreach (sessions, i, session) {
                const json_t *initiator = json_object_get(session, "initiator");
                const json_t *responder = json_object_get(session, "responder");

                table_row(table);
                cell_protocol(table, session);
                cell_end(table, initiator);
                cell_end(table, responder);
                table_cell(table, PLAIN, "%s", member_text(session, "network"));
                table_cell(table, PLAIN, "%s → %s", place_of(initiator), place_of(responder));
                table_cell(table, PLAIN, "%s", member_text(session, "state"));
                cell_both(table, session, "packets");
                cell_both(table, session, "bytes");
                cell_time(table, session, "age_ms");
                cell_time(table, session, "idle_ms");
                cell_time(table, session, "expires_ms");
        }
        table_print(table, 0);
}

static void print_answer(const struct arguments *arguments, const json_t *answer)
{
        long long matched = json_integer_value(json_object_get(answer, "matched"));
        size_t shown = json_array_size(json_object_get(answer, "sessions"));

        if (arguments_given(arguments, "count")) {
                printf("%lld\n", matched);
        } else if (arguments_given(arguments, "kill")) {
                printf("%lld killed\n", matched);
        } else {
                print_sessions(json_object_get(answer, "sessions"));
                if (matched > (long long)shown)
                        printf("%zu of %lld sessions; --limit shows more, a condition fewer\n", shown, matched);
                else
                        printf("%lld session%s\n", matched, matched == 1 ? "" : "s");
        }
}

/* ---- the command ---- */

static int put_number(json_t *params, const struct arguments *arguments, const char *option, const char *param,
                      double min, double max)
{
        double number = -1;
        int status = arguments_number(arguments, option, min, max, &number);

        if (!status && number >= 0)
                json_object_set_new(params, param, json_integer((json_int_t)number));
        return status;
}

static int put_conditions(json_t *params, const struct arguments *arguments)
{
        const char *family = arguments_value(arguments, "family", NULL);

        for (size_t i = 0; i < ARRAY_LEN(conditions); i++)
                if (arguments_given(arguments, conditions[i].option))
                        json_object_set_new(params, conditions[i].param,
                                            json_string(arguments_value(arguments, conditions[i].option, "")));
        if (family)
                json_object_set_new(params, "family", json_integer(*family - '0'));
        return put_number(params, arguments, "l4-port", "l4_port", 1, 65535);
}

static int check(const struct arguments *arguments, const json_t *params)
{
        bool kill = arguments_given(arguments, "kill"), all = arguments_given(arguments, "all");
        const char *wrong = NULL;

        if (all && !kill)
                wrong = "--all is for --kill; without conditions all are listed anyway";
        else if (kill && (arguments_given(arguments, "count") || arguments_given(arguments, "limit")))
                wrong = "--kill ends all that match; --count and --limit are for lists";
        else if (kill && all && json_object_size(params) > 0)
                wrong = "--all, and a condition too";
        else if (kill && !all && json_object_size(params) == 0)
                wrong = "this would end all sessions of the node";
        if (!wrong)
                return CLI_OK;
        complain("sessions: %s", wrong);
        advise(kill ? "give a condition, such as --port; or --all" : "see: soclectl sessions --help");
        return CLI_USAGE;
}

static int run(struct session *session, const struct arguments *arguments)
{
        bool kill = arguments_given(arguments, "kill");
        json_t *params = json_object(), *answer = NULL;
        int status = put_conditions(params, arguments);

        if (!status)
                status = check(arguments, params);
        if (!status)
                status = put_number(params, arguments, "limit", "limit", 1, 10000);
        if (status) {
                json_decref(params);
                return status;
        }
        if (arguments_given(arguments, "count") || (kill && arguments_given(arguments, "all")))
                json_object_set_new(params, kill ? "all" : "count", json_true());
        status = session_call(session, kill ? "sessions_kill" : "sessions", params, &answer);
        if (!status && !output_print(arguments, answer))
                print_answer(arguments, answer);
        json_decref(answer);
        return status;
}

static const char *const families[] = {"4", "6", NULL};
static const char *const states[] = {
#define X(id, name, timeout_s, help) name,
        SOCLE_SESSION_STATES(X)
#undef X
                NULL};

static const struct option_spec options[] = {
        {"output", 'o', "FORMAT", false, "table (default), json or yaml", output_choices_table},
        {"port", 'p', "PORT", false, "either end is this Port", NULL},
        {"network", 'N', "NETWORK", false, "in this Network", NULL},
        {"ip", 'i', "CIDR", false, "either end has this address, or is in this prefix", NULL},
        {"l4-port", 0, "N", false, "either end has this TCP, UDP or SCTP port", NULL},
        {"protocol", 'P', "PROTOCOL", false, "an IP protocol: tcp, udp, icmp …, or a number", NULL},
        {"state", 0, "STATE", false, "such as tcp_established", states},
        {"family", 0, "N", false, "IP version: 4 or 6", families},
        {"limit", 'n', "N", false, "list N at most (default 1000, up to 10000)", NULL},
        {"count", 'c', NULL, false, "only say how many there are", NULL},
        {"kill", 0, NULL, false, "end those that match", NULL},
        {"all", 0, NULL, false, "with --kill: all there are", NULL},
        {NULL},
};

static struct command sessions_command = {
        .name = "sessions",
        .summary = "the sessions in the dataplane's table: list, count, end them",
        .synopsis = "[--port PORT] [--network NETWORK] [--ip CIDR] [--l4-port N] [--protocol PROTOCOL]\n"
                    "         [--state STATE] [--family 4|6] [-n N | --count | --kill [--all]] [-o table|json|yaml]",
        .description =
                "Shows the sessions that match all conditions given: who began each and with whom, its state, what\n"
                "was sent / answered, and when it ends if nothing more comes. With --kill they end at once: the next\n"
                "packet begins a new session, if the rules allow it and it may begin one.",
        .options = options,
        .run = run,
};
REGISTER_COMMAND(sessions_command)
