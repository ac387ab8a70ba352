/* NICs through DPDK's poll-mode drivers: PCI devices (vfio), and kernel interfaces by AF_XDP. For the underlay, and for
 * ports on a VF or an interface. */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>

#include "io.h"

#define RX_DESCRIPTORS 1024
#define TX_DESCRIPTORS 1024
#define XSK_FD_MAX     65536

struct ethdev {
        uint16_t id;
        char name[64]; /* of the device on its bus */
        uint16_t tx_queues;
        bool interrupts;
        int xsk_fds[DP_IO_QUEUES_MAX]; /* AF_XDP: the driver's sockets, which can be waited on; −1: not found */
        rte_spinlock_t tx_lock[DP_IO_QUEUES_MAX]; /* when workers outnumber transmit queues */
};

static uint16_t ethdev_burst(struct dp_rxq *rxq, struct rte_mbuf **packets, uint16_t n)
{
        const struct ethdev *ethdev = ((struct dp_io *)rxq->io)->priv;

        return rte_eth_rx_burst(ethdev->id, rxq->queue, packets, n);
}

static bool ethdev_arm(struct dp_rxq *rxq)
{
        const struct ethdev *ethdev = ((struct dp_io *)rxq->io)->priv;

        rte_eth_dev_rx_intr_enable(ethdev->id, rxq->queue);
        return rte_eth_rx_queue_count(ethdev->id, rxq->queue) > 0;
}

static void ethdev_disarm(struct dp_rxq *rxq)
{
        const struct ethdev *ethdev = ((struct dp_io *)rxq->io)->priv;

        rte_eth_dev_rx_intr_disable(ethdev->id, rxq->queue);
}

static uint16_t ethdev_tx(struct dp_port *port, unsigned int worker, struct rte_mbuf **packets, uint16_t n,
                          enum socle_drop *ret_reason)
{
        struct ethdev *ethdev = ((struct dp_io *)port->io)->priv;
        uint16_t queue = worker % ethdev->tx_queues;
        bool shared = ethdev->tx_queues < dp.worker_count;

        for (uint16_t i = 0; i < n; i++) /* each piece of a large segment gets an IPv4 header of its own */
                if (packets[i]->ol_flags & RTE_MBUF_F_TX_TCP_SEG && packets[i]->ol_flags & RTE_MBUF_F_TX_IPV4)
                        packets[i]->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;

        if (shared)
                rte_spinlock_lock(&ethdev->tx_lock[queue]);
        uint16_t ready = rte_eth_tx_prepare(ethdev->id, queue, packets, n);
        uint16_t sent = rte_eth_tx_burst(ethdev->id, queue, packets, ready);
        if (shared)
                rte_spinlock_unlock(&ethdev->tx_lock[queue]);
        if (sent == ready && ready < n)
                *ret_reason = SOCLE_DROP_TX_ERROR;
        return sent;
}

static uint32_t caps_of(uint64_t offloads)
{
        uint32_t caps = 0;

        if (offloads & RTE_ETH_TX_OFFLOAD_TCP_CKSUM && offloads & RTE_ETH_TX_OFFLOAD_UDP_CKSUM)
                caps |= DP_TX_L4_CSUM;
        if (offloads & RTE_ETH_TX_OFFLOAD_TCP_TSO && offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM)
                caps |= DP_TX_TSO4 | DP_TX_TSO6;
        return caps;
}

/* The AF_XDP PMD keeps its sockets to itself and cannot raise an interrupt. They are ours all the same: the socket that
 * appears while a queue is set up is that queue's. Marks all AF_XDP sockets in `seen`, returns one not marked before.
 */
static int find_xsk(uint64_t *seen, unsigned int words)
{
        int found = -1;

        for (unsigned int fd = 0; fd < words * 64; fd++) {
                int domain = 0;
                socklen_t size = sizeof(domain);
                if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 || domain != AF_XDP)
                        continue;
                if (!(seen[fd / 64] & 1ULL << fd % 64))
                        found = fd;
                seen[fd / 64] |= 1ULL << fd % 64;
        }
        return found;
}

static int setup_rx(struct dp_io *io, struct ethdev *ethdev, const struct wire_attachment *attachment,
                    uint16_t descriptors)
{
        bool xdp = attachment->device == WIRE_DEVICE_AF_XDP;
        uint64_t seen[XSK_FD_MAX / 64] = {0};
        int r = 0;

        if (xdp)
                find_xsk(seen, RTE_DIM(seen));
        for (uint16_t i = 0; i < attachment->queues && r == 0; i++) {
                r = rte_eth_rx_queue_setup(ethdev->id, i, descriptors, rte_eth_dev_socket_id(ethdev->id), NULL,
                                           io->pool);
                ethdev->xsk_fds[i] = xdp && r == 0 ? find_xsk(seen, RTE_DIM(seen)) : -1;
        }
        return r;
}

