/* See baremetal.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "baremetal.h"
#include "ledger.h"
#include "model.h"
#include "network.h"
#include "node.h"
#include "socle/cleanup.h"
#include "tuning.h"
#include "values.h"

#define KIND "BaremetalNode"

struct entry {
        char *name;
        struct node *node;
        uint32_t id;       /* of the object; 0: it is gone, and what was made is being taken back */
        uint64_t revision; /* that it is to be as; of leaving, that of the deletion */
        uint64_t want;     /* the thread's number of that: its letters say which one they are about */
        bool settled;
        bool gives_away; /* this very host: what holds it matters */
        char *failure;
        char *state; /* of the last status, with its words */
        struct entry *next;
};

struct baremetal {
        struct model *model;
        struct model_observer observer;
        struct tuning *tuning;
        struct network *network;
        struct baremetal_events events;
        char *root, *lldp_socket, *state, *libvirt_uri;
        char by[256];
        int fd;
        sd_event_source *arrived;
        sd_event_source *look; /* at the host, once all who observe the model have heard of a commit */
        struct entry *entries;
};

bool baremetal_kind(const struct kind *kind)
{
        return strcmp(kind->name, KIND) == 0;
}

/* ---- entries ---- */

static struct entry *entry_find(const struct baremetal *baremetal, const char *name)
{
        for (struct entry *entry = baremetal->entries; entry; entry = entry->next)
                if (strcmp(entry->name, name) == 0)
                        return entry;
        return NULL;
}

static void entry_remove(struct baremetal *baremetal, struct entry *entry)
{
        struct entry **at = &baremetal->entries;

        while (*at != entry)
                at = &(*at)->next;
        *at = entry->next;
        node_free(entry->node);
        free(entry->name);
        free(entry->failure);
        free(entry->state);
        free(entry);
}

static struct entry *entry_make(struct baremetal *baremetal, const char *name)
{
        const struct enrolment_options options = {baremetal->root, baremetal->lldp_socket, baremetal->state,
                                                  baremetal->libvirt_uri, baremetal->by};
        struct entry *entry = entry_find(baremetal, name) ?: calloc(1, sizeof(*entry));

        if (!entry || entry->node)
                return entry;
        entry->name = strdup(name);
        entry->next = baremetal->entries;
        baremetal->entries = entry;
        if (entry->name && node_new(&entry->node, name, &options, baremetal->fd) == 0)
                return entry;
        entry_remove(baremetal, entry);
        return NULL;
}

/* ---- what only the loop knows ---- */

/* Names of objects that hold the host, as far as there is room. */
static void name_holders(const struct model *model, const char *kind_name, char *ret, size_t size)
{
        const struct kind *kind = kind_find(kind_name);
        size_t count = model_count(model, kind), used = strlen(ret), shown = 0;

        if (count == 0 || used + 48 >= size)
                return;
        used += (size_t)snprintf(ret + used, size - used, "%s%zu %s%s left:", used ? "; " : "", count, kind_name,
                                 count == 1 ? " is" : "s are");
        for (struct object *o = NULL; shown < 3 && used < size && (o = model_next(model, kind, o)); shown++)
                used += (size_t)snprintf(ret + used, size - used, " %.30s", o->name);
}

static struct host_facts gather_facts(const struct baremetal *baremetal)
{
        uint64_t revision = model_revision(baremetal->model);
        struct host_facts facts = {.cordoned = !baremetal->tuning || tuning_in_force(baremetal->tuning, revision)};

        name_holders(baremetal->model, "Port", facts.holding, sizeof(facts.holding));
        name_holders(baremetal->model, "Underlay", facts.holding, sizeof(facts.holding));
        if (!facts.holding[0] && !network_is_clear(baremetal->network))
                snprintf(facts.holding, sizeof(facts.holding),
                         "the dataplane has not let go of ports and underlay yet");
        return facts;
}

