/* See captures.h and path/capture.h. A capture is over in three steps, so that nothing of it is lost or freed too
 * early: it takes nothing new; when every worker has ended its round, and so what it had under way, the capture is
 * unpublished; after another round it is the control thread's alone, is drained as the client reads, answered for and
 * freed. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_errno.h>

#include "capture.h"
#include "captures.h"
#include "clock.h"
#include "csum.h"
#include "rcu.h"
#include "trace.h"

#define COPIES    2047 /* buffers of a capture */
#define RING_SIZE 1024 /* copies that wait for control, of one worker */
#define ROOM_MAX  2048 /* bytes in one buffer: longer frames take several */

struct item {
        struct dp_capture *capture; /* NULL: this place is free */
        uint64_t cookie;
        uint32_t port_id;
        bool is_underlay, live_trace;
        bool over; /* unpublished; to be drained, then freed */
        uint32_t snap;
        uint64_t packets; /* put; of a live trace: received ones */
        sd_event_source *deadline;
        int error;
        char text[WIRE_TEXT_SIZE];
        struct captures *captures;
};

struct captures {
        sd_event *event;
        const struct observe_names *names;
        struct wire_writer *writer;
        void (*due)(void *user);
        void *user;
        struct item items[DP_CAPTURE_MAX];
        struct dp_capture_set sets[2]; /* what workers see, and what is made next */
        uint64_t tsc, real_ns;         /* one moment on both clocks */
};

/* ---- the set ---- */

/* Publishes the captures that are not over. Waits until no worker sees the set before. */
static void publish(struct captures *captures)
{
        struct dp_capture_set *set = dp_captures == &captures->sets[0] ? &captures->sets[1] : &captures->sets[0];

        set->count = 0;
        for (unsigned int i = 0; i < DP_CAPTURE_MAX; i++)
                if (captures->items[i].capture && !captures->items[i].over)
                        set->captures[set->count++] = captures->items[i].capture;
        dp_store(dp_captures, set->count ? set : NULL);
        dp_rcu_synchronize();
}

static void free_capture(struct dp_capture *capture)
{
        struct rte_mbuf *m;

        if (!capture)
                return;
        for (unsigned int w = 0; w < dp.worker_count; w++) {
                while (capture->workers[w].ring && rte_ring_sc_dequeue(capture->workers[w].ring, (void **)&m) == 0)
                        rte_pktmbuf_free(m);
                rte_ring_free(capture->workers[w].ring);
        }
        rte_mempool_free(capture->pool);
        free(capture);
}

/* Nothing new is captured; workers have let go of it. */
static void finish(struct item *item, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void finish(struct item *item, int error, const char *format, ...)
{
        va_list arguments;

        if (!item->capture || item->over)
                return;
        va_start(arguments, format);
        vsnprintf(item->text, sizeof(item->text), format, arguments);
        va_end(arguments);
        item->error = error;
        __atomic_store_n(&item->capture->closed, true, __ATOMIC_RELAXED);
        dp_rcu_synchronize();
        item->over = true;
        item->deadline = sd_event_source_disable_unref(item->deadline);
        publish(item->captures);
}

static uint64_t missed(const struct dp_capture *capture)
{
        uint64_t sum = 0;

        for (unsigned int w = 0; w < dp.worker_count; w++)
                sum += capture->workers[w].missed;
        return sum;
}

static void put_end(struct wire_writer *writer, uint64_t cookie, uint64_t packets, uint64_t missed_packets, int error,
                    const char *text)
{
        struct wire_capture_end end;

        wire_init(&end, WIRE_CAPTURE_END);
        end.cookie = cookie;
        end.packets = packets;
        end.missed = missed_packets;
        end.error = error;
        snprintf(end.text, sizeof(end.text), "%s", text);
        wire_put(writer, &end);
}

static void release(struct item *item)
{
        sd_event_source_disable_unref(item->deadline);
        free_capture(item->capture);
        *item = (struct item){.captures = item->captures};
}

/* ---- beginning ---- */

static int make_buffers(struct dp_capture *capture, unsigned int room)
{
        static unsigned int serial; /* names are not used twice */
        char name[RTE_MEMPOOL_NAMESIZE];

        serial++;
        snprintf(name, sizeof(name), "capture-%u", serial);
        /* Relaxed tails: a worker never waits for a thread that was scheduled away in the middle. */
        capture->pool = rte_pktmbuf_pool_create_by_ops(name, COPIES, 0, RTE_ALIGN(sizeof(struct dp_captured), 8),
                                                       RTE_PKTMBUF_HEADROOM + room, SOCKET_ID_ANY, "ring_mt_rts");
        if (!capture->pool)
                return -rte_errno;
        for (unsigned int w = 0; w < dp.worker_count; w++) {
                snprintf(name, sizeof(name), "capture-%u-%u", serial, w);
                capture->workers[w].ring =
                        rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
                if (!capture->workers[w].ring)
                        return -rte_errno;
        }
        return 0;
}

static struct dp_capture *make_capture(const struct wire_capture_start *wanted, uint16_t port, uint8_t slot, int *ret)
{
        static const enum dp_capture_mode modes[] = {[WIRE_CAPTURE_PORT] = DP_CAPTURE_PORT,
                                                     [WIRE_CAPTURE_DROPS] = DP_CAPTURE_DROPS,
                                                     [WIRE_CAPTURE_TRACE] = DP_CAPTURE_TRACE};
        struct dp_capture *capture =
                aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*capture) + dp.worker_count * sizeof(capture->workers[0]));
        bool trace = wanted->mode == WIRE_CAPTURE_TRACE;

        *ret = -ENOMEM;
        if (!capture)
                return NULL;
        memset(capture, 0, sizeof(*capture) + dp.worker_count * sizeof(capture->workers[0]));
        capture->mode = modes[wanted->mode];
        capture->port = port;
        capture->slot = slot;
        capture->snap = trace ? UINT32_MAX : wanted->snap_length; /* the tracer needs all of it */
        capture->max_packets = wanted->max_packets;
        capture->filter = (struct dp_capture_filter){.family = wanted->family, .protocol = wanted->protocol};
        memcpy(capture->filter.port, wanted->l4_port, sizeof(wanted->l4_port));
        memcpy(capture->filter.ip, wanted->ip, sizeof(wanted->ip));
        *ret = make_buffers(capture, trace ? ROOM_MAX : RTE_MIN(wanted->snap_length, (uint32_t)ROOM_MAX));
        if (*ret == 0)
                return capture;
        free_capture(capture);
        return NULL;
}

