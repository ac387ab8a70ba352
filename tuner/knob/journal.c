/* See journal.h. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "journal.h"

#define VERSION 1

/* The state directory as a tree of its own, whose steps are watched as the host's are. */
static struct host state_of(const struct host *host)
{
        return (struct host){.root = host->state, .state = host->state, .observer = host->observer};
}

int journal_boot_id(const struct host *host, char **ret)
{
        char *id;
        int r = host_read(host, &id, "/proc/sys/kernel/random/boot_id");

        if (r == -ENOENT)
                r = (id = strdup("")) ? 0 : -ENOMEM;
        if (r == 0)
                *ret = id;
        return r;
}

/* Since `document` was written. A kernel that does not say is taken to be the same. */
static int has_booted(const struct host *host, const json_t *document, bool *ret)
{
        const char *written = json_string_value(json_object_get(document, "boot_id"));
        cleanup_free char *boot_id = NULL;
        int r = journal_boot_id(host, &boot_id);

        if (r == 0)
                *ret = written && written[0] && boot_id[0] && strcmp(written, boot_id) != 0;
        return r;
}

static int damaged(const struct host *host, const char *name, const char *why, struct errors *errors)
{
        errors_add(errors, -EBADMSG, "",
                   "the file as it was written; without it nobody knows what was there before, and it may be removed",
                   "%s%s is damaged: %s", host->state, name, why);
        return -EBADMSG;
}

/* *ret is NULL when there is no such file. */
static int load(const struct host *host, const char *name, json_t **ret, struct errors *errors)
{
        struct host state = state_of(host);
        cleanup_free char *text = NULL;
        int r = host_read(&state, &text, "%s", name);
        json_error_t error;

        if (r == -ENOENT) {
                *ret = NULL;
                return 0;
        }
        if (r < 0) {
                errors_add(errors, r, "", "a directory that socled may read and write", "cannot read %s%s: %s",
                           host->state, name, strerror(-r));
                return r;
        }
        json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, &error);
        if (!document)
                return damaged(host, name, error.text, errors);
        if (!json_is_object(document) || json_integer_value(json_object_get(document, "version")) != VERSION) {
                json_decref(document);
                return damaged(host, name, "it is not of the version that this socled knows", errors);
        }
        *ret = document;
        return 0;
}

static int make_state_directory(const struct host *host)
{
        cleanup_free char *path = strdup(host->state);

        if (!path)
                return -ENOMEM;
        for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                if (mkdir(path, 0755) < 0 && errno != EEXIST)
                        return -errno;
                *slash = '/';
        }
        return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int save(const struct host *host, const char *name, const json_t *document)
{
        struct host state = state_of(host);
        int r = make_state_directory(host);

        if (r < 0)
                return r;
        cleanup_free char *text = json_dumps(document, JSON_INDENT(1));
        return text ? host_replace(&state, text, "%s", name) : -ENOMEM;
}

/* ---- the journal ---- */

static int make_empty(const struct host *host, json_t **ret)
{
        cleanup_free char *boot_id = NULL;
        int r = journal_boot_id(host, &boot_id);

        if (r < 0)
                return r;
        json_t *journal =
                json_pack("{s:i, s:i, s:s, s:{}}", "version", VERSION, "serial", 0, "boot_id", boot_id, "knobs");
        if (!journal)
                return -ENOMEM;
        *ret = journal;
        return 0;
}

static int forget_earlier_boot(const struct host *host, json_t *journal)
{
        json_t *knobs = json_object_get(journal, "knobs"), *targets;
        cleanup_free char *boot_id = NULL;
        const char *name;
        bool old = false;
        void *next;
        int r = has_booted(host, journal, &old);

        if (r == 0)
                r = journal_boot_id(host, &boot_id);
        if (r < 0 || !old)
                return r;
        json_object_foreach_safe(knobs, next, name, targets)
        {
                const struct knob *knob = knob_find(name);
                if (knob && !knob->persistent)
                        json_object_del(knobs, name);
        }
        return json_object_set_new(journal, "boot_id", json_string(boot_id)) < 0 ? -ENOMEM : 0;
}

