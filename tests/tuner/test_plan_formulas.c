/* The published formulas by their sources' own examples. */
#include <stdlib.h>
#include <string.h>

#include "planning.h"
#include "plan/formula_dataplane.h"
#include "plan/formula_hci.h"
#include "socle/cleanup.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define MB  1000000.0

/* OVS, Documentation/topics/dpdk/memory.rst: "Shared Memory Calculations", examples 1 to 4. */
static void test_ovs_shared(void **state)
{
        static const struct {
                unsigned mtu, mbuf_bytes, mb;
        } examples[] = {{1500, 3008, 788}, {1800, 3008, 788}, {6000, 7104, 1862}, {9000, 10176, 2667}};
        const unsigned both[] = {1500, 1800}, distinct[] = {1500, 9000}, small[] = {1400};

        for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
                assert_int_equal(ovs_mbuf_bytes(examples[i].mtu), examples[i].mbuf_bytes);
                assert_int_equal((unsigned)(ovs_shared_bytes(&examples[i].mtu, 1) / MB), examples[i].mb);
        }
        /* "Assuming the same socket is in use for example 1 and 2 the same mempool would be shared." */
        assert_int_equal(ovs_shared_bytes(both, 2), 262144ULL * 3008);
        assert_int_equal(ovs_shared_bytes(distinct, 2), 262144ULL * (3008 + 10176));
        assert_int_equal(ovs_shared_bytes(small, 1), 16384ULL * 3008);
}

/* The same page, "Per Port Memory Calculations", examples 1 to 3, in MB rounded down. In the third, the page takes one
 * burst for two queues (26,656), against its formula. */
static void test_ovs_per_port(void **state)
{
        static const struct {
                unsigned rx_queues, workers, mtu, mbufs, mb;
        } examples[] = {{1, 1, 1500, 22560, 67}, {1, 2, 6000, 24608, 174}, {2, 2, 9000, 26688, 271}};

        for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
                struct profile_dataplane profile = {
                        .rx_queues = examples[i].rx_queues, .rx_descriptors = 2048, .tx_descriptors = 2048};
                uint64_t mbufs = ovs_port_mbufs(&profile, examples[i].workers);

                assert_int_equal(mbufs, examples[i].mbufs);
                assert_int_equal((unsigned)(mbufs * ovs_mbuf_bytes(examples[i].mtu) / MB), examples[i].mb);
        }
}

/* TripleO: one MTU of 1500 takes (2048 + 800) · 4096 · 64 B = 712 MB, with 512 MB more 1,224, so 2,048 MB; of 9000,
 * (9216 + 800) · 4096 · 64 B = 2,504, 3,016, so 3,072; of both, 3,728, so 4,096. */
static void test_director(void **state)
{
        const unsigned mtus[] = {1500, 9000, 1800}, none[] = {0};

        assert_int_equal(director_bytes(mtus, 1), 2048 * MIB);
        assert_int_equal(director_bytes(mtus + 1, 1), 3072 * MIB);
        assert_int_equal(director_bytes(mtus, 2), 4096 * MIB);
        assert_int_equal(director_bytes(mtus, 3), 4096 * MIB); /* 1800 rounds to 2048, as 1500 does */
        assert_int_equal(director_bytes(none, 0), 1024 * MIB);
}

static void test_dataplane(void **state)
{
        cleanup_(host_profile_free_p) struct host_profile *socle = profile_of("{'dataplane':{'mbufs':65536}}");
        cleanup_(host_profile_free_p) struct host_profile *asked = profile_of("{'dataplane':{'memory':1000}}");
        cleanup_(host_profile_free_p) struct host_profile *port =
                profile_of("{'dataplane':{'formula':'ovs_per_port','ports':3}}");
        struct dataplane_memory memory;

        dataplane_memory(&socle->dataplane, 1, &memory);
        assert_int_equal(memory.huge_bytes, 65536ULL * SOCLE_MBUF_BYTES + 256 * MIB);
        assert_int_equal(memory.session_bytes, 1048576ULL * SOCLE_SESSION_BYTES + SOCLE_SESSION_HOME);
        dataplane_memory(&asked->dataplane, 1, &memory);
        assert_int_equal(memory.huge_bytes, 1000 * MIB);
        dataplane_memory(&port->dataplane, 2, &memory);
        assert_int_equal(memory.huge_bytes, 3ULL * (2048 + 3 * 2048 + 32 + 16384) * 3008);
        assert_int_equal(memory.session_bytes, 0);
        assert_non_null(strstr(memory.words, "OVS"));
}

/* Red Hat OpenStack Platform 16, "Hyperconverged Infrastructure Guide", appendix A.1: 256 GB, 10 OSDs of 3 GB, guests
 * of 2 GB and 0.5 GB of overhead: 90 guests, 75 GB reserved. 56 CPUs, 10 OSDs on hard disks, guests that use a tenth of
 * theirs: a ratio of 8.2. */
static void test_hci(void **state)
{
        uint64_t guests = hci_guests(256 * GIB, 10 * 3 * GIB, 2 * GIB, GIB / 2);

        assert_int_equal(guests, 90);
        assert_int_equal((10 * 3 * GIB + guests * GIB / 2) / GIB, 75);
        assert_int_equal((int)(hci_ratio(56, 10, 10) * 10), 82);
        assert_int_equal(hci_guests(10 * GIB, 10 * GIB, GIB, GIB), 0);
        assert_int_equal(hci_guests(10 * GIB, 0, 0, 0), 0);
        assert_true(hci_reserved_too_much(81 * GIB, 100 * GIB));
        assert_false(hci_reserved_too_much(80 * GIB, 100 * GIB));
        assert_true(hci_ratio(8, 8, 50) == 0 && hci_ratio(0, 0, 50) == 0);
}

static void test_page_sizes(void **state)
{
        static const char *const names[] = {"64KiB", "2MiB", "16MiB", "512MiB", "1GiB", "16GiB"};
        char name[PAGE_SIZE_NAME];

        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                assert_string_equal(page_size_name(page_size_parse(names[i]), name), names[i]);
        assert_int_equal(page_size_parse("2MiB"), 2 * MIB);
        assert_int_equal(page_size_parse("2M"), 0);
        assert_int_equal(page_size_parse(""), 0);
        assert_string_equal(page_size_name(1023, name), "1023B");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ovs_shared), cmocka_unit_test(test_ovs_per_port),
                cmocka_unit_test(test_director),   cmocka_unit_test(test_dataplane),
                cmocka_unit_test(test_hci),        cmocka_unit_test(test_page_sizes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
