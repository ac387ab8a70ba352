/* Arguments of the kernel's command line as a set: each in a normal form (flags and CPU lists of isolcpus= and the like
 * in one order), hugepages= together with the hugepagesz= before it, so that neither order nor spelling ever makes two
 * equal command lines differ, and asks for a reboot in vain. */
#pragma once

#include <stdbool.h>

/* Sorted, each once; NULL-terminated, strings_free(). */
int arguments_parse(const char *text, char ***ret);
/* With a blank between; a new string, NULL: no memory. */
char *arguments_join(char *const *arguments);
bool arguments_have(char *const *arguments, const char *argument);
/* Is there one with the same name ("isolcpus")? Its text, or NULL. */
const char *arguments_find(char *const *arguments, const char *argument);
/* Takes out of the first list what is not in the second. */
void arguments_keep(char **arguments, char *const *others);
