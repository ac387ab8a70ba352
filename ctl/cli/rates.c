/* See rates.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "rates.h"

static double difference(const json_t *before, const json_t *after, const char *key)
{
        double old = member_number(before, key), new = member_number(after, key);

        return new >= old ? new - old : new;
}

static const json_t *find_port(const json_t *stats, const json_t *wanted)
{
        json_t *port;
        size_t i;

        json_array_foreach (json_object_get(stats, "ports"), i, port)
                if (strcmp(member_text(port, "name"), member_text(wanted, "name")) == 0 &&
                    strcmp(member_text(port, "kind"), member_text(wanted, "kind")) == 0)
                        return port;
        return NULL;
}

static void rate_drops(struct port_rate *rate, const json_t *before, const json_t *after, double seconds)
{
        double most = 0;
        const char *reason;
        json_t *unused;

        json_object_foreach ((json_t *)after, reason, unused) {
                double packets = difference(before, after, reason);

                if (!is_loss(reason))
                        continue;
                rate->drop_pps += packets / seconds;
                if (packets > most) {
                        most = packets;
                        rate->reason = reason;
                }
        }
}

static void rate_port(struct port_rate *rate, const json_t *before, const json_t *after, double seconds)
{
        *rate = (struct port_rate){
                .kind = member_text(after, "kind"),
                .name = member_text(after, "name"),
                .network = member_text(after, "network"),
                .rx_pps = difference(before, after, "rx_packets") / seconds,
                .rx_bps = difference(before, after, "rx_bytes") * 8 / seconds,
                .tx_pps = difference(before, after, "tx_packets") / seconds,
                .tx_bps = difference(before, after, "tx_bytes") * 8 / seconds,
        };
        rate_drops(rate, json_object_get(before, "drops"), json_object_get(after, "drops"), seconds);
}

static void rate_worker(struct worker_rate *rate, const json_t *before, const json_t *after, double seconds)
{
        double busy = difference(before, after, "busy_ns");
        double all = busy + difference(before, after, "poll_ns") + difference(before, after, "sleep_ns");

        *rate = (struct worker_rate){
                .index = (long)member_number(after, "index"),
                .cpu = (long)member_number(after, "cpu"),
                .queues = (long)member_number(after, "queues"),
                .load = all > 0 ? busy / all : 0,
                .pps = difference(before, after, "packets") / seconds,
                .wakeups = difference(before, after, "wakeups") / seconds,
        };
}

static int busier_first(const void *a, const void *b)
{
        const struct port_rate *one = a, *other = b;
        double left = one->rx_pps + one->tx_pps + one->drop_pps,
               right = other->rx_pps + other->tx_pps + other->drop_pps;

        return left < right ? 1 : left > right ? -1 : strcmp(one->name, other->name);
}

int rates_between(struct rates *ret, const json_t *before, const json_t *after)
{
        const json_t *ports = json_object_get(after, "ports"), *workers = json_object_get(after, "workers");
        struct rates rates = {.seconds = (member_number(after, "taken_ns") - member_number(before, "taken_ns")) / 1e9};
        json_t *entry;
        size_t i;

        if (rates.seconds <= 0)
                return -EAGAIN;
        rates.ports = calloc(json_array_size(ports) + 1, sizeof(*rates.ports));
        rates.workers = calloc(json_array_size(workers) + 1, sizeof(*rates.workers));
        if (!rates.ports || !rates.workers) {
                rates_done(&rates);
                return -ENOMEM;
        }
        json_array_foreach (ports, i, entry)
                rate_port(&rates.ports[rates.port_count++], find_port(before, entry), entry, rates.seconds);
        json_array_foreach (workers, i, entry)
                rate_worker(&rates.workers[rates.worker_count++], json_array_get(json_object_get(before, "workers"), i),
                            entry, rates.seconds);
        qsort(rates.ports, rates.port_count, sizeof(*rates.ports), busier_first);
        *ret = rates;
        return 0;
}

void rates_done(struct rates *rates)
{
        free(rates->ports);
        free(rates->workers);
        *rates = (struct rates){0};
}
