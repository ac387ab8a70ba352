/* See link.h; the attributes are those of linux/if_link.h, IFLA_VFINFO_LIST. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "link.h"
#include "netlink.h"

#ifndef RTEXT_FILTER_SKIP_STATS
#define RTEXT_FILTER_SKIP_STATS (1 << 3)
#endif

/* A request about an interface. */
static int link_message(const struct host *host, const char *interface, int type, unsigned flags, unsigned change,
                        struct nl_sock **ret_socket, struct nl_msg **ret)
{
        struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_flags = flags, .ifi_change = change};
        cleanup_nl_msg struct nl_msg *message = NULL;
        int r;

        if (!host_is_real(host))
                return -EOPNOTSUPP; /* a tree of files has no netlink, and ours is another host's */
        header.ifi_index = (int)if_nametoindex(interface);
        if (header.ifi_index == 0)
                return -errno;
        message = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_ACK);
        if (!message || nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0)
                return -ENOMEM;
        r = netlink_open(NETLINK_ROUTE, ret_socket);
        if (r == 0)
                *ret = TAKE_PTR(message);
        return r;
}

static void note(struct vf_values *values, enum vf_value which, uint64_t number)
{
        values->known |= VF_BIT(which);
        values->value[which] = number;
}

static uint64_t mac_number(const uint8_t mac[6])
{
        uint64_t number = 0;

        for (size_t i = 0; i < 6; i++)
                number = number << 8 | mac[i];
        return number;
}

/* The payload of an attribute, copied out (attributes are aligned to 4 bytes); false: none, or too short. */
static bool take(struct nlattr *attribute, void *ret, size_t size)
{
        if (!attribute || (size_t)nla_len(attribute) < size)
                return false;
        memcpy(ret, nla_data(attribute), size);
        return true;
}

static void parse_vlan(struct nlattr **attributes, struct vf_values *values)
{
        struct ifla_vf_vlan_info info = {.vlan_proto = htons(ETH_P_8021Q)};
        struct nlattr *list = attributes[IFLA_VF_VLAN_LIST];
        struct ifla_vf_vlan vlan;

        if (list)
                (void)take(nla_find(nla_data(list), nla_len(list), IFLA_VF_VLAN_INFO), &info, sizeof(info));
        if (!take(attributes[IFLA_VF_VLAN], &vlan, sizeof(vlan)))
                return;
        note(values, VF_VLAN, vlan.vlan);
        note(values, VF_QOS, vlan.qos);
        note(values, VF_VLAN_PROTOCOL, ntohs(info.vlan_proto));
}

/* Settings that a driver does not tell are -1. */
static void parse_switches(struct nlattr **attributes, struct vf_values *values)
{
        struct ifla_vf_spoofchk spoof_check;
        struct ifla_vf_trust trust;

        if (take(attributes[IFLA_VF_SPOOFCHK], &spoof_check, sizeof(spoof_check)) && spoof_check.setting <= 1)
                note(values, VF_SPOOF_CHECK, spoof_check.setting);
        if (take(attributes[IFLA_VF_TRUST], &trust, sizeof(trust)) && trust.setting <= 1)
                note(values, VF_TRUST, trust.setting);
}

static void parse_vf(struct nlattr *entry, struct vf *vfs, unsigned count)
{
        struct nlattr *attributes[IFLA_VF_MAX + 1];
        struct ifla_vf_link_state link_state;
        struct ifla_vf_rate rate;
        struct ifla_vf_mac mac;

        if (nla_parse_nested(attributes, IFLA_VF_MAX, entry, NULL) < 0 ||
            !take(attributes[IFLA_VF_MAC], &mac, sizeof(mac)) || mac.vf >= count)
                return;
        struct vf_values *values = &vfs[mac.vf].values;
        note(values, VF_MAC_ADDRESS, mac_number(mac.mac));
        parse_vlan(attributes, values);
        parse_switches(attributes, values);
        if (take(attributes[IFLA_VF_RATE], &rate, sizeof(rate))) {
                note(values, VF_MIN_TX_RATE, rate.min_tx_rate);
                note(values, VF_MAX_TX_RATE, rate.max_tx_rate);
        }
        if (take(attributes[IFLA_VF_LINK_STATE], &link_state, sizeof(link_state)))
                note(values, VF_LINK_STATE, link_state.link_state);
}

struct reading {
        struct vf *vfs;
        unsigned count;
};

static int on_link(struct nl_msg *message, void *user)
{
        struct reading *reading = user;
        struct nlattr *list = nlmsg_find_attr(nlmsg_hdr(message), sizeof(struct ifinfomsg), IFLA_VFINFO_LIST), *entry;
        int left;

        if (list)
                nla_for_each_nested(entry, list, left) parse_vf(entry, reading->vfs, reading->count);
        return NL_OK;
}

int link_read_vfs(const struct host *host, const char *interface, struct vf *vfs, unsigned count)
{
        struct reading reading = {vfs, count};
        cleanup_nl_sock struct nl_sock *socket = NULL;
        cleanup_nl_msg struct nl_msg *message = NULL;
        int r = link_message(host, interface, RTM_GETLINK, 0, 0, &socket, &message);

        if (r < 0)
                return r;
        /* Without the statistics, which are more than all else together. */
        if (nla_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS) < 0)
                return -ENOMEM;
        return netlink_ask(socket, message, on_link, &reading, NULL, 0);
}

