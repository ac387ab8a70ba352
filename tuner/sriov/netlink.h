/* A question to the kernel over netlink and its answer, with errno and words as the kernel gave them (libnl maps both
 * to fewer of its own). For link.c and devlink.c. */
#pragma once

#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "socle/cleanup.h"

static inline void nl_socket_free_p(struct nl_sock **socket)
{
        if (*socket)
                nl_socket_free(*socket);
}
#define cleanup_nl_sock __attribute__((cleanup(nl_socket_free_p)))
static inline void nlmsg_free_p(struct nl_msg **message)
{
        if (*message)
                nlmsg_free(*message);
}
#define cleanup_nl_msg __attribute__((cleanup(nlmsg_free_p)))

/* The kernel answers a request while it is being sent, so an answer that has not come after this has been lost. What
 * the kernel does in between has no end here: see bounded.h. */
#define NETLINK_ANSWER_S 5

int netlink_open(int protocol, struct nl_sock **ret);
/* Sends it and waits for the acknowledgement; `answer` sees each message that comes before it (NL_OK, NL_SKIP). 0 or
 * -errno, -ETIMEDOUT if no answer comes; words (may be NULL): the kernel's, or empty. */
int netlink_ask(struct nl_sock *socket, struct nl_msg *message, nl_recvmsg_msg_cb_t answer, void *user, char *words,
                size_t words_size);
