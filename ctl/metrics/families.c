/* See families.h. What is counted by object is a table: a member of the JSON answer, and what it is called. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "families.h"
#include "model.h"
#include "socle/cleanup.h"

static double number(const json_t *json, const char *name)
{
        return json_number_value(json_object_get(json, name));
}

static const char *text(const json_t *json, const char *name)
{
        return json_string_value(json_object_get(json, name));
}

/* ---- ports, workers, graph nodes, networks ---- */

/* A family that has a sample for each entry of a list. */
struct column {
        const char *list, *member;
        const char *family;
        enum metric_type type;
        const char *unit;
        double scale;
        const char *help;
};

static const struct column columns[] = {
        {"ports", "rx_packets", "socle_port_receive_packets", METRIC_COUNTER, NULL, 1,
         "Packets that came from the guest or device."},
        {"ports", "rx_bytes", "socle_port_receive_bytes", METRIC_COUNTER, "bytes", 1,
         "Bytes that came from the guest or device."},
        {"ports", "tx_packets", "socle_port_transmit_packets", METRIC_COUNTER, NULL, 1,
         "Packets that went to the guest or device."},
        {"ports", "tx_bytes", "socle_port_transmit_bytes", METRIC_COUNTER, "bytes", 1,
         "Bytes that went to the guest or device."},
        {"workers", "busy_ns", "socle_worker_busy_seconds", METRIC_COUNTER, "seconds", 1e-9,
         "Time a worker spent on packets."},
        {"workers", "poll_ns", "socle_worker_poll_seconds", METRIC_COUNTER, "seconds", 1e-9,
         "Time a worker spent asking empty queues."},
        {"workers", "sleep_ns", "socle_worker_sleep_seconds", METRIC_COUNTER, "seconds", 1e-9, "Time a worker slept."},
        {"workers", "wakeups", "socle_worker_wakeups", METRIC_COUNTER, NULL, 1, "Times that a worker was woken."},
        {"workers", "packets", "socle_worker_packets", METRIC_COUNTER, NULL, 1, "Packets that a worker received."},
        {"workers", "queues", "socle_worker_queues", METRIC_GAUGE, NULL, 1, "Receive queues that a worker serves."},
        {"nodes", "calls", "socle_node_calls", METRIC_COUNTER, NULL, 1, "Bursts that a graph node was given."},
        {"nodes", "packets", "socle_node_packets", METRIC_COUNTER, NULL, 1, "Packets that a graph node was given."},
        {"nodes", "cycles", "socle_node_cycles", METRIC_COUNTER, NULL, 1,
         "Clocks of the time stamp counter that a graph node took."},
        {"networks", "learned", "socle_network_learned_addresses", METRIC_GAUGE, NULL, 1,
         "MAC addresses that were learnt."},
        {"networks", "learn_full", "socle_network_learn_refused", METRIC_COUNTER, NULL, 1,
         "MAC addresses that were not learnt, since the table was full."},
};

static const char *digits(const json_t *json, const char *name, char ret[24])
{
        const json_t *value = json_object_get(json, name);

        if (!json_is_integer(value))
                return NULL;
        snprintf(ret, 24, "%lld", (long long)json_integer_value(value));
        return ret;
}

static void entry_sample(struct exposition *to, const char *list, const json_t *entry, double value)
{
        char a[24], b[24], c[24];

        if (strcmp(list, "ports") == 0)
                exposition_sample(to, value, "kind", text(entry, "kind"), "port", text(entry, "name"), "network",
                                  text(entry, "network"), NULL);
        else if (strcmp(list, "workers") == 0)
                exposition_sample(to, value, "worker", digits(entry, "index", a), "cpu", digits(entry, "cpu", b),
                                  "numa_node", digits(entry, "numa_node", c), NULL);
        else if (strcmp(list, "nodes") == 0)
                exposition_sample(to, value, "node", text(entry, "name"), "worker", digits(entry, "worker", a), NULL);
        else
                exposition_sample(to, value, "network", text(entry, "name"), NULL);
}

static void render_columns(const json_t *stats, struct exposition *to)
{
        for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
                const struct column *column = &columns[i];
                json_t *entry;
                size_t j;

                exposition_family(to, column->family, column->type, column->unit, column->help);
                json_array_foreach (json_object_get(stats, column->list), j, entry)
                        entry_sample(to, column->list, entry, number(entry, column->member) * column->scale);
        }
}

/* ---- drops ---- */

