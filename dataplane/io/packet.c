/* Kernel interfaces through packet sockets (packet(7)). Our own and not DPDK's af_packet PMD, for three things that it
 * cannot: a worker can sleep on the socket; PACKET_VNET_HDR keeps checksums that the kernel left open and the large
 * segments that veth hands over whole (the PMD truncates them); PACKET_AUXDATA keeps the VLAN tag. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_ether.h>
#include <rte_malloc.h>

#include "chain.h"
#include "io.h"
#include "socle/cleanup.h"
#include "vnet.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

#define SOCKET_BUFFER (8 << 20)
#define TX_BATCH      32

struct packet {
        int fds[DP_IO_QUEUES_MAX];
        uint16_t queues;
        int index;
        char interface[IF_NAMESIZE];
};

/* The tag that the kernel took off the frame: noted for an underlay, put back for a guest, whose own it is. */
static bool take_auxdata(struct msghdr *message, struct rte_mbuf **m, bool underlay)
{
        for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
                if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
                        continue;
                const struct tpacket_auxdata *aux = (const void *)CMSG_DATA(c);
                if (!(aux->tp_status & TP_STATUS_VLAN_VALID))
                        continue;
                (*m)->vlan_tci = aux->tp_vlan_tci;
                if (underlay) {
                        (*m)->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
                        continue;
                }
                if (rte_vlan_insert(m) < 0)
                        return false;
        }
        return true;
}

static uint16_t packet_burst(struct dp_rxq *rxq, struct rte_mbuf **packets, uint16_t n)
{
        struct dp_io *io = rxq->io;
        bool underlay = rxq->port->role == DP_ROLE_UNDERLAY;
        uint16_t got = 0;

        for (uint16_t tries = 0; got < n && tries < 2 * n; tries++) {
                struct chain *chain = chain_ready(io->pool);
                char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))] __rte_aligned(8);
                if (!chain)
                        break;
                struct msghdr message = {.msg_iov = chain->iov,
                                         .msg_iovlen = CHAIN_SEGMENTS + 1,
                                         .msg_control = control,
                                         .msg_controllen = sizeof(control)};
                ssize_t size = recvmsg(rxq->wait_fd, &message, MSG_DONTWAIT);
                if (size < 0 && errno == EINVAL) {
                        dp_io_refuse(rxq->port,
                                     0); /* a segmentation type that virtio cannot name: the kernel has dropped it */
                        continue;
                }
                if (size <= (ssize_t)sizeof(chain->vnet))
                        break; /* EAGAIN; ENETDOWN is seen by refresh */
                struct rte_mbuf *m = chain_take(chain, size - sizeof(chain->vnet));
                if (message.msg_flags & MSG_TRUNC || !vnet_to_mbuf(&chain->vnet, m, underlay) ||
                    !take_auxdata(&message, &m, underlay)) {
                        dp_io_refuse(rxq->port, m->pkt_len);
                        rte_pktmbuf_free(m);
                        continue;
                }
                packets[got++] = m;
        }
        return got;
}

static uint16_t packet_tx(struct dp_port *port, unsigned int worker, struct rte_mbuf **packets, uint16_t n,
                          enum socle_drop *ret_reason)
{
        struct packet *packet = ((struct dp_io *)port->io)->priv;
        int fd = packet->fds[worker % packet->queues];
        struct virtio_net_hdr vnet[TX_BATCH];
        struct iovec iov[TX_BATCH][CHAIN_SEGMENTS];
        struct mmsghdr messages[TX_BATCH];
        uint16_t done = 0;

        while (done < n) {
                uint16_t count = RTE_MIN(n - done, TX_BATCH);
                for (uint16_t i = 0; i < count; i++) {
                        unsigned int parts = chain_gather(packets[done + i], &vnet[i], iov[i], CHAIN_SEGMENTS);
                        if (parts == 0) {
                                if (i == 0) {
                                        *ret_reason = SOCLE_DROP_TX_ERROR;
                                        return done;
                                }
                                count = i;
                                break;
                        }
                        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = iov[i], .msg_iovlen = parts}};
                }
                int sent = sendmmsg(fd, messages, count, MSG_DONTWAIT);
                if (sent <= 0) {
                        if (errno == EINVAL || errno == EMSGSIZE)
                                *ret_reason = SOCLE_DROP_TX_ERROR;
                        else if (errno == ENETDOWN || errno == ENXIO || errno == ENODEV)
                                *ret_reason = SOCLE_DROP_GUEST_ABSENT;
                        return done;
                }
                rte_pktmbuf_free_bulk(packets + done, sent);
                done += sent;
        }
        return done;
}

