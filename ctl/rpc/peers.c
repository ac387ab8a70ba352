/* See peers.h. As many entries as there are addresses with a connection, which the limit of clients bounds. */
#include <errno.h>
#include <netinet/in.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "peers.h"
#include "socle/cleanup.h"

struct peer {
        unsigned char address[16]; /* IPv4 mapped; IPv6 without its interface identifier */
        unsigned count;
};

struct peers {
        void *tree; /* tsearch(3) */
        size_t total;
};

static int compare(const void *a, const void *b)
{
        return memcmp(((const struct peer *)a)->address, ((const struct peer *)b)->address, 16);
}

static struct peer key_of(const struct sockaddr_storage *peer)
{
        struct peer key = {.address = {[10] = 0xff, [11] = 0xff}};
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)peer;

        if (peer->ss_family == AF_INET)
                memcpy(key.address + 12, &((const struct sockaddr_in *)peer)->sin_addr, 4);
        else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
                memcpy(key.address, &six->sin6_addr, 16);
        else {
                memset(key.address, 0, 16);
                memcpy(key.address, &six->sin6_addr, 8);
        }
        return key;
}

struct peers *peers_new(void)
{
        return calloc(1, sizeof(struct peers));
}

struct peers *peers_free(struct peers *peers)
{
        if (peers)
                tdestroy(peers->tree, free);
        free(peers);
        return NULL;
}

int peers_add(struct peers *peers, const struct sockaddr_storage *peer, unsigned limit)
{
        struct peer key = key_of(peer);
        struct peer **found = tfind(&key, &peers->tree, compare);

        if (!found) {
                cleanup_free struct peer *fresh = malloc(sizeof(*fresh));
                if (!fresh)
                        return -ENOMEM;
                *fresh = key;
                found = tsearch(fresh, &peers->tree, compare);
                if (!found)
                        return -ENOMEM;
                TAKE_PTR(fresh);
        }
        if ((*found)->count >= limit)
                return -EUSERS;
        (*found)->count++;
        peers->total++;
        return 0;
}

void peers_remove(struct peers *peers, const struct sockaddr_storage *peer)
{
        struct peer key = key_of(peer);
        struct peer **found = tfind(&key, &peers->tree, compare);

        if (!found)
                return;
        struct peer *entry = *found;
        peers->total--;
        if (--entry->count == 0) {
                tdelete(&key, &peers->tree, compare);
                free(entry);
        }
}

size_t peers_total(const struct peers *peers)
{
        return peers->total;
}
