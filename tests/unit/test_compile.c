/* What each kind becomes on the wire, field by field, and that it is a pure function of the objects. */
#include "gather.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "socle/cleanup.h"
#include "socle/wire.h"

static void test_underlay(void **state)
{
        struct fixture *f = *state;
        struct gather gather;
        struct wire_underlay expected;

        apply_ok(
                f,
                "[{'kind':'Underlay','name':'u','spec':{'device':{'pci':{'address':'3B:00.1'}},'rx_queues':4,"
                "'workers':[0,5,63],'vtep_ipv4':'192.0.2.1/24','vtep_ipv6':'fd00:2::1/64','gateway_ipv4':'192.0.2.254',"
                "'gateway_ipv6':'fe80::1','mtu':9000,'udp_port':8472,'ttl':9,'dscp':46}},"
                "{'kind':'Underlay','name':'v','spec':{'device':{'af_xdp':{'interface':'eth1'}}}},"
                "{'kind':'Underlay','name':'w','spec':{'device':{'tap':{'name':'t','netns':'guest'}}}}]");
        wire_init(&expected, WIRE_UNDERLAY);
        expected.id = id_of(f, "Underlay", "u");
        expected.mtu = 9000;
        expected.attachment.device = WIRE_DEVICE_PCI;
        expected.attachment.queues = 4;
        expected.attachment.workers = 1u | 1u << 5 | UINT64_C(1) << 63;
        snprintf(expected.attachment.name, sizeof(expected.attachment.name), "0000:3b:00.1");
        wire_ip("192.0.2.1", expected.vtep4);
        wire_ip("fd00:2::1", expected.vtep6);
        wire_ip("192.0.2.254", expected.gateway4);
        wire_ip("fe80::1", expected.gateway6);
        expected.prefix4 = 24;
        expected.prefix6 = 64;
        expected.ttl = 9;
        expected.dscp = 46;
        expected.udp_port = 8472;
        snprintf(expected.name, sizeof(expected.name), "u");
        gather_object(f, "Underlay", "u", &gather);
        assert_int_equal(gather.count, 1);
        assert_record(&gather, 0, &expected);

        wire_init(&expected, WIRE_UNDERLAY);
        expected.id = id_of(f, "Underlay", "v");
        expected.mtu = 1500;
        expected.attachment.device = WIRE_DEVICE_AF_XDP;
        expected.attachment.queues = 1;
        snprintf(expected.attachment.name, sizeof(expected.attachment.name), "eth1");
        expected.ttl = 64;
        expected.dscp = 255;
        expected.udp_port = 4789;
        snprintf(expected.name, sizeof(expected.name), "v");
        gather_object(f, "Underlay", "v", &gather);
        assert_record(&gather, 0, &expected);

        expected.id = id_of(f, "Underlay", "w");
        memset(&expected.attachment, 0, sizeof(expected.attachment));
        expected.attachment.device = WIRE_DEVICE_TAP;
        expected.attachment.queues = 1;
        snprintf(expected.attachment.name, sizeof(expected.attachment.name), "t");
        snprintf(expected.attachment.path, sizeof(expected.attachment.path), "guest");
        snprintf(expected.name, sizeof(expected.name), "w");
        gather_object(f, "Underlay", "w", &gather);
        assert_record(&gather, 0, &expected);
}

static void assert_network(struct fixture *f, const char *name, uint32_t encapsulation, uint32_t tag, uint32_t mtu,
                           uint32_t learn_max, uint32_t learn_age)
{
        struct gather gather;
        struct wire_network expected;

        wire_init(&expected, WIRE_NETWORK);
        expected.id = id_of(f, "Network", name);
        expected.underlay = id_of(f, "Underlay", "u");
        expected.encapsulation = encapsulation;
        expected.tag = tag;
        expected.mtu = mtu;
        expected.flood = learn_age > 0;
        expected.learn_max = learn_max;
        expected.learn_age_s = learn_age;
        snprintf(expected.name, sizeof(expected.name), "%s", name);
        gather_object(f, "Network", name, &gather);
        assert_int_equal(gather.count, 1);
        assert_record(&gather, 0, &expected);
}

