/* See journal.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "journal.h"

#define PATH   "%s/sriov-%s.json"
#define PREFIX "sriov-"
#define SUFFIX ".json"

/* The state directory is no part of the host's tree: its path is one of the real root. */
static struct host disk_of(const struct host *host)
{
        return (struct host){.root = "/", .state = host->state, .observer = host->observer};
}

static inline void decref_p(json_t **json)
{
        json_decref(*json);
}
#define cleanup_json cleanup_(decref_p)

void sriov_journal_entries_clear(struct journal_entries *entries)
{
        for (size_t i = 0; i < entries->count; i++)
                pf_target_clear(&entries->list[i].state);
        free(entries->list);
        *entries = (struct journal_entries){};
}

void sriov_journal_clear(struct journal *journal)
{
        sriov_journal_entries_clear(&journal->before_us);
        sriov_journal_entries_clear(&journal->before_apply);
        sriov_journal_entries_clear(&journal->undone);
        *journal = (struct journal){};
}

struct journal_entry *sriov_journal_find(const struct journal_entries *entries, const char *address)
{
        for (size_t i = 0; i < entries->count; i++)
                if (strcmp(entries->list[i].address, address) == 0)
                        return &entries->list[i];
        return NULL;
}

int sriov_journal_add(struct journal_entries *entries, const char *address, struct pf_target *state)
{
        struct journal_entry *more = reallocarray(entries->list, entries->count + 1, sizeof(*more));

        if (!more) {
                pf_target_clear(state);
                return -ENOMEM;
        }
        entries->list = more;
        more += entries->count++;
        snprintf(more->address, sizeof(more->address), "%s", address);
        more->state = *state;
        *state = (struct pf_target){};
        return 0;
}

void sriov_journal_remove(struct journal_entries *entries, const char *address)
{
        struct journal_entry *entry = sriov_journal_find(entries, address);

        if (!entry)
                return;
        pf_target_clear(&entry->state);
        size_t after = (size_t)(entries->list + entries->count - (entry + 1));
        memmove(entry, entry + 1, after * sizeof(*entry));
        entries->count--;
}

int sriov_journal_copy(const struct journal_entries *from, struct journal_entries *ret)
{
        struct journal_entries copy = {};
        int r = 0;

        for (size_t i = 0; r == 0 && i < from->count; i++) {
                struct pf_target state = from->list[i].state;

                state.vfs = calloc(state.vf_count ?: 1, sizeof(*state.vfs));
                if (state.vfs && state.vf_count)
                        memcpy(state.vfs, from->list[i].state.vfs, state.vf_count * sizeof(*state.vfs));
                r = state.vfs ? sriov_journal_add(&copy, from->list[i].address, &state) : -ENOMEM;
        }
        if (r < 0)
                sriov_journal_entries_clear(&copy);
        else
                *ret = copy;
        return r;
}

/* ---- as JSON ---- */

static json_t *values_to_json(const struct vf_values *values)
{
        json_t *json = json_object();

        for (enum vf_value value = 0; value < VF_VALUE_COUNT; value++)
                if (values->known & VF_BIT(value))
                        json_object_set_new(json, vf_value_name(value), vf_value_to_json(value, values->value[value]));
        if (values->known & VF_BIT(VF_DRIVER) && values->driver[0])
                json_object_set_new(json, "driver_name", json_string(values->driver));
        return json;
}

static json_t *state_to_json(const struct pf_target *state)
{
        static const char *const links[] = {"any", "up", "down"};
        json_t *vfs = json_array();

        for (unsigned i = 0; i < state->vf_count; i++)
                json_array_append_new(vfs, values_to_json(&state->vfs[i]));
        return json_pack("{s:i, s:s, s:b, s:s, s:o}", "numvfs", (int)state->count, "link", links[state->link],
                         "autoprobe", state->autoprobe, "eswitch_mode", eswitch_mode_name(state->eswitch), "vfs", vfs);
}

static json_t *entries_to_json(const struct journal_entries *entries)
{
        json_t *json = json_object();

        for (size_t i = 0; i < entries->count; i++)
                json_object_set_new(json, entries->list[i].address, state_to_json(&entries->list[i].state));
        return json;
}

static int values_from_json(const json_t *json, struct vf_values *ret)
{
        for (enum vf_value value = 0; value < VF_VALUE_COUNT; value++) {
                const json_t *member = json_object_get(json, vf_value_name(value));

                if (!member)
                        continue;
                if (vf_value_from_json(value, member, &ret->value[value]) < 0)
                        return -EBADMSG;
                ret->known |= VF_BIT(value);
        }
        snprintf(ret->driver, sizeof(ret->driver), "%s",
                 json_string_value(json_object_get(json, "driver_name")) ?: ""); /* older journals have none */
        return 0;
}

