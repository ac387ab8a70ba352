/* How many connections there are from where: one address, or one IPv6 /64, may not have them all. */
#pragma once

#include <stddef.h>
#include <sys/socket.h>

struct peers;

struct peers *peers_new(void); /* NULL: no memory */
struct peers *peers_free(struct peers *peers);

/* -EUSERS: it has `limit` already; -ENOMEM. */
int peers_add(struct peers *peers, const struct sockaddr_storage *peer, unsigned limit);
void peers_remove(struct peers *peers, const struct sockaddr_storage *peer);
size_t peers_total(const struct peers *peers);
