/* Subscriptions. Each has a queue of what happened: not of texts but of small items ("object 7 changed"), which become
 * JSON only when the client has room for them; so a slow watcher costs little, and gets what is newest when it reads.
 * One that falls behind too far is told so and disconnected. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "socle/cleanup.h"
#include "store.h"

#define SUBSCRIPTIONS_MAX 64 /* of one client */
#define EVENTS_A_LINE     256
#define LINE_BYTES        65536 /* about; at least one event */
#define OUT_ENOUGH        (128 * 1024)

enum item_type { ITEM_UPSERT, ITEM_DELETE, ITEM_STATUS, ITEM_SYNCED };

struct item {
        enum item_type type;
        uint32_t id; /* of the object; not for ITEM_DELETE */
        uint64_t revision;
        const struct kind *kind; /* ITEM_DELETE */
        char *name;              /* ITEM_DELETE */
};

struct subscription {
        uint64_t id;
        const struct kind **kinds; /* NULL: all */
        size_t kind_count;
        struct item *items; /* a queue: first … count */
        size_t first, count, capacity;
        size_t bound; /* of waiting items, before it is too far behind */
        struct subscription *next;
};

struct watch_hub {
        struct rpc_server *server;
        struct model_observer observer;
        sd_event_source *flush; /* the statuses that changed in this turn of the loop, each once */
        uint32_t *statuses;
        size_t status_count, status_capacity;
        size_t subscriptions; /* of all clients */
        uint64_t last_id;
};

/* ---- the queue ---- */

static bool wants(const struct subscription *subscription, const struct kind *kind)
{
        for (size_t i = 0; i < subscription->kind_count; i++)
                if (subscription->kinds[i] == kind)
                        return true;
        return subscription->kind_count == 0;
}

static size_t waiting(const struct subscription *subscription)
{
        return subscription->count - subscription->first;
}

/* Takes over nothing: a deleted object's name is copied. */
static int push(struct subscription *subscription, const struct item *item)
{
        if (subscription->count == subscription->capacity && subscription->first >= subscription->count / 2 &&
            subscription->first > 0) {
                memmove(subscription->items, subscription->items + subscription->first,
                        waiting(subscription) * sizeof(*item));
                subscription->count -= subscription->first;
                subscription->first = 0;
        }
        if (subscription->count == subscription->capacity) {
                size_t capacity = subscription->capacity ? subscription->capacity * 2 : 64;
                struct item *items = reallocarray(subscription->items, capacity, sizeof(*items));
                if (!items)
                        return -ENOMEM;
                subscription->items = items;
                subscription->capacity = capacity;
        }
        struct item copy = *item;
        if (item->name && !(copy.name = strdup(item->name)))
                return -ENOMEM;
        subscription->items[subscription->count++] = copy;
        return 0;
}

static void pop(struct subscription *subscription)
{
        free(subscription->items[subscription->first++].name);
        if (waiting(subscription) == 0) {
                free(subscription->items);
                subscription->items = NULL;
                subscription->first = subscription->count = subscription->capacity = 0;
        }
}

static struct subscription *subscription_free(struct subscription *subscription)
{
        if (!subscription)
                return NULL;
        while (waiting(subscription) > 0)
                pop(subscription);
        free(subscription->items);
        free(subscription->kinds);
        free(subscription);
        return NULL;
}
DEFINE_CLEANUP(struct subscription *, subscription_free)

/* ---- out of the queue ---- */

