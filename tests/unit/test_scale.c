/* A node of the size that the project promises: 200 networks, 1,000 ports and peers with 20,000 hosts, in one
 * transaction and with single changes on top. How long things took is printed, never judged; memory is judged. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "socle/cleanup.h"
#include "socle/wire.h"

#define NETWORKS 200
#define PORTS    1000
#define PEERS    20
#define HOSTS    20000

static json_t *host(int i)
{
        return json_pack("{s:o, s:[o]}", "mac_address",
                         json_sprintf("fa:16:3f:%02x:%02x:%02x", i >> 16, i >> 8 & 255, i & 255), "ip_addresses",
                         json_sprintf("10.%d.%d.%d", 1 + (i >> 16), i >> 8 & 255, i & 255));
}

/* Peer p has HOSTS / PEERS hosts, spread over ten networks. */
static json_t *big_peer(int p, int change)
{
        json_t *networks = json_array();

        for (int n = 0; n < 10; n++) {
                json_t *hosts = json_array();
                for (int h = 0; h < HOSTS / PEERS / 10; h++)
                        json_array_append_new(hosts, host(p * (HOSTS / PEERS) + n * (HOSTS / PEERS / 10) + h + 1));
                if (n == 0 && change)
                        json_array_append_new(hosts, host(HOSTS + change));
                json_array_append_new(networks,
                                      json_pack("{s:o, s:o}", "network",
                                                json_sprintf("net-%d", (p * 10 + n) % NETWORKS), "hosts", hosts));
        }
        return json_pack("{s:s, s:o, s:{s:s, s:o, s:o}}", "kind", "Peer", "name", json_sprintf("peer-%d", p), "spec",
                         "underlay", "u", "vtep", json_sprintf("192.0.2.%d", p + 2), "networks", networks);
}

static json_t *big_port(int i, int change)
{
        return parse_format(
                "{'kind':'Port','name':'port-%d','spec':{'network':'net-%d','mac_address':'fa:16:3e:%02x:%02x:%02x',"
                "'fixed_ips':['10.200.%d.%d'],'attachment':{'vhost_user':{'socket':'/run/vm%d/vhost.sock'}}}}",
                i, i % NETWORKS, change, i >> 8, i & 255, i >> 8, i & 255, i);
}

static json_t *big_world(void)
{
        json_t *objects = parse("[{'kind':'Underlay','name':'u','spec':{'device':{'af_packet':{'interface':'eth1'}},"
                                "'vtep_ipv4':'192.0.2.1/24'}}]");

        for (int i = 0; i < PORTS; i++)
                json_array_append_new(objects, big_port(i, 0));
        for (int i = 0; i < PEERS; i++)
                json_array_append_new(objects, big_peer(i, 0));
        for (int i = 0; i < NETWORKS; i++)
                json_array_append_new(objects, parse_format("{'kind':'Network','name':'net-%d','spec':{'underlay':'u',"
                                                            "'vni':%d}}",
                                                            i, i + 1));
        return objects;
}

static char *dump_and_free(json_t *json)
{
        char *text = json_dumps(json, JSON_COMPACT);

        json_decref(json);
        return text;
}

static double seconds(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec + now.tv_nsec / 1e9;
}

static long resident_kib(void)
{
        cleanup_fclose FILE *file = fopen("/proc/self/status", "r");
        char line[256];
        long kib = 0;

        while (fgets(line, sizeof(line), file))
                if (sscanf(line, "VmRSS: %ld", &kib) == 1)
                        break;
        return kib;
}

struct counting {
        struct emit emit;
        size_t records;
};

static void count_record(struct emit *emit, const void *record)
{
        ((struct counting *)emit)->records++;
}

/* Applies, and says how long it took. */
static void timed(struct fixture *f, const char *what, json_t *objects)
{
        struct errors errors = {0};
        double start = seconds();

        if (apply_json(f, objects, APPLY_DEFAULT, &errors) < 0) {
                print_errors(&errors);
                fail();
        }
        print_message("%-28s %8.2f ms\n", what, (seconds() - start) * 1e3);
}

