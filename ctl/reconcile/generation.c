/* One generation: what differs between what the dataplane was sent and what the model wants now, sent as
 * BEGIN … COMMIT, and the dataplane's answer to it.
 *
 * An incremental one looks at the dirty objects alone. A key may move from one object to another (a host from one Peer
 * to the next), so all their old records are gathered first, the new ones strike them out, and what is left over is
 * deleted. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "network_private.h"
#include "socle/cleanup.h"
#include "socle/record_table.h"

#define COMMIT_PATIENCE_US (30 * UINT64_C(1000000))
#define RETRY_MIN_US       (1 * UINT64_C(1000000))
#define RETRY_MAX_US       (30 * UINT64_C(1000000))

DEFINE_CLEANUP(struct record_table *, record_table_free)

struct compile {
        struct emit emit;
        struct record_list list;
        enum wire_type type;
        uint32_t id;
        int error;
};

static void on_emit(struct emit *emit, const void *record)
{
        struct compile *compile = (struct compile *)emit;
        const struct wire_header *header = record;
        int r = record_list_append(&compile->list, header);

        if (r < 0)
                compile->error = r;
        if (compile->type == WIRE_NONE && wire_type_info[header->type].key_size == sizeof(uint32_t) &&
            memcmp(wire_key(header), &compile->id, sizeof(compile->id)) == 0)
                compile->type = header->type;
}

/* The object's records as they are wanted now. */
static int compile_object(struct network *network, struct entry *entry, const struct object *object,
                          struct record_list *ret)
{
        struct compile compile = {.emit.record = on_emit, .id = entry->id};

        if (object && object->kind->compile)
                object->kind->compile(network->model, object, &compile.emit);
        if (compile.error < 0) {
                record_list_clear(&compile.list);
                return compile.error;
        }
        if (compile.type != WIRE_NONE)
                entry->type = compile.type;
        *ret = compile.list;
        return 0;
}

static int put_begin(struct wire_writer *writer, uint64_t generation, bool full)
{
        struct wire_begin begin;

        wire_init(&begin, WIRE_BEGIN);
        begin.generation = generation;
        begin.full = full;
        return wire_put(writer, &begin);
}

static int put_commit(struct wire_writer *writer, uint64_t generation)
{
        struct wire_commit commit;

        wire_init(&commit, WIRE_COMMIT);
        commit.generation = generation;
        int r = wire_put(writer, &commit);
        return r < 0 ? r : wire_flush(writer);
}

static int put_delete(struct wire_writer *writer, const struct wire_header *record)
{
        struct wire_delete delete;

        wire_init(&delete, WIRE_DELETE);
        delete.type = record->type;
        memcpy(delete.key, wire_key(record), wire_type_info[record->type].key_size);
        return wire_put(writer, &delete);
}

static void replace_sent(struct entry *entry, struct record_list *fresh)
{
        record_list_clear(&entry->sent);
        entry->sent = *fresh;
        *fresh = (struct record_list){};
        /* Thousands of hosts were appended by doubling: give the rest back. */
        if (entry->sent.capacity > entry->sent.size && entry->sent.size > 0) {
                uint8_t *data = realloc(entry->sent.data, entry->sent.size);
                if (data) {
                        entry->sent.data = data;
                        entry->sent.capacity = entry->sent.size;
                }
        }
        entry->dirty = entry->resend = false;
}

