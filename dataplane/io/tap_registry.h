/* Which persistent taps we made: a small file in the state directory, one "netns<TAB>name" a line, appended to, and
 * after a removal written anew and renamed into place. After a restart it tells which taps no object wants any more. */
#pragma once

#include <stdbool.h>

bool tap_registry_add(const char *netns, const char *name); /* true: it was known */
bool tap_registry_has(const char *netns, const char *name);
void tap_registry_remove(const char *netns, const char *name);

/* Calls f, which may remove it, for every tap that was not added in this life of the process. */
void tap_registry_stale(void (*f)(const char *netns, const char *name));
