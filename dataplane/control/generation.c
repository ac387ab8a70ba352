/* See generation.h. Objects are put into force in the order of their types (what is referred to comes first) and taken
 * away in the opposite order. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "generation.h"
#include "objects.h"
#include "policy_control.h"

struct staged {
        struct wire_header *record; /* an upsert, or NULL */
        uint32_t type;
        uint8_t key[WIRE_KEY_MAX];
};

struct generation {
        uint64_t number;
        bool full;
        struct staged *staged;
        size_t count, room;
};

/* In the order of references. */
static const enum wire_type order[] = {WIRE_SESSION_SETTINGS,
                                       WIRE_UNDERLAY,
                                       WIRE_NETWORK,
                                       WIRE_SECURITY_GROUP,
                                       WIRE_ADDRESS_GROUP,
                                       WIRE_MEMBER,
                                       WIRE_RULE,
                                       WIRE_PORT,
                                       WIRE_PORT_GROUP,
                                       WIRE_ALLOWED,
                                       WIRE_PEER,
                                       WIRE_FDB,
                                       WIRE_NEIGH,
                                       WIRE_FLOOD};

struct generation *generation_free(struct generation *generation)
{
        if (!generation)
                return NULL;
        for (size_t i = 0; i < generation->count; i++)
                free(generation->staged[i].record);
        free(generation->staged);
        free(generation);
        return NULL;
}

int generation_begin(struct generation **ret, const struct wire_begin *begin)
{
        struct generation *generation = calloc(1, sizeof(*generation));

        if (!generation)
                return -ENOMEM;
        generation->number = begin->generation;
        generation->full = begin->full;
        *ret = generation;
        return 0;
}

