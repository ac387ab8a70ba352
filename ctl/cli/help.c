/* `--help`, from the tables of the commands: see command.h. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "say.h"

static void print_option(const struct option_spec *option)
{
        char left[64];

        if (option->argument && option->optional)
                snprintf(left, sizeof(left), "--%s[=%s]", option->name, option->argument);
        else if (option->argument)
                snprintf(left, sizeof(left), "--%s %s", option->name, option->argument);
        else
                snprintf(left, sizeof(left), "--%s", option->name);

        if (option->letter)
                printf("  -%c, %-24s %s\n", option->letter, left, option->help);
        else
                printf("      %-24s %s\n", left, option->help);
}

static void print_exit_statuses(void)
{
        printf("\n%sExit status:%s\n"
               "  0  all went well\n"
               "  1  the node refused, or something went wrong there\n"
               "  2  the command line or a file is wrong; nothing was sent\n"
               "  3  status: the node is not well; noise --limit: not isolated\n"
               "  4  socled cannot be reached\n"
               "  5  no answer, or not in force, in the time given\n"
               "  6  trace: the packet is not delivered\n",
               paint(BOLD), paint(PLAIN));
}

void help_print(const struct option_spec *options)
{
        printf("%ssoclectl%s [OPTION…] COMMAND [ARGUMENT…]\n\n"
               "Talks to socled on this node: says what is wanted, and shows what is.\n\n%sCommands:%s\n",
               paint(BOLD), paint(PLAIN), paint(BOLD), paint(PLAIN));
        for (const struct command *command = command_first(); command; command = command->next)
                if (!command->hidden)
                        printf("  %-10s %s\n", command->name, command->summary);

        printf("\n%sOptions, before the command:%s\n", paint(BOLD), paint(PLAIN));
        for (const struct option_spec *option = options; option->name; option++)
                print_option(option);

        printf("\n%sEnvironment:%s\n"
               "  SOCLE_SOCKET  the default of --socket\n"
               "  NO_COLOR      no colours, unless --colour=always\n",
               paint(BOLD), paint(PLAIN));
        print_exit_statuses();
        printf("\nMore of a command: soclectl COMMAND --help. Of the objects: soclectl explain KIND.\n");
}

void help_print_command(const struct command *command)
{
        printf("%ssoclectl %s%s %s\n\n%s\n\n%sOptions:%s\n", paint(BOLD), command->name, paint(PLAIN),
               command->synopsis, command->description, paint(BOLD), paint(PLAIN));
        for (const struct option_spec *option = command->options; option && option->name; option++)
                print_option(option);
        printf("  -h, %-24s %s\n", "--help", "show this help");
}
