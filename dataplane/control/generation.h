/* A transaction of the wire: staged record by record, nothing in force before its commit. */
#pragma once

#include "socle/wire.h"

struct generation;

/* Where results go: called during commit, for each record that could not be put into force. */
typedef void generation_failed(void *user, const struct wire_result *result);

struct generation *generation_free(struct generation *generation);
int generation_begin(struct generation **ret, const struct wire_begin *begin);

/* An upsert or WIRE_DELETE. 0 or -errno (-EBADMSG: not an object). */
int generation_stage(struct generation *generation, const struct wire_header *record);

/* Puts all into force and waits until every worker has seen it. Fills *ret; frees the generation. */
void generation_commit(struct generation *generation, struct wire_committed *ret, generation_failed *failed,
                       void *user);
