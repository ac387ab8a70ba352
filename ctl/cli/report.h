/* JSON-RPC errors for people: what, where (file and line if the object came from a file), what would be right, and
 * what to do next. */
#pragma once

#include <jansson.h>

struct manifest;

/* Says it; answers an exit_status. `manifest` may be NULL. */
int report_error(const json_t *error, const struct manifest *manifest);
