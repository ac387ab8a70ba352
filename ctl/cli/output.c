/* See output.h. */
#include <stdio.h>

#include "output.h"
#include "yaml.h"

const char *const output_choices_table[] = {"table", "json", "yaml", NULL};
const char *const output_choices_get[] = {"table", "json", "yaml", "name", NULL};

void output_json(const json_t *value)
{
        json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
        putchar('\n');
}

bool output_print(const struct arguments *arguments, const json_t *value)
{
        if (arguments_is(arguments, "output", "table", "json"))
                output_json(value);
        else if (arguments_is(arguments, "output", "table", "yaml"))
                yaml_emit(stdout, value, 0);
        else
                return false;
        return true;
}