static json_t *item_to_json(struct rpc_server *server, const struct item *item)
{
        const struct object *object;

        switch (item->type) {
        case ITEM_SYNCED:
                return json_pack("{ss, sI}", "type", "synced", "revision", (json_int_t)item->revision);
        case ITEM_DELETE:
                return json_pack("{ss, sI, ss, ss}", "type", "delete", "revision", (json_int_t)item->revision, "kind",
                                 item->kind->name, "name", item->name);
        default:
                break;
        }
        object = model_find_id(server->context.model, item->id);
        if (!object)
                return NULL; /* its deletion is further behind in the queue */
        if (item->type == ITEM_STATUS)
                return json_pack("{ss, sI, ss, ss, s{ss, ss, sI, sI, sO}}", "type", "status", "revision",
                                 (json_int_t)object->revision, "kind", object->kind->name, "name", object->name,
                                 "object", "kind", object->kind->name, "name", object->name, "id",
                                 (json_int_t)object->id, "revision", (json_int_t)object->revision, "status",
                                 object->status ?: json_null());
        if (object->revision != item->revision)
                return NULL; /* changed again since: so is that */
        return json_pack("{ss, sI, ss, ss, so}", "type", "upsert", "revision", (json_int_t)object->revision, "kind",
                         object->kind->name, "name", object->name, "object", object_to_json(object));
}

static int text_append_string(struct text *text, const char *string)
{
        return text_append(text, string, strlen(string));
}

/* One notification of as many events as a line should hold. */
static void drain_line(struct client *client, struct subscription *subscription)
{
        struct text text = {};
        char head[128];
        size_t events = 0;
        int r;

        snprintf(head, sizeof(head),
                 "{\"jsonrpc\":\"2.0\",\"method\":\"watch\",\"params\":{\"subscription\":%llu,\"events\":[",
                 (unsigned long long)subscription->id);
        r = text_append_string(&text, head);
        while (r >= 0 && waiting(subscription) > 0 && events < EVENTS_A_LINE && text.size < LINE_BYTES) {
                json_t *json = item_to_json(client->server, &subscription->items[subscription->first]);

                pop(subscription);
                if (!json)
                        continue;
                if (events++ > 0)
                        r = text_append_string(&text, ",");
                if (r >= 0)
                        r = text_append_json(&text, json);
                json_decref(json);
        }
        if (r >= 0)
                r = text_append_string(&text, "]}}");
        if (r >= 0 && events > 0)
                client_send(client, &text);
        text_clear(&text);
        if (r < 0)
                client_last_word(client, RPC_INTERNAL, "out of memory");
}

void watch_drained(struct client *client)
{
        for (struct subscription *s = client->subscriptions; s; s = s->next)
                while (waiting(s) > 0 && client->out.bytes < OUT_ENOUGH && !client->closing && !client->dead)
                        drain_line(client, s);
}

bool watch_pending(const struct client *client)
{
        for (const struct subscription *s = client->subscriptions; s; s = s->next)
                if (waiting(s) > 0)
                        return client->out.bytes < OUT_ENOUGH && !client->closing;
        return false;
}

/* ---- into the queue ---- */

static void tell(struct rpc_server *server, const struct kind *kind, const struct item *item)
{
        for (struct client *client = server->clients; client; client = client->next) {
                for (struct subscription *s = client->subscriptions; s && !client->closing; s = s->next) {
                        if (!wants(s, kind))
                                continue;
                        /* One large transaction is no lagging behind: only who has not read what is in its queue lags.
                         */
                        bool lags = waiting(s) >= s->bound && client->out.bytes >= OUT_ENOUGH;
                        if (lags || push(s, item) < 0) {
                                out_queue_cut(&client->out);
                                client_last_word(
                                        client, RPC_LIMIT,
                                        "the watcher does not read: too many events wait for it (watch_events in "
                                        "socled.conf); watch again from the last revision seen");
                                break;
                        }
                        client_kick(client);
                }
        }
}

static void on_committed(void *user, uint64_t revision, const struct change *changes, size_t count)
{
        struct watch_hub *hub = user;

        for (size_t i = 0; i < count && hub->subscriptions > 0; i++) {
                const struct object *object = changes[i].after ?: changes[i].before;
                struct item item = {.type = ITEM_UPSERT, .id = object->id, .revision = revision};

                if (!changes[i].after) {
                        item.type = ITEM_DELETE;
                        item.kind = object->kind;
                        item.name = object->name;
                }
                tell(hub->server, object->kind, &item);
        }
}