/* What is wrong with the request, in words, or NULL; *ret_port: the index. */
static const char *check(const struct captures *captures, const struct wire_capture_start *wanted, uint16_t *ret_port)
{
        *ret_port = DP_INDEX_NONE;
        if (wanted->mode < WIRE_CAPTURE_PORT || wanted->mode > WIRE_CAPTURE_TRACE)
                return "mode: PORT, DROPS or TRACE is wanted";
        if (wanted->snap_length < 64 || wanted->snap_length > WIRE_FRAME_MAX)
                return "snap_length: 64 to 9216 bytes are wanted";
        if (wanted->max_packets == 0 || wanted->seconds == 0)
                return "max_packets and seconds: at least 1 is wanted";
        if (wanted->family != 0 && wanted->family != 4 && wanted->family != 6)
                return "family: 4, 6 or 0 (any) is wanted";
        if (wanted->port == 0)
                return wanted->mode == WIRE_CAPTURE_PORT ? "port: which one is wanted" : NULL;
        *ret_port = captures->names->find_port(wanted->port, wanted->is_underlay);
        return *ret_port == DP_INDEX_NONE ? "no such port or underlay is in force" : NULL;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *user)
{
        struct item *item = user;

        finish(item, 0, "the time is over");
        item->captures->due(item->captures->user);
        return 0;
}

static struct item *free_place(struct captures *captures)
{
        for (unsigned int i = 0; i < DP_CAPTURE_MAX; i++)
                if (!captures->items[i].capture)
                        return &captures->items[i];
        return NULL;
}

static int start(struct captures *captures, struct item *item, const struct wire_capture_start *wanted, uint16_t port)
{
        int r;

        item->cookie = wanted->cookie;
        item->port_id = wanted->port;
        item->is_underlay = wanted->is_underlay;
        item->live_trace = wanted->mode == WIRE_CAPTURE_TRACE;
        item->snap = wanted->snap_length;
        item->capture = make_capture(wanted, port, item - captures->items, &r);
        if (!item->capture)
                return r;
        r = sd_event_add_time_relative(captures->event, &item->deadline, CLOCK_MONOTONIC, wanted->seconds * 1000000ULL,
                                       1000, on_deadline, item);
        if (r >= 0)
                publish(captures);
        return r;
}

void captures_start(struct captures *captures, const struct wire_capture_start *wanted)
{
        uint16_t port;
        const char *wrong = check(captures, wanted, &port);
        struct item *item = free_place(captures);
        int r;

        if (wrong) {
                put_end(captures->writer, wanted->cookie, 0, 0, EINVAL, wrong);
        } else if (!item) {
                put_end(captures->writer, wanted->cookie, 0, 0, EBUSY, "eight captures are running: stop one");
        } else if ((r = start(captures, item, wanted, port)) < 0) {
                put_end(captures->writer, wanted->cookie, 0, 0, -r,
                        "no packet memory for a capture: stop another, or raise --memory");
                release(item);
        }
        wire_flush(captures->writer);
}

/* ---- what was captured ---- */

static void put_record(void *user, const void *record)
{
        wire_put(user, record);
}

