/* See network.h: what a commit touches, when a generation is sent, what happens when the dataplane comes and goes. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "asking.h"
#include "network_private.h"
#include "socle/cleanup.h"

void network_note(struct network *network, int priority, const char *format, ...)
{
        char text[320];
        va_list args;

        if (!network->events.note)
                return;
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        network->events.note(network->events.user, priority, text);
}

static void progress(struct network *network)
{
        if (network->events.progress)
                network->events.progress(network->events.user);
}

/* ---- sending ---- */

void network_send_soon(struct network *network)
{
        if (network_connected(network) && !network->flying)
                sd_event_source_set_enabled(network->send_soon, SD_EVENT_ONESHOT);
}

static int on_send_soon(sd_event_source *source, void *user)
{
        struct network *network = user;

        if (!network_connected(network) || network->flying)
                return 0;
        int r = generation_send(network);
        /* -ENOTCONN: the loop is about to notice by itself. */
        if (r < 0 && r != -ENOTCONN)
                dataplane_client_drop(network->client, strerror(-r));
        return 0;
}

static int on_patience(sd_event_source *source, uint64_t now_us, void *user)
{
        struct network *network = user;

        dataplane_client_drop(network->client, "the dataplane does not answer COMMIT");
        return 0;
}

static int on_retry(sd_event_source *source, uint64_t now_us, void *user)
{
        struct network *network = user;

        for (struct entry *e = NULL; (e = entry_next(&network->entries, e));)
                if (e->failure) {
                        e->resend = true;
                        network_mark_dirty(network, e->id);
                }
        network_send_soon(network);
        return 0;
}

/* ---- the model's side ---- */

void network_mark_dirty(struct network *network, uint32_t id)
{
        struct entry *entry;

        if (network->need_full)
                return;
        entry = entry_get(&network->entries, id);
        if (entry && entry->dirty)
                return;
        if (!entry || id_list_add(&network->dirty, id) < 0) {
                network->need_full = true; /* out of memory: the whole truth needs no list */
                return;
        }
        entry->dirty = true;
}

/* Records may hold what follows from a referenced object (a default MTU, an id): whoever refers to it is looked at
 * again, and so on down. The depth is that of the kinds' references. Who refers to an opaque object is not: ten
 * thousand ports may be in a group whose rules change. */
static void mark_referrers(struct network *network, const struct object *object)
{
        cleanup_free const struct object **referrers = NULL;
        size_t count = object->kind->opaque ? 0 : model_referrers(network->model, object, &referrers);

        for (size_t i = 0; i < count; i++) {
                const struct entry *entry = entry_find(&network->entries, referrers[i]->id);
                if (entry && entry->dirty && !entry->resend)
                        continue; /* marked before, and what is below it too */
                network_mark_dirty(network, referrers[i]->id);
                mark_referrers(network, referrers[i]);
        }
}

static void on_committed(void *user, uint64_t revision, const struct change *changes, size_t count)
{
        struct network *network = user;

        /* Referrers first: an object that is marked already would hide those below it. */
        for (size_t i = 0; i < count && !network->need_full; i++)
                if (changes[i].type == CHANGE_UPDATE && changes[i].after->kind->compile)
                        mark_referrers(network, changes[i].after);
        for (size_t i = 0; i < count; i++) {
                const struct object *object = changes[i].after ?: changes[i].before;
                if (!object->kind->compile)
                        continue;
                network_mark_dirty(network, object->id);
                if (!changes[i].after)
                        continue;
                struct entry *entry = entry_get(&network->entries, object->id);
                if (entry) {
                        entry->in_force = false;
                        entry->resend = entry->failure != NULL;
                        free(TAKE_PTR(entry->failure));
                        network_update_status(network, entry);
                }
        }
        if (network->need_full)
                for (size_t i = 0; i < count; i++)
                        if (!changes[i].after)
                                entry_remove(&network->entries, changes[i].before->id);
        network_send_soon(network);
}

/* ---- the dataplane's side ---- */

static void on_connected(void *user, const struct wire_hello *hello)
{
        struct network *network = user;

        network->hello = *hello;
        generation_forget(network);
        network_note(network, LOG_INFO, "dataplane connected: %s, pid %u, %u workers, %s", hello->software, hello->pid,
                     hello->workers, hello->hugepages ? "huge pages" : "no huge pages");
        network_send_soon(network);
}

