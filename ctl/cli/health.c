/* See health.h. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "health.h"
#include "socle/cleanup.h"

static void say(json_t *list, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(json_t *list, const char *format, ...)
{
        cleanup_free char *text = NULL;
        va_list args;

        va_start(args, format);
        if (vasprintf(&text, format, args) < 0)
                text = NULL;
        va_end(args);
        if (text)
                json_array_append_new(list, json_string(text));
}

/* An object in error says so itself. */
static bool says_so_itself(const json_t *error, const json_t *objects)
{
        json_t *object;
        size_t i;

        json_array_foreach (objects, i, object)
                if (strcmp(member_text(object, "kind"), member_text(error, "kind")) == 0 &&
                    strcmp(member_text(object, "name"), member_text(error, "name")) == 0)
                        return strcmp(member_text(json_object_get(object, "status"), "state"), "error") == 0;
        return false;
}

static void judge_dataplane(const json_t *info, const json_t *objects, json_t *problems)
{
        const json_t *dataplane = json_object_get(info, "dataplane");
        const char *state = member_text(dataplane, "state");
        long long wanted = json_integer_value(json_object_get(info, "revision"));
        long long in_force = json_integer_value(json_object_get(dataplane, "in_force_revision"));
        json_t *error;
        size_t i;

        if (strcmp(state, "connected") != 0) {
                say(problems, "the dataplane is %s: is it running? systemctl status socle-dataplane",
                    strcmp(state, "incompatible") == 0 ? "of an incompatible version" : "not connected");
        } else if (in_force < wanted) {
                say(problems, "revision %lld is wanted, but revision %lld is in force", wanted, in_force);
        }
        json_array_foreach (json_object_get(dataplane, "errors"), i, error) {
                cleanup_free char *text = json_is_string(error) ? NULL : json_dumps(error, JSON_COMPACT);

                if (says_so_itself(error, objects))
                        continue;
                if (*member_text(error, "message"))
                        say(problems, "dataplane: %s %s: %s", member_text(error, "kind"), member_text(error, "name"),
                            member_text(error, "message"));
                else
                        say(problems, "dataplane: %s", text ? text : json_string_value(error));
        }
}

static void judge_certificate(const json_t *info, json_t *problems, json_t *notes)
{
        const json_t *remote = json_object_get(info, "remote"), *certificate = json_object_get(remote, "certificate");
        double left = member_number(certificate, "expires_in_seconds");

        if (*member_text(remote, "error"))
                say(problems, "TLS: %s", member_text(remote, "error"));
        if (certificate && left <= 0)
                say(problems, "TLS: the certificate expired on %s", member_text(certificate, "expires"));
        else if (certificate && left < 7 * 86400)
                say(notes, "TLS: the certificate expires on %s: is it renewed?", member_text(certificate, "expires"));
}

static void judge_object(const json_t *object, json_t *problems, json_t *notes)
{
        const json_t *status = json_object_get(object, "status");
        const char *kind = member_text(object, "kind"), *name = member_text(object, "name");
        const char *state = member_text(status, "state"), *error = member_text(status, "error");

        if (json_is_true(json_object_get(status, "reboot_required")))
                say(notes, "%s %s: a reboot is required for part of it: soclectl get %s %s -o yaml", kind, name, kind,
                    name);
        if (strcmp(state, "error") == 0)
                say(problems, "%s %s: %s", kind, name, *error ? error : "error");
        else if (strcmp(state, "drifted") == 0)
                say(problems, "%s %s: the host is no longer as wanted: soclectl audit", kind, name);
        else if (strcmp(state, "waiting") == 0)
                say(notes, "%s %s waits: %s", kind, name, member_text(status, "waiting_for"));
        else if (strcmp(kind, "Underlay") == 0 && strcmp(state, "down") == 0)
                say(problems, "Underlay %s is down: no link", name);
        else if (strcmp(kind, "Port") == 0 && strcmp(state, "down") == 0 &&
                 !json_is_false(member(object, "spec", "admin_state_up", NULL)))
                say(notes, "Port %s is down: %s", name,
                    json_is_false(json_object_get(status, "connected")) ? "its guest is not connected" : "no link");
}

/* One peer that does not answer is that peer's trouble; all of them are ours. */
static void judge_peers(const json_t *underlay, const json_t *objects, json_t *problems, json_t *notes)
{
        const char *name = member_text(underlay, "name");
        size_t peers = 0, unresolved = 0, i;
        json_t *object;

        for (int pass = 0; pass < 2; pass++) {
                json_array_foreach (objects, i, object) {
                        bool silent =
                                strcmp(member_text(json_object_get(object, "status"), "state"), "unresolved") == 0;

                        if (strcmp(member_text(object, "kind"), "Peer") != 0 ||
                            strcmp(member_text(json_object_get(object, "spec"), "underlay"), name) != 0)
                                continue;
                        if (pass == 0) {
                                peers++;
                                unresolved += silent;
                        } else if (silent) {
                                say(notes, "Peer %s is unresolved: its next hop does not answer ARP or ND",
                                    member_text(object, "name"));
                        }
                }
                if (peers > 1 && unresolved == peers) {
                        say(problems, "Underlay %s: none of its %zu peers' next hops answers", name, peers);
                        return;
                }
        }
}

json_t *health_judge(const json_t *info, const json_t *objects)
{
        json_t *problems = json_array(), *notes = json_array(), *object;
        size_t pending = 0, i;

        judge_dataplane(info, objects, problems);
        judge_certificate(info, problems, notes);
        json_array_foreach (objects, i, object) {
                judge_object(object, problems, notes);
                pending += strcmp(member_text(json_object_get(object, "status"), "state"), "pending") == 0;
                if (strcmp(member_text(object, "kind"), "Underlay") == 0)
                        judge_peers(object, objects, problems, notes);
        }
        if (pending > 0)
                say(problems, "%zu object%s not yet in force", pending, pending == 1 ? " is" : "s are");
        return json_pack("{s:b, s:o, s:o}", "well", json_array_size(problems) == 0, "problems", problems, "notes",
                         notes);
}