/* VLANs of 802.1ad need the newer attribute, which older drivers' kernels do not know. */
static int put_vlan(struct nl_msg *message, unsigned number, const struct vf_values *values)
{
        struct ifla_vf_vlan vlan = {number, values->value[VF_VLAN], values->value[VF_QOS]};
        struct ifla_vf_vlan_info info = {number, values->value[VF_VLAN], values->value[VF_QOS],
                                         htons(values->value[VF_VLAN_PROTOCOL])};

        if (!(values->known & VF_BIT(VF_VLAN_PROTOCOL)) || values->value[VF_VLAN_PROTOCOL] == ETH_P_8021Q)
                return nla_put(message, IFLA_VF_VLAN, sizeof(vlan), &vlan);

        struct nlattr *list = nla_nest_start(message, IFLA_VF_VLAN_LIST);
        if (!list || nla_put(message, IFLA_VF_VLAN_INFO, sizeof(info), &info) < 0)
                return -ENOMEM;
        return nla_nest_end(message, list);
}

static int put_mac(struct nl_msg *message, unsigned number, uint64_t address)
{
        struct ifla_vf_mac mac = {.vf = number};

        for (size_t i = 0; i < 6; i++)
                mac.mac[i] = address >> (40 - 8 * i) & 255;
        return nla_put(message, IFLA_VF_MAC, sizeof(mac), &mac);
}

static int put_value(struct nl_msg *message, unsigned number, enum vf_value which, const struct vf_values *values)
{
        uint32_t setting = values->value[which];

        switch (which) {
        case VF_TRUST:
                return nla_put(message, IFLA_VF_TRUST, sizeof(struct ifla_vf_trust),
                               &(struct ifla_vf_trust){number, setting});
        case VF_SPOOF_CHECK:
                return nla_put(message, IFLA_VF_SPOOFCHK, sizeof(struct ifla_vf_spoofchk),
                               &(struct ifla_vf_spoofchk){number, setting});
        case VF_MAC_ADDRESS:
                return put_mac(message, number, values->value[VF_MAC_ADDRESS]);
        case VF_VLAN:
        case VF_QOS:
        case VF_VLAN_PROTOCOL:
                return put_vlan(message, number, values);
        case VF_MIN_TX_RATE:
        case VF_MAX_TX_RATE:
                return nla_put(
                        message, IFLA_VF_RATE, sizeof(struct ifla_vf_rate),
                        &(struct ifla_vf_rate){number, values->value[VF_MIN_TX_RATE], values->value[VF_MAX_TX_RATE]});
        case VF_LINK_STATE:
                return nla_put(message, IFLA_VF_LINK_STATE, sizeof(struct ifla_vf_link_state),
                               &(struct ifla_vf_link_state){number, setting});
        default:
                return -EINVAL;
        }
}

int link_write_vf(const struct host *host, const char *interface, unsigned number, enum vf_value which,
                  const struct vf_values *values, char words[LINK_WORDS_SIZE])
{
        cleanup_nl_sock struct nl_sock *socket = NULL;
        cleanup_nl_msg struct nl_msg *message = NULL;
        struct nlattr *list, *entry;
        int r = link_message(host, interface, RTM_SETLINK, 0, 0, &socket, &message);

        words[0] = '\0';
        if (r < 0)
                return r;
        list = nla_nest_start(message, IFLA_VFINFO_LIST);
        entry = list ? nla_nest_start(message, IFLA_VF_INFO) : NULL;
        if (!entry || put_value(message, number, which, values) < 0)
                return -ENOMEM;
        nla_nest_end(message, entry);
        nla_nest_end(message, list);
        return netlink_ask(socket, message, NULL, NULL, words, LINK_WORDS_SIZE);
}

int link_set_up(const struct host *host, const char *interface, bool up, char words[LINK_WORDS_SIZE])
{
        cleanup_nl_sock struct nl_sock *socket = NULL;
        cleanup_nl_msg struct nl_msg *message = NULL;
        int r = link_message(host, interface, RTM_NEWLINK, up ? IFF_UP : 0, IFF_UP, &socket, &message);

        words[0] = '\0';
        return r < 0 ? r : netlink_ask(socket, message, NULL, NULL, words, LINK_WORDS_SIZE);
}

struct search {
        unsigned index;
        bool found;
};

static int on_address(struct nl_msg *message, void *user)
{
        struct search *search = user;
        const struct ifaddrmsg *header = nlmsg_data(nlmsg_hdr(message));

        if (nlmsg_valid_hdr(nlmsg_hdr(message), sizeof(*header)) && header->ifa_index == search->index &&
            header->ifa_scope < RT_SCOPE_LINK)
                search->found = true;
        return NL_OK;
}

int link_has_address(const struct host *host, const char *interface)
{
        struct search search = {.index = host_is_real(host) ? if_nametoindex(interface) : 0};
        struct ifaddrmsg header = {.ifa_family = AF_UNSPEC};
        cleanup_nl_sock struct nl_sock *socket = NULL;
        cleanup_nl_msg struct nl_msg *message = NULL;

        if (search.index == 0)
                return 0; /* has gone, or never was */
        message = nlmsg_alloc_simple(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP);
        if (!message || nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0)
                return -ENOMEM;
        int r = netlink_open(NETLINK_ROUTE, &socket);
        if (r == 0)
                r = netlink_ask(socket, message, on_address, &search, NULL, 0);
        return r < 0 ? r : search.found;
}
