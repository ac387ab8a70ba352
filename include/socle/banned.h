/* Functions that fail the build, each with its replacement. Included by the compiler's command line (see meson.build),
 * after the headers that declare them. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC poison strcpy strcat sprintf vsprintf gets /* snprintf(), or socle_strscpy() */
#pragma GCC poison atoi atol atoll                     /* strtoul() with errno and end checked */
#pragma GCC poison strtok                              /* strtok_r() */
