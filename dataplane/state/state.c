/* The one instance of what control publishes. */
#include "state.h"

struct dp_state dp;