static int setup(struct dp_io *io, struct ethdev *ethdev, const struct wire_attachment *attachment,
                 struct dp_io_error *error)
{
        const uint64_t tx_wanted = RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |
                                   RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO |
                                   RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
        /* A guest's tag is its own and stays in the frame. */
        const uint64_t rx_wanted = RTE_ETH_RX_OFFLOAD_CHECKSUM | RTE_ETH_RX_OFFLOAD_SCATTER |
                                   (io->port->role == DP_ROLE_UNDERLAY ? RTE_ETH_RX_OFFLOAD_VLAN_STRIP : 0);
        struct rte_eth_conf conf = {0};
        struct rte_eth_dev_info info;
        int r = rte_eth_dev_info_get(ethdev->id, &info);

        if (r < 0)
                return dp_io_fail(error, -r, "%s: no device information: %s", attachment->name, rte_strerror(-r));
        ethdev->tx_queues = RTE_MIN(RTE_MIN(info.max_tx_queues, dp.worker_count), DP_IO_QUEUES_MAX);
        if (attachment->device == WIRE_DEVICE_AF_XDP)
                ethdev->tx_queues = attachment->queues; /* its queues come in pairs */
        conf.txmode.offloads = info.tx_offload_capa & tx_wanted;
        conf.rxmode.offloads = info.rx_offload_capa & rx_wanted;
        conf.rxmode.mq_mode = attachment->queues > 1 ? RTE_ETH_MQ_RX_RSS : RTE_ETH_MQ_RX_NONE;
        conf.rx_adv_conf.rss_conf.rss_hf =
                info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
        conf.intr_conf.rxq = attachment->device == WIRE_DEVICE_PCI;
        if (attachment->queues > info.max_rx_queues)
                return dp_io_fail(error, EINVAL, "%s has %u receive queues, %u are wanted; set rx_queues to at most %u",
                                  attachment->name, info.max_rx_queues, attachment->queues, info.max_rx_queues);

        r = rte_eth_dev_configure(ethdev->id, attachment->queues, ethdev->tx_queues, &conf);
        if (r < 0 && conf.intr_conf.rxq) { /* no interrupts: polled */
                conf.intr_conf.rxq = 0;
                r = rte_eth_dev_configure(ethdev->id, attachment->queues, ethdev->tx_queues, &conf);
        }
        ethdev->interrupts = conf.intr_conf.rxq;
        /* Frame size first: it decides whether receive needs to scatter. Not every driver can change it. */
        rte_eth_dev_set_mtu(ethdev->id, io->mtu + 4);
        uint16_t rx = RX_DESCRIPTORS, tx = TX_DESCRIPTORS;
        rte_eth_dev_adjust_nb_rx_tx_desc(ethdev->id, &rx, &tx);
        if (r == 0)
                r = setup_rx(io, ethdev, attachment, rx);
        for (uint16_t i = 0; i < ethdev->tx_queues && r == 0; i++)
                r = rte_eth_tx_queue_setup(ethdev->id, i, tx, rte_eth_dev_socket_id(ethdev->id), NULL);
        if (r == 0)
                r = rte_eth_dev_start(ethdev->id);
        if (r < 0)
                return dp_io_fail(error, -r, "%s does not start: %s", attachment->name, rte_strerror(-r));
        rte_eth_promiscuous_enable(ethdev->id);
        io->port->tx_caps = caps_of(conf.txmode.offloads);
        return 0;
}

/* Attaches the device by its bus and finds its port number. */
static int attach(struct ethdev *ethdev, const struct wire_attachment *attachment, struct dp_io_error *error)
{
        char *device = ethdev->name, arguments[128] = "";
        int r;

        if (attachment->device == WIRE_DEVICE_PCI) {
                snprintf(device, sizeof(ethdev->name), "%s", attachment->name);
                r = rte_eal_hotplug_add("pci", device, "");
        } else {
                if (if_nametoindex(attachment->name) == 0)
                        return dp_io_fail(error, ENODEV, "interface %s does not exist (yet)", attachment->name);
                snprintf(device, sizeof(ethdev->name), "net_af_xdp_%s", attachment->name);
                snprintf(arguments, sizeof(arguments), "iface=%s,start_queue=0,queue_count=%u", attachment->name,
                         attachment->queues);
                r = rte_eal_hotplug_add("vdev", device, arguments);
        }
        if (r < 0)
                return dp_io_fail(error, -r, "cannot take %s: %s%s", attachment->name, rte_strerror(-r),
                                  attachment->device == WIRE_DEVICE_PCI ? " (is it there, and bound to vfio-pci?)"
                                                                        : "");
        if (rte_eth_dev_get_port_by_name(device, &ethdev->id) < 0)
                return dp_io_fail(error, ENODEV, "%s is no network device", attachment->name);
        return 0;
}

