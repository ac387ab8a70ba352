/* Guests behind vhost-user sockets, by librte_vhost itself: an ethdev a guest would end at RTE_MAX_ETHPORTS. We are the
 * client: QEMU listens, and the library connects again within a second whenever either side was restarted.
 *
 * The library's own thread calls new_device and destroy_device; they publish and withdraw the device's number (vid)
 * with one atomic, and destroy_device returns only when no worker can still use it. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_ip.h>
#include <rte_jhash.h>
#include <rte_malloc.h>
#include <rte_net.h>
#include <rte_udp.h>
#include <rte_vhost.h>

#include "io.h"
#include "meta.h"
#include "rcu.h"

#define VHOST_BATCH   32   /* what one call of the library takes at most */
#define VHOST_DEVICES 1024 /* RTE_MAX_VHOST_DEVICE */

struct vhost {
        int vid;          /* -1: no guest; written by the library's thread, read by workers */
        uint16_t pairs;   /* usable queue pairs, likewise */
        uint32_t enabled; /* bit by ring; the library's thread's */
        uint32_t loud;    /* bit by pair: the guest was not told yet when to kick; set by control, cleared by workers */
        uint16_t queues;  /* configured */
        char path[WIRE_PATH_SIZE];
        struct dp_io *io;
        int kick[DP_IO_QUEUES_MAX]; /* our duplicates of the guest's kick eventfds; control's */
};

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vhost *registry[VHOST_DEVICES]; /* by registration, in no order */

/* The queue pairs as the guest numbers them: its receive queue is even, its transmit queue odd. */
#define GUEST_RX(pair) ((pair)*2)
#define GUEST_TX(pair) ((pair)*2 + 1)

/* What the guest left to do, as the library reports it (RTE_VHOST_USER_NET_COMPLIANT_OL_FLAGS; unusual checksums it has
 * made already). Its own older translation trusts the guest too far: it keeps what does not fit the packet. */
#define CLAIMS (RTE_MBUF_F_RX_L4_CKSUM_NONE | RTE_MBUF_F_RX_LRO)

/* Turns the claims into requests to ourselves. false: they do not fit the packet. */
static bool take_claims(struct rte_mbuf *m)
{
        uint64_t claims = m->ol_flags & CLAIMS;
        struct rte_net_hdr_lens lens = {0};

        m->ol_flags = 0;
        if (!claims)
                return true;
        uint32_t type = rte_net_get_ptype(m, &lens, RTE_PTYPE_L2_MASK | RTE_PTYPE_L3_MASK | RTE_PTYPE_L4_MASK);
        bool tcp = (type & RTE_PTYPE_L4_MASK) == RTE_PTYPE_L4_TCP;
        if (!tcp && ((type & RTE_PTYPE_L4_MASK) != RTE_PTYPE_L4_UDP || claims & RTE_MBUF_F_RX_LRO))
                return false;

        m->l2_len = lens.l2_len;
        m->l3_len = lens.l3_len;
        m->l4_len = lens.l4_len;
        m->ol_flags = RTE_ETH_IS_IPV4_HDR(type) ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
        m->ol_flags |= tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
        if (claims & RTE_MBUF_F_RX_LRO)
                m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
        return lens.l3_len >= sizeof(struct rte_ipv4_hdr) && lens.l4_len >= sizeof(struct rte_udp_hdr) &&
               (!(claims & RTE_MBUF_F_RX_LRO) || m->tso_segsz >= DP_SEGMENT_MIN);
}

/* A guest kicks until it is told not to, each time by a system call or an exit. Of its new receive buffers nobody wants
 * to hear, ever; of packets only a worker that is about to sleep (vhost_arm). Not in the library's callbacks nor on the
 * control thread: the ring's lock is held while the library calls us, and may wait there for control. */
static void silence(struct vhost *vhost, int vid, uint16_t pair)
{
        __atomic_fetch_and(&vhost->loud, ~(1U << pair), __ATOMIC_RELAXED);
        rte_vhost_enable_guest_notification(vid, GUEST_RX(pair), 0);
        rte_vhost_enable_guest_notification(vid, GUEST_TX(pair), 0);
}

