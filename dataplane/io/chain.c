/* See chain.h. */
#include "chain.h"
#include "vnet.h"

static __thread struct chain waiting;

struct chain *chain_ready(struct rte_mempool *pool)
{
        struct chain *chain = &waiting;

        /* Segments of another NUMA node's pool serve as well: they go out with the next frames. */
        for (; chain->filled < CHAIN_SEGMENTS; chain->filled++) {
                struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
                if (!m)
                        return NULL;
                chain->segments[chain->filled] = m;
                chain->iov[chain->filled + 1].iov_base = rte_pktmbuf_mtod(m, void *);
                chain->iov[chain->filled + 1].iov_len = rte_pktmbuf_tailroom(m);
        }
        chain->iov[0].iov_base = &chain->vnet;
        chain->iov[0].iov_len = sizeof(chain->vnet);
        return chain;
}

struct rte_mbuf *chain_take(struct chain *chain, uint32_t size)
{
        struct rte_mbuf *head = chain->segments[0];
        struct rte_mbuf **link = &head;
        uint32_t left = size;
        uint16_t used = 0;

        while (left > 0 && used < CHAIN_SEGMENTS) {
                struct rte_mbuf *m = chain->segments[used];
                m->data_len = RTE_MIN(left, (uint32_t)rte_pktmbuf_tailroom(m));
                left -= m->data_len;
                *link = m;
                link = &m->next;
                used++;
        }
        head->nb_segs = used;
        head->pkt_len = size;

        /* The rest moves down; what was used is filled again next time. */
        for (uint16_t i = used; i < chain->filled; i++) {
                chain->segments[i - used] = chain->segments[i];
                chain->iov[i - used + 1] = chain->iov[i + 1];
        }
        chain->filled -= used;
        return head;
}

unsigned int chain_gather(struct rte_mbuf *m, struct virtio_net_hdr *vnet, struct iovec *iov, unsigned int max)
{
        unsigned int n = 1;

        vnet_from_mbuf(vnet, m);
        iov[0] = (struct iovec){vnet, sizeof(*vnet)};
        for (; m; m = m->next) {
                if (n == max)
                        return 0;
                iov[n++] = (struct iovec){rte_pktmbuf_mtod(m, void *), m->data_len};
        }
        return n;
}