static void apply_underlay(struct fixture *f, const char *rest)
{
        cleanup_(json_decrefp) json_t *objects = parse_format(
                "[{'kind':'Underlay','name':'u','spec':{'device':{'af_packet':{'interface':'eth1'}}%s}}]", rest);
        cleanup_free char *text = json_dumps(objects, JSON_COMPACT);

        apply_ok(f, text);
}

static void test_network(void **state)
{
        struct fixture *f = *state;

        apply_underlay(f, ",'mtu':1600,'vtep_ipv4':'192.0.2.1/24','vtep_ipv6':'fd00:2::1/64'");
        apply_ok(f, "[{'kind':'Network','name':'a','spec':{'underlay':'u','vni':100}},"
                    " {'kind':'Network','name':'b','spec':{'underlay':'u','vlan':0,'flood':true}},"
                    " {'kind':'Network','name':'c','spec':{'underlay':'u','vni':16777215,'mtu':1400,'flood':true,"
                    "  'learn_max':7,'learn_age':60}}]");
        assert_network(f, "a", WIRE_ENCAP_VXLAN, 100, 1530, 0, 0);
        assert_network(f, "b", WIRE_ENCAP_VLAN, 0, 1600, 4096, 300);
        assert_network(f, "c", WIRE_ENCAP_VXLAN, 16777215, 1400, 7, 60);

        /* The MTU that is not set follows the underlay. */
        apply_underlay(f, ",'mtu':1600,'vtep_ipv4':'192.0.2.1/24'");
        assert_network(f, "a", WIRE_ENCAP_VXLAN, 100, 1550, 0, 0);
        apply_underlay(f, ",'mtu':9702");
        assert_network(f, "a", WIRE_ENCAP_VXLAN, 100, 9216, 0, 0);
        assert_network(f, "b", WIRE_ENCAP_VLAN, 0, 9216, 4096, 300);
        assert_network(f, "c", WIRE_ENCAP_VXLAN, 16777215, 1400, 7, 60);
}

static void test_port(void **state)
{
        static const uint8_t mac[6] = {0xfa, 0x16, 0x3e, 0, 0, 1};
        struct fixture *f = *state;
        struct gather gather;
        struct wire_port expected;
        struct wire_neigh neigh;

        apply_underlay(f, "");
        apply_ok(f, "[{'kind':'Network','name':'n','spec':{'underlay':'u','vni':100}},"
                    " {'kind':'Port','name':'p','spec':{'network':'n','mac_address':'FA:16:3E:00:00:01',"
                    "  'fixed_ips':['10.0.0.1','fd00::1'],'workers':[1],"
                    "  'attachment':{'vhost_user':{'socket':'/run/vm1/vhost0.sock','queues':4}}}},"
                    " {'kind':'Port','name':'q','spec':{'network':'n','mac_address':'fa:16:3e:00:00:02','mtu':1300,"
                    "  'admin_state_up':false,'port_security':false,'session_limit':1000,'session_rate_limit':50,"
                    "  'attachment':{'tap':{'name':'tq','netns':'/run/netns/x','queues':2}}}},"
                    " {'kind':'Port','name':'r','spec':{'network':'n','mac_address':'fa:16:3e:00:00:03',"
                    "  'attachment':{'device':{'af_packet':{'interface':'eth9'}}}}}]");
        wire_init(&expected, WIRE_PORT);
        expected.id = id_of(f, "Port", "p");
        expected.network = id_of(f, "Network", "n");
        expected.attachment.device = WIRE_DEVICE_VHOST_USER;
        expected.attachment.queues = 4;
        expected.attachment.workers = 2;
        snprintf(expected.attachment.path, sizeof(expected.attachment.path), "/run/vm1/vhost0.sock");
        expected.mtu = 1450;
        memcpy(expected.mac, mac, 6);
        expected.admin_up = 1;
        expected.port_security = 1;
        snprintf(expected.name, sizeof(expected.name), "p");
        gather_object(f, "Port", "p", &gather);
        assert_int_equal(gather.count, 3 + 2); /* … and what it may send from: test_security_groups.c */
        assert_record(&gather, 0, &expected);
        for (size_t i = 0; i < 2; i++) {
                wire_init(&neigh, WIRE_NEIGH);
                neigh.network = expected.network;
                neigh.origin = WIRE_ORIGIN_LOCAL;
                wire_ip(i == 0 ? "10.0.0.1" : "fd00::1", neigh.ip);
                memcpy(neigh.mac, mac, 6);
                assert_record(&gather, 1 + i, &neigh);
        }

        gather_object(f, "Port", "q", &gather);
        assert_int_equal(gather.count, 1);
        const struct wire_port *q = gathered(&gather, 0);
        assert_int_equal(q->mtu, 1300);
        assert_int_equal(q->admin_up, 0);
        assert_int_equal(q->port_security, 0);
        assert_int_equal(q->session_limit, 1000);
        assert_int_equal(q->session_rate_limit, 50);
        assert_int_equal(q->attachment.device, WIRE_DEVICE_TAP);
        assert_int_equal(q->attachment.queues, 2);
        assert_int_equal(q->attachment.workers, 0);
        assert_string_equal(q->attachment.name, "tq");
        assert_string_equal(q->attachment.path, "/run/netns/x");

        gather_object(f, "Port", "r", &gather);
        const struct wire_port *r = gathered(&gather, 0);
        assert_int_equal(r->attachment.device, WIRE_DEVICE_AF_PACKET);
        assert_int_equal(r->attachment.queues, 1);
        assert_string_equal(r->attachment.name, "eth9");
}

