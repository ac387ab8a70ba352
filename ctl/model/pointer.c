/* See pointer.h. */
#include <stdio.h>

#include "pointer.h"

static size_t append(char *buffer, size_t used, char c)
{
        if (used < PLACE_SIZE - 1)
                buffer[used++] = c;
        return used;
}

static size_t write_place(const struct place *place, char *buffer)
{
        char number[24];
        const char *name = place->name;
        size_t used = place->parent ? write_place(place->parent, buffer) : 0;

        if (!name) {
                snprintf(number, sizeof(number), "%zu", place->index);
                name = number;
        }
        used = append(buffer, used, '/');
        for (; *name; name++) {
                if (*name == '~' || *name == '/') {
                        used = append(buffer, used, '~');
                        used = append(buffer, used, *name == '~' ? '0' : '1');
                } else {
                        used = append(buffer, used, *name);
                }
        }
        return used;
}

const char *place_pointer(const struct place *place, char buffer[PLACE_SIZE])
{
        buffer[place ? write_place(place, buffer) : 0] = 0;
        return buffer;
}
