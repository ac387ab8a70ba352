/* Which rule says so: the workers' tables know the group that allows a packet, the records in force its rules. */
#pragma once

#include "policy.h"
#include "socle/record_table.h"

/* The group's first rule that allows it, or NULL. Walks over all records: slow. */
const struct wire_rule *rules_find(const struct record_table *records, uint32_t group, enum dp_direction direction,
                                   const struct dp_subject *subject);
