/* Registers the dynamic field of state/meta.h. */
#include <rte_errno.h>

#include "meta.h"

int dp_meta_offset = -1;

int dp_meta_register(void)
{
        static const struct rte_mbuf_dynfield field = {
                .name = "socle_dynfield_meta", .size = sizeof(struct dp_meta), .align = 8};

        dp_meta_offset = rte_mbuf_dynfield_register(&field);
        return dp_meta_offset < 0 ? -rte_errno : 0;
}
