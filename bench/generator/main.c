/* socle-generator: loads a switch through two vhost-user ports, for script/bench. EAL waits until the switch has
 * connected to all sockets; run.c does the rest. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>

#include "eal.h"
#include "run.h"

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
        stop = 1;
}

static void make_streams(const struct options *options, struct port ports[2])
{
        const struct stream_options stream = {
                .flows = options->flows + options->dial, /* one more: what probes */
                .length = options->length,
                .protocol = options->protocol,
                .conversation = options->conversation,
        };

        for (unsigned i = 0; i < 2; i++)
                ports[i].sends = ports[!i].expects = stream_make(i, &options->mac[i], &options->mac[!i], &stream);
}

static int measure_delays(struct port ports[2])
{
        for (unsigned i = 0; i < 2; i++) {
                ports[i].delay = ports[!i].arrivals = calloc(1, sizeof(struct delay));
                if (!ports[i].delay) {
                        fprintf(stderr, "socle-generator: no memory to measure delays\n");
                        return -ENOMEM;
                }
        }
        return 0;
}

static int start(const struct options *options, struct port ports[2], struct relay *relay)
{
        int r;

        make_streams(options, ports);
        r = options->latency ? measure_delays(ports) : 0;
        if (r == 0)
                r = eal_start(options);
        if (r == 0)
                r = ports_start(ports);
        if (r == 0 && options->wire[0])
                r = relay_start(relay);
        return r;
}

int main(int argc, char **argv)
{
        struct options options;
        struct port ports[2] = {};
        struct relay relay = {};
        struct run run = {.options = &options, .ports = ports, .stop = &stop};
        int r;

        r = options_parse(argc, argv, &options);
        if (r != 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        signal(SIGPIPE, SIG_IGN); /* a switch that has gone */
        if (start(&options, ports, &relay) < 0)
                return EXIT_FAILURE;
        run.relay = options.wire[0] ? &relay : NULL;
        signal(SIGINT, on_signal); /* not before: EAL waits for the switch, and should end by a signal at once */
        signal(SIGTERM, on_signal);
        r = run_all(&run);
        if (r == -ENOTCONN)
                _exit(EXIT_FAILURE); /* virtio-user panics when it is stopped without its peer */
        if (run.relay)
                relay_stop(run.relay);
        ports_stop(ports);
        rte_eal_cleanup();
        for (unsigned i = 0; i < 2; i++)
                free(ports[i].delay);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
