/* See netlink.h. */
#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>

#include "netlink.h"

#define ANSWER_BYTES (1 << 20) /* the longest: 256 VFs of one device */

struct outcome {
        bool done;
        int error;
        char *words;
        size_t words_size;
};

int netlink_open(int protocol, struct nl_sock **ret)
{
        cleanup_nl_sock struct nl_sock *socket = nl_socket_alloc();
        const struct timeval answer = {.tv_sec = NETLINK_ANSWER_S};
        int on = 1;

        if (!socket)
                return -ENOMEM;
        errno = 0;
        if (nl_connect(socket, protocol) < 0)
                return errno ? -errno : -EIO;
        if (nl_socket_set_msg_buf_size(socket, ANSWER_BYTES) < 0)
                return -ENOMEM;
        /* Words are a luxury: kernels before 4.12 have none. */
        (void)setsockopt(nl_socket_get_fd(socket), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
        (void)setsockopt(nl_socket_get_fd(socket), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
        if (setsockopt(nl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &answer, sizeof(answer)) < 0)
                return -errno;
        *ret = TAKE_PTR(socket);
        return 0;
}

/* With NETLINK_CAP_ACK an error carries the header of what was sent, then attributes. */
static void keep_words(struct outcome *outcome, const struct nlmsgerr *error)
{
        const struct nlmsghdr *header = (const struct nlmsghdr *)((const char *)error - NLMSG_HDRLEN);
        int length = (int)header->nlmsg_len - NLMSG_HDRLEN - (int)sizeof(*error);
        struct nlattr *attributes = (struct nlattr *)(error + 1), *text;

        if (!(header->nlmsg_flags & NLM_F_ACK_TLVS) || !(header->nlmsg_flags & NLM_F_CAPPED) || length <= 0 ||
            !outcome->words)
                return;
        text = nla_find(attributes, length, NLMSGERR_ATTR_MSG);
        if (text)
                snprintf(outcome->words, outcome->words_size, "%.*s", nla_len(text), (char *)nla_data(text));
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *user)
{
        struct outcome *outcome = user;

        outcome->done = true;
        outcome->error = error->error;
        keep_words(outcome, error);
        return NL_STOP;
}

static int on_end(struct nl_msg *message, void *user)
{
        ((struct outcome *)user)->done = true;
        return NL_STOP;
}

int netlink_ask(struct nl_sock *socket, struct nl_msg *message, nl_recvmsg_msg_cb_t answer, void *user, char *words,
                size_t words_size)
{
        struct outcome outcome = {.words = words, .words_size = words_size};
        struct nl_cb *callbacks = nl_cb_alloc(NL_CB_DEFAULT);
        int r;

        if (!callbacks)
                return -ENOMEM;
        if (words)
                words[0] = '\0';
        if (answer)
                nl_cb_set(callbacks, NL_CB_VALID, NL_CB_CUSTOM, answer, user);
        nl_cb_set(callbacks, NL_CB_ACK, NL_CB_CUSTOM, on_end, &outcome);
        nl_cb_set(callbacks, NL_CB_FINISH, NL_CB_CUSTOM, on_end, &outcome);
        nl_cb_err(callbacks, NL_CB_CUSTOM, on_error, &outcome);

        errno = 0;
        r = nl_send_auto(socket, message);
        while (r >= 0 && !outcome.done)
                r = nl_recvmsgs(socket, callbacks);
        nl_cb_put(callbacks);
        if (outcome.done)
                return outcome.error;
        if (r == -NLE_AGAIN)
                return -ETIMEDOUT;
        return errno ? -errno : -EIO;
}