/* One at most: the kind claims this host. */
void baremetal_host_changed(struct baremetal *baremetal)
{
        for (struct entry *entry = baremetal->entries; entry; entry = entry->next)
                if (entry->gives_away && !entry->settled) {
                        struct host_facts facts = gather_facts(baremetal);
                        node_tell_facts(entry->node, &facts);
                }
}

/* ---- the model's side ---- */

static void entry_forget(struct entry *entry)
{
        free(entry->failure);
        entry->failure = NULL;
        entry->settled = entry->gives_away = false;
}

static void want(struct baremetal *baremetal, struct object *object)
{
        struct entry *entry = entry_make(baremetal, object->name);

        if (!entry) {
                model_set_status(baremetal->model, object,
                                 json_pack("{ss, ss}", "state", "error", "error", "no thread for it can be started"));
                return;
        }
        entry_forget(entry);
        entry->id = object->id;
        entry->revision = object->revision;
        entry->gives_away = !json_object_get(object->spec, "hardware") &&
                            strcmp(spec_string(object->spec, "target"), "available") == 0;
        entry->want = node_want(entry->node, json_deep_copy(object->spec), object->revision);
        model_set_status(baremetal->model, object, json_pack("{ss}", "state", "pending"));
}

static void leave(struct baremetal *baremetal, const char *name, uint64_t revision)
{
        struct entry *entry = entry_make(baremetal, name);

        if (!entry)
                return; /* its ledger is there: at the next start */
        entry_forget(entry);
        entry->id = 0;
        entry->revision = revision;
        entry->want = node_want(entry->node, NULL, 0);
}

static void on_committed(void *user, uint64_t revision, const struct change *changes, size_t count)
{
        struct baremetal *baremetal = user;

        for (size_t i = 0; i < count; i++) {
                const struct object *object = changes[i].after ?: changes[i].before;
                if (!baremetal_kind(object->kind))
                        continue;
                if (changes[i].after)
                        want(baremetal, model_find_id(baremetal->model, object->id));
                else
                        leave(baremetal, object->name, revision);
        }
        (void)sd_event_source_set_enabled(baremetal->look, SD_EVENT_ONESHOT);
}

static int on_look(sd_event_source *source, void *user)
{
        baremetal_host_changed(user);
        return 0;
}

/* ---- the threads' side ---- */

static void on_tell(struct baremetal *baremetal, struct entry *entry, struct node_letter *letter)
{
        struct object *object = entry->id ? model_find_id(baremetal->model, entry->id) : NULL;

        free(entry->state);
        free(entry->failure);
        entry->state = strdup(spec_string(letter->status, "message") ?: spec_string(letter->status, "state"));
        entry->failure = TAKE_PTR(letter->text);
        entry->settled = letter->settled;
        if (object)
                model_set_status(baremetal->model, object, TAKE_PTR(letter->status));
}

/* True: the entry is no more. */
static bool deliver(struct baremetal *baremetal, struct entry *entry, struct node_letter *letter)
{
        bool current = letter->want == entry->want; /* or about what was wanted before */

        if (letter->kind == LETTER_TELL && current)
                on_tell(baremetal, entry, letter);
        else if (letter->kind == LETTER_NOTE && baremetal->events.note)
                baremetal->events.note(baremetal->events.user, letter->priority, letter->text);
        else if (letter->kind == LETTER_LEFT && current && !entry->id) {
                entry_remove(baremetal, entry);
                return true;
        }
        return false;
}

static int on_arrived(sd_event_source *source, int fd, uint32_t events, void *user)
{
        struct baremetal *baremetal = user;
        eventfd_t ignored;

        eventfd_read(fd, &ignored);
        for (struct entry *entry = baremetal->entries, *next_entry; entry; entry = next_entry) {
                bool gone = false;
                next_entry = entry->next;
                for (struct node_letter *letter = node_letters(entry->node), *next; letter; letter = next) {
                        next = letter->next;
                        gone = gone || deliver(baremetal, entry, letter);
                        node_letter_free(letter);
                }
        }
        if (baremetal->events.progress)
                baremetal->events.progress(baremetal->events.user);
        return 0;
}

/* ---- outside ---- */

