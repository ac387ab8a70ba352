/* Captures on the control thread: begun, drained, ended. */
#pragma once

#include "observe.h"

struct captures;

/* `due`: something is to be drained or ended: captures_drain() soon. 0 or -errno. */
int captures_new(struct captures **ret, sd_event *event, const struct observe_names *names, struct wire_writer *writer,
                 void (*due)(void *user), void *user);
struct captures *captures_free(struct captures *captures); /* NULL */

/* Begins it, or answers with the CAPTURE_END that says why not. */
void captures_start(struct captures *captures, const struct wire_capture_start *wanted);
void captures_stop(struct captures *captures, uint64_t cookie);

/* Ends all of them without a word. */
void captures_abort(struct captures *captures);

/* Ends those whose port is gone. */
void captures_check_ports(struct captures *captures);

bool captures_any(const struct captures *captures);

/* Puts what was captured until the TSC says `until`; ends what is over. true: there is more. */
bool captures_drain(struct captures *captures, uint64_t until);
