/* See run.h. One thread does everything: turns of both ports, of the wire, of the dialer; between them it looks at the
 * clock. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "run.h"

#define PAUSE      1e-4 /* s; a turn takes some microseconds: whoever needs longer was not running */
#define DRAIN      0.05 /* s without an arrival: nothing is under way any more */
#define DRAIN_MOST 1.0
#define PASSES     2 /* times that each flow has passed before anything is measured */

static uint64_t clocks(double seconds)
{
        return seconds * rte_get_tsc_hz();
}

static bool connected(const struct port *port)
{
        struct rte_eth_link link = {};

        return rte_eth_link_get_nowait(port->id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

static int gone(void)
{
        fprintf(stderr, "socle-generator: the switch has disconnected\n");
        return -ENOTCONN;
}

static uint64_t total(const struct run *run, unsigned counter)
{
        return run->ports[0].counters.value[counter] + run->ports[1].counters.value[counter];
}

/* The ports' turn, or the dialer's. True when something was sent or received. */
static bool work(struct run *run, bool send)
{
        bool useful = false;

        if (run->dialing) {
                dial_turn(&run->dialer, run->last);
                useful = total(run, COUNT_TX) + total(run, COUNT_RX) != run->moved;
                run->moved = total(run, COUNT_TX) + total(run, COUNT_RX);
        } else {
                useful = port_turn(&run->ports[0], send);
                useful |= port_turn(&run->ports[1], send);
        }
        if (run->relay)
                useful |= relay_turn(run->relay);
        return useful;
}

static void step(struct run *run, bool send)
{
        bool useful = work(run, send);
        uint64_t now = rte_rdtsc(), took = now - run->last;

        run->last = now;
        if (took > clocks(PAUSE)) {
                run->self.paused += took;
                run->self.pauses++;
                port_paused(&run->ports[0], now);
                port_paused(&run->ports[1], now);
        } else if (!useful) {
                run->self.idle += took;
        }
}

static void copy_counters(struct counters to[2], const struct port ports[2])
{
        for (unsigned i = 0; i < 2; i++)
                to[i] = ports[i].counters;
}

/* A phase: steps until the time is over, or `enough` says so; a line now and then. */
struct phase {
        const char *state, *load;
        double seconds;
        bool send;
        bool (*enough)(const struct run *run); /* NULL: never */
};

static int run_phase(struct run *run, const struct phase *phase)
{
        uint64_t line = run->last, end = run->last + clocks(phase->seconds);
        struct counters then[2], now[2];
        int r = report_phase(phase->state, phase->load);

        copy_counters(then, run->ports);
        while (r == 0 && run->last < end && !(phase->enough && phase->enough(run))) {
                step(run, phase->send);
                if (*run->stop)
                        return -EINTR;
                if (run->last - line < clocks(run->options->interval_seconds))
                        continue;
                if (!connected(&run->ports[0]) || !connected(&run->ports[1]))
                        return gone();
                copy_counters(now, run->ports);
                r = report_line(phase->state, phase->load, (double)(run->last - line) / rte_get_tsc_hz(), then, now);
                memcpy(then, now, sizeof(now));
                line = run->last;
        }
        return r;
}

/* Until nothing is under way any more. */
static void drain(struct run *run)
{
        uint64_t end = run->last + clocks(DRAIN_MOST), quiet = run->last + clocks(DRAIN),
                 arrivals = total(run, COUNT_RX);

        while (run->last < end && run->last < quiet && !*run->stop) {
                step(run, false);
                if (total(run, COUNT_RX) != arrivals)
                        quiet = run->last + clocks(DRAIN);
                arrivals = total(run, COUNT_RX);
        }
}

/* The switch may answer a guest that has just come with frames of its own: only ours count. */
static bool comes_back(const struct port *port)
{
        const uint64_t *value = port->counters.value;

        return value[COUNT_RX] > value[COUNT_WRONG_MAC] + value[COUNT_WRONG_LENGTH] + value[COUNT_WRONG_CONTENT];
}

static bool both_come_back(const struct run *run)
{
        return comes_back(&run->ports[0]) && comes_back(&run->ports[1]);
}

static bool all_passed(const struct run *run)
{
        for (unsigned i = 0; i < 2; i++)
                if (run->ports[i].counters.value[COUNT_RX] < (uint64_t)PASSES * run->options->flows)
                        return false;
        return true;
}

static bool one_complete(const struct run *run)
{
        return run->dialer.done > 0;
}

static bool all_settled(const struct run *run)
{
        return run->dialer.opened == run->dialer.options.conversations && run->dialer.count == 0;
}

static int nothing_came(const struct run *run)
{
        fprintf(stderr, "socle-generator: no frame of ours came back to both ports within %g s;",
                run->options->wait_seconds);
        for (unsigned i = 0; i < 2; i++) {
                const uint64_t *value = run->ports[i].counters.value;
                fprintf(stderr,
                        " port %u sent %" PRIu64 " and received %" PRIu64 " (wrong MAC %" PRIu64 ", length %" PRIu64
                        ", content %" PRIu64 ")%s",
                        i, value[COUNT_TX], value[COUNT_RX], value[COUNT_WRONG_MAC], value[COUNT_WRONG_LENGTH],
                        value[COUNT_WRONG_CONTENT], i == 0 ? "," : "\n");
        }
        return -ETIMEDOUT;
}

static int begin_dialing(struct run *run, const struct dial_options *options)
{
        int r = dial_start(&run->dialer, run->ports, options);

        if (r < 0)
                fprintf(stderr, "socle-generator: no memory for %" PRIu32 " conversations\n", options->conversations);
        run->dialing = r == 0;
        return r;
}

static void end_dialing(struct run *run)
{
        drain(run);
        dial_stop(&run->dialer);
        run->dialing = false;
}

/* One conversation, tried until it succeeds: the switch is ready. It has a flow of its own. */
static int probe(struct run *run)
{
        const struct dial_options one = {.first = run->options->flows, .conversations = 1, .window = 1, .insist = true};
        const struct phase waiting = {"waiting", "dial", run->options->wait_seconds, .enough = one_complete};
        bool complete;
        int r = begin_dialing(run, &one);

        if (r < 0)
                return r;
        r = run_phase(run, &waiting);
        complete = run->dialer.done > 0;
        end_dialing(run);
        return r < 0 ? r : complete ? 0 : nothing_came(run);
}

/* All conversations, as often as it takes. */
static int open_all(struct run *run)
{
        const struct dial_options all = {
                .conversations = run->options->flows, .window = run->options->window, .insist = true};
        const struct phase opening = {"opening", "dial", run->options->wait_seconds, .enough = all_settled};
        uint32_t done;
        int r = begin_dialing(run, &all);

        if (r < 0)
                return r;
        r = run_phase(run, &opening);
        done = run->dialer.done;
        end_dialing(run);
        if (r < 0 || done == run->options->flows)
                return r;
        if (done == 0)
                return nothing_came(run);
        fprintf(stderr, "socle-generator: only %" PRIu32 " of %" PRIu32 " conversations were opened within %g s\n",
                done, run->options->flows, run->options->wait_seconds);
        return -ETIMEDOUT;
}

static int run_dial(struct run *run)
{
        const struct dial_options options = {
                .conversations = run->options->flows, .window = run->options->window, .close = run->options->close};
        const struct phase measuring = {"measuring", "dial", run->options->seconds, .enough = all_settled};
        uint64_t start;
        int r = begin_dialing(run, &options);

        if (r < 0)
                return r;
        run->self = (struct self){};
        start = run->last = rte_rdtsc();
        r = run_phase(run, &measuring);
        if (r == 0)
                r = report_dial(&run->dialer, (double)(run->last - start) / rte_get_tsc_hz(), &run->self);
        end_dialing(run);
        return r;
}

static void set_load(struct run *run, double pps)
{
        for (unsigned i = 0; i < 2; i++)
                run->ports[i].pace = pace_of(pps / 2 / rte_get_tsc_hz(), run->last);
}

static void begin_measuring(struct run *run, struct summary *summary)
{
        run->self = (struct self){};
        for (unsigned i = 0; i < 2; i++) {
                port_mark(&run->ports[i], &run->ports[!i]);
                run->ports[i].silence = 0;
                if (run->ports[i].delay)
                        delay_reset(run->ports[i].delay);
        }
        copy_counters(summary->before, run->ports);
}

static void end_measuring(struct run *run, struct summary *summary, double seconds)
{
        summary->seconds = seconds;
        summary->self = run->self;
        copy_counters(summary->after, run->ports);
        for (unsigned i = 0; i < 2; i++) {
                summary->sent[i] = port_mark_end(&run->ports[i], &run->ports[!i]);
                summary->silence[i] = run->ports[i].silence;
                summary->delay[i] = run->ports[i].delay;
        }
}

/* What was measured came back, or did not. */
static void count_lost(struct run *run, struct summary *summary)
{
        for (unsigned i = 0; i < 2; i++) {
                uint64_t came =
                        run->ports[!i].counters.value[COUNT_RX_MARKED] - summary->before[!i].value[COUNT_RX_MARKED];
                summary->lost[i] = (int64_t)summary->sent[i] - (int64_t)came;
                run->ports[!i].marked = 0;
        }
}

static double came_back(const struct summary *summary)
{
        uint64_t packets = 0;

        for (unsigned i = 0; i < 2; i++)
                packets += summary->after[i].value[COUNT_RX] - summary->before[i].value[COUNT_RX];
        return packets / summary->seconds;
}

static int run_load(struct run *run, const struct load *load)
{
        const struct phase warm_up = {"warm-up", load->text, run->options->warm_up_seconds, .send = true},
                           passing = {"passing", load->text, run->options->wait_seconds, .send = true,
                                      .enough = all_passed},
                           measuring = {"measuring", load->text, run->options->seconds, .send = true};
        struct summary summary = {.load = load->text};
        uint64_t start;
        int r;

        if (load->kind != LOAD_MAX)
                summary.offered_pps = load->kind == LOAD_PPS ? load->value : load->value * run->max_pps;
        set_load(run, summary.offered_pps);
        r = run_phase(run, &warm_up);
        if (r == 0 && !all_passed(run))
                r = run_phase(run, &passing);
        if (r < 0)
                return r;
        begin_measuring(run, &summary);
        start = run->last;
        r = run_phase(run, &measuring);
        if (r < 0)
                return r;
        end_measuring(run, &summary, (double)(run->last - start) / rte_get_tsc_hz());
        drain(run);
        count_lost(run, &summary);
        if (load->kind == LOAD_MAX)
                run->max_pps = came_back(&summary);
        return report_summary(&summary);
}

/* Connections that the dialer has opened. */
static int begin_talks(struct run *run)
{
        uint32_t flows = run->options->flows;
        struct talk *talks = calloc(flows, sizeof(*talks));

        if (!talks) {
                fprintf(stderr, "socle-generator: no memory for %" PRIu32 " connections\n", flows);
                return -ENOMEM;
        }
        for (uint32_t flow = 0; flow < flows; flow++)
                for (unsigned i = 0; i < 2; i++)
                        talks[flow].next[i] = talks[flow].seen[i] = talk_begin(flow, i) + 1;
        run->ports[0].talks = run->ports[1].talks = talks;
        return 0;
}

/* Until all is as it will be while loads are measured. */
static int prepare(struct run *run)
{
        const struct phase waiting = {"waiting", "max", run->options->wait_seconds, .send = true,
                                      .enough = both_come_back};
        int r;

        if (run->options->conversation) {
                if (run->options->dial)
                        return probe(run);
                r = open_all(run);
                return r == 0 && run->options->protocol == IPPROTO_TCP ? begin_talks(run) : r;
        }
        r = run_phase(run, &waiting);
        return r < 0 ? r : both_come_back(run) ? 0 : nothing_came(run);
}

int run_all(struct run *run)
{
        int r;

        run->last = rte_rdtsc();
        port_paused(&run->ports[0], run->last);
        port_paused(&run->ports[1], run->last);
        r = prepare(run);
        if (r == 0 && run->options->dial)
                r = run_dial(run);
        for (unsigned i = 0; r == 0 && !run->options->dial && i < run->options->load_count; i++)
                r = run_load(run, &run->options->loads[i]);
        if (r == 0 && (!connected(&run->ports[0]) || !connected(&run->ports[1])))
                r = gone();
        free(run->ports[0].talks);
        run->ports[0].talks = run->ports[1].talks = NULL;
        return r;
}