int journal_load(const struct host *host, json_t **ret, struct errors *errors)
{
        cleanup_json json_t *journal = NULL;
        int r = load(host, "/journal.json", &journal, errors);

        if (r < 0)
                return r;
        if (journal && !json_is_object(json_object_get(journal, "knobs")))
                return damaged(host, "/journal.json", "it has no knobs", errors);
        r = journal ? forget_earlier_boot(host, journal) : make_empty(host, &journal);
        if (r < 0) {
                errors_add(errors, r, "", "", "cannot tell which boot the journal in %s is of: %s", host->state,
                           strerror(-r));
                return r;
        }
        *ret = TAKE_PTR(journal);
        return 0;
}

static json_int_t serial_of(const json_t *journal)
{
        return json_integer_value(json_object_get(journal, "serial"));
}

bool journal_is(const json_t *journal, const json_t *next)
{
        bool none = json_object_size(json_object_get(next, "knobs")) == 0; /* then there is no file: serial 0 */

        return serial_of(journal) == (none ? 0 : serial_of(next));
}

json_t *journal_next(const json_t *journal)
{
        cleanup_json json_t *next = json_deep_copy(journal);

        if (!next || json_object_set_new(next, "serial", json_integer(serial_of(journal) + 1)) < 0)
                return NULL;
        return TAKE_PTR(next);
}

int journal_save(const struct host *host, const json_t *journal)
{
        struct host state = state_of(host);

        if (json_object_size(json_object_get(journal, "knobs")) == 0)
                return host_replace(&state, NULL, "/journal.json");
        return save(host, "/journal.json", journal);
}

json_t *journal_targets(const json_t *journal, const char *knob)
{
        return json_object_get(json_object_get(journal, "knobs"), knob);
}

const char *journal_before(const json_t *journal, const char *knob, const char *target)
{
        return json_string_value(json_object_get(json_object_get(journal_targets(journal, knob), target), "before"));
}

int journal_set(json_t *journal, const char *knob, const char *target, const char *before, const char *wanted)
{
        json_t *targets = journal_targets(journal, knob);

        if (!targets) {
                targets = json_object();
                if (json_object_set_new(json_object_get(journal, "knobs"), knob, targets) < 0)
                        return -ENOMEM;
        }
        /* Text of the kernel's is not always UTF-8; jansson would refuse it. */
        json_t *entry = json_pack("{s:s, s:s}", "before", before, "wanted", wanted);
        return json_object_set_new(targets, target, entry) < 0 ? -EILSEQ : 0;
}

void journal_forget(json_t *journal, const char *knob, const char *target)
{
        json_t *targets = journal_targets(journal, knob);

        json_object_del(targets, target);
        if (targets && json_object_size(targets) == 0)
                json_object_del(json_object_get(journal, "knobs"), knob);
}

/* ---- a change under way ---- */

int change_load(const struct host *host, json_t **ret, struct errors *errors)
{
        cleanup_json json_t *change = NULL;
        int r = load(host, "/change.json", &change, errors);

        if (r < 0)
                return r;
        if (change && !json_is_true(json_object_get(change, "restore")) &&
            (!json_is_array(json_object_get(change, "steps")) ||
             !json_is_object(json_object_get(json_object_get(change, "next"), "knobs"))))
                return damaged(host, "/change.json", "it has no steps", errors);
        *ret = TAKE_PTR(change);
        return 0;
}

int change_save(const struct host *host, const json_t *change)
{
        return save(host, "/change.json", change);
}

int change_remove(const struct host *host)
{
        struct host state = state_of(host);

        return host_replace(&state, NULL, "/change.json");
}

int change_is_old(const struct host *host, const json_t *change, bool *ret)
{
        return has_booted(host, change, ret);
}