static void on_status_changed(void *user, const struct object *object, const json_t *before)
{
        struct watch_hub *hub = user;

        if (hub->subscriptions == 0)
                return;
        if (hub->status_count == hub->status_capacity) {
                size_t capacity = hub->status_capacity ? hub->status_capacity * 2 : 64;
                uint32_t *statuses = reallocarray(hub->statuses, capacity, sizeof(*statuses));
                if (!statuses)
                        return;
                hub->statuses = statuses;
                hub->status_capacity = capacity;
        }
        hub->statuses[hub->status_count++] = object->id;
        sd_event_source_set_enabled(hub->flush, SD_EVENT_ONESHOT);
}

static int compare_ids(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

        return x < y ? -1 : x > y;
}

static int on_flush(sd_event_source *source, void *user)
{
        struct watch_hub *hub = user;

        qsort(hub->statuses, hub->status_count, sizeof(*hub->statuses), compare_ids);
        for (size_t i = 0; i < hub->status_count; i++) {
                const struct object *object = model_find_id(hub->server->context.model, hub->statuses[i]);
                struct item item = {.type = ITEM_STATUS, .id = hub->statuses[i]};

                if (object && (i == 0 || hub->statuses[i] != hub->statuses[i - 1]))
                        tell(hub->server, object->kind, &item);
        }
        free(TAKE_PTR(hub->statuses));
        hub->status_count = hub->status_capacity = 0;
        return 0;
}

/* ---- subscribing ---- */

static int take_kinds(struct subscription *subscription, json_t *kinds, struct errors *errors)
{
        size_t i;
        json_t *name;

        if (json_array_size(kinds) == 0)
                return 0;
        subscription->kinds = calloc(json_array_size(kinds), sizeof(struct kind *));
        if (!subscription->kinds)
                return -ENOMEM;
        json_array_foreach (kinds, i, name) {
                const struct kind *kind = kind_find(json_string_value(name));
                char pointer[32];

                snprintf(pointer, sizeof(pointer), "/kinds/%zu", i);
                if (!kind)
                        errors_add(errors, -EINVAL, pointer, "a kind; `schema` lists them",
                                   "there is no kind \"%.64s\"", json_string_value(name));
                else
                        subscription->kinds[subscription->kind_count++] = kind;
        }
        return errors->count > 0 ? -EINVAL : 0;
}

