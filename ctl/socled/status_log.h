/* What becomes of objects, in the log: whose wish is not in force and why, when it is again, and what goes down. With the
 * object among the journal's fields: `journalctl -u socled OBJECT=Port/p1`. */
#pragma once

struct model;

void status_log_start(struct model *model);
