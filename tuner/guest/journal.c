/* What was there before a Guest's domains were changed, on disk in host->state/guest-NAME.json. See guests_private.h.
 */
#include <errno.h>
#include <string.h>

#include "guests_private.h"

#define PREFIX "guest-"
#define SUFFIX ".json"

static int store(struct guests *guests, const char *guest, struct errors *errors)
{
        json_t *journal = json_object_get(guests->journals, guest);
        bool empty = json_object_size(json_object_get(journal, "domains")) == 0;
        cleanup_free char *text = empty ? NULL : json_dumps(journal, JSON_INDENT(1));
        int r = !empty && !text
                        ? -ENOMEM
                        : host_replace(&guests->disk, text, "%s/" PREFIX "%s" SUFFIX, guests->host->state, guest);

        if (r < 0)
                errors_add(errors, r, "", "a state directory that socled may write",
                           "cannot write %s/" PREFIX "%s" SUFFIX ": %s", guests->host->state, guest, strerror(-r));
        else if (empty)
                json_object_del(guests->journals, guest);
        return r;
}

static bool is_journal(const json_t *journal)
{
        json_t *domains = json_object_get(journal, "domains"), *entry;
        const char *uuid;

        if (!json_is_object(domains))
                return false;
        json_object_foreach (domains, uuid, entry)
                if (!json_is_string(json_object_get(entry, "name")) ||
                    !json_is_array(json_object_get(entry, "interfaces")))
                        return false;
        return true;
}

/* One that cannot be read is remembered as a text that says why. */
static int load(struct guests *guests, const char *guest)
{
        cleanup_free char *text = NULL;
        int r = host_read(&guests->disk, &text, "%s/" PREFIX "%s" SUFFIX, guests->host->state, guest);
        json_t *journal = r < 0 ? NULL : json_loads(text, 0, NULL);

        if (!is_journal(journal)) {
                json_decref(journal);
                journal = json_string(r < 0 ? strerror(-r) : "it is damaged");
        }
        return json_object_set_new(guests->journals, guest, journal) < 0 ? -ENOMEM : 0;
}

int journals_load(struct guests *guests)
{
        cleanup_(strings_free_p) char **names = NULL;
        int r = host_list(&guests->disk, &names, "%s", guests->host->state);

        guests->journals = json_object();
        for (size_t i = 0; r == 0 && names[i]; i++) {
                size_t length = strlen(names[i]);
                if (strncmp(names[i], PREFIX, strlen(PREFIX)) != 0 || length <= strlen(PREFIX SUFFIX) ||
                    strcmp(names[i] + length - strlen(SUFFIX), SUFFIX) != 0)
                        continue;
                names[i][length - strlen(SUFFIX)] = '\0';
                r = load(guests, names[i] + strlen(PREFIX));
        }
        return r == -ENOENT ? 0 : r;
}

int journal_check(struct guests *guests, const char *guest, struct errors *errors)
{
        if (!json_is_string(json_object_get(guests->journals, guest)))
                return 0;
        /* Someone may have seen to it meanwhile. */
        json_object_del(guests->journals, guest);
        if (!host_exists(&guests->disk, "%s/" PREFIX "%s" SUFFIX, guests->host->state, guest))
                return 0;
        load(guests, guest);
        const char *damage = json_string_value(json_object_get(guests->journals, guest));
        if (!damage)
                return 0;
        errors_add(errors, -EBADMSG, "", "the file as socled wrote it; or none, then its domains stay as they are now",
                   "what was there before cannot be read from %s/" PREFIX "%s" SUFFIX ": %s", guests->host->state,
                   guest, damage);
        return -EBADMSG;
}

json_t *journal_domains(const struct guests *guests, const char *guest)
{
        return json_object_get(json_object_get(guests->journals, guest), "domains");
}

json_t *journal_entry(const struct guests *guests, const char *guest, const char *uuid)
{
        return json_object_get(journal_domains(guests, guest), uuid);
}

const char *journal_owner(const struct guests *guests, const char *uuid)
{
        const char *guest;
        json_t *journal;

        json_object_foreach (guests->journals, guest, journal)
                if (json_object_get(json_object_get(journal, "domains"), uuid))
                        return guest;
        return NULL;
}

int journal_put(struct guests *guests, const char *guest, const char *uuid, json_t *entry, struct errors *errors)
{
        cleanup_json json_t *before = json_deep_copy(json_object_get(guests->journals, guest));
        int r = -ENOMEM;

        if (!before)
                json_object_set_new(guests->journals, guest, json_pack("{s:i, s:{}}", "version", 1, "domains"));
        if (json_object_set_new(journal_domains(guests, guest), uuid, entry) == 0)
                r = store(guests, guest, errors);
        else
                errors_add(errors, r, "", "", "out of memory");
        if (r < 0 && before)
                json_object_set_new(guests->journals, guest, TAKE_PTR(before));
        else if (r < 0)
                json_object_del(guests->journals, guest);
        return r;
}

int journal_drop(struct guests *guests, const char *guest, const char *uuid, struct errors *errors)
{
        cleanup_json json_t *entry = json_incref(journal_entry(guests, guest, uuid));
        int r;

        if (!entry)
                return 0;
        json_object_del(journal_domains(guests, guest), uuid);
        r = store(guests, guest, errors);
        if (r < 0)
                json_object_set_new(journal_domains(guests, guest), uuid, TAKE_PTR(entry));
        return r;
}
