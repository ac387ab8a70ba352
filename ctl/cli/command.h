/* A command of soclectl: one file, cmd_*.c, registered like a kind; its table of options is what the parser
 * (arguments.c), `--help` (help.c) and the shell completion (cmd_complete.c) all work from. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct session;

/* What soclectl exits with; documented in docs/soclectl.md and in `soclectl --help`. */
enum exit_status {
        CLI_OK = 0,
        CLI_REFUSED = 1,     /* the node refused, or something went wrong there */
        CLI_USAGE = 2,       /* the command line or a file is wrong; nothing was sent */
        CLI_DEGRADED = 3,    /* status: the node is not well; noise: not isolated */
        CLI_UNREACHABLE = 4, /* socled cannot be reached */
        CLI_TIMEOUT = 5,     /* no answer, or not in force, in the time given */
        CLI_DROPPED = 6,     /* trace: the packet is not delivered */
};

struct option_spec {
        const char *name;     /* long name; NULL ends a table */
        char letter;          /* 0: none */
        const char *argument; /* what --help calls it; NULL: takes none */
        bool optional;        /* the argument may be left out (--name or --name=VALUE) */
        const char *help;
        const char *const *choices; /* what the argument may be; NULL: anything */
};

/* What the words after the options are, for completion. */
enum operands {
        OPERANDS_NONE,
        OPERANDS_KINDS,      /* KIND… */
        OPERANDS_KIND_NAMES, /* KIND NAME… */
        OPERANDS_FIELDS,     /* KIND[.field…] */
        OPERANDS_PORTS,      /* the name of a Port or an Underlay, and more that cannot be guessed */
};

#define GIVEN_MAX 64

struct arguments {
        const struct command *command;
        struct {
                const struct option_spec *option;
                const char *value; /* NULL: the option was given without one */
        } given[GIVEN_MAX];
        size_t given_count;
        char **operands;
        int operand_count;
};

struct command {
        const char *name;
        const char *summary;  /* half a line */
        const char *synopsis; /* what follows the name */
        const char *description;
        const struct option_spec *options; /* NULL: only --help */
        enum operands operands;
        int operands_max; /* -1: any number */
        bool hidden;      /* not in --help: for the shell */
        bool verbatim;    /* its arguments are not parsed: all are operands */

        int (*run)(struct session *session, const struct arguments *arguments); /* answers an exit_status */

        struct command *next;
};

/* All commands, sorted by name. */
const struct command *command_first(void);
const struct command *command_find(const char *name);
void command_register(struct command *command);

#define REGISTER_COMMAND(variable)                                                                                     \
        __attribute__((constructor)) static void register_##variable(void)                                             \
        {                                                                                                              \
                command_register(&variable);                                                                           \
        }

/* Sorts argv (argv[0] is the command's name) into options and operands. CLI_OK, or CLI_USAGE after saying why.
 * `--help` is an option of every command, found as given. */
int arguments_parse(struct arguments *ret, const struct command *command, int argc, char **argv);

bool arguments_given(const struct arguments *arguments, const char *name);
/* The last value of an option, or `fallback`. */
const char *arguments_value(const struct arguments *arguments, const char *name, const char *fallback);
/* A number within bounds. CLI_OK with *ret untouched when the option is absent or has no value; CLI_USAGE after saying
 * what would be right. */
int arguments_number(const struct arguments *arguments, const char *name, double min, double max, double *ret);
int arguments_revision(const struct arguments *arguments, const char *name, long long *ret);
/* Whether an option's value is this; `fallback` counts when the option is absent. */
bool arguments_is(const struct arguments *arguments, const char *name, const char *fallback, const char *value);

void help_print(const struct option_spec *global_options);
void help_print_command(const struct command *command);

/* Options that soclectl takes before the command; the same table serves help and completion. */
extern const struct option_spec global_options[];
