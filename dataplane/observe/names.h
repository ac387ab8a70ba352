/* How observers' answers name objects: by socled's ids, while the path knows indices. Control fills it; so do tests. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct record_table;

struct observe_names {
        /* The id of what has this index; 0: nothing. */
        uint32_t (*port)(uint16_t index, bool *ret_is_underlay);
        uint32_t (*network)(uint16_t index);
        uint32_t (*peer)(uint16_t tunnel);
        /* The index of what has this id; DP_INDEX_NONE: nothing. */
        uint16_t (*find_port)(uint32_t id, bool is_underlay);
        uint16_t (*find_network)(uint32_t id);
        /* Is somebody there to take what is sent to the port? */
        bool (*connected)(uint16_t port);
        /* The records in force: rules and members. */
        const struct record_table *(*records)(void);
};