static int state_from_json(json_t *json, struct pf_target *ret)
{
        const char *link, *eswitch;
        struct pf_target state = {};
        int count, autoprobe;
        json_t *vfs, *vf;
        size_t i;

        if (json_unpack(json, "{s:i, s:s, s:b, s:s, s:o}", "numvfs", &count, "link", &link, "autoprobe", &autoprobe,
                        "eswitch_mode", &eswitch, "vfs", &vfs) < 0 ||
            count < 0 || count > UINT16_MAX || !json_is_array(vfs) || json_array_size(vfs) > UINT16_MAX)
                return -EBADMSG;
        state.count = (unsigned)count;
        state.link = strcmp(link, "up") == 0 ? LINK_UP : strcmp(link, "down") == 0 ? LINK_DOWN : LINK_ANY;
        state.autoprobe = autoprobe;
        state.eswitch = eswitch_mode_from_name(eswitch);
        state.vf_count = (unsigned)json_array_size(vfs);
        state.vfs = calloc(state.vf_count ?: 1, sizeof(*state.vfs));
        if (!state.vfs)
                return -ENOMEM;
        json_array_foreach (vfs, i, vf) {
                if (values_from_json(vf, &state.vfs[i]) < 0) {
                        pf_target_clear(&state);
                        return -EBADMSG;
                }
        }
        *ret = state;
        return 0;
}

static int entries_from_json(json_t *json, struct journal_entries *ret)
{
        const char *address;
        json_t *member;
        int r = 0;

        if (!json_is_object(json))
                return -EBADMSG;
        json_object_foreach (json, address, member) {
                struct pf_target state = {};

                if (r == 0 && strlen(address) >= PCI_ADDRESS_SIZE)
                        r = -EBADMSG;
                if (r == 0)
                        r = state_from_json(member, &state);
                if (r == 0)
                        r = sriov_journal_add(ret, address, &state);
        }
        return r;
}

static int parse(const char *text, struct journal *ret)
{
        cleanup_json json_t *json = json_loads(text, 0, NULL);
        json_t *applying = json_object_get(json, "applying");
        int r = entries_from_json(json_object_get(json, "before_us"), &ret->before_us);

        if (r == 0 && applying) {
                ret->applying = true;
                r = entries_from_json(json_object_get(applying, "before_apply"), &ret->before_apply);
                if (r == 0)
                        r = entries_from_json(json_object_get(applying, "undone"), &ret->undone);
        }
        return r;
}

int sriov_journal_load(const struct host *host, const char *name, struct journal *ret, struct errors *errors)
{
        cleanup_free char *text = NULL;
        struct host disk = disk_of(host);
        struct journal journal = {};
        int r = host_read(&disk, &text, PATH, host->state, name);

        if (r == 0)
                r = parse(text, &journal);
        if (r < 0 && r != -ENOENT) {
                char expected[200];

                snprintf(expected, sizeof(expected),
                         "the file " PATH " as it was written; without it, what was there before cannot be restored",
                         host->state, name);
                errors_add(errors, r, "", expected, "the journal cannot be read: %s", strerror(-r));
                sriov_journal_clear(&journal);
                return r;
        }
        *ret = journal;
        return 0;
}

int sriov_journal_store(const struct host *host, const char *name, const struct journal *journal, struct errors *errors)
{
        cleanup_json json_t *json = json_object();
        cleanup_free char *text = NULL;
        struct host disk = disk_of(host);
        int r;

        json_object_set_new(json, "before_us", entries_to_json(&journal->before_us));
        if (journal->applying)
                json_object_set_new(json, "applying",
                                    json_pack("{s:o, s:o}", "before_apply", entries_to_json(&journal->before_apply),
                                              "undone", entries_to_json(&journal->undone)));
        text = json_dumps(json, JSON_INDENT(1));
        if (!text)
                r = -ENOMEM;
        else if (!journal->applying && journal->before_us.count == 0)
                r = host_replace(&disk, NULL, PATH, host->state, name);
        else
                r = host_replace(&disk, text, PATH, host->state, name);
        if (r < 0)
                errors_add(errors, r, "", "room and permission to write in the tuner's state directory",
                           "the journal " PATH " cannot be written: %s", host->state, name, strerror(-r));
        return r;
}

/* The object's name in that of its file; false: another's file. */
static bool name_of(const char *file, char ret[64])
{
        size_t length = strlen(file), around = strlen(PREFIX) + strlen(SUFFIX);

        if (length <= around || length - around >= 64 || strncmp(file, PREFIX, strlen(PREFIX)) != 0 ||
            strcmp(file + length - strlen(SUFFIX), SUFFIX) != 0)
                return false;
        snprintf(ret, 64, "%.*s", (int)(length - around), file + strlen(PREFIX));
        return true;
}

int sriov_journal_owner(const struct host *host, const char *name, const char *address, char ret[64])
{
        struct host disk = disk_of(host);
        cleanup_names char **files = NULL;
        int r = host_list(&disk, &files, "%s", host->state);
        char other[64];

        ret[0] = '\0';
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        for (size_t i = 0; files[i] && !ret[0]; i++) {
                struct errors unread = {};
                struct journal journal = {};

                if (!name_of(files[i], other) || strcmp(other, name) == 0 ||
                    sriov_journal_load(host, other, &journal, &unread) < 0)
                        continue;
                if (sriov_journal_find(&journal.before_us, address) ||
                    sriov_journal_find(&journal.before_apply, address))
                        snprintf(ret, 64, "%s", other);
                sriov_journal_clear(&journal);
        }
        return 0;
}