static int put_whole_object(struct network *network, struct wire_writer *writer, const struct object *object)
{
        struct entry *entry = entry_get(&network->entries, object->id);
        struct record_list fresh = {};

        if (!entry)
                return -ENOMEM;
        entry->stale = entry->in_force = false;
        entry->touched = true;
        int r = compile_object(network, entry, object, &fresh);
        if (r < 0)
                return r;
        replace_sent(entry, &fresh);

        const struct wire_header *record;
        for (size_t at = 0; (record = record_list_next(&entry->sent, &at));) {
                r = wire_put(writer, record);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void sweep_stale(struct entry_table *entries)
{
        struct id_list stale = {};

        for (struct entry *e = NULL; (e = entry_next(entries, e));)
                if (e->stale)
                        id_list_add(&stale, e->id); /* what does not fit stays until the next time */
        for (size_t i = 0; i < stale.count; i++)
                entry_remove(entries, stale.ids[i]);
        id_list_clear(&stale);
}

static int put_full(struct network *network, struct wire_writer *writer)
{
        for (struct entry *e = NULL; (e = entry_next(&network->entries, e));)
                e->stale = true;
        for (const struct kind *kind = kind_first(); kind; kind = kind->next) {
                if (!kind->compile)
                        continue;
                for (struct object *o = NULL; (o = model_next(network->model, kind, o));) {
                        int r = put_whole_object(network, writer, o);
                        if (r < 0)
                                return r;
                }
        }
        sweep_stale(&network->entries);
        id_list_clear(&network->dirty);
        return 0;
}

static int gather_old(struct network *network, struct record_table *old)
{
        for (size_t i = 0; i < network->dirty.count; i++) {
                const struct entry *entry = entry_find(&network->entries, network->dirty.ids[i]);
                const struct wire_header *record;

                for (size_t at = 0; entry && (record = record_list_next(&entry->sent, &at));) {
                        int r = record_table_put(old, record, entry->id, NULL);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static int put_changed_object(struct network *network, struct wire_writer *writer, struct entry *entry,
                              struct record_table *old)
{
        struct record_list fresh = {};
        const struct wire_header *record;
        bool resend = entry->resend || entry->failure;
        int r = compile_object(network, entry, model_find_id(network->model, entry->id), &fresh);

        if (r < 0)
                return r;
        entry->touched = fresh.size != entry->sent.size ||
                         memcmp(fresh.data ?: (void *)"", entry->sent.data ?: (void *)"", fresh.size) != 0;
        replace_sent(entry, &fresh);

        for (size_t at = 0; (record = record_list_next(&entry->sent, &at));) {
                const struct wire_header *before = record_table_get(old, record->type, wire_key(record));
                bool equal = before && memcmp(before, record, record->length) == 0;
                if (before)
                        record_table_remove(old, record->type, wire_key(record));
                if (equal && !resend)
                        continue;
                r = wire_put(writer, record);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int put_leftovers(struct wire_writer *writer, const struct record_table *old)
{
        const struct wire_header *record;
        size_t i = 0;

        while ((record = record_table_next(old, &i, NULL))) {
                int r = put_delete(writer, record);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int put_incremental(struct network *network, struct wire_writer *writer)
{
        cleanup_(record_table_free_p) struct record_table *old = record_table_new();
        int r = old ? gather_old(network, old) : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < network->dirty.count; i++) {
                struct entry *entry = entry_find(&network->entries, network->dirty.ids[i]);
                if (entry)
                        r = put_changed_object(network, writer, entry, old);
        }
        if (r >= 0)
                r = put_leftovers(writer, old);
        if (r < 0)
                return r;

        id_list_clear(&network->in_flight);
        network->in_flight = network->dirty;
        network->dirty = (struct id_list){};
        return 0;
}

/* What is changed is pending; deleted objects are forgotten, now that their deletion is on its way. */
static void after_sending(struct network *network)
{
        if (network->flying_full) {
                for (struct entry *e = NULL; (e = entry_next(&network->entries, e));)
                        network_update_status(network, e);
                return;
        }
        for (size_t i = 0; i < network->in_flight.count; i++) {
                struct entry *entry = entry_find(&network->entries, network->in_flight.ids[i]);
                if (!entry)
                        continue;
                if (!model_find_id(network->model, entry->id)) {
                        entry_remove(&network->entries, network->in_flight.ids[i]);
                        continue;
                }
                if (entry->touched)
                        entry->in_force = false;
                network_update_status(network, entry);
        }
}

int generation_send(struct network *network)
{
        cleanup_free struct wire_writer *writer = calloc(1, sizeof(*writer));
        int r;

        if (!writer)
                return -ENOMEM;
        writer->send = dataplane_client_send;
        writer->user = network->client;

        network->flying_revision = model_revision(network->model);
        network->flying_full = network->need_full;
        failure_list_clear(&network->failures);

        r = put_begin(writer, network->flying_revision, network->need_full);
        if (r >= 0)
                r = network->need_full ? put_full(network, writer) : put_incremental(network, writer);
        if (r >= 0)
                r = put_commit(writer, network->flying_revision);
        if (r < 0)
                return r;

        network->flying = true;
        network->need_full = false;
        after_sending(network);
        sd_event_source_set_time_relative(network->patience, COMMIT_PATIENCE_US);
        sd_event_source_set_enabled(network->patience, SD_EVENT_ONESHOT);
        return 0;
}

/* ---- the answer ---- */

void failure_list_clear(struct failure_list *failures)
{
        for (size_t i = 0; i < failures->count; i++)
                free(failures->list[i].text);
        free(failures->list);
        *failures = (struct failure_list){};
}

static int compare_failures(const void *a, const void *b)
{
        const struct failure *x = a, *y = b;

        return x->type != y->type ? (x->type < y->type ? -1 : 1) : memcmp(x->key, y->key, sizeof(x->key));
}

int generation_result(struct network *network, const struct wire_result *result)
{
        struct failure_list *failures = &network->failures;

        if (!network->flying || result->generation != network->flying_revision || result->type >= WIRE_TYPE_COUNT)
                return -EPROTO;
        if (failures->count >= FAILURES_MAX)
                return 0;
        if (failures->count == failures->capacity) {
                size_t capacity = failures->capacity ? failures->capacity * 2 : 16;
                struct failure *list = reallocarray(failures->list, capacity, sizeof(*list));
                if (!list)
                        return -ENOMEM;
                failures->list = list;
                failures->capacity = capacity;
        }
        struct failure *failure = &failures->list[failures->count];
        failure->type = result->type;
        memcpy(failure->key, result->key, sizeof(failure->key));
        failure->text = strdup(result->text[0] ? result->text : strerror(abs(result->error)));
        if (!failure->text)
                return -ENOMEM;
        failures->count++;
        return 0;
}

/* The first failure among the entry's records becomes its own. */
static void find_failure(struct network *network, struct entry *entry)
{
        const struct wire_header *record;

        for (size_t at = 0; network->failures.count > 0 && (record = record_list_next(&entry->sent, &at));) {
                struct failure wanted = {.type = record->type}, *found;

                memcpy(wanted.key, wire_key(record), wire_type_info[record->type].key_size);
                found = bsearch(&wanted, network->failures.list, network->failures.count, sizeof(wanted),
                                compare_failures);
                if (found) {
                        entry->failure = strdup(found->text);
                        return;
                }
        }
}

static void entry_committed(struct network *network, struct entry *entry)
{
        free(TAKE_PTR(entry->failure));
        find_failure(network, entry);
        if (!entry->failure && !entry->dirty)
                entry->in_force = true;
        network_update_status(network, entry);
}

static void schedule_retry(struct network *network)
{
        if (network->last_commit.failed == 0) {
                network->retry_us = RETRY_MIN_US;
                return;
        }
        sd_event_source_set_time_relative(network->retry, network->retry_us);
        sd_event_source_set_enabled(network->retry, SD_EVENT_ONESHOT);
        network->retry_us = network->retry_us * 2 < RETRY_MAX_US ? network->retry_us * 2 : RETRY_MAX_US;
}

int generation_committed(struct network *network, const struct wire_committed *committed)
{
        if (!network->flying || committed->generation != network->flying_revision)
                return -EPROTO;
        network->flying = false;
        network->settled = true;
        network->in_force = network->flying_revision;
        network->last_commit = *committed;
        network->has_last_commit = true;
        network->commits++;
        network->commits_ns += committed->took_ns;
        sd_event_source_set_enabled(network->patience, SD_EVENT_OFF);

        if (network->failures.count > 0)
                qsort(network->failures.list, network->failures.count, sizeof(struct failure), compare_failures);
        if (network->flying_full) {
                for (struct entry *e = NULL; (e = entry_next(&network->entries, e));)
                        entry_committed(network, e);
        } else {
                for (size_t i = 0; i < network->in_flight.count; i++) {
                        struct entry *entry = entry_find(&network->entries, network->in_flight.ids[i]);
                        if (entry)
                                entry_committed(network, entry);
                }
        }
        id_list_clear(&network->in_flight);
        schedule_retry(network);
        network_note(network, committed->failed ? LOG_WARNING : LOG_DEBUG,
                     "revision %llu is in force: %u added, %u changed, %u removed, %u adopted, %u failed",
                     (unsigned long long)committed->generation, committed->added, committed->changed,
                     committed->removed, committed->adopted, committed->failed);
        return 0;
}

void generation_forget(struct network *network)
{
        network->flying = false;
        network->need_full = true;
        network->settled = false;
        network->in_force = 0;
        id_list_clear(&network->in_flight);
        id_list_clear(&network->dirty);
        failure_list_clear(&network->failures);
        sd_event_source_set_enabled(network->patience, SD_EVENT_OFF);
        sd_event_source_set_enabled(network->retry, SD_EVENT_OFF);
        sd_event_source_set_enabled(network->send_soon, SD_EVENT_OFF);
}