int generation_stage(struct generation *generation, const struct wire_header *record)
{
        const struct wire_delete *delete = record->type == WIRE_DELETE ? (const void *)record : NULL;
        uint32_t type = delete ? delete->type : record->type;
        struct staged *staged;

        if (type >= WIRE_TYPE_COUNT || wire_type_info[type].key_size == 0)
                return -EBADMSG;
        if (generation->count == generation->room) {
                size_t room = generation->room ? generation->room * 2 : 256;
                struct staged *grown = reallocarray(generation->staged, room, sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                generation->staged = grown;
                generation->room = room;
        }
        staged = &generation->staged[generation->count];
        *staged = (struct staged){.type = type};
        if (delete) {
                memcpy(staged->key, delete->key, WIRE_KEY_MAX);
        } else {
                staged->record = malloc(record->length);
                if (!staged->record)
                        return -ENOMEM;
                memcpy(staged->record, record, record->length);
                memcpy(staged->key, wire_key(record), wire_type_info[type].key_size);
        }
        generation->count++;
        return 0;
}

static int put_policy(const struct wire_header *record, struct dp_io_error *error)
{
        switch (record->type) {
        case WIRE_SECURITY_GROUP:
                return security_group_put((const void *)record, error);
        case WIRE_RULE:
                return rule_put((const void *)record, error);
        case WIRE_ADDRESS_GROUP:
                return address_group_put((const void *)record, error);
        case WIRE_MEMBER:
                return member_put((const void *)record, error);
        case WIRE_PORT_GROUP:
                return port_group_put((const void *)record, error);
        case WIRE_ALLOWED:
                return allowed_put((const void *)record, error);
        default:
                return session_settings_put((const void *)record, error);
        }
}

static int put(const struct wire_header *record, struct dp_io_error *error)
{
        switch (record->type) {
        case WIRE_UNDERLAY:
                return underlay_put((const void *)record, error);
        case WIRE_NETWORK:
                return network_put((const void *)record, error);
        case WIRE_PORT:
                return port_put((const void *)record, error);
        case WIRE_PEER:
                return peer_put((const void *)record, error);
        case WIRE_FDB:
                return fdb_put((const void *)record, error);
        case WIRE_NEIGH:
                return neigh_put((const void *)record, error);
        case WIRE_FLOOD:
                return flood_put((const void *)record, error);
        default:
                return put_policy(record, error);
        }
}

static void take_away_policy(const struct wire_header *record)
{
        switch (record->type) {
        case WIRE_SECURITY_GROUP:
                security_group_remove((const void *)record);
                break;
        case WIRE_RULE:
                rule_remove((const void *)record);
                break;
        case WIRE_ADDRESS_GROUP:
                address_group_remove((const void *)record);
                break;
        case WIRE_MEMBER:
                member_remove((const void *)record);
                break;
        case WIRE_PORT_GROUP:
                port_group_remove((const void *)record);
                break;
        case WIRE_ALLOWED:
                allowed_remove((const void *)record);
                break;
        default:
                session_settings_remove((const void *)record);
        }
}

static void take_away(const struct wire_header *record)
{
        switch (record->type) {
        case WIRE_UNDERLAY:
                underlay_remove((const void *)record);
                break;
        case WIRE_NETWORK:
                network_remove((const void *)record);
                break;
        case WIRE_PORT:
                port_remove((const void *)record);
                break;
        case WIRE_PEER:
                peer_remove((const void *)record);
                break;
        case WIRE_FDB:
                fdb_remove((const void *)record);
                break;
        case WIRE_NEIGH:
                neigh_remove((const void *)record);
                break;
        case WIRE_FLOOD:
                flood_remove((const void *)record);
                break;
        default:
                take_away_policy(record);
        }
}

/* Takes a record away, from the table first: what it hid (fdb_restore, other origins) looks there. */
static void remove_record(enum wire_type type, const uint8_t *key, struct wire_committed *counts)
{
        const struct wire_header *found = record_table_get(objects_in_force, type, key);
        uint64_t copy[sizeof(struct wire_underlay) / 8 + 8];

        _Static_assert(sizeof(struct wire_underlay) >= sizeof(struct wire_port) &&
                               sizeof(struct wire_underlay) >= sizeof(struct wire_session_settings),
                       "the largest object");
        if (!found)
                return;
        memcpy(copy, found, found->length);
        record_table_remove(objects_in_force, type, key);
        take_away((const struct wire_header *)copy);
        counts->removed++;
}

static void fail(const struct generation *generation, const struct staged *staged, const struct dp_io_error *error,
                 generation_failed *failed, void *user)
{
        struct wire_result result;

        wire_init(&result, WIRE_RESULT);
        result.generation = generation->number;
        result.type = staged->type;
        result.error = error->error;
        memcpy(result.key, staged->key, WIRE_KEY_MAX);
        snprintf(result.text, sizeof(result.text), "%s", error->text);
        failed(user, &result);
}

static void sweep(enum wire_type type, uint64_t mark, struct wire_committed *counts)
{
        const struct wire_header *record;
        uint64_t seen;

        for (size_t i = 0; (record = record_table_next(objects_in_force, &i, &seen));)
                if (record->type == type && seen != mark)
                        remove_record(type, wire_key(record), counts);
}

/* The removals of one type. */
static void remove_type(const struct generation *generation, enum wire_type type, uint64_t mark,
                        struct wire_committed *counts)
{
        for (size_t i = 0; i < generation->count; i++)
                if (!generation->staged[i].record && generation->staged[i].type == type)
                        remove_record(type, generation->staged[i].key, counts);
        if (generation->full)
                sweep(type, mark, counts);
}

/* Sorts what is new from what is known, so that what goes can go before what comes: enum record_change or -errno each.
 */
static int *note_puts(const struct generation *generation, uint64_t mark, struct wire_committed *counts)
{
        int *changes = calloc(generation->count + 1, sizeof(*changes));

        for (size_t i = 0; changes && i < generation->count; i++) {
                const struct staged *staged = &generation->staged[i];
                if (!staged->record)
                        continue;
                int change = record_table_put(objects_in_force, staged->record, mark, NULL);
                changes[i] = change;
                counts->adopted += change == RECORD_EQUAL;
                counts->added += change == RECORD_ADDED;
                counts->changed += change == RECORD_CHANGED;
        }
        return changes;
}

/* change: as note_puts() found it. */
static void put_staged(const struct generation *generation, const struct staged *staged, int change,
                       struct wire_committed *counts, generation_failed *failed, void *user)
{
        struct dp_io_error error = {0};

        if (change == RECORD_EQUAL)
                return;
        if (change < 0)
                dp_io_fail(&error, -change, "out of memory");
        else if (put(staged->record, &error) == 0)
                return;
        record_table_spoil(objects_in_force, staged->type, staged->key);
        counts->failed++;
        fail(generation, staged, &error, failed, user);
}

static void release_device(const struct wire_header *record)
{
        if (record->type == WIRE_PORT)
                port_release(false, ((const struct wire_port *)record)->id,
                             &((const struct wire_port *)record)->attachment);
        else if (record->type == WIRE_UNDERLAY)
                port_release(true, ((const struct wire_underlay *)record)->id,
                             &((const struct wire_underlay *)record)->attachment);
}

void generation_commit(struct generation *generation, struct wire_committed *ret, generation_failed *failed, void *user)
{
        static bool swept;
        static uint64_t mark; /* grows: what a full generation does not stamp with it is swept */
        struct timespec start, end;

        clock_gettime(CLOCK_MONOTONIC, &start);
        wire_init(ret, WIRE_COMMITTED);
        ret->generation = generation->number;

        int *changes = note_puts(generation, ++mark, ret);
        policy_hold(true);
        for (size_t t = RTE_DIM(order); t-- > 0;)
                remove_type(generation, order[t], mark, ret);
        /* What is attached elsewhere from now on is closed before anything is opened: two ports may swap a device. */
        for (size_t i = 0; changes && i < generation->count; i++)
                if (generation->staged[i].record && changes[i] == RECORD_CHANGED)
                        release_device(generation->staged[i].record);
        objects_settle();
        policy_hold(false);
        for (size_t t = 0; t < RTE_DIM(order); t++)
                for (size_t i = 0; i < generation->count; i++)
                        if (generation->staged[i].record && generation->staged[i].type == order[t])
                                put_staged(generation, &generation->staged[i], changes ? changes[i] : -ENOMEM, ret,
                                           failed, user);
        objects_settle();
        if (generation->full && !swept) {
                swept = true;
                dp_io_sweep();
        }
        free(changes);
        generation_free(generation);

        clock_gettime(CLOCK_MONOTONIC, &end);
        ret->took_ns = (end.tv_sec - start.tv_sec) * 1000000000LL + end.tv_nsec - start.tv_nsec;
}
