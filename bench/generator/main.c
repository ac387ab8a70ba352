/* socle-generator: an open-loop load of two vhost-user ports, for script/bench. One thread does everything.
 * EAL waits until the switch has connected to both sockets; then it waits for frames to come back, warms up, measures.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>

#include <socle/cleanup.h>

#include "options.h"
#include "port.h"
#include "report.h"

enum phase { WAITING, WARM_UP, MEASURING, SUMMARY };

static const char *const phase_name[] = {"waiting", "warm-up", "measuring", "summary"};

struct run {
        struct port *ports;
        const struct options *options;
        enum phase phase;
        uint64_t phase_start, phase_end; /* TSC */
        uint64_t last_line;
        struct counters at_phase_start[2], at_last_line[2];
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
        stop = 1;
}

/* EAL would go on without a port whose socket it cannot make, and wait for the switch at the other one. */
static int try_socket(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        memcpy(address.sun_path, path, strlen(path)); /* options_parse() has seen that it fits */
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
                fprintf(stderr, "socle-generator: cannot make the socket %s: %s\n", path, strerror(errno));
                return -EIO;
        }
        unlink(path);
        return 0;
}

static int start_eal(const struct options *options)
{
        char vdev[2][256], lcore[16],
                *arguments[] = {"socle-generator",
                                "--in-memory",
                                "--single-file-segments",
                                "--no-pci",
                                "--no-telemetry",
                                "--log-level=4",
                                "-m",
                                "256",
                                "--lcores",
                                lcore,
                                "--vdev",
                                vdev[0],
                                "--vdev",
                                vdev[1],
                                NULL};

        snprintf(lcore, sizeof(lcore), "0@%u", options->cpu);
        for (unsigned i = 0; i < 2; i++)
                snprintf(vdev[i], sizeof(vdev[i]),
                         "net_virtio_user%u,path=%s,server=1,queues=1,queue_size=%u,mac=" RTE_ETHER_ADDR_PRT_FMT, i,
                         options->socket[i], QUEUE_SIZE, RTE_ETHER_ADDR_BYTES(&options->mac[i]));
        if (rte_eal_init(ARRAY_LEN(arguments) - 1, arguments) < 0 || rte_eth_dev_count_avail() != 2) {
                fprintf(stderr, "socle-generator: EAL does not start (see above); it needs root, 128 free huge pages "
                                "of 2 MiB, and paths where it can make its sockets\n");
                return -EIO;
        }
        return 0;
}

static void copy_counters(struct counters to[2], const struct port ports[2])
{
        for (unsigned i = 0; i < 2; i++)
                to[i] = ports[i].counters;
}

static int line(struct run *run, uint64_t now)
{
        double seconds = (double)(now - run->last_line) / rte_get_tsc_hz();
        struct counters current[2];
        int r;

        copy_counters(current, run->ports);
        r = report_line(phase_name[run->phase], seconds, run->at_last_line, current);
        memcpy(run->at_last_line, current, sizeof(current));
        run->last_line = now;
        return r;
}

static void enter(struct run *run, enum phase phase, uint64_t now)
{
        const double lasts[] = {
                [WAITING] = run->options->wait_seconds,
                [WARM_UP] = run->options->warm_up_seconds,
                [MEASURING] = run->options->seconds,
        };

        run->phase = phase;
        run->phase_start = run->last_line = now;
        run->phase_end = now + lasts[phase] * rte_get_tsc_hz();
        copy_counters(run->at_phase_start, run->ports);
        copy_counters(run->at_last_line, run->ports);
}

/* The switch may answer a guest that has just come with frames of its own: only ours count. */
static bool comes_back(const struct port *port)
{
        const uint64_t *value = port->counters.value;

        return value[COUNT_RX] > value[COUNT_WRONG_MAC] + value[COUNT_WRONG_LENGTH] + value[COUNT_WRONG_CONTENT];
}

static bool connected(const struct port *port)
{
        struct rte_eth_link link = {};

        return rte_eth_link_get_nowait(port->id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

/* 1 to go on, 0 at the end, -ETIMEDOUT when nothing came back, -ENOTCONN when the switch has gone. Between rounds;
 * cheap unless something is due. */
static int advance(struct run *run, uint64_t now)
{
        int r;

        if (run->phase == WAITING && comes_back(&run->ports[0]) && comes_back(&run->ports[1])) {
                enter(run, WARM_UP, now);
                return 1;
        }
        if (now >= run->phase_end && run->phase == WAITING)
                return -ETIMEDOUT;
        if (now >= run->phase_end && run->phase == MEASURING)
                return connected(&run->ports[0]) && connected(&run->ports[1]) ? 0 : -ENOTCONN;
        if (now >= run->phase_end)
                enter(run, MEASURING, now);
        if (now - run->last_line < rte_get_tsc_hz())
                return 1;
        if (!connected(&run->ports[0]) || !connected(&run->ports[1]))
                return -ENOTCONN;
        r = line(run, now);
        return r < 0 ? r : 1;
}

static void explain(const struct run *run, int error)
{
        if (error == -ENOTCONN)
                fprintf(stderr, "socle-generator: the switch has disconnected\n");
        if (error != -ETIMEDOUT)
                return;
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
}

static int loop(struct run *run)
{
        struct counters end[2];
        uint64_t now = rte_rdtsc();
        int r = 1;

        enter(run, WAITING, now);
        while (r == 1 && !stop) {
                port_turn(&run->ports[0]);
                port_turn(&run->ports[1]);
                now = rte_rdtsc();
                r = advance(run, now);
        }
        if (r < 0) {
                explain(run, r);
                return r;
        }
        if (run->phase != MEASURING)
                return -EINTR;
        copy_counters(end, run->ports);
        return report_line(phase_name[SUMMARY], (double)(now - run->phase_start) / rte_get_tsc_hz(),
                           run->at_phase_start, end);
}

int main(int argc, char **argv)
{
        struct options options;
        struct port ports[2] = {};
        struct run run = {.ports = ports, .options = &options};
        int r;

        r = options_parse(argc, argv, &options);
        if (r != 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        for (unsigned i = 0; i < 2; i++)
                ports[i].sends = ports[!i].expects = stream_make(i, &options.mac[i], &options.mac[!i], options.flows,
                                                                 options.length, options.conversation);
        signal(SIGPIPE, SIG_IGN); /* a switch that has gone */
        if (try_socket(options.socket[0]) < 0 || try_socket(options.socket[1]) < 0 || start_eal(&options) < 0 ||
            ports_start(ports) < 0)
                return EXIT_FAILURE;
        signal(SIGINT, on_signal); /* not before: EAL waits for the switch, and should end by a signal at once */
        signal(SIGTERM, on_signal);
        r = loop(&run);
        if (r == -ENOTCONN)
                _exit(EXIT_FAILURE); /* virtio-user panics when it is stopped without its peer */
        ports_stop(ports);
        rte_eal_cleanup();
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