static int push_current(struct rpc_server *server, struct subscription *subscription, uint64_t after)
{
        for (const struct kind *kind = kind_first(); kind; kind = kind->next) {
                if (!wants(subscription, kind))
                        continue;
                for (struct object *o = NULL; (o = model_next(server->context.model, kind, o));) {
                        struct item item = {.type = ITEM_UPSERT, .id = o->id, .revision = o->revision};
                        int r = o->revision > after ? push(subscription, &item) : 0;
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static int on_tombstone(void *user, const char *kind, const char *name, uint64_t revision)
{
        struct subscription *subscription = user;
        struct item item = {.type = ITEM_DELETE, .kind = kind_find(kind), .name = (char *)name, .revision = revision};

        return item.kind && wants(subscription, item.kind) ? push(subscription, &item) : 0;
}

/* In one transaction deletions come first: a name may be deleted and made anew in it. */
static int compare_items(const void *a, const void *b)
{
        const struct item *x = a, *y = b;

        if (x->revision != y->revision)
                return x->revision < y->revision ? -1 : 1;
        if ((x->type == ITEM_DELETE) != (y->type == ITEM_DELETE))
                return x->type == ITEM_DELETE ? -1 : 1;
        return x->id < y->id ? -1 : x->id > y->id;
}

static int push_since(struct rpc_server *server, struct subscription *subscription, uint64_t revision,
                      struct errors *errors)
{
        static const char *const expected = "watch without from_revision, which starts with all there is";
        uint64_t now = model_revision(server->context.model);
        int r;

        if (revision > now) {
                errors_add(errors, -ESTALE, "/from_revision", expected,
                           "revision %llu is not there yet: the latest is %llu", (unsigned long long)revision,
                           (unsigned long long)now);
                return -ESTALE;
        }
        r = store_deleted_since(server->context.store, revision, on_tombstone, subscription, errors);
        if (r == -ESTALE && errors->count == 0)
                errors_add(errors, -ESTALE, "/from_revision", expected,
                           "deletions since revision %llu are no longer remembered", (unsigned long long)revision);
        if (r >= 0)
                r = push_current(server, subscription, revision);
        if (r < 0)
                return r;
        if (subscription->count > 0)
                qsort(subscription->items, subscription->count, sizeof(struct item), compare_items);
        return 0;
}

int watch_subscribe(struct call *call, json_t *params, uint64_t *ret_id, struct errors *errors)
{
        struct client *client = call->client;
        struct rpc_server *server = client->server;
        json_t *from = json_object_get(params, "from_revision");
        cleanup_(subscription_free_p) struct subscription *subscription = calloc(1, sizeof(*subscription));
        struct item synced = {.type = ITEM_SYNCED, .revision = model_revision(server->context.model)};

        if (!subscription)
                return -ENOMEM;
        if (client->subscription_count >= SUBSCRIPTIONS_MAX) {
                errors_add(errors, -EMSGSIZE, "", "unwatch one first", "a client has at most %d subscriptions",
                           SUBSCRIPTIONS_MAX);
                return -EMSGSIZE;
        }
        int r = take_kinds(subscription, json_object_get(params, "kinds"), errors);
        if (r >= 0)
                r = from ? push_since(server, subscription, (uint64_t)json_integer_value(from), errors)
                         : push_current(server, subscription, 0);
        if (r >= 0)
                r = push(subscription, &synced);
        if (r < 0)
                return r;

        subscription->bound = waiting(subscription) + server->limits.watch_events;
        *ret_id = subscription->id = ++server->watch->last_id;
        subscription->next = client->subscriptions;
        client->subscriptions = TAKE_PTR(subscription);
        client->subscription_count++;
        server->watch->subscriptions++;
        return 0;
}

bool watch_unsubscribe(struct call *call, uint64_t id)
{
        for (struct subscription **at = &call->client->subscriptions; *at; at = &(*at)->next) {
                struct subscription *subscription = *at;
                if (subscription->id != id)
                        continue;
                *at = subscription->next;
                subscription_free(subscription);
                call->client->subscription_count--;
                call->client->server->watch->subscriptions--;
                return true;
        }
        return false;
}

void watch_forget(struct client *client)
{
        while (client->subscriptions) {
                struct subscription *subscription = client->subscriptions;
                client->subscriptions = subscription->next;
                subscription_free(subscription);
                client->server->watch->subscriptions--;
        }
        client->subscription_count = 0;
}

int watch_new(struct rpc_server *server)
{
        struct watch_hub *hub = calloc(1, sizeof(*hub));

        if (!hub)
                return -ENOMEM;
        server->watch = hub;
        hub->server = server;
        hub->observer =
                (struct model_observer){.committed = on_committed, .status_changed = on_status_changed, .user = hub};
        model_observe(server->context.model, &hub->observer);
        int r = sd_event_add_defer(server->event, &hub->flush, on_flush, hub);
        return r < 0 ? r : sd_event_source_set_enabled(hub->flush, SD_EVENT_OFF);
}

void watch_free(struct watch_hub *hub)
{
        if (!hub)
                return;
        model_unobserve(hub->server->context.model, &hub->observer);
        sd_event_source_disable_unref(hub->flush);
        free(hub->statuses);
        free(hub);
}
