/* Words of others (Ironic, a BMC) before they go into a status or the journal: in whole characters, and without a
 * secret of ours that is repeated in them. Pure. Works with ironic.c and plan.c. */
#pragma once

#include <stdbool.h>

/* Drops what is no UTF-8, such as a character that was cut in two; JSON would take none of the text otherwise. */
void wording_repair(char *text);
bool wording_is_utf8(const char *text);
/* Stars in place of the secret, also where the text was cut in the middle of it. NULL: nothing to hide. */
void wording_hide(char *text, const char *secret);