static int set_option(int fd, int option, int value)
{
        return setsockopt(fd, SOL_PACKET, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* One queue: a socket bound to the interface, in a fan-out group by flow when there are several. */
static int open_queue(struct dp_io *io, struct packet *packet, uint16_t queues)
{
        struct sockaddr_ll address = {
                .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = packet->index};
        struct packet_mreq promiscuous = {.mr_ifindex = packet->index, .mr_type = PACKET_MR_PROMISC};
        /* Protocol 0: receives nothing until bound, so that no frame of another interface slips in. */
        cleanup_close int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        int size = SOCKET_BUFFER, r;

        if (fd < 0)
                return -errno;
        if ((r = set_option(fd, PACKET_VNET_HDR, 1)) < 0 || (r = set_option(fd, PACKET_AUXDATA, 1)) < 0 ||
            (r = set_option(fd, PACKET_IGNORE_OUTGOING, 1)) < 0)
                return r;
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
        setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)) < 0)
                return -errno;
        if (queues > 1) {
                r = set_option(fd, PACKET_FANOUT,
                               ((getpid() ^ packet->index << 8) & 0xffff) | PACKET_FANOUT_HASH << 16);
                if (r < 0)
                        return r;
        }
        packet->fds[packet->queues++] = TAKE_FD(fd);
        return 0;
}

/* Asks the kernel about the interface: its MAC, and whether it is up and running. */
static int query(const struct packet *packet, struct rte_ether_addr *ret_mac, bool *ret_link)
{
        struct ifreq request = {0};

        snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", packet->interface);
        if (ioctl(packet->fds[0], SIOCGIFHWADDR, &request) < 0)
                return -errno;
        if (ret_mac)
                memcpy(ret_mac, request.ifr_hwaddr.sa_data, sizeof(*ret_mac));
        if (ioctl(packet->fds[0], SIOCGIFFLAGS, &request) < 0)
                return -errno;
        *ret_link = (request.ifr_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
        return 0;
}

/* A device that takes less than we would send loses packets without a word: not opened. */
static int check_mtu(const struct dp_io *io, const struct packet *packet, struct dp_io_error *error)
{
        struct ifreq request = {0};

        snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", packet->interface);
        if (ioctl(packet->fds[0], SIOCGIFMTU, &request) < 0)
                return -errno;
        if (request.ifr_mtu < io->mtu)
                return dp_io_fail(
                        error, EMSGSIZE,
                        "interface %s has MTU %d, %u is wanted: raise it (ip link set %s mtu %u) or lower mtu",
                        packet->interface, request.ifr_mtu, io->mtu, packet->interface, io->mtu);
        return 0;
}

static void packet_close(struct dp_io *io)
{
        struct packet *packet = io->priv;

        if (!packet)
                return;
        for (uint16_t i = 0; i < packet->queues; i++)
                close(packet->fds[i]);
        rte_free(packet);
        io->priv = NULL;
}

static int packet_open(struct dp_io *io, const struct wire_attachment *attachment, struct dp_io_error *error)
{
        struct packet *packet = io->priv = rte_zmalloc("packet", sizeof(*packet), 0);
        int r = 0;

        if (!packet)
                return dp_io_fail(error, ENOMEM, "out of memory");
        snprintf(packet->interface, sizeof(packet->interface), "%.15s", attachment->name);
        packet->index = if_nametoindex(packet->interface);
        if (packet->index == 0)
                return dp_io_fail(error, ENODEV, "interface %s does not exist (yet)", packet->interface);
        for (uint16_t i = 0; i < attachment->queues && r == 0; i++)
                r = open_queue(io, packet, attachment->queues);
        if (r == 0 && (r = check_mtu(io, packet, error)) < 0)
                return r;
        if (r == 0)
                r = query(packet, io->port->role == DP_ROLE_UNDERLAY ? &io->mac : NULL, &io->link);
        if (r < 0)
                return dp_io_fail(error, -r, "cannot open interface %s: %s", packet->interface, strerror(-r));

        for (uint16_t i = 0; i < packet->queues; i++)
                io->rxqs[i] = (struct dp_rxq){.burst = packet_burst,
                                              .port = io->port,
                                              .io = io,
                                              .queue = i,
                                              .active = true,
                                              .costly = true,
                                              .wait_fd = packet->fds[i],
                                              .numa_node = DP_INDEX_NONE,
                                              .worker = DP_INDEX_NONE};
        io->rxq_count = io->queues = packet->queues;
        io->connected = true;
        io->tx = packet_tx;
        io->port->tx_caps = DP_TX_L4_CSUM | DP_TX_TSO4 | DP_TX_TSO6 | DP_TX_TUNNEL_CSUM;
        return 0;
}

static bool packet_refresh(struct dp_io *io)
{
        struct packet *packet = io->priv;
        bool link = false;

        struct dp_io_error error;

        /* Deleted, deleted and made again under the same name, or too small by now: opened anew, or refused in words.
         */
        if (if_nametoindex(packet->interface) != (unsigned int)packet->index || query(packet, NULL, &link) < 0 ||
            check_mtu(io, packet, &error) < 0)
                io->broken = true;
        bool changed = link != io->link;
        io->link = link;
        return changed || io->broken;
}

static struct dp_io_ops packet_ops = {
        .device = WIRE_DEVICE_AF_PACKET,
        .name = "af_packet",
        .open = packet_open,
        .close = packet_close,
        .refresh = packet_refresh,
};
DP_IO_REGISTER(packet_ops)
