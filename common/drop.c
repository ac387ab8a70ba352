/* See socle/drop.h. */
#include "socle/drop.h"

const struct socle_drop_info socle_drop_info[SOCLE_DROP_COUNT] = {
#define X(id, name, help) [SOCLE_DROP_##id] = {name, help},
        SOCLE_DROP_REASONS(X)
#undef X
};
