/* link.h, devlink.h and module.h with an end: the kernel runs a driver within the call that asks for it, often under a
 * lock that all network interfaces share, so no timeout of a socket ends it. Each call is a job of patience.h, which
 * says what -ETIMEDOUT and -EBUSY are. */
#pragma once

#include "devlink.h"
#include "link.h"
#include "patience.h"
#include "socle/errors.h"

int bounded_read_vfs(const struct patience *patience, const struct host *host, const char *interface, struct vf *vfs,
                     unsigned count);
int bounded_write_vf(const struct patience *patience, const struct host *host, const char *interface, unsigned number,
                     enum vf_value which, const struct vf_values *values, char words[LINK_WORDS_SIZE]);
int bounded_set_up(const struct patience *patience, const struct host *host, const char *interface, bool up,
                   char words[LINK_WORDS_SIZE]);
/* All interfaces are asked for their addresses: that is nobody's time in particular. */
int bounded_has_address(const struct host *host, const char *interface);
int bounded_read_eswitch(const struct patience *patience, const struct host *host, const char *address,
                         enum eswitch_mode *ret);
int bounded_write_eswitch(const struct patience *patience, const struct host *host, const char *address,
                          enum eswitch_mode mode, char words[LINK_WORDS_SIZE]);
int bounded_load(const struct patience *patience, const struct host *host, const char *name_or_alias);

/* Complains that the device still does what was left behind, and for how long; false: it does nothing of the kind, and
 * `code` is what the kernel said. */
bool bounded_complain(struct errors *errors, int code, const char *pointer, const char *name, const char *address);
/* Why a device could not be read, in words. */
const char *bounded_failure(int error, const char *address, char words[PATIENCE_WORDS_SIZE]);
