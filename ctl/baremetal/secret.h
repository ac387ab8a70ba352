/* A secret, read from where the spec says it is when it is needed, and wiped afterwards. Never stored, never logged;
 * works with auth.c and bmc.c, which hand it to curl and to Ironic. */
#pragma once

#include <jansson.h>

#include "socle/cleanup.h"
#include "socle/errors.h"

/* `reference`: {"file": path} or {"credential": name}. The text ends at the first line's end. 0; -ENOENT, -EACCES
 * (also: everybody may read the file), -EINVAL (empty, no UTF-8) with words that name the place, never what is in it.
 * `ret_stamp`: as secret_stamp(), of the very file that was read; NULL: not asked for. */
int secret_read(char **ret, json_t **ret_stamp, const json_t *reference, struct errors *errors);
char *secret_free(char *secret);
DEFINE_CLEANUP(char *, secret_free)
#define cleanup_secret cleanup_(secret_free_p)

/* Wipes every text in a document before it is given back: a request's body with a password in it. */
void secret_wipe_json(json_t *json);

/* Tells whether it was written anew since: {"inode", "modified_ns"} of its file; NULL: it is not there. */
json_t *secret_stamp(const json_t *reference);
