/* Sizes of pages by their names: see profile.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "profile.h"
#include "socle/cleanup.h"

static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};

uint64_t page_size_parse(const char *name)
{
        char *end;
        uint64_t value = strtoul(name, &end, 10);

        for (size_t i = 1; end != name && i < ARRAY_LEN(units); i++)
                if (strcmp(end, units[i]) == 0)
                        return value << (10 * i);
        return 0;
}

const char *page_size_name(uint64_t bytes, char buffer[PAGE_SIZE_NAME])
{
        size_t unit = 0;

        while (unit + 1 < ARRAY_LEN(units) && bytes > 0 && bytes % 1024 == 0) {
                bytes /= 1024;
                unit++;
        }
        snprintf(buffer, PAGE_SIZE_NAME, "%" PRIu64 "%s", bytes, units[unit]);
        return buffer;
}