/* The kernel wants a PCI function back: it is being unbound, or its physical function takes its VFs away. Whoever asks
 * for that waits in the kernel, holding the device's lock, until we close it. On DPDK's interrupt thread. */
static void wanted_back(const char *name, enum rte_dev_event_type event, void *data)
{
        struct dp_io *io = data;

        if (event != RTE_DEV_EVENT_REMOVE)
                return;
        __atomic_store_n(&io->broken, true, __ATOMIC_RELEASE);
        dp_io_notify(io);
}

static void ethdev_close(struct dp_io *io)
{
        struct ethdev *ethdev = io->priv;
        struct rte_eth_dev_info info;

        if (!ethdev)
                return;
        while (rte_dev_event_callback_unregister(ethdev->name, wanted_back, io) == -EAGAIN)
                rte_pause(); /* it runs just now */
        if (ethdev->id != RTE_MAX_ETHPORTS && rte_eth_dev_info_get(ethdev->id, &info) == 0) {
                rte_eth_dev_stop(ethdev->id);
                rte_eth_dev_close(ethdev->id);
                rte_dev_remove(info.device);
        }
        rte_free(ethdev);
        io->priv = NULL;
}

/* The fd that is raised by the device's interrupt, or -1: then the worker naps between polls. */
static int wait_fd(const struct ethdev *ethdev, uint16_t queue)
{
        if (ethdev->xsk_fds[queue] >= 0)
                return ethdev->xsk_fds[queue];
        return ethdev->interrupts ? rte_eth_dev_rx_intr_ctl_q_get_fd(ethdev->id, queue) : -1;
}

static bool ethdev_refresh(struct dp_io *io)
{
        const struct ethdev *ethdev = io->priv;
        struct rte_eth_link link = {0};

        rte_eth_link_get_nowait(ethdev->id, &link);
        bool changed = io->link != link.link_status;
        io->link = link.link_status;
        return changed;
}

static int ethdev_open(struct dp_io *io, const struct wire_attachment *attachment, struct dp_io_error *error)
{
        struct ethdev *ethdev = io->priv = rte_zmalloc("ethdev", sizeof(*ethdev), 0);
        int r;

        if (!ethdev)
                return dp_io_fail(error, ENOMEM, "out of memory");
        ethdev->id = RTE_MAX_ETHPORTS;
        if ((r = attach(ethdev, attachment, error)) < 0 || (r = setup(io, ethdev, attachment, error)) < 0)
                return r;
        rte_dev_event_callback_register(ethdev->name, wanted_back, io);
        if (io->port->role == DP_ROLE_UNDERLAY)
                rte_eth_macaddr_get(ethdev->id, &io->mac);

        int node = rte_eth_dev_socket_id(ethdev->id);
        for (uint16_t i = 0; i < attachment->queues; i++) {
                int fd = wait_fd(ethdev, i);
                bool xdp = ethdev->xsk_fds[i] >= 0; /* readable while packets wait; an interrupt is only a hint */
                io->rxqs[i] = (struct dp_rxq){.burst = ethdev_burst,
                                              .port = io->port,
                                              .io = io,
                                              .queue = i,
                                              .active = true,
                                              .wait_fd = fd,
                                              .poll_only = fd < 0,
                                              .edge = !xdp,
                                              .costly = xdp,
                                              .cold = true,
                                              .arm = fd >= 0 && !xdp ? ethdev_arm : NULL,
                                              .disarm = fd >= 0 && !xdp ? ethdev_disarm : NULL,
                                              .numa_node = node < 0 ? DP_INDEX_NONE : node,
                                              .worker = DP_INDEX_NONE};
        }
        io->rxq_count = io->queues = attachment->queues;
        io->connected = true;
        io->tx = ethdev_tx;
        ethdev_refresh(io);
        return 0;
}

static struct dp_io_ops pci_ops = {
        .device = WIRE_DEVICE_PCI,
        .name = "pci",
        .open = ethdev_open,
        .close = ethdev_close,
        .refresh = ethdev_refresh,
};
DP_IO_REGISTER(pci_ops)

static struct dp_io_ops xdp_ops = {
        .device = WIRE_DEVICE_AF_XDP,
        .name = "af_xdp",
        .open = ethdev_open,
        .close = ethdev_close,
        .refresh = ethdev_refresh,
};
DP_IO_REGISTER(xdp_ops)