static void render_drops(const json_t *stats, struct exposition *to)
{
        const char *reason;
        json_t *entry, *count;
        char worker[24];
        size_t i;

        exposition_family(to, "socle_port_drops", METRIC_COUNTER, NULL,
                          "Packets that were not delivered, by port and reason; `soclectl explain` tells the reasons.");
        json_array_foreach (json_object_get(stats, "ports"), i, entry)
                json_object_foreach (json_object_get(entry, "drops"), reason, count)
                        exposition_sample(to, json_number_value(count), "kind", text(entry, "kind"), "port",
                                          text(entry, "name"), "network", text(entry, "network"), "reason", reason,
                                          NULL);
        exposition_family(to, "socle_worker_drops", METRIC_COUNTER, NULL,
                          "Packets that were not delivered and belong to no port, by worker and reason.");
        json_array_foreach (json_object_get(stats, "workers"), i, entry)
                json_object_foreach (json_object_get(entry, "drops"), reason, count)
                        exposition_sample(to, json_number_value(count), "worker", digits(entry, "index", worker),
                                          "reason", reason, NULL);
}

/* ---- sessions ---- */

static void render_sessions(const json_t *sessions, struct exposition *to)
{
        static const struct {
                const char *member, *family, *help;
        } counters[] = {
                {"created", "socle_sessions_created", "Sessions begun."},
                {"expired", "socle_sessions_expired", "Sessions that ended by their timeout."},
                {"evicted", "socle_sessions_evicted", "Sessions that gave way because the table was full."},
                {"cut", "socle_sessions_cut", "Sessions that a change of rules ended."},
                {"killed", "socle_sessions_killed", "Sessions that a person ended."},
                {"reevaluated", "socle_sessions_reevaluated", "Sessions judged anew after a change of rules."},
        };
        const char *state;
        json_t *count;

        exposition_family(to, "socle_sessions", METRIC_GAUGE, NULL, "Sessions that are followed, by their state.");
        json_object_foreach (json_object_get(sessions, "by_state"), state, count)
                exposition_sample(to, json_number_value(count), "state", state, NULL);
        exposition_family(to, "socle_sessions_capacity", METRIC_GAUGE, NULL, "Sessions that there is room for.");
        exposition_sample(to, number(sessions, "capacity"), NULL);
        exposition_family(to, "socle_sessions_memory_bytes", METRIC_GAUGE, "bytes", "Memory of the session table.");
        exposition_sample(to, number(sessions, "memory_bytes"), NULL);
        for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
                exposition_family(to, counters[i].family, METRIC_COUNTER, NULL, counters[i].help);
                exposition_sample(to, number(sessions, counters[i].member), NULL);
        }
}

/* ---- what is wanted, and how far it is ---- */

static const char *state_of(const struct object *object)
{
        return text(object->status, "state") ?: "unknown";
}

static void render_kind(const struct model *model, const struct kind *kind, struct exposition *to)
{
        json_t *states = json_object(), *count;
        const char *state;

        for (struct object *o = NULL; (o = model_next(model, kind, o));)
                json_object_set_new(states, state_of(o),
                                    json_integer(json_integer_value(json_object_get(states, state_of(o))) + 1));
        json_object_foreach (states, state, count)
                exposition_sample(to, json_number_value(count), "kind", kind->name, "state", state, NULL);
        json_decref(states);
}

static void render_objects(const struct metric_facts *facts, struct exposition *to)
{
        const json_t *dataplane = json_object_get(facts->info, "dataplane"),
                     *host = json_object_get(facts->info, "host");
        const json_t *commits = json_object_get(dataplane, "commits"), *passes = json_object_get(host, "passes");

        exposition_family(to, "socle_objects", METRIC_GAUGE, NULL, "Objects that are wanted, by kind and state.");
        for (const struct kind *kind = kind_first(); kind; kind = kind->next)
                render_kind(facts->model, kind, to);
        exposition_family(to, "socle_revision", METRIC_GAUGE, NULL, "Revision of what is wanted.");
        exposition_sample(to, number(facts->info, "revision"), NULL);
        exposition_family(to, "socle_in_force_revision", METRIC_GAUGE, NULL, "Revision that is in force.");
        exposition_sample(to, number(dataplane, "in_force_revision"), "part", "dataplane", NULL);
        if (host)
                exposition_sample(to, number(host, "in_force_revision"), "part", "host", NULL);
        exposition_family(to, "socle_dataplane_connected", METRIC_GAUGE, NULL, "1: the dataplane is there.");
        exposition_sample(to, facts->stats ? 1 : 0, NULL);
        exposition_family(to, "socle_reconcile_duration_seconds", METRIC_SUMMARY, "seconds",
                          "How long it took to put what is wanted into force.");
        exposition_summary(to, number(commits, "count"), number(commits, "seconds"), "part", "dataplane");
        if (passes)
                exposition_summary(to, number(passes, "count"), number(passes, "seconds"), "part", "host");
}

/* ---- the host ---- */

