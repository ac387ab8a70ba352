/* __complete: what could come next on a command line, for the shells. `soclectl __complete WORD…` gets the words after
 * "soclectl" up to the cursor, the last of them unfinished (perhaps empty), and prints what it could be, one a line.
 * "@file" asks the shell to complete a file's name. Never complains: a shell that completes must stay quiet. */
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "command.h"
#include "format.h"
#include "kinds.h"
#include "session.h"

static void offer(const char *prefix, const char *word, const char *stem)
{
        if (strncmp(word, stem, strlen(stem)) == 0)
                printf("%s%s\n", prefix, word);
}

static const struct option_spec *find_option(const struct option_spec *options, const char *word, size_t length)
{
        for (; options && options->name; options++) {
                if (word[0] == '-' && word[1] == '-' && strlen(options->name) == length - 2 &&
                    strncmp(options->name, word + 2, length - 2) == 0)
                        return options;
                if (length == 2 && word[0] == '-' && options->letter && word[1] == options->letter)
                        return options;
        }
        return NULL;
}

static void offer_options(const struct option_spec *options, const char *stem)
{
        char word[80];

        for (; options && options->name; options++) {
                snprintf(word, sizeof(word), "--%s", options->name);
                offer("", word, stem);
        }
        offer("", "--help", stem);
}

static void offer_commands(const char *stem)
{
        for (const struct command *command = command_first(); command; command = command->next)
                if (!command->hidden)
                        offer("", command->name, stem);
}

/* A result without a word on standard error. */
static json_t *ask(struct session *session, const char *method, json_t *params)
{
        json_t *reply = NULL, *result = NULL;

        if (!session->client && client_open(&session->client, session->socket) < 0) {
                json_decref(params);
                return NULL;
        }
        if (client_call(session->client, method, params, 2000, &reply) == 0)
                result = json_incref(json_object_get(reply, "result"));
        json_decref(reply);
        return result;
}

/* In the case in which it was begun: "po" becomes "port" and "Po" becomes "Port". */
static void offer_kinds(const json_t *schema, const char *stem)
{
        json_t *kind;
        size_t i;

        json_array_foreach (json_object_get(schema, "kinds"), i, kind) {
                const char *name = member_text(kind, "kind");
                size_t length = strlen(stem);

                if (strncasecmp(name, stem, length) == 0 && strlen(name) >= length)
                        printf("%s%s\n", stem, name + length);
        }
}

static const json_t *kind_named(const json_t *schema, const char *word, size_t length)
{
        json_t *kind;
        size_t i;

        json_array_foreach (json_object_get(schema, "kinds"), i, kind) {
                const char *name = member_text(kind, "kind");
                size_t own = strlen(name);

                if (strncasecmp(name, word, own) == 0 &&
                    (length == own || (length == own + 1 && strchr("sS", word[own]))))
                        return kind;
        }
        return NULL;
}

static void offer_names(struct session *session, const char *kind, const char *stem)
{
        json_t *result, *object;
        size_t i;

        result = ask(session, "get", json_pack("{s:s}", "kind", kind));
        json_array_foreach (json_object_get(result, "objects"), i, object)
                offer("", member_text(object, "name"), stem);
        json_decref(result);
}

static void offer_values(struct session *session, const struct option_spec *option, const char *prefix,
                         const char *stem)
{
        if (option->choices)
                for (const char *const *choice = option->choices; *choice; choice++)
                        offer(prefix, *choice, stem);
        else if (strcmp(option->argument, "FILE") == 0 || strcmp(option->argument, "PATH") == 0)
                puts("@file");
        else if (strcmp(option->argument, "PORT") == 0)
                offer_names(session, "Port", stem);
        else if (strcmp(option->argument, "NETWORK") == 0)
                offer_names(session, "Network", stem);
}