static uint16_t vhost_burst(struct dp_rxq *rxq, struct rte_mbuf **packets, uint16_t n)
{
        struct dp_io *io = rxq->io;
        struct vhost *vhost = io->priv;
        int vid = __atomic_load_n(&vhost->vid, __ATOMIC_ACQUIRE);
        uint16_t got = 0, more;

        if (vid < 0)
                return 0;
        if (unlikely(__atomic_load_n(&vhost->loud, __ATOMIC_RELAXED) & 1U << rxq->queue))
                silence(vhost, vid, rxq->queue);
        do {
                more = rte_vhost_dequeue_burst(vid, GUEST_TX(rxq->queue), io->pool, packets + got, n - got);
                got += more;
        } while (more == VHOST_BATCH && got < n);

        uint64_t claims = 0;
        for (uint16_t i = 0; i < got; i++)
                claims |= packets[i]->ol_flags;
        if (likely(!(claims & CLAIMS)))
                return got;
        uint16_t good = 0;
        for (uint16_t i = 0; i < got; i++) {
                if (take_claims(packets[i])) {
                        packets[good++] = packets[i];
                } else {
                        dp_io_refuse(rxq->port, packets[i]->pkt_len);
                        rte_pktmbuf_free(packets[i]);
                }
        }
        return good;
}

static bool vhost_arm(struct dp_rxq *rxq)
{
        struct vhost *vhost = ((struct dp_io *)rxq->io)->priv;
        int vid = __atomic_load_n(&vhost->vid, __ATOMIC_ACQUIRE);

        if (vid < 0)
                return false;
        rte_vhost_enable_guest_notification(vid, GUEST_TX(rxq->queue), 1);
        return rte_vhost_rx_queue_count(vid, GUEST_TX(rxq->queue)) > 0;
}

static void vhost_disarm(struct dp_rxq *rxq)
{
        struct vhost *vhost = ((struct dp_io *)rxq->io)->priv;
        int vid = __atomic_load_n(&vhost->vid, __ATOMIC_ACQUIRE);

        if (vid >= 0)
                rte_vhost_enable_guest_notification(vid, GUEST_TX(rxq->queue), 0);
}

static uint16_t vhost_tx(struct dp_port *port, unsigned int worker, struct rte_mbuf **packets, uint16_t n,
                         enum socle_drop *ret_reason)
{
        struct vhost *vhost = ((struct dp_io *)port->io)->priv;
        int vid = __atomic_load_n(&vhost->vid, __ATOMIC_ACQUIRE);
        uint16_t pairs = __atomic_load_n(&vhost->pairs, __ATOMIC_RELAXED);
        uint16_t sent = 0;

        if (vid < 0 || pairs == 0) {
                *ret_reason = SOCLE_DROP_GUEST_ABSENT;
                return 0;
        }
        while (sent < n) {
                uint16_t more = rte_vhost_enqueue_burst(vid, GUEST_RX(worker % pairs), packets + sent, n - sent);
                if (more == 0)
                        break;
                sent += more;
        }
        rte_pktmbuf_free_bulk(packets, sent);
        return sent;
}

/* ---- the library's thread ---- */

static struct vhost *find(int vid)
{
        char path[WIRE_PATH_SIZE];
        struct vhost *found = NULL;

        if (rte_vhost_get_ifname(vid, path, sizeof(path)) < 0)
                return NULL;
        pthread_mutex_lock(&registry_lock);
        for (unsigned int i = 0; i < VHOST_DEVICES && !found; i++)
                if (registry[i] && strcmp(registry[i]->path, path) == 0)
                        found = registry[i];
        pthread_mutex_unlock(&registry_lock);
        return found;
}

static uint32_t caps_of(uint64_t features)
{
        uint32_t caps = 0;

        if (features & 1ULL << VIRTIO_NET_F_GUEST_CSUM)
                caps |= DP_TX_L4_CSUM;
        if (features & 1ULL << VIRTIO_NET_F_GUEST_TSO4)
                caps |= DP_TX_TSO4;
        if (features & 1ULL << VIRTIO_NET_F_GUEST_TSO6)
                caps |= DP_TX_TSO6;
        return caps;
}

/* How many leading queue pairs the guest has in use: QEMU sets up all of them and enables those its guest wants. */
static void count_pairs(struct vhost *vhost)
{
        uint16_t pairs = 0;

        while (pairs < vhost->queues && (vhost->enabled >> GUEST_RX(pairs) & 3) == 3)
                pairs++;
        __atomic_store_n(&vhost->pairs, pairs, __ATOMIC_RELAXED);
}

