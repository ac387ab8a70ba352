/* What may stand behind the addresses of a description: flags, ICMP type, MACs and so on. */
#pragma once

#include "words.h"

/* All up to the end of the text. */
int options_parse(struct words *words, struct packet *packet);
