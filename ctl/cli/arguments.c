/* The command line of one command, sorted by its table of options: see command.h. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "socle/cleanup.h"

#include "command.h"
#include "say.h"

#define OPTIONS_MAX 32

static const struct option_spec help_option = {"help", 'h', NULL, false, "show this help", NULL};

/* Fills getopt's two tables from ours; returns how many options there are. `specs` holds the spec of each. */
static int build_tables(const struct command *command, const struct option_spec **specs, struct option *longs,
                        char *shorts, size_t shorts_size)
{
        int count = 0;
        size_t used = 0;

        specs[count++] = &help_option;
        for (const struct option_spec *spec = command->options; spec && spec->name && count < OPTIONS_MAX; spec++)
                specs[count++] = spec;

        shorts[used++] = ':';
        for (int i = 0; i < count; i++) {
                int takes = !specs[i]->argument  ? no_argument
                            : specs[i]->optional ? optional_argument
                                                 : required_argument;

                longs[i] = (struct option){specs[i]->name, takes, NULL, 256 + i};
                if (!specs[i]->letter || used + 4 > shorts_size)
                        continue;
                shorts[used++] = specs[i]->letter;
                for (int colon = 0; colon < takes; colon++)
                        shorts[used++] = ':';
        }
        longs[count] = (struct option){0};
        shorts[used] = '\0';
        return count;
}

static bool value_allowed(const struct option_spec *spec, const char *value)
{
        if (!spec->choices || !value)
                return true;
        for (const char *const *choice = spec->choices; *choice; choice++)
                if (strcmp(*choice, value) == 0)
                        return true;
        return false;
}

static int complain_choice(const struct command *command, const struct option_spec *spec, const char *value)
{
        complain("%s: --%s cannot be \"%s\"", command->name, spec->name, value);
        for (const char *const *choice = spec->choices; *choice; choice++)
                advise("%s --%s=%s", choice == spec->choices ? "one of:" : "       ", spec->name, *choice);
        return CLI_USAGE;
}

static int note(struct arguments *arguments, const struct option_spec *spec, const char *value)
{
        if (!value_allowed(spec, value))
                return complain_choice(arguments->command, spec, value);
        if (arguments->given_count == GIVEN_MAX) {
                complain("%s: more than %d options", arguments->command->name, GIVEN_MAX);
                return CLI_USAGE;
        }
        arguments->given[arguments->given_count].option = spec;
        arguments->given[arguments->given_count++].value = value;
        return CLI_OK;
}

static const struct option_spec *spec_of(const struct option_spec *const *specs, int count, int found)
{
        if (found >= 256)
                return specs[found - 256];
        for (int i = 0; i < count; i++)
                if (specs[i]->letter == found)
                        return specs[i];
        return NULL;
}

static int complain_option(const struct command *command, int found, char **argv)
{
        const char *word = argv[optind - 1];

        if (found == ':')
                complain("%s: %s needs an argument", command->name, word);
        else if (optopt >= 256)
                complain("%s: %s takes no argument", command->name, word);
        else if (optopt)
                complain("%s: there is no option -%c", command->name, optopt);
        else
                complain("%s: there is no option %s", command->name, word);
        advise("see: soclectl %s --help", command->name);
        return CLI_USAGE;
}

static int check_operands(const struct arguments *arguments)
{
        const struct command *command = arguments->command;

        if (command->operands_max < 0 || arguments->operand_count <= command->operands_max)
                return CLI_OK;
        complain("%s: \"%s\" is one argument too many", command->name, arguments->operands[command->operands_max]);
        advise("usage: soclectl %s %s", command->name, command->synopsis);
        return CLI_USAGE;
}

int arguments_parse(struct arguments *ret, const struct command *command, int argc, char **argv)
{
        const struct option_spec *specs[OPTIONS_MAX];
        struct option longs[OPTIONS_MAX + 1];
        char shorts[4 * OPTIONS_MAX];
        int count = build_tables(command, specs, longs, shorts, sizeof(shorts)), found;

        *ret = (struct arguments){.command = command};
        if (command->verbatim) {
                ret->operands = argv + 1;
                ret->operand_count = argc - 1;
                return CLI_OK;
        }

        optind = 0;
        opterr = 0;
        while ((found = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
                const struct option_spec *spec = found == '?' || found == ':' ? NULL : spec_of(specs, count, found);
                int status;

                if (!spec)
                        return complain_option(command, found, argv);
                status = note(ret, spec, optarg);
                if (status)
                        return status;
        }
        ret->operands = argv + optind;
        ret->operand_count = argc - optind;
        return arguments_given(ret, "help") ? CLI_OK : check_operands(ret);
}

bool arguments_given(const struct arguments *arguments, const char *name)
{
        for (size_t i = 0; i < arguments->given_count; i++)
                if (strcmp(arguments->given[i].option->name, name) == 0)
                        return true;
        return false;
}

const char *arguments_value(const struct arguments *arguments, const char *name, const char *fallback)
{
        for (size_t i = arguments->given_count; i-- > 0;)
                if (strcmp(arguments->given[i].option->name, name) == 0 && arguments->given[i].value)
                        return arguments->given[i].value;
        return fallback;
}

int arguments_number(const struct arguments *arguments, const char *name, double min, double max, double *ret)
{
        const char *text = arguments_value(arguments, name, NULL);
        double number;
        char *end;

        if (!text)
                return CLI_OK;
        number = strtod(text, &end);
        if (end == text || *end || !isfinite(number) || number < min || number > max) {
                complain("%s: --%s cannot be \"%s\"", arguments->command->name, name, text);
                advise("a number from %g to %g would be right", min, max);
                return CLI_USAGE;
        }
        *ret = number;
        return CLI_OK;
}

int arguments_revision(const struct arguments *arguments, const char *name, long long *ret)
{
        const char *text = arguments_value(arguments, name, NULL);
        long long number;
        char *end;

        if (!text)
                return CLI_OK;
        errno = 0;
        number = strtoll(text, &end, 10);
        if (end == text || *end || errno || number < 0) {
                complain("%s: --%s cannot be \"%s\"", arguments->command->name, name, text);
                advise("a revision is a number, as `soclectl info` and `soclectl get -o json` show it");
                return CLI_USAGE;
        }
        *ret = number;
        return CLI_OK;
}

bool arguments_is(const struct arguments *arguments, const char *name, const char *fallback, const char *value)
{
        return strcmp(arguments_value(arguments, name, fallback), value) == 0;
}
