/* See eal.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>

#include <socle/cleanup.h>

#include "eal.h"
#include "port.h"

#define DEVICES_MAX 4

/* EAL would go on without a port whose socket it cannot make, and wait for the switch at the others. */
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

static unsigned paths_of(const struct options *options, const char *ret[DEVICES_MAX])
{
        ret[0] = options->socket[0];
        ret[1] = options->socket[1];
        ret[2] = options->wire[0];
        ret[3] = options->wire[1];
        return options->wire[0] ? 4 : 2;
}

static void describe(const struct options *options, const char *path, unsigned index, char ret[256])
{
        int length = snprintf(ret, 256, "net_virtio_user%u,path=%s,server=1,queues=1,queue_size=%u", index, path,
                              QUEUE_SIZE);

        if (index < 2)
                snprintf(ret + length, 256 - length, ",mac=" RTE_ETHER_ADDR_PRT_FMT,
                         RTE_ETHER_ADDR_BYTES(&options->mac[index]));
}

int eal_start(const struct options *options)
{
        char vdevs[DEVICES_MAX][256], lcore[16];
        char *arguments[16 + 2 * DEVICES_MAX] = {
                "socle-generator",
                "--in-memory",
                "--single-file-segments",
                "--no-pci",
                "--no-telemetry",
                "--log-level=4",
                "-m",
                "256",
                "--lcores",
                lcore,
        };
        const char *paths[DEVICES_MAX];
        unsigned count = paths_of(options, paths), argument = 10;

        snprintf(lcore, sizeof(lcore), "0@%u", options->cpu);
        for (unsigned i = 0; i < count; i++) {
                if (try_socket(paths[i]) < 0)
                        return -EIO;
                describe(options, paths[i], i, vdevs[i]);
                arguments[argument++] = "--vdev";
                arguments[argument++] = vdevs[i];
        }
        if (rte_eal_init(argument, arguments) < 0 || rte_eth_dev_count_avail() != count) {
                fprintf(stderr, "socle-generator: EAL does not start (see above); it needs root, 128 free huge pages "
                                "of 2 MiB, and paths where it can make its sockets\n");
                return -EIO;
        }
        return 0;
}