static void test_peer(void **state)
{
        static const uint8_t mac[6] = {0xfa, 0x16, 0x3e, 0, 0, 2};
        struct fixture *f = *state;
        struct gather gather;
        struct wire_peer peer;
        struct wire_flood flood;
        struct wire_fdb fdb;
        struct wire_neigh neigh;

        apply_underlay(f, ",'vtep_ipv4':'192.0.2.1/24'");
        apply_ok(f, "[{'kind':'Network','name':'a','spec':{'underlay':'u','vni':1}},"
                    " {'kind':'Network','name':'b','spec':{'underlay':'u','vni':2}},"
                    " {'kind':'Peer','name':'q','spec':{'underlay':'u','vtep':'192.0.2.2','networks':["
                    "  {'network':'a','hosts':[{'mac_address':'fa:16:3e:00:00:02','ip_addresses':['10.0.0.2']}]},"
                    "  {'network':'b','flood':false,'hosts':[{'mac_address':'fa:16:3e:00:00:02'}]}]}}]");
        gather_object(f, "Peer", "q", &gather);
        assert_int_equal(gather.count, 5);

        wire_init(&peer, WIRE_PEER);
        peer.id = id_of(f, "Peer", "q");
        peer.underlay = id_of(f, "Underlay", "u");
        wire_ip("192.0.2.2", peer.vtep);
        snprintf(peer.name, sizeof(peer.name), "q");
        assert_record(&gather, 0, &peer);
        wire_init(&flood, WIRE_FLOOD);
        flood.network = id_of(f, "Network", "a");
        flood.peer = peer.id;
        assert_record(&gather, 1, &flood);
        wire_init(&fdb, WIRE_FDB);
        fdb.network = flood.network;
        memcpy(fdb.mac, mac, 6);
        fdb.peer = peer.id;
        assert_record(&gather, 2, &fdb);
        wire_init(&neigh, WIRE_NEIGH);
        neigh.network = flood.network;
        neigh.origin = WIRE_ORIGIN_REMOTE;
        wire_ip("10.0.0.2", neigh.ip);
        memcpy(neigh.mac, mac, 6);
        assert_record(&gather, 3, &neigh);
        fdb.network = id_of(f, "Network", "b");
        assert_record(&gather, 4, &fdb);
}

/* After a restart the same objects are the same records, ids and all. */
static void test_restart_changes_no_record(void **state)
{
        static const char *const names[][2] = {{"Underlay", "u"}, {"Network", "n"}, {"Port", "p"}};
        struct fixture *f = *state;
        struct gather before[3], after;

        apply_ok(f, small_world);
        for (size_t i = 0; i < 3; i++)
                gather_object(f, names[i][0], names[i][1], &before[i]);
        fixture_restart(f);
        for (size_t i = 0; i < 3; i++) {
                gather_object(f, names[i][0], names[i][1], &after);
                assert_int_equal(after.size, before[i].size);
                assert_memory_equal(after.bytes, before[i].bytes, after.size);
        }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                T(test_underlay), T(test_network), T(test_port), T(test_peer), T(test_restart_changes_no_record),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
