/* MACs seen by workers in networks that flood: into the table, bounded by network, and out of it when idle. */
#pragma once

/* Takes what workers have put into their rings. */
void learning_drain(void);

/* Once a second: forgets what was not seen for its network's learn_age_s. */
void learning_age(void);