static void render_host(const struct metric_facts *facts, struct exposition *to)
{
        static const struct {
                const char *family, *help;
                enum metric_type type;
        } families[] = {
                {"socle_host_knobs", "Knobs of the host that the profile asks for.", METRIC_GAUGE},
                {"socle_host_knobs_drifted", "Knobs that are not as wanted.", METRIC_GAUGE},
                {"socle_host_reboot_required", "1: part of the profile is in force only after a reboot.", METRIC_GAUGE},
                {"socle_host_drift_enforced", "Times that drift was put back.", METRIC_COUNTER},
        };
        const struct kind *kind = kind_find("HostProfile");

        for (size_t i = 0; kind && i < ARRAY_LEN(families); i++) {
                exposition_family(to, families[i].family, families[i].type, NULL, families[i].help);
                for (struct object *o = NULL; (o = model_next(facts->model, kind, o));) {
                        const double values[] = {
                                number(json_object_get(o->status, "knobs"), "wanted"),
                                (double)json_array_size(json_object_get(o->status, "drift")),
                                json_is_true(json_object_get(o->status, "reboot_required")) ? 1 : 0,
                                number(o->status, "enforced"),
                        };
                        exposition_sample(to, values[i], "profile", o->name, NULL);
                }
        }
}

/* ---- bare metal ---- */

/* Beside the objects by state: a machine that is being taken back has none any more. */
static void render_baremetal(const json_t *baremetal, struct exposition *to)
{
        if (!baremetal)
                return;
        exposition_family(to, "socle_baremetal_nodes", METRIC_GAUGE, NULL, "Machines that are to be in Ironic.");
        exposition_sample(to, number(baremetal, "nodes"), NULL);
        exposition_family(to, "socle_baremetal_failures", METRIC_GAUGE, NULL,
                          "Machines whose enrolment, or whose taking back, has failed and is tried again.");
        exposition_sample(to, number(baremetal, "failures"), NULL);
        exposition_family(to, "socle_baremetal_leaving", METRIC_GAUGE, NULL,
                          "Machines whose object is gone, and that are being taken back from Ironic.");
        exposition_sample(to, (double)json_array_size(json_object_get(baremetal, "leaving")), NULL);
}

/* No sample where it cannot be told. */
static void render_isolation(const struct metric_facts *facts, struct exposition *to)
{
        const struct kind *kind = kind_find("HostProfile");

        exposition_family(
                to, "socle_host_isolation_proven", METRIC_GAUGE, NULL,
                "1: nothing disturbed the isolated CPUs for longer than the profile's limit; 0: something did.");
        for (struct object *o = NULL; kind && (o = model_next(facts->model, kind, o));) {
                const json_t *proven = json_object_get(json_object_get(o->status, "isolation"), "proven");
                if (json_is_boolean(proven))
                        exposition_sample(to, json_is_true(proven), "profile", o->name, NULL);
        }
}

/* ---- socled itself ---- */

static double started_at(const json_t *info)
{
        struct tm tm = {};

        return strptime(text(info, "started") ?: "", "%Y-%m-%dT%H:%M:%SZ", &tm) ? (double)timegm(&tm) : 0;
}

static void render_socled(const json_t *info, struct exposition *to)
{
        const json_t *remote = json_object_get(info, "remote");

        exposition_family(to, "socle_build", METRIC_INFO, NULL, "Version of socled.");
        exposition_sample(to, 1, "version", text(info, "version"), NULL);
        exposition_family(to, "socle_start_time_seconds", METRIC_GAUGE, "seconds", "When socled started, since 1970.");
        exposition_sample(to, started_at(info), NULL);
        exposition_family(to, "socle_resident_memory_bytes", METRIC_GAUGE, "bytes", "Memory of socled.");
        exposition_sample(to, number(info, "memory_bytes"), NULL);
        exposition_family(to, "socle_store_bytes", METRIC_GAUGE, "bytes", "What is wanted, on disk.");
        exposition_sample(to, number(json_object_get(info, "store"), "bytes"), NULL);
        exposition_family(to, "socle_clients", METRIC_GAUGE, NULL, "Connections to socled.");
        exposition_sample(to, number(info, "clients") - number(remote, "clients"), "transport", "unix", NULL);
        if (!remote)
                return;
        exposition_sample(to, number(remote, "clients"), "transport", "tls", NULL);
        exposition_family(to, "socle_clients_refused", METRIC_COUNTER, NULL,
                          "Connections from afar that were turned away: too many, or too many of one address.");
        exposition_sample(to, number(remote, "refused"), NULL);
        exposition_family(to, "socle_certificate_expiry_timestamp_seconds", METRIC_GAUGE, "seconds",
                          "When the certificate in use expires, since 1970.");
        exposition_sample(to, (double)time(NULL) + number(json_object_get(remote, "certificate"), "expires_in_seconds"),
                          "subject", text(json_object_get(remote, "certificate"), "subject"), NULL);
}

void families_render(const struct metric_facts *facts, struct exposition *to)
{
        render_socled(facts->info, to);
        render_objects(facts, to);
        render_host(facts, to);
        render_baremetal(json_object_get(facts->info, "baremetal"), to);
        render_isolation(facts, to);
        if (facts->stats) {
                render_columns(facts->stats, to);
                render_drops(facts->stats, to);
                render_sessions(json_object_get(facts->stats, "sessions"), to);
        }
        exposition_end(to);
}
