/* Taps with virtio-net headers, for guests that are kernels: checksums and large segments pass through undone.
 * A tap is persistent, so that its addresses and routes live through a restart of the dataplane; tap_registry.c
 * remembers which are ours. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_malloc.h>

#include "chain.h"
#include "io.h"
#include "netns.h"
#include "socle/cleanup.h"
#include "tap_registry.h"
#include "vnet.h"

struct tap {
        int fds[DP_IO_QUEUES_MAX];
        uint16_t queues;
};

struct tap_request {
        struct dp_io *io;
        struct tap *tap;
        const struct wire_attachment *attachment;
        struct dp_io_error *error;
};

static uint16_t tap_burst(struct dp_rxq *rxq, struct rte_mbuf **packets, uint16_t n)
{
        struct dp_io *io = rxq->io;
        uint16_t got = 0;

        for (uint16_t tries = 0; got < n && tries < 2 * n; tries++) {
                struct chain *chain = chain_ready(io->pool);
                if (!chain)
                        break;
                ssize_t size = readv(rxq->wait_fd, chain->iov, CHAIN_SEGMENTS + 1);
                if (size <= (ssize_t)sizeof(chain->vnet)) {
                        if (size < 0 && errno != EAGAIN && errno != EINTR && !io->broken) {
                                io->broken = true; /* EBADFD: the interface was deleted */
                                dp_io_notify(io);
                        }
                        break;
                }
                struct rte_mbuf *m = chain_take(chain, size - sizeof(chain->vnet));
                if (!vnet_to_mbuf(&chain->vnet, m, rxq->port->role == DP_ROLE_UNDERLAY)) {
                        dp_io_refuse(rxq->port, m->pkt_len);
                        rte_pktmbuf_free(m);
                        continue;
                }
                packets[got++] = m;
        }
        return got;
}

static uint16_t tap_tx(struct dp_port *port, unsigned int worker, struct rte_mbuf **packets, uint16_t n,
                       enum socle_drop *ret_reason)
{
        struct tap *tap = ((struct dp_io *)port->io)->priv;
        int fd = tap->fds[worker % tap->queues];
        struct iovec iov[CHAIN_SEGMENTS * 2];
        struct virtio_net_hdr vnet;

        for (uint16_t i = 0; i < n; i++) {
                unsigned int count = chain_gather(packets[i], &vnet, iov, RTE_DIM(iov));
                if (count == 0 || writev(fd, iov, count) < 0) {
                        if (count == 0 || errno == EINVAL)
                                *ret_reason = SOCLE_DROP_TX_ERROR;
                        else if (errno == EIO || errno == EBADFD)
                                *ret_reason = SOCLE_DROP_GUEST_ABSENT; /* the interface is down, or gone */
                        return i;
                }
                rte_pktmbuf_free(packets[i]);
        }
        return n;
}