bool baremetal_in_force(const struct baremetal *baremetal, const char *name, uint64_t revision)
{
        const struct entry *entry = entry_find(baremetal, name);

        return !entry || entry->revision > revision || entry->settled || entry->failure;
}

const char *baremetal_failure(const struct baremetal *baremetal, uint32_t id)
{
        for (const struct entry *entry = baremetal->entries; entry; entry = entry->next)
                if (entry->id == id)
                        return entry->failure;
        return NULL;
}

json_t *baremetal_info(const struct baremetal *baremetal)
{
        json_t *leaving = json_array();
        json_int_t nodes = 0, failures = 0;

        for (const struct entry *entry = baremetal->entries; entry; entry = entry->next) {
                failures += entry->failure != NULL;
                nodes += entry->id != 0;
                if (!entry->id)
                        json_array_append_new(leaving, json_pack("{ss, ss}", "name", entry->name, "message",
                                                                 entry->failure ?: entry->state ?: "under way"));
        }
        return json_pack("{sI, sI, so}", "nodes", nodes, "failures", failures, "leaving", leaving);
}

void baremetal_set_events(struct baremetal *baremetal, const struct baremetal_events *events)
{
        baremetal->events = *events;
}

struct baremetal *baremetal_free(struct baremetal *baremetal)
{
        if (!baremetal)
                return NULL;
        model_unobserve(baremetal->model, &baremetal->observer);
        for (struct entry *entry = baremetal->entries; entry; entry = entry->next)
                if (entry->node)
                        node_cancel(entry->node); /* all at once, then one after the other is waited for */
        while (baremetal->entries)
                entry_remove(baremetal, baremetal->entries);
        sd_event_source_disable_unref(baremetal->arrived);
        sd_event_source_disable_unref(baremetal->look);
        close_p(&baremetal->fd);
        free(baremetal->root);
        free(baremetal->lldp_socket);
        free(baremetal->state);
        free(baremetal->libvirt_uri);
        free(baremetal);
        return NULL;
}
DEFINE_CLEANUP(struct baremetal *, baremetal_free)

/* A ledger whose object is gone: what it tells of is still to be taken back. */
static void adopt_ledger(void *user, const char *name)
{
        struct baremetal *baremetal = user;

        if (!entry_find(baremetal, name))
                leave(baremetal, name, 0);
}

static void adopt_model(struct baremetal *baremetal)
{
        for (struct object *o = NULL; (o = model_next(baremetal->model, kind_find(KIND), o));)
                want(baremetal, o);
        ledger_each(baremetal->state, adopt_ledger, baremetal);
}

int baremetal_new(struct baremetal **ret, sd_event *event, struct model *model, const struct baremetal_options *options)
{
        cleanup_(baremetal_free_p) struct baremetal *baremetal = calloc(1, sizeof(*baremetal));

        if (!baremetal)
                return -ENOMEM;
        baremetal->model = model;
        baremetal->observer = (struct model_observer){.committed = on_committed, .user = baremetal};
        model_observe(model, &baremetal->observer);
        baremetal->tuning = options->tuning;
        baremetal->network = options->network;
        baremetal->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        baremetal->root = options->root ? strdup(options->root) : NULL;
        baremetal->lldp_socket = options->lldp_socket ? strdup(options->lldp_socket) : NULL;
        baremetal->state = strdup(options->state);
        baremetal->libvirt_uri = strdup(options->libvirt_uri);
        gethostname(baremetal->by, sizeof(baremetal->by) - 1);
        if (baremetal->fd < 0)
                return -errno;
        if (!baremetal->state || !baremetal->libvirt_uri)
                return -ENOMEM;
        int r = sd_event_add_io(event, &baremetal->arrived, baremetal->fd, EPOLLIN, on_arrived, baremetal);
        if (r >= 0)
                r = sd_event_add_defer(event, &baremetal->look, on_look, baremetal);
        if (r < 0)
                return r;
        adopt_model(baremetal);
        *ret = TAKE_PTR(baremetal);
        return 0;
}
