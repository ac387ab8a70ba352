/* A driver, a module or the kernel that does not come back: what is left behind is said, nothing is piled on it, all
 * else goes on, and once it has come back all can be put right. And answers that netlink never gives. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <netlink/msg.h>

#include "sriov/netlink.h"
#include "sriov_fixture.h"

#define DEVICE "'device':{'address':'" PF0 "'}"

static void put_link_down(struct kernel *kernel)
{
        tree_put(kernel->tree, "/sys/class/net/eth0/flags", "0x1002");
}

static void give_eswitch(struct kernel *kernel)
{
        kernel->eswitch[0] = ESWITCH_LEGACY;
}

static void take_vfio(struct kernel *kernel)
{
        tree_remove(kernel->tree, "/sys/bus/pci/drivers/vfio-pci");
}

static const struct {
        const char *hangs, *spec, *pointer, *words;
        void (*prepare)(struct kernel *kernel);
} changes[] = {
        {"link_set_up", "'numvfs':2", "/spec/device", "setting by netlink eth0 up", put_link_down},
        {"link_write_vf", "'numvfs':2,'vfs':[{'first':1,'vlan':7}]", "/spec/vfs/0/vlan",
         "setting by netlink vlan of VF 1 of eth0 to 7", NULL},
        {"devlink_write_eswitch", "'numvfs':2,'eswitch_mode':'switchdev'", "/spec/eswitch_mode",
         "setting by devlink its eswitch to mode switchdev", give_eswitch},
        {"module_load", "'numvfs':2,'vfs':[{'first':0,'driver':'vfio-pci'}]", "/spec/vfs/0/driver",
         "loading the kernel module of vfio-pci", take_vfio},
        {"module_load", "'numvfs':2,'vfs':[{'first':1,'driver':'kernel'}]", "/spec/numvfs",
         "loading the kernel module of pci:v8086", NULL},
        {PCI PF0 "/sriov_numvfs", "'numvfs':2", "/spec/numvfs",
         "writing '2' to /sys/bus/pci/devices/0000:01:00.0/sriov_numvfs", NULL},
        {PCI KVF(1) "/driver_override", "'numvfs':2,'vfs':[{'first':1,'driver':'vfio-pci'}]", "/spec/numvfs",
         "driver_override", NULL},
        {"/sys/bus/pci/drivers/vfio-pci/bind", "'numvfs':2,'vfs':[{'first':1,'driver':'vfio-pci'}]",
         "/spec/vfs/0/driver", "/sys/bus/pci/drivers/vfio-pci/bind", NULL},
};

static void put_driver_back(struct kernel *kernel)
{
        tree_put(kernel->tree, "/sys/bus/pci/drivers/vfio-pci/bind", "%s", "");
        tree_put(kernel->tree, "/sys/bus/pci/drivers/vfio-pci/unbind", "%s", "");
}

static void assert_fails(int r, int code, const struct errors *errors, const char *pointer, const char *words)
{
        assert_complaint(errors, pointer, words);
        assert_int_equal(r, code);
}

static void test_change(struct kernel *kernel, size_t i)
{
        struct errors stuck = {}, again = {}, restored = {}, other = {};
        char spec[192];

        if (changes[i].prepare)
                changes[i].prepare(kernel);
        snprintf(spec, sizeof(spec), "{" DEVICE ",%s}", changes[i].spec);
        kernel->hangs = changes[i].hangs;
        assert_fails(apply(kernel, "x", spec, NULL, &stuck), -ETIMEDOUT, &stuck, changes[i].pointer, changes[i].words);
        assert_complaint(&stuck, changes[i].pointer, PF0);
        assert_complaint(&stuck, changes[i].pointer, "still not done with");
        assert_complaint(&stuck, changes[i].pointer, "waited for 0 s");
        assert_complaint(&stuck, "", "could not be put back");
        assert_true(has_journal(kernel));

        unsigned writes = kernel->writes;
        assert_fails(apply(kernel, "x", spec, NULL, &again), -EBUSY, &again, "/spec/device", changes[i].words);
        assert_fails(sriov_restore(&kernel->tree->host, "x", NULL, &restored), -EBUSY, &restored, "/spec/device",
                     "still not done with");
        assert_int_equal(kernel->writes, writes);
        json_decref(status_of(kernel, spec)); /* one may look */
        if (changes[i].hangs[0] == '/')       /* it is that device's, and in nobody else's way */
                assert_int_equal(apply(kernel, "y", "{'device':{'address':'" PF1 "'},'numvfs':1}", NULL, &other), 0);

        kernel_lets_go(kernel);
        put_driver_back(kernel);
        apply_ok(kernel, spec);
        restore_ok(kernel);
}

static void test_changes(void **state)
{
        for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
                kernel_setup(state);
                test_change(*state, i);
                kernel_teardown(state);
        }
}

static const struct {
        const char *hangs, *words;
} looks[] = {
        {"link_read_vfs", "telling by netlink what the VFs of eth0 are like"},
        {"devlink_read_eswitch", "telling by devlink its eswitch's mode"},
        {"/sys/class/net/eth0/phys_port_name", "telling /sys/class/net/eth0/phys_port_name"},
};

