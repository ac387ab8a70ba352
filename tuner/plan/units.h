/* Units of memory, of the type that all sizes here have. */
#pragma once

#include <stdint.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