static int new_device(int vid)
{
        struct vhost *vhost = find(vid);
        uint64_t features = 0;

        if (!vhost)
                return -1;
        rte_vhost_get_negotiated_features(vid, &features);
        __atomic_store_n(&vhost->io->port->tx_caps, caps_of(features), __ATOMIC_RELAXED);
        vhost->io->features = features;
        count_pairs(vhost);
        __atomic_store_n(&vhost->vid, vid, __ATOMIC_RELEASE);
        dp_io_notify(vhost->io);
        return 0;
}

static void destroy_device(int vid)
{
        struct vhost *vhost = find(vid);

        if (!vhost)
                return;
        pthread_mutex_lock(&registry_lock); /* control may be looking at its rings */
        __atomic_store_n(&vhost->vid, -1, __ATOMIC_RELEASE);
        vhost->enabled = 0;
        pthread_mutex_unlock(&registry_lock);
        dp_rcu_synchronize();
        dp_io_notify(vhost->io);
}

static int vring_state_changed(int vid, uint16_t queue, int enable)
{
        struct vhost *vhost = find(vid);

        if (!vhost || queue >= 32)
                return 0;
        if (enable)
                vhost->enabled |= 1U << queue;
        else
                vhost->enabled &= ~(1U << queue);
        if (__atomic_load_n(&vhost->vid, __ATOMIC_RELAXED) == vid) {
                count_pairs(vhost);
                dp_io_notify(vhost->io);
        }
        return 0;
}

static const struct rte_vhost_device_ops callbacks = {
        .new_device = new_device,
        .destroy_device = destroy_device,
        .vring_state_changed = vring_state_changed,
};

/* ---- control ---- */

/* The library would take the same path twice, and mix the two up. */
static bool is_taken(const char *path)
{
        bool taken = false;

        pthread_mutex_lock(&registry_lock);
        for (unsigned int i = 0; i < VHOST_DEVICES && !taken; i++)
                taken = registry[i] && strcmp(registry[i]->path, path) == 0;
        pthread_mutex_unlock(&registry_lock);
        return taken;
}

static int registry_set(struct vhost *old, struct vhost *new)
{
        int r = -ENOSPC;

        pthread_mutex_lock(&registry_lock);
        for (unsigned int i = 0; i < VHOST_DEVICES && r < 0; i++)
                if (registry[i] == old) {
                        registry[i] = new;
                        r = 0;
                }
        pthread_mutex_unlock(&registry_lock);
        return r;
}

/* Other descriptors of the same eventfd stay open, so closing ours alone would leave it in the worker's epoll. */
static void drop_kicks(struct dp_io *io, struct vhost *vhost)
{
        for (unsigned int i = 0; i < RTE_DIM(vhost->kick); i++) {
                if (vhost->kick[i] < 0)
                        continue;
                dp_rxq_unwatch(&io->rxqs[i]);
                close(vhost->kick[i]);
                vhost->kick[i] = -1;
        }
}

static void vhost_close(struct dp_io *io)
{
        struct vhost *vhost = io->priv;

        if (!vhost)
                return;
        rte_vhost_driver_unregister(vhost->path); /* calls destroy_device */
        registry_set(vhost, NULL);
        drop_kicks(io, vhost);
        rte_free(vhost);
        io->priv = NULL;
}

static int start(const char *path)
{
        /* UFO is gone from kernels, and nothing here can cut it; on packed rings the library of 22.11 cannot tell
         * whether packets wait (rte_vhost_rx_queue_count), so that a worker could not sleep. */
        const uint64_t unwanted =
                1ULL << VIRTIO_NET_F_HOST_UFO | 1ULL << VIRTIO_NET_F_GUEST_UFO | 1ULL << VIRTIO_F_RING_PACKED;

        if (rte_vhost_driver_disable_features(path, unwanted) < 0 ||
            rte_vhost_driver_callback_register(path, &callbacks) < 0 || rte_vhost_driver_start(path) < 0)
                return -EIO;
        return 0;
}

/* An underlay's: vhost-user gives its back end none. Locally administered, and the same after a restart. */
static struct rte_ether_addr own_mac(const char *path)
{
        uint32_t hash = rte_jhash(path, strlen(path), 0);
        struct rte_ether_addr mac = {{0x02, 0x5c}};

        memcpy(&mac.addr_bytes[2], &hash, sizeof(hash));
        return mac;
}