/* What cannot be read is not written, and it is not said to be otherwise than it is. */
static void test_looks(void **state)
{
        static const char spec[] = "{" DEVICE ",'numvfs':2,'eswitch_mode':'switchdev'}";

        for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
                kernel_setup(state);
                struct kernel *kernel = *state;
                cleanup_wish struct sriov_wish *wish = wish_of(spec);
                struct errors errors = {};
                json_t *status = NULL;

                give_eswitch(kernel);
                apply_ok(kernel, spec);
                kernel->hangs = looks[i].hangs;
                apply_fails(kernel, "{" DEVICE ",'numvfs':3}", -ETIMEDOUT, "/spec/device", looks[i].words);
                apply_fails(kernel, "{" DEVICE ",'numvfs':3}", -EBUSY, "/spec/device", looks[i].words);
                assert_fails(sriov_status(&kernel->tree->host, wish, NULL, &status, &errors), -EBUSY, &errors,
                             "/spec/device", looks[i].words);
                kernel_lets_go(kernel);
                apply_ok(kernel, "{" DEVICE ",'numvfs':3}");
                kernel_teardown(state);
        }
}

static void test_a_pattern_names_the_device(void **state)
{
        struct kernel *kernel = *state;

        kernel->hangs = "/sys/class/net/eth0/phys_port_name";
        apply_fails(kernel, "{'device':{'pattern':{'vendor':'8086'}},'numvfs':3}", -ETIMEDOUT, "/spec/device/pattern",
                    PF0 " cannot be read: still not done with telling /sys/class/net/eth0/phys_port_name");
        kernel_lets_go(kernel);
}

/* By whom a VF is used, when the kernel does not say. */
static void test_addresses(void **state)
{
        struct kernel *kernel = *state;

        apply_ok(kernel, "{" DEVICE ",'numvfs':2}");
        tree_put(kernel->tree, PCI KVF(0) "/net/eth5/.keep", "%s", "");
        tree_put(kernel->tree, PCI KVF(1) "/net/eth6/.keep", "%s", "");
        kernel->hangs = "link_has_address";
        struct errors errors = {};
        assert_int_equal(apply(kernel, "x", "{" DEVICE ",'numvfs':3}", NULL, &errors), -EBUSY);
        assert_complaint(&errors, "/spec/numvfs", "own network, perhaps: whether its interface eth5 has an address");
        assert_complaint(&errors, "/spec/numvfs", "own network, perhaps: whether its interface eth6 has an address");
        kernel_lets_go(kernel);
        apply_ok(kernel, "{" DEVICE ",'numvfs':3}");
}

/* ---- netlink ---- */

/* The other end of a socket, in place of the kernel: reads the request, and answers with `count` messages of `type`. */
struct answerer {
        struct nl_sock *socket;
        int type, count;
};

static void *answer_so(void *user)
{
        struct answerer *answerer = user;
        int fd = nl_socket_get_fd(answerer->socket);
        struct {
                struct nlmsghdr header;
                struct nlmsgerr error;
        } message;
        struct sockaddr_nl from;
        socklen_t size = sizeof(from);

        assert_true(recvfrom(fd, &message, sizeof(message), 0, (struct sockaddr *)&from, &size) > 0);
        uint32_t sequence = message.header.nlmsg_seq;
        message.header = (struct nlmsghdr){.nlmsg_len = sizeof(message),
                                           .nlmsg_type = (uint16_t)answerer->type,
                                           .nlmsg_seq = sequence,
                                           .nlmsg_pid = from.nl_pid,
                                           .nlmsg_flags = answerer->type == NLMSG_ERROR ? 0 : NLM_F_MULTI};
        message.error = (struct nlmsgerr){.error = -EADDRINUSE};
        for (int i = 0; i < answerer->count; i++)
                assert_int_equal(sendto(fd, &message, sizeof(message), 0, (struct sockaddr *)&from, size),
                                 sizeof(message));
        return NULL;
}

static int count_answers(struct nl_msg *message, void *user)
{
        ++*(int *)user;
        return NL_OK;
}

static void test_netlink_answers(void **state)
{
        static const struct {
                int type, count, expected;
        } cases[] = {
                {NLMSG_ERROR, 1, -EADDRINUSE},
                {NLMSG_ERROR, 0, -ETIMEDOUT},
                {NLMSG_MIN_TYPE, 2, -ETIMEDOUT}, /* begins, and does not end */
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                cleanup_nl_sock struct nl_sock *socket = NULL, *other = NULL;
                struct answerer answerer = {.type = cases[i].type, .count = cases[i].count};
                struct timeval limit;
                socklen_t size = sizeof(limit);
                pthread_t thread;
                int seen = 0;

                assert_int_equal(netlink_open(NETLINK_USERSOCK, &socket), 0);
                assert_int_equal(netlink_open(NETLINK_USERSOCK, &other), 0);
                assert_int_equal(getsockopt(nl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &limit, &size), 0);
                assert_int_equal(limit.tv_sec, NETLINK_ANSWER_S);
                limit = (struct timeval){.tv_usec = 300000};
                setsockopt(nl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
                answerer.socket = other;
                nl_socket_set_peer_port(socket, nl_socket_get_local_port(other));
                assert_int_equal(pthread_create(&thread, NULL, answer_so, &answerer), 0);
                cleanup_nl_msg struct nl_msg *message = nlmsg_alloc_simple(NLMSG_MIN_TYPE, NLM_F_REQUEST | NLM_F_ACK);
                assert_int_equal(netlink_ask(socket, message, count_answers, &seen, NULL, 0), cases[i].expected);
                assert_int_equal(seen, cases[i].type == NLMSG_ERROR ? 0 : cases[i].count);
                pthread_join(thread, NULL);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_changes),
                cmocka_unit_test(test_looks),
                cmocka_unit_test_setup_teardown(test_a_pattern_names_the_device, kernel_setup, kernel_teardown),
                cmocka_unit_test_setup_teardown(test_addresses, kernel_setup, kernel_teardown),
                cmocka_unit_test(test_netlink_answers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
