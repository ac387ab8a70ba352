/* See names.h. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "names.h"
#include "network_private.h"
#include "protocol.h"
#include "values.h"

json_t *text_of(const char *text)
{
        return json_string(text) ?: json_string("(a text that is not UTF-8)");
}

json_t *name_of(const struct network *network, uint32_t id)
{
        const struct object *object = id ? model_find_id(network->model, id) : NULL;

        return object ? json_string(object->name) : json_null();
}

json_t *object_of(const struct network *network, uint32_t id)
{
        const struct object *object = id ? model_find_id(network->model, id) : NULL;

        return object ? json_pack("{ss, ss}", "kind", object->kind->name, "name", object->name) : json_null();
}

json_t *drop_of(uint32_t drop)
{
        if (drop >= SOCLE_DROP_COUNT)
                return json_null();
        return json_pack("{ss, ss}", "reason", socle_drop_info[drop].name, "help", socle_drop_info[drop].help);
}

/* ---- rules ---- */

/* As it was sent to the dataplane: what is in force, whatever the kind calls it. */
static const struct wire_rule *find_rule(const struct network *network, uint32_t group, uint32_t number)
{
        const struct entry *entry = entry_find(&network->entries, group);
        const struct wire_header *record;

        for (size_t at = 0; entry && (record = record_list_next(&entry->sent, &at));)
                if (record->type == WIRE_RULE && ((const struct wire_rule *)record)->number == number)
                        return (const struct wire_rule *)record;
        return NULL;
}

static void write_protocol(FILE *out, const struct wire_rule *rule)
{
        char name[VALUE_SIZE];

        protocol_format(rule->protocol, name);
        if (rule->protocol == WIRE_PROTOCOL_ANY)
                fprintf(out, " any protocol");
        else
                fprintf(out, " %s%s", isdigit((unsigned char)name[0]) ? "protocol " : "", name);
        if (rule->first == 0 && rule->last == UINT16_MAX)
                return;
        if (!protocol_is_icmp(rule->protocol))
                fprintf(out, rule->first == rule->last ? " port %u" : " ports %u–%u", rule->first, rule->last);
        else if (rule->first == rule->last)
                fprintf(out, " type %u code %u", rule->first >> 8, rule->first & 255);
        else
                fprintf(out, " type %u", rule->first >> 8);
}

static void write_remote(FILE *out, const struct network *network, const struct wire_rule *rule)
{
        const struct object *set = model_find_id(network->model, rule->remote_set);
        char text[VALUE_SIZE];

        fprintf(out, rule->direction == WIRE_INGRESS ? " from " : " to ");
        if (rule->remote == WIRE_REMOTE_CIDR) {
                cidr_format(rule->ip, wire_ip_is_v4(rule->ip) ? rule->prefix - 96 : rule->prefix, text);
                fputs(text, out);
        } else if (rule->remote == WIRE_REMOTE_SET && set) {
                fprintf(out, "%s %s", set->kind->name, set->name);
        } else {
                fputs(rule->remote == WIRE_REMOTE_SET ? "a group that is gone" : "anyone", out);
        }
}

/* "ingress IPv4 tcp port 443 from 10.0.0.0/8" */
static json_t *rule_of(const struct network *network, uint32_t group, uint32_t number)
{
        const struct wire_rule *rule = find_rule(network, group, number);
        char text[256] = "";
        FILE *out = rule ? fmemopen(text, sizeof(text), "w") : NULL;

        if (!out)
                return json_null();
        fprintf(out, "%s IPv%u", rule->direction == WIRE_INGRESS ? "ingress" : "egress", rule->family);
        write_protocol(out, rule);
        write_remote(out, network, rule);
        fclose(out);
        return text_of(text);
}

/* ---- steps ---- */

static json_t *stage_of(uint32_t stage)
{
        static const char *const names[] = {
                [WIRE_STAGE_RECEIVE] = "receive", [WIRE_STAGE_SESSION] = "session", [WIRE_STAGE_GUARD] = "guard",
                [WIRE_STAGE_FORWARD] = "forward", [WIRE_STAGE_EGRESS] = "egress",   [WIRE_STAGE_INGRESS] = "ingress",
                [WIRE_STAGE_TRACK] = "track",     [WIRE_STAGE_ANSWER] = "answer",   [WIRE_STAGE_OUTPUT] = "output",
        };

        if (stage < sizeof(names) / sizeof(names[0]) && names[stage])
                return json_string(names[stage]);
        return json_sprintf("stage %u", stage);
}

json_t *step_of(const struct network *network, const struct wire_trace_step *step)
{
        json_t *object = step->object_type == WIRE_NONE ? json_null() : object_of(network, step->object);

        if (json_is_object(object) && step->object_type == WIRE_RULE) {
                json_object_set_new(object, "pointer", json_sprintf("/spec/rules/%u", step->number));
                json_object_set_new(object, "rule", rule_of(network, step->object, step->number));
        }
        return json_pack("{so, sb, so, so, so}", "stage", stage_of(step->stage), "pass", step->pass != 0, "text",
                         text_of(step->text), "drop", drop_of(step->drop), "object", object);
}