static void test_big_node(void **state)
{
        struct fixture *f = *state;
        struct counting counting = {.emit = {count_record}};
        char *text = dump_and_free(big_world());
        json_error_t error;

        timed(f, "everything", json_loads(text, 0, &error));
        free(text);
        assert_int_equal(model_revision(f->model), 1);
        assert_int_equal(model_count(f->model, kind_find("Port")), PORTS);
        print_message("%-28s %8.2f MB\n", "resident", resident_kib() / 1024.0);
#ifndef __SANITIZE_ADDRESS__
        assert_in_range(resident_kib(), 1, 60 * 1024);
#endif
        timed(f, "one port", json_pack("[o]", big_port(500, 1)));
        timed(f, "one port again", json_pack("[o]", big_port(500, 2)));
        timed(f, "one host of a peer of 1,000", json_pack("[o]", big_peer(7, 1)));
        timed(f, "one network",
              parse("[{'kind':'Network','name':'net-3','spec':{'underlay':'u','vni':4,'flood':true}}]"));
        timed(f, "the underlay",
              parse("[{'kind':'Underlay','name':'u','spec':{'device':{'af_packet':{'interface':'eth1'}},"
                    "'vtep_ipv4':'192.0.2.1/24','mtu':9000}}]"));

        cleanup_free char *before = model_image(f->model);
        double start = seconds();
        fixture_restart(f);
        print_message("%-28s %8.2f ms\n", "restart", (seconds() - start) * 1e3);
        cleanup_free char *after = model_image(f->model);
        assert_string_equal(before, after);

        start = seconds();
        for (const struct kind *kind = kind_first(); kind; kind = kind->next)
                for (struct object *o = NULL; (o = model_next(f->model, kind, o));)
                        kind->compile(f->model, o, &counting.emit);
        print_message("%-28s %8.2f ms\n", "compiling all", (seconds() - start) * 1e3);
        /* Underlay, networks, ports with an address, which they may send from, peers with ten flood lists; hosts with
         * an address, one added. */
        assert_int_equal(counting.records, 1 + NETWORKS + PORTS * 3 + PEERS * 11 + (HOSTS + 1) * 2);

        start = seconds();
        delete_ok(f, "[{'kind':'Peer','name':'peer-7'},{'kind':'Port','name':'port-7'}]");
        print_message("%-28s %8.2f ms\n", "deleting a peer and a port", (seconds() - start) * 1e3);
        timed(f, "making them again", json_pack("[o, o]", big_peer(7, 0), big_port(7, 0)));
}

/* One peer with all the hosts, and a duplicate at its very end. */
static void test_peer_of_20000_hosts(void **state)
{
        struct fixture *f = *state;
        cleanup_(json_decrefp) json_t *objects = parse(small_world);
        json_t *hosts = json_array();
        struct errors errors = {0};

        for (int i = 0; i < HOSTS; i++)
                json_array_append_new(hosts, host(i + 1));
        json_array_append_new(objects, json_pack("{s:s, s:s, s:{s:s, s:s, s:[{s:s, s:o}]}}", "kind", "Peer", "name",
                                                 "q", "spec", "underlay", "u", "vtep", "192.0.2.2", "networks",
                                                 "network", "n", "hosts", hosts));
        timed(f, "a peer of 20,000 hosts", json_deep_copy(objects));
        json_array_append_new(hosts, host(5));
        assert_true(apply_json(f, json_incref(objects), APPLY_DEFAULT, &errors) < 0);
        assert_int_equal(errors.count, 2);
        assert_complaint(&errors, "Peer", "q", "/spec/networks/0/hosts/20000/mac_address",
                         "see /spec/networks/0/hosts/4/mac");
        assert_complaint(&errors, "Peer", "q", "/spec/networks/0/hosts/20000/ip_addresses/0", "10.1.0.5");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_big_node, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_peer_of_20000_hosts, fixture_setup, fixture_teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
