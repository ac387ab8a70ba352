/* Is the machine on another node of Ironic's already, by a MAC address, its BMC or its name? Works with node.c. */
#pragma once

#include "ironic.h"

/* Words naming the other node in `ret`, "" if there is none. An answer with a fault when Ironic could not be asked. */
void duplicates_find(struct ironic *ironic, const json_t *desired, char ret[FAULT_WORDS], struct answer *answer);