static int vhost_open(struct dp_io *io, const struct wire_attachment *attachment, struct dp_io_error *error)
{
        struct vhost *vhost = rte_zmalloc("vhost", sizeof(*vhost), 0);

        if (!vhost)
                return dp_io_fail(error, ENOMEM, "out of memory");
        vhost->vid = -1;
        vhost->io = io;
        vhost->queues = attachment->queues;
        memset(vhost->kick, -1, sizeof(vhost->kick));
        snprintf(vhost->path, sizeof(vhost->path), "%s", attachment->path);
        if (is_taken(vhost->path)) {
                rte_free(vhost);
                return dp_io_fail(error, EADDRINUSE, "another port still has vhost-user socket %s", attachment->path);
        }
        if (registry_set(NULL, vhost) < 0) {
                rte_free(vhost);
                return dp_io_fail(error, ENOSPC, "no more than %d vhost-user ports", VHOST_DEVICES);
        }
        io->tx = vhost_tx;
        io->port->tx_caps = 0;
        if (io->port->role == DP_ROLE_UNDERLAY)
                io->mac = own_mac(vhost->path);
        for (uint16_t i = 0; i < vhost->queues; i++)
                io->rxqs[i] = (struct dp_rxq){.burst = vhost_burst,
                                              .arm = vhost_arm,
                                              .disarm = vhost_disarm,
                                              .port = io->port,
                                              .io = io,
                                              .queue = i,
                                              .wait_fd = -1,
                                              .edge = true,
                                              .numa_node = DP_INDEX_NONE,
                                              .worker = DP_INDEX_NONE};
        io->rxq_count = vhost->queues;

        if (rte_vhost_driver_register(vhost->path, RTE_VHOST_USER_CLIENT | RTE_VHOST_USER_NET_COMPLIANT_OL_FLAGS) < 0) {
                registry_set(vhost, NULL);
                rte_free(vhost);
                return dp_io_fail(error, ENOMEM, "cannot use vhost-user socket %s: out of memory", attachment->path);
        }
        io->priv = vhost;
        if (start(vhost->path) < 0)
                return dp_io_fail(error, EIO, "cannot start vhost-user on %s", vhost->path);
        return 0;
}

/* Duplicates the kick of each queue pair in use: the library may close its own while workers wait on it. */
static void take_kicks(struct dp_io *io, struct vhost *vhost, int vid)
{
        int node = rte_vhost_get_numa_node(vid);

        __atomic_store_n(&vhost->loud, UINT32_MAX, __ATOMIC_RELAXED);
        for (uint16_t i = 0; i < io->rxq_count; i++) {
                struct rte_vhost_vring vring;
                io->rxqs[i].active = i < vhost->pairs;
                io->rxqs[i].numa_node = node < 0 ? DP_INDEX_NONE : node;
                io->rxqs[i].wait_fd = -1;
                if (io->rxqs[i].active && rte_vhost_get_vhost_vring(vid, GUEST_TX(i), &vring) == 0 && vring.kickfd >= 0)
                        io->rxqs[i].wait_fd = vhost->kick[i] = dup(vring.kickfd);
                io->rxqs[i].poll_only = io->rxqs[i].active && io->rxqs[i].wait_fd < 0;
        }
}

static bool vhost_refresh(struct dp_io *io)
{
        struct vhost *vhost = io->priv;

        if (!__atomic_exchange_n(&io->changed, false, __ATOMIC_ACQ_REL))
                return false;
        drop_kicks(io, vhost);
        pthread_mutex_lock(&registry_lock);
        int vid = __atomic_load_n(&vhost->vid, __ATOMIC_ACQUIRE);
        io->connected = io->link = vid >= 0;
        io->queues = vid >= 0 ? vhost->pairs : 0;
        if (vid >= 0)
                take_kicks(io, vhost, vid);
        pthread_mutex_unlock(&registry_lock);
        if (vid < 0)
                io->features = 0;
        for (uint16_t i = 0; vid < 0 && i < io->rxq_count; i++) {
                io->rxqs[i].active = io->rxqs[i].poll_only = false;
                io->rxqs[i].wait_fd = -1;
        }
        return true;
}

static struct dp_io_ops vhost_ops = {
        .device = WIRE_DEVICE_VHOST_USER,
        .name = "vhost_user",
        .open = vhost_open,
        .close = vhost_close,
        .refresh = vhost_refresh,
};
DP_IO_REGISTER(vhost_ops)
