/* The registry of commands: see command.h. */
#include <string.h>

#include "command.h"

static struct command *commands;

void command_register(struct command *command)
{
        struct command **at = &commands;

        while (*at && strcmp((*at)->name, command->name) < 0)
                at = &(*at)->next;
        command->next = *at;
        *at = command;
}

const struct command *command_first(void)
{
        return commands;
}

const struct command *command_find(const char *name)
{
        for (const struct command *command = commands; command; command = command->next)
                if (strcmp(command->name, name) == 0)
                        return command;
        return NULL;
}
