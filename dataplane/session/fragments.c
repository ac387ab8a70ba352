/* See fragments.h. */
#include <string.h>

#include "fragments.h"
#include "meta.h"

#define RETRY_MS 5

enum dp_fragment dp_fragments_hold(struct dp_fragments *fragments, struct rte_mbuf *m, uint32_t now_ms)
{
        struct dp_meta *meta = dp_meta(m);
        unsigned int same_port = 0;

        if (!(meta->flags & DP_META_HELD)) {
                meta->flags |= DP_META_HELD;
                m->hash.usr = now_ms + DP_FRAGMENTS_WAIT_MS;
        } else if ((int32_t)(now_ms - m->hash.usr) >= 0) {
                return DP_FRAGMENT_TOO_OLD;
        }
        for (uint16_t i = 0; i < fragments->count; i++)
                same_port += fragments->held[i]->port == m->port;
        if (fragments->count == DP_FRAGMENTS_HELD_MAX || same_port >= DP_FRAGMENTS_HELD_MAX / 4)
                return DP_FRAGMENT_NO_ROOM;
        if (fragments->count == 0)
                fragments->retry_ms = now_ms + RETRY_MS;
        fragments->held[fragments->count++] = m;
        return DP_FRAGMENT_HELD;
}

uint16_t dp_fragments_take(struct dp_fragments *fragments, struct rte_mbuf **packets, uint16_t n, uint32_t now_ms)
{
        if (!fragments->first_came && (int32_t)(now_ms - fragments->retry_ms) < 0)
                return 0;
        n = RTE_MIN(n, fragments->count);
        memcpy(packets, fragments->held, n * sizeof(packets[0]));
        fragments->count -= n;
        memmove(fragments->held, fragments->held + n, fragments->count * sizeof(fragments->held[0]));
        if (fragments->count == 0)
                fragments->first_came = false;
        fragments->retry_ms = now_ms + RETRY_MS;
        return n;
}