static void on_disconnected(void *user, const char *why)
{
        struct network *network = user;

        network_note(network, LOG_WARNING, "no dataplane: %s; trying again", why);
        generation_forget(network);
        asking_disconnected(network->asking);
        for (struct entry *e = NULL; (e = entry_next(&network->entries, e));) {
                e->in_force = e->dirty = false;
                free(TAKE_PTR(e->seen));
                free(TAKE_PTR(e->failure));
                network_update_status(network, e);
        }
        progress(network);
}

static int on_record(void *user, const struct wire_header *record)
{
        struct network *network = user;
        int r;

        switch (record->type) {
        case WIRE_RESULT:
                return generation_result(network, (const struct wire_result *)record);
        case WIRE_COMMITTED:
                r = generation_committed(network, (const struct wire_committed *)record);
                if (r < 0)
                        return r;
                dataplane_client_settled(network->client);
                progress(network);
                if (network->dirty.count > 0 || network->need_full ||
                    model_revision(network->model) > network->in_force)
                        network_send_soon(network);
                return 0;
        case WIRE_PORT_STATE:
        case WIRE_UNDERLAY_STATE:
        case WIRE_PEER_STATE:
                return network_seen(network, record);
        default:
                return asking_record(network->asking, record);
        }
}

static const struct dataplane_handlers handlers = {
        .connected = on_connected,
        .disconnected = on_disconnected,
        .record = on_record,
};

/* ---- outside ---- */

bool network_in_force(const struct network *network, uint64_t revision)
{
        return network->settled && network->in_force >= revision;
}

bool network_is_clear(const struct network *network)
{
        return network_in_force(network, model_revision(network->model)) ||
               dataplane_client_absent(network->client);
}

const char *network_failure(const struct network *network, uint32_t id)
{
        const struct entry *entry = entry_find(&network->entries, id);

        return entry ? entry->failure : NULL;
}

void network_set_events(struct network *network, const struct network_events *events)
{
        network->events = *events;
}

/* Whatever is in the store is pending until the dataplane has said otherwise. */
static int adopt_model(struct network *network)
{
        for (const struct kind *kind = kind_first(); kind; kind = kind->next) {
                if (!kind->compile)
                        continue;
                for (struct object *o = NULL; (o = model_next(network->model, kind, o));) {
                        struct entry *entry = entry_get(&network->entries, o->id);
                        if (!entry)
                                return -ENOMEM;
                        network_update_status(network, entry);
                }
        }
        return 0;
}

static int add_sources(struct network *network)
{
        int r = sd_event_add_defer(network->event, &network->send_soon, on_send_soon, network);

        if (r >= 0)
                r = sd_event_source_set_enabled(network->send_soon, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time(network->event, &network->patience, CLOCK_MONOTONIC, 0, 0, on_patience, network);
        if (r >= 0)
                r = sd_event_source_set_enabled(network->patience, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time(network->event, &network->retry, CLOCK_MONOTONIC, 0, 0, on_retry, network);
        if (r >= 0)
                r = sd_event_source_set_enabled(network->retry, SD_EVENT_OFF);
        return r;
}

struct network *network_free(struct network *network)
{
        if (!network)
                return NULL;
        stats_free(network->stats);
        sessions_free(network->sessions);
        asking_free(network->asking);
        dataplane_client_free(network->client);
        model_unobserve(network->model, &network->observer);
        sd_event_source_disable_unref(network->send_soon);
        sd_event_source_disable_unref(network->patience);
        sd_event_source_disable_unref(network->retry);
        sd_event_unref(network->event);
        entry_table_clear(&network->entries);
        id_list_clear(&network->dirty);
        id_list_clear(&network->in_flight);
        failure_list_clear(&network->failures);
        free(network);
        return NULL;
}
DEFINE_CLEANUP(struct network *, network_free)

int network_new(struct network **ret, sd_event *event, struct model *model, const char *dataplane_socket)
{
        cleanup_(network_free_p) struct network *network = calloc(1, sizeof(*network));

        if (!network)
                return -ENOMEM;
        network->event = sd_event_ref(event);
        network->model = model;
        network->need_full = true;
        network->retry_us = 1000000;
        network->observer = (struct model_observer){.committed = on_committed, .user = network};
        model_observe(model, &network->observer);

        int r = add_sources(network);
        if (r >= 0 && !(network->asking = asking_new(network)))
                r = -ENOMEM;
        if (r >= 0)
                r = stats_new(network);
        if (r >= 0)
                r = sessions_new(network);
        if (r >= 0)
                r = adopt_model(network);
        if (r >= 0)
                r = dataplane_client_new(&network->client, event, dataplane_socket, &handlers, network);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(network);
        return 0;
}