static int open_queue(const char *name)
{
        struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE};
        cleanup_close int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
        int header_size = sizeof(struct virtio_net_hdr);

        if (fd < 0)
                return -errno;
        snprintf(request.ifr_name, sizeof(request.ifr_name), "%.15s", name);
        if (ioctl(fd, TUNSETIFF, &request) < 0 || ioctl(fd, TUNSETVNETHDRSZ, &header_size) < 0 ||
            ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0 || ioctl(fd, TUNSETPERSIST, 1) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* The guest's side of the interface: its MAC and MTU. Up or down is the guest's own affair. */
static int configure(struct dp_io *io, const char *name)
{
        cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq request = {0};

        snprintf(request.ifr_name, sizeof(request.ifr_name), "%.15s", name);
        request.ifr_mtu = io->mtu;
        if (fd < 0 || ioctl(fd, SIOCSIFMTU, &request) < 0)
                return -errno;
        if (ioctl(fd, SIOCGIFHWADDR, &request) < 0)
                return -errno;
        if (io->port->role == DP_ROLE_UNDERLAY) { /* the interface's MAC is the kernel's; ours is next to it */
                memcpy(&io->mac, request.ifr_hwaddr.sa_data, 6);
                io->mac.addr_bytes[5] ^= 1;
                return 0;
        }
        if (memcmp(request.ifr_hwaddr.sa_data, &io->mac, 6) == 0)
                return 0;
        request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
        memcpy(request.ifr_hwaddr.sa_data, &io->mac, 6);
        return ioctl(fd, SIOCSIFHWADDR, &request) < 0 ? -errno : 0;
}

static int open_in_netns(void *user)
{
        struct tap_request *request = user;
        const char *name = request->attachment->name;

        for (uint16_t i = 0; i < request->attachment->queues; i++) {
                int fd = open_queue(name);
                if (fd == -EBUSY)
                        return dp_io_fail(request->error, EBUSY, "tap %s is in use by another program", name);
                if (fd == -EINVAL)
                        return dp_io_fail(request->error, EINVAL,
                                          "interface %s exists and is no multi-queue tap; "
                                          "delete it (ip link delete %s) or choose another name",
                                          name, name);
                if (fd < 0)
                        return dp_io_fail(request->error, -fd, "cannot open tap %s: %s", name, strerror(-fd));
                request->tap->fds[request->tap->queues++] = fd;
        }
        int r = configure(request->io, name);
        if (r < 0)
                return dp_io_fail(request->error, -r, "cannot set MAC or MTU %u of tap %s: %s", request->io->mtu, name,
                                  strerror(-r));
        return 0;
}

static void tap_close(struct dp_io *io)
{
        struct tap *tap = io->priv;

        if (!tap)
                return;
        for (uint16_t i = 0; i < tap->queues; i++)
                close(tap->fds[i]);
        rte_free(tap);
        io->priv = NULL;
}

static int tap_open(struct dp_io *io, const struct wire_attachment *attachment, struct dp_io_error *error)
{
        struct tap *tap = io->priv = rte_zmalloc("tap", sizeof(*tap), 0);
        struct tap_request request = {.io = io, .tap = tap, .attachment = attachment, .error = error};

        if (!tap)
                return dp_io_fail(error, ENOMEM, "out of memory");
        /* Before it is made, so that none is ever left that nobody remembers. */
        bool known = tap_registry_add(attachment->path, attachment->name);
        int r = netns_run(attachment->path, open_in_netns, &request);
        if (r < 0 && !known && tap->queues == 0)
                tap_registry_remove(attachment->path, attachment->name); /* not ours: nothing to take away later */
        if (r == -ENOENT && !error->error)
                return dp_io_fail(error, ENOENT, "network namespace %s does not exist (yet)", attachment->path);
        if (r < 0)
                return error->error ? r
                                    : dp_io_fail(error, -r, "cannot enter network namespace %s: %s", attachment->path,
                                                 strerror(-r));

        for (uint16_t i = 0; i < tap->queues; i++)
                io->rxqs[i] = (struct dp_rxq){.burst = tap_burst,
                                              .port = io->port,
                                              .io = io,
                                              .queue = i,
                                              .active = true,
                                              .costly = true,
                                              .wait_fd = tap->fds[i],
                                              .numa_node = DP_INDEX_NONE,
                                              .worker = DP_INDEX_NONE};
        io->rxq_count = io->queues = tap->queues;
        io->link = io->connected = true;
        io->tx = tap_tx;
        io->port->tx_caps = DP_TX_L4_CSUM | DP_TX_TSO4 | DP_TX_TSO6 | DP_TX_TUNNEL_CSUM;
        return 0;
}

static bool tap_refresh(struct dp_io *io)
{
        return false;
}

/* Removes a persistent tap; also used by the registry for those that nobody wants any more. */
static int remove_in_netns(void *user)
{
        const struct wire_attachment *attachment = user;
        int fd = open_queue(attachment->name);

        if (fd < 0)
                return fd;
        ioctl(fd, TUNSETPERSIST, 0);
        close(fd);
        return 0;
}

static void tap_remove(const struct wire_attachment *attachment)
{
        if (!tap_registry_has(attachment->path, attachment->name))
                return; /* somebody else's, which we never could open */
        netns_run(attachment->path, remove_in_netns, (void *)attachment);
        tap_registry_remove(attachment->path, attachment->name);
}

static void remove_stale(const char *netns, const char *name)
{
        struct wire_attachment attachment = {0};

        snprintf(attachment.path, sizeof(attachment.path), "%s", netns);
        snprintf(attachment.name, sizeof(attachment.name), "%s", name);
        tap_remove(&attachment);
}

static void tap_sweep(void)
{
        tap_registry_stale(remove_stale);
}

static struct dp_io_ops tap_ops = {
        .device = WIRE_DEVICE_TAP,
        .name = "tap",
        .open = tap_open,
        .close = tap_close,
        .refresh = tap_refresh,
        .remove = tap_remove,
        .sweep = tap_sweep,
};
DP_IO_REGISTER(tap_ops)