static void look_at_clocks(struct captures *captures)
{
        struct timespec now;

        captures->tsc = rte_rdtsc();
        clock_gettime(CLOCK_REALTIME, &now);
        captures->real_ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static uint64_t real_ns(const struct captures *captures, uint64_t tsc)
{
        return captures->real_ns - (uint64_t)((double)(captures->tsc - tsc) * 1e9 / dp_clock.hz);
}

static void put_captured(const struct captures *captures, const struct item *item, struct rte_mbuf *m)
{
        static uint64_t buffer[(sizeof(struct wire_captured) + WIRE_FRAME_MAX) / 8 + 1];
        struct wire_captured *record = (void *)buffer;
        const struct dp_captured *captured = dp_captured(m);
        uint32_t length = RTE_MIN(m->pkt_len, item->snap), whole = RTE_ALIGN_CEIL(length, 8);
        bool is_underlay;

        wire_init(record, WIRE_CAPTURED);
        memset(record->frame, 0, whole);
        record->header.length = sizeof(*record) + whole;
        record->cookie = item->cookie;
        record->packet = captured->packet;
        record->time_ns = real_ns(captures, captured->tsc);
        record->port = captures->names->port(captured->port, &is_underlay);
        record->is_underlay = record->port && is_underlay;
        record->how = captured->how;
        record->drop = captured->drop;
        record->length = captured->length;
        record->captured = length;
        const void *bytes = rte_pktmbuf_read(m, 0, length, record->frame);
        if (bytes && bytes != record->frame)
                memcpy(record->frame, bytes, length);
        wire_put(captures->writer, record);
}

/* A checksum that was left to somebody further on. */
static void finish_checksum(struct rte_mbuf *m, uint32_t length)
{
        uint64_t flags = m->ol_flags;

        if (flags & RTE_MBUF_F_TX_L4_MASK && !(flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TUNNEL_MASK)) &&
            m->pkt_len == length)
                dp_csum_finish(m);
}

/* Consumes the copy. */
static void put(struct captures *captures, struct item *item, struct rte_mbuf *m)
{
        const struct dp_captured captured = *dp_captured(m);
        bool received = captured.how == WIRE_CAPTURED_RX;
        const struct trace trace = {.names = captures->names,
                                    .cookie = item->cookie,
                                    .packet = captured.packet,
                                    .now_ms = captured.now_ms,
                                    .past = true,
                                    .put = put_record,
                                    .user = captures->writer};

        if (!item->live_trace)
                finish_checksum(m, captured.length);
        put_captured(captures, item, m);
        item->packets += received || !item->live_trace;
        if (item->live_trace && received)
                trace_packet(&trace, captured.port, m);
        else
                rte_pktmbuf_free(m);
}

/* true: its rings are empty. */
static bool drain(struct captures *captures, struct item *item, uint64_t until)
{
        struct rte_mbuf *m;

        for (unsigned int w = 0; w < dp.worker_count; w++)
                while (rte_ring_sc_dequeue(item->capture->workers[w].ring, (void **)&m) == 0) {
                        put(captures, item, m);
                        if (rte_rdtsc() >= until)
                                return false;
                }
        return true;
}

bool captures_drain(struct captures *captures, uint64_t until)
{
        bool more = false;

        look_at_clocks(captures);
        for (unsigned int i = 0; i < DP_CAPTURE_MAX; i++) {
                struct item *item = &captures->items[i];
                if (!item->capture)
                        continue;
                if (!item->over &&
                    __atomic_load_n(&item->capture->taken, __ATOMIC_RELAXED) >= item->capture->max_packets)
                        finish(item, 0, "as many packets as were asked for");
                if (!drain(captures, item, until)) {
                        more = true;
                } else if (item->over) {
                        put_end(captures->writer, item->cookie, item->packets, missed(item->capture), item->error,
                                item->text);
                        release(item);
                }
        }
        return more;
}

/* ---- ending ---- */

void captures_stop(struct captures *captures, uint64_t cookie)
{
        for (unsigned int i = 0; i < DP_CAPTURE_MAX; i++)
                if (captures->items[i].capture && captures->items[i].cookie == cookie)
                        finish(&captures->items[i], 0, "stopped");
}

void captures_check_ports(struct captures *captures)
{
        for (unsigned int i = 0; i < DP_CAPTURE_MAX; i++) {
                struct item *item = &captures->items[i];
                if (item->capture && item->port_id &&
                    captures->names->find_port(item->port_id, item->is_underlay) != item->capture->port)
                        finish(item, ENODEV, "the port was removed");
        }
}

void captures_abort(struct captures *captures)
{
        for (unsigned int i = 0; i < DP_CAPTURE_MAX; i++) {
                finish(&captures->items[i], 0, "nobody listens");
                if (captures->items[i].over)
                        release(&captures->items[i]);
        }
}

bool captures_any(const struct captures *captures)
{
        for (unsigned int i = 0; i < DP_CAPTURE_MAX; i++)
                if (captures->items[i].capture)
                        return true;
        return false;
}

int captures_new(struct captures **ret, sd_event *event, const struct observe_names *names, struct wire_writer *writer,
                 void (*due)(void *user), void *user)
{
        struct captures *captures = calloc(1, sizeof(*captures));

        if (!captures)
                return -ENOMEM;
        *captures = (struct captures){.event = event, .names = names, .writer = writer, .due = due, .user = user};
        for (unsigned int i = 0; i < DP_CAPTURE_MAX; i++)
                captures->items[i].captures = captures;
        *ret = captures;
        return 0;
}

struct captures *captures_free(struct captures *captures)
{
        if (!captures)
                return NULL;
        captures_abort(captures);
        free(captures);
        return NULL;
}