/* "port.attachment.t": the fields below all but the last dot. */
static void offer_fields(const json_t *schema, const char *stem)
{
        const char *last = strrchr(stem, '.'), *at = strchr(stem, '.');
        const json_t *fields;
        json_t *field;
        char prefix[512];
        size_t i;

        if (!last) {
                offer_kinds(schema, stem);
                return;
        }
        fields = json_object_get(kind_named(schema, stem, at - stem), "fields");
        while (at && at != last) {
                const char *next = strchr(at + 1, '.');
                const json_t *found = NULL;

                json_array_foreach (fields, i, field)
                        if (strlen(member_text(field, "name")) == (size_t)(next - at - 1) &&
                            strncmp(member_text(field, "name"), at + 1, next - at - 1) == 0)
                                found = field;
                while (json_object_get(found, "item"))
                        found = json_object_get(found, "item");
                fields = json_object_get(found, "fields");
                at = next;
        }
        snprintf(prefix, sizeof(prefix), "%.*s", (int)(last + 1 - stem), stem);
        json_array_foreach (fields, i, field)
                offer(prefix, member_text(field, "name"), last + 1);
}

static void offer_operands(struct session *session, const struct command *command, char **operands, int count,
                           const char *stem)
{
        const json_t *kind;
        json_t *schema;

        if (command->operands == OPERANDS_PORTS && count == 0) {
                offer_names(session, "Port", stem);
                offer_names(session, "Underlay", stem);
        }
        if (command->operands == OPERANDS_NONE || command->operands == OPERANDS_PORTS)
                return;
        schema = ask(session, "schema", NULL);
        if (command->operands == OPERANDS_KINDS || (command->operands == OPERANDS_KIND_NAMES && count == 0))
                offer_kinds(schema, stem);
        else if (command->operands == OPERANDS_KIND_NAMES &&
                 (kind = kind_named(schema, operands[0], strlen(operands[0]))))
                offer_names(session, member_text(kind, "kind"), stem);
        else if (command->operands == OPERANDS_FIELDS && count == 0)
                offer_fields(schema, stem);
        json_decref(schema);
}

/* What the words before the cursor say. */
struct line {
        const struct command *command;
        bool unknown;                      /* the command is none */
        const struct option_spec *pending; /* an option whose argument comes next */
        char *operands[64];
        int operand_count;
};

static void take_word(struct session *session, struct line *line, char *word)
{
        const struct option_spec *options = line->command ? line->command->options : global_options;

        if (line->pending) {
                if (!line->command && strcmp(line->pending->name, "socket") == 0)
                        session->socket = word;
                line->pending = NULL;
        } else if (word[0] == '-' && word[1]) {
                line->pending = find_option(options, word, strlen(word));
                if (line->pending && (!line->pending->argument || line->pending->optional))
                        line->pending = NULL;
                if (!line->command && strncmp(word, "--socket=", 9) == 0)
                        session->socket = word + 9;
        } else if (!line->command) {
                line->command = command_find(word);
                line->unknown |= !line->command;
        } else if ((size_t)line->operand_count < ARRAY_LEN(line->operands)) {
                line->operands[line->operand_count++] = word;
        }
}

static int run(struct session *session, const struct arguments *arguments)
{
        struct line line = {0};
        const struct option_spec *options, *option;
        const char *stem, *equals;

        if (arguments->operand_count == 0)
                return CLI_OK;
        for (int i = 0; i + 1 < arguments->operand_count; i++)
                take_word(session, &line, arguments->operands[i]);
        stem = arguments->operands[arguments->operand_count - 1];
        options = line.command ? line.command->options : global_options;
        equals = strncmp(stem, "--", 2) == 0 ? strchr(stem, '=') : NULL;
        option = equals ? find_option(options, stem, equals - stem) : NULL;

        if (line.unknown)
                return CLI_OK;
        if (line.pending)
                offer_values(session, line.pending, "", stem);
        else if (option && option->argument)
                offer_values(session, option, "", equals + 1);
        else if (stem[0] == '-')
                offer_options(options, stem);
        else if (!line.command)
                offer_commands(stem);
        else
                offer_operands(session, line.command, line.operands, line.operand_count, stem);
        return CLI_OK;
}

static struct command complete_command = {
        .name = "__complete",
        .summary = "what could come next on a command line, for the shells",
        .synopsis = "WORD…",
        .description = "",
        .operands_max = -1,
        .hidden = true,
        .verbatim = true,
        .run = run,
};
REGISTER_COMMAND(complete_command)
