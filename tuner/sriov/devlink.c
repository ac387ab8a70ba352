/* See devlink.h. */
#include <errno.h>
#include <linux/devlink.h>
#include <linux/genetlink.h>

#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "devlink.h"
#include "netlink.h"

static int eswitch_message(const struct host *host, const char *address, int command, struct nl_sock **ret_socket,
                           struct nl_msg **ret)
{
        cleanup_nl_msg struct nl_msg *message = NULL;
        int family, r;

        if (!host_is_real(host))
                return -EOPNOTSUPP; /* see link.c */
        r = netlink_open(NETLINK_GENERIC, ret_socket);
        if (r < 0)
                return r;
        family = genl_ctrl_resolve(*ret_socket, DEVLINK_GENL_NAME);
        if (family < 0) /* else no module that uses devlink is loaded */
                return family == -NLE_AGAIN ? -ETIMEDOUT : -ENODEV;
        message = nlmsg_alloc();
        if (!message || !genlmsg_put(message, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, NLM_F_REQUEST | NLM_F_ACK,
                                     (uint8_t)command, DEVLINK_GENL_VERSION))
                return -ENOMEM;
        if (nla_put_string(message, DEVLINK_ATTR_BUS_NAME, "pci") < 0 ||
            nla_put_string(message, DEVLINK_ATTR_DEV_NAME, address) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(message);
        return 0;
}

static int on_eswitch(struct nl_msg *message, void *user)
{
        struct nlattr *mode = nlmsg_find_attr(nlmsg_hdr(message), sizeof(struct genlmsghdr), DEVLINK_ATTR_ESWITCH_MODE);

        if (mode && nla_len(mode) >= (int)sizeof(uint16_t))
                *(enum eswitch_mode *)user =
                        nla_get_u16(mode) == DEVLINK_ESWITCH_MODE_SWITCHDEV ? ESWITCH_SWITCHDEV : ESWITCH_LEGACY;
        return NL_OK;
}

int devlink_read_eswitch(const struct host *host, const char *address, enum eswitch_mode *ret)
{
        enum eswitch_mode mode = ESWITCH_UNKNOWN;
        cleanup_nl_sock struct nl_sock *socket = NULL;
        cleanup_nl_msg struct nl_msg *message = NULL;
        int r = eswitch_message(host, address, DEVLINK_CMD_ESWITCH_GET, &socket, &message);

        if (r == 0)
                r = netlink_ask(socket, message, on_eswitch, &mode, NULL, 0);
        if (r == 0 && mode == ESWITCH_UNKNOWN)
                r = -EOPNOTSUPP;
        if (r == 0)
                *ret = mode;
        return r;
}

int devlink_write_eswitch(const struct host *host, const char *address, enum eswitch_mode mode,
                          char words[LINK_WORDS_SIZE])
{
        uint16_t number = mode == ESWITCH_SWITCHDEV ? DEVLINK_ESWITCH_MODE_SWITCHDEV : DEVLINK_ESWITCH_MODE_LEGACY;
        cleanup_nl_sock struct nl_sock *socket = NULL;
        cleanup_nl_msg struct nl_msg *message = NULL;
        int r = eswitch_message(host, address, DEVLINK_CMD_ESWITCH_SET, &socket, &message);

        words[0] = '\0';
        if (r < 0)
                return r;
        if (nla_put_u16(message, DEVLINK_ATTR_ESWITCH_MODE, number) < 0)
                return -ENOMEM;
        return netlink_ask(socket, message, NULL, NULL, words, LINK_WORDS_SIZE);
}
