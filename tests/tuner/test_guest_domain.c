/* A domain's XML: read, changed as a tree, made as it was. And what is none: cut off anywhere, with nonsense in every
 * number. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guest/domain_private.h"
#include "placement_fixture.h"

static const char full[] =
        "<domain type='kvm' id='3' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n"
        "  <name>db &amp; more</name>\n"
        "  <uuid>6c0e6d2c-4f0f-4d3c-9b2a-0d2b8a3f1c11</uuid>\n"
        "  <memory unit='GiB'>4</memory>\n"
        "  <memoryBacking>\n"
        "    <hugepages>\n"
        "      <page size='2' unit='M'/>\n"
        "    </hugepages>\n"
        "    <locked/>\n"
        "  </memoryBacking>\n"
        "  <vcpu placement='static' cpuset='0-7' current='2'>4</vcpu>\n"
        "  <iothreads>2</iothreads>\n"
        "  <iothreadids>\n"
        "    <iothread id='5'/>\n"
        "    <iothread id='9'/>\n"
        "  </iothreadids>\n"
        "  <cputune>\n"
        "    <shares>2048</shares>\n"
        "    <vcpupin vcpu='1' cpuset='3,5'/>\n"
        "    <vcpupin vcpu='99' cpuset='3'/>\n"
        "    <emulatorpin cpuset='0-1'/>\n"
        "    <iothreadpin iothread='9' cpuset='2'/>\n"
        "  </cputune>\n"
        "  <numatune>\n"
        "    <memory mode='strict' nodeset='0-1'/>\n"
        "    <memnode cellid='1' mode='strict' nodeset='1'/>\n"
        "  </numatune>\n"
        "  <cpu mode='host-model'>\n"
        "    <numa>\n"
        "      <cell id='0' cpus='0-1' memory='1' unit='GiB'/>\n"
        "      <cell id='1' cpus='2-3' memory='3145728' unit='KiB'/>\n"
        "    </numa>\n"
        "  </cpu>\n"
        "  <devices>\n"
        "    <interface type='hostdev' managed='yes'>\n"
        "      <mac address='52:54:00:00:00:0A'/>\n"
        "      <source>\n"
        "        <address type='pci' domain='0x0000' bus='0x81' slot='0x02' function='0x1'/>\n"
        "      </source>\n"
        "    </interface>\n"
        "    <interface type='vhostuser'>\n"
        "      <mac address='52:54:00:00:00:0b'/>\n"
        "      <source type='unix' path='/run/a' mode='server'/>\n"
        "      <model type='virtio'/>\n"
        "      <driver queues='4' rx_queue_size='1024'/>\n"
        "    </interface>\n"
        "    <hostdev mode='subsystem' type='pci' managed='yes'>\n"
        "      <source>\n"
        "        <address domain='0x0001' bus='0x3b' slot='0x00' function='0x0'/>\n"
        "      </source>\n"
        "    </hostdev>\n"
        "    <hostdev mode='subsystem' type='usb'><source><address bus='1' device='2'/></source></hostdev>\n"
        "  </devices>\n"
        "  <qemu:commandline>\n"
        "    <qemu:arg value='-foo'/>\n"
        "  </qemu:commandline>\n"
        "</domain>\n";

static const char bare[] = "<domain><name>b</name><memory>1048576</memory><vcpu>2</vcpu></domain>";

static void assert_set(const struct cpu_set *set, const char *expected)
{
        cleanup_free char *text = cpu_set_to_list(set);
        assert_string_equal(text, expected);
}

static void test_read(void **state)
{
        cleanup_domain_facts struct domain *domain = NULL;

        assert_int_equal(domain_parse(&domain, full), 0);
        assert_string_equal(domain->name, "db & more");
        assert_string_equal(domain->uuid, "6c0e6d2c-4f0f-4d3c-9b2a-0d2b8a3f1c11");
        assert_int_equal(domain->vcpus, 4);
        assert_set(&domain->vcpu_cpus[0], "0-7"); /* no pin of its own */
        assert_set(&domain->vcpu_cpus[1], "3,5");
        assert_set(&domain->emulator, "0-1");
        assert_int_equal(domain->iothread_count, 2);
        assert_int_equal(domain->iothread_ids[1], 9);
        assert_set(&domain->iothread_cpus[0], "");
        assert_set(&domain->iothread_cpus[1], "2");
        assert_int_equal(domain->memory_bytes, 4 * GIB);
        assert_int_equal(domain->page_bytes, 2 * MIB);
        assert_false(domain->memory_shared);
        assert_true(domain->memory_strict);
        assert_set(&domain->nodes, "0-1");
        assert_int_equal(domain->cell_count, 2);
        assert_int_equal(domain->cells[0].node, -1); /* of two nodes */
        assert_int_equal(domain->cells[0].memory_bytes, GIB);
        assert_int_equal(domain->cells[1].node, 1);
        assert_int_equal(domain->cells[1].memory_bytes, 3 * GIB);
        assert_set(&domain->cells[1].vcpus, "2-3");
        assert_int_equal(domain->pci_count, 2);
        assert_string_equal(domain->pci[0], "0001:3b:00.0");
        assert_string_equal(domain->pci[1], "0000:81:02.1");
        assert_int_equal(domain->interface_count, 2);
        assert_string_equal(domain->interfaces[1].socket, "/run/a");
        assert_true(domain->interfaces[1].server && domain->interfaces[1].queues == 4);
}

static void test_read_bare(void **state)
{
        cleanup_domain_facts struct domain *domain = NULL;

        assert_int_equal(domain_parse(&domain, bare), 0);
        assert_int_equal(domain->memory_bytes, GIB); /* KiB where nothing is said */
        assert_true(domain->memory_strict && cpu_set_empty(&domain->nodes));
        assert_true(cpu_set_empty(&domain->vcpu_cpus[1]) && domain->cell_count == 0 && domain->iothread_count == 0);
        domain = domain_free(domain);
        assert_int_equal(domain_parse(&domain, "<domain><name>b</name><vcpu>1</vcpu><iothreads>2</iothreads>"
                                               "<memoryBacking><hugepages/></memoryBacking>"
                                               "<numatune><memory mode='preferred' nodeset='1'/></numatune></domain>"),
                         0);
        assert_true(domain->default_hugepages && domain->page_bytes == 0 && !domain->memory_strict);
        assert_int_equal(domain->iothread_ids[1], 2);
}

/* ---- changes ---- */

/* Two nodes of which the second is node 1, vCPUs 0-1 and 2-3 on CPUs 10-11 and 20-21. */
static struct guest_placement *make_placement(uint64_t page_bytes)
{
        struct guest_placement *placement = guest_placement_new(4, 2);

        for (unsigned v = 0; v < 4; v++) {
                cpu_set_add(&placement->vcpu_cpus[v], v / 2 * 10 + 10 + v % 2);
                cpu_set_or(&placement->taken, &placement->vcpu_cpus[v]);
                cpu_set_add(&placement->cells[v / 2].vcpus, v);
        }
        cpu_set_add(&placement->emulator, 1);
        cpu_set_add(&placement->iothreads, 30); /* of their own */
        cpu_set_add(&placement->iothreads, 31);
        cpu_set_or(&placement->taken, &placement->iothreads);
        for (int i = 0; i < 2; i++) {
                placement->cells[i].node = i;
                placement->cells[i].memory_bytes = 2 * GIB;
        }
        placement->page_bytes = page_bytes;
        return placement;
}

static const struct guest_interface port = {
        .mac_address = "52:54:00:00:00:0c", .socket = "/run/c<&", .queues = 2, .mtu = 9000, .server = true};
static const struct guest_interface other_port = {
        .mac_address = "52:54:00:00:00:0a", .socket = "/run/d", .queues = 1, .server = true};

static void change(xmlDocPtr tree, const struct domain *domain, const struct guest_placement *placement,
                   const struct topology *topology)
{
        assert_int_equal(tree_set_pins(tree, domain, placement), 0);
        assert_int_equal(tree_set_memory(tree, domain, placement, topology), 0);
        assert_int_equal(tree_share_memory(tree, domain), 0);
        assert_int_equal(tree_set_interface(tree, &port), 0);
        assert_int_equal(tree_set_interface(tree, &other_port), 0);
}

/* Changed, read back, changed again (which changes nothing), and put back. */
static void check_change(const char *xml, uint64_t page_bytes)
{
        static const struct machine_shape shape = {.nodes = 2, .cores = 2, .threads = 1, .node_bytes = GIB};
        struct machine *machine = machine_new(&shape);
        struct guest_placement *placement = make_placement(page_bytes);
        cleanup_domain_facts struct domain *domain = NULL, *changed = NULL;
        cleanup_tree xmlDocPtr tree = NULL, before = NULL;
        json_t *macs = json_pack("[s, s]", port.mac_address, other_port.mac_address);

        assert_int_equal(domain_parse(&domain, xml), 0);
        assert_int_equal(domain_tree(&tree, xml), 0);
        assert_int_equal(domain_tree(&before, xml), 0);
        cleanup_free char *text_before = tree_text(before);
        change(tree, domain, placement, &machine->topology);
        cleanup_free char *text = tree_text(tree);
        assert_int_equal(domain_parse(&changed, text), 0);

        for (unsigned v = 0; v < domain->vcpus; v++)
                assert_true(cpu_set_equal(&changed->vcpu_cpus[v], &placement->vcpu_cpus[v]));
        assert_set(&changed->emulator, "1");
        for (unsigned i = 0; i < domain->iothread_count; i++)
                assert_set(&changed->iothread_cpus[i], i == 0 ? "30" : "31");
        assert_set(&changed->nodes, "0-1");
        assert_int_equal(changed->cell_count, 2);
        assert_int_equal(changed->cells[0].node, 0);
        assert_int_equal(changed->cells[1].node, 1);
        assert_int_equal(changed->page_bytes, page_bytes);
        assert_true(changed->memory_shared);
        assert_true(domain_has_interface(changed, &port) && domain_has_interface(changed, &other_port));
        assert_true(domain_has_nodes(changed, placement, &machine->topology));
        assert_false(placement_needs_cells(changed, placement));

        assert_int_equal(tree_set_pins(tree, changed, placement), 0);
        assert_int_equal(tree_set_memory(tree, changed, placement, &machine->topology), 0);
        assert_int_equal(tree_share_memory(tree, changed), 0);
        cleanup_free char *again = tree_text(tree);
        assert_string_equal(again, text);

        assert_int_equal(tree_put_back(tree, before, macs), 0);
        cleanup_free char *back = tree_text(tree);
        cleanup_domain_facts struct domain *was = NULL;
        assert_int_equal(domain_parse(&was, back), 0);
        assert_int_equal(was->cell_count, domain->cell_count);
        assert_int_equal(was->page_bytes, domain->page_bytes);
        assert_int_equal(was->memory_shared, domain->memory_shared);
        assert_true(cpu_set_equal(&was->nodes, &domain->nodes) && cpu_set_equal(&was->emulator, &domain->emulator));
        for (unsigned v = 0; v < domain->vcpus; v++)
                assert_true(cpu_set_equal(&was->vcpu_cpus[v], &domain->vcpu_cpus[v]));
        assert_int_equal(was->interface_count, domain->interface_count);
        assert_null(domain_interface(was, port.mac_address));
        static const char *const parts[] = {"<numatune", "<cputune", "<memoryBacking", "<cpu>",
                                            "<cpu/>",    "<cpu ",    "<shares>",       "<locked/>"};
        for (size_t i = 0; i < ARRAY_LEN(parts); i++) /* nothing is left over, nothing lost */
                assert_int_equal(strstr(xml, parts[i]) != NULL, strstr(back, parts[i]) != NULL);
        assert_int_equal(strstr(xml, "qemu:arg") != NULL, strstr(text, "qemu:arg") != NULL); /* never lost */
        json_decref(macs);
        guest_placement_free(placement);
        machine_free(machine);
}

static void test_changed_and_put_back(void **state)
{
        for (int i = 0; i < 3; i++) {
                check_change(full, i == 0 ? 0 : i == 1 ? 2 * MIB : GIB);
                check_change(bare, i == 0 ? 0 : i == 1 ? 2 * MIB : GIB);
        }
}

/* libvirt makes a port of PCI Express for every device; it goes with the interface, unless another sits there by now.
 */
static void test_pci_ports_go_too(void **state)
{
#define PORT_AT(index) "<controller type='pci' index='" index "' model='pcie-root-port'/>"
#define DEVICE(at)     "<disk><address type='pci' domain='0x0000' bus='" at "' slot='0x00' function='0x0'/></disk>"
        static const char was[] = "<domain><name>b</name><devices>" PORT_AT("1") "</devices></domain>";
        static const char now[] = "<domain><name>b</name><devices>" PORT_AT("1") PORT_AT("2") PORT_AT("3")
                DEVICE("0x03") "</devices></domain>";
        cleanup_tree xmlDocPtr tree = NULL, before = NULL;
        json_t *macs = json_pack("[s]", port.mac_address);

        assert_int_equal(domain_tree(&tree, now), 0);
        assert_int_equal(domain_tree(&before, was), 0);
        assert_int_equal(tree_put_back(tree, before, macs), 0);
        cleanup_free char *text = tree_text(tree);
        assert_non_null(strstr(text, "index=\"1\""));
        assert_null(strstr(text, "index=\"2\""));
        assert_non_null(strstr(text, "index=\"3\""));
        json_decref(macs);
}

/* ---- marks ---- */

/* Marked and pinned; read; and what was there before, from that alone. */
static void check_mark(const char *xml, bool pinned_before)
{
        struct guest_placement *placement = make_placement(0);
        cleanup_domain_facts struct domain *domain = NULL, *marked = NULL, *was = NULL, *changed = NULL;
        cleanup_tree xmlDocPtr tree = NULL, before = NULL;
        cleanup_free char *was_text = NULL;

        assert_int_equal(domain_parse(&domain, xml), 0);
        assert_int_equal(domain_tree(&tree, xml), 0);
        assert_int_equal(domain_tree(&before, xml), 0);
        cleanup_free char *text_before = tree_text(tree);
        for (int i = 0; i < 2; i++) /* one mark only, whoever was there before */
                assert_int_equal(tree_mark(tree, before, i == 0 ? "there" : "here", placement), 0);
        assert_int_equal(tree_set_pins(tree, domain, placement), 0);
        cleanup_free char *text = tree_text(tree);
        assert_int_equal(domain_parse(&marked, text), 0);
        assert_string_equal(marked->placed_by, "here");
        assert_int_equal(marked->pinned_before, pinned_before);
        assert_true(mark_is(marked, "here", placement) && !mark_is(marked, "there", placement));
        assert_false(mark_is(domain, "here", placement));

        assert_int_equal(domain_before(&was_text, text), 0);
        assert_null(strstr(was_text, MARK_URI));
        assert_null(strstr(was_text, "<metadata"));
        assert_int_equal(domain_parse(&was, was_text), 0);
        for (unsigned v = 0; v < domain->vcpus; v++)
                assert_true(cpu_set_equal(&was->vcpu_cpus[v], &domain->vcpu_cpus[v]));
        assert_true(cpu_set_equal(&was->emulator, &domain->emulator) && cpu_set_equal(&was->nodes, &domain->nodes));

        /* Somebody pins it otherwise: the mark holds no more. */
        cpu_set_add(&placement->vcpu_cpus[1], 5);
        assert_int_equal(tree_set_pins(tree, marked, placement), 0);
        cleanup_free char *otherwise = tree_text(tree);
        assert_int_equal(domain_parse(&changed, otherwise), 0);
        assert_string_equal(changed->placed_by, "");
        tree_unmark(tree);
        cleanup_free char *unmarked = tree_text(tree);
        assert_null(strstr(unmarked, "<metadata"));
        guest_placement_free(placement);
}

static void test_marked(void **state)
{
        check_mark(full, true);
        check_mark(bare, false);
}

/* libvirt gives all that is in a running domain's mark its namespace, which pins would not work in. */
static void test_mark_as_libvirt_gives_it(void **state)
{
        static const char xml[] =
                "<domain><name>b</name><vcpu>2</vcpu><metadata><a:other xmlns:a='urn:a'/>"
                "<socle:guest xmlns:socle='" MARK_URI "' host='there' vcpus='1 2-3'><socle:cputune>"
                "<socle:vcpupin vcpu='0' cpuset='7'/></socle:cputune></socle:guest></metadata>"
                "<cputune><vcpupin vcpu='0' cpuset='1'/><vcpupin vcpu='1' cpuset='2,3'/></cputune></domain>";
        cleanup_domain_facts struct domain *domain = NULL, *was = NULL;
        cleanup_free char *text = NULL;

        assert_int_equal(domain_parse(&domain, xml), 0);
        assert_string_equal(domain->placed_by, "there");
        assert_true(domain->pinned_before);
        assert_int_equal(domain_before(&text, xml), 0);
        assert_null(strstr(text, "socle:"));
        assert_non_null(strstr(text, "urn:a"));
        assert_int_equal(domain_parse(&was, text), 0);
        assert_set(&was->vcpu_cpus[0], "7");
        assert_set(&was->vcpu_cpus[1], "");
}

/* ---- what is no domain ---- */

static void try_parse(const char *xml)
{
        cleanup_domain_facts struct domain *domain = NULL;
        int r = domain_parse(&domain, xml);

        assert_true((r == 0) == (domain != NULL));
        assert_true(r == 0 || r == -EINVAL);
}

static void test_garbage(void **state)
{
        static const char *const wrong[] = {
                "",
                " ",
                "<",
                "<domain>",
                "<domain/>",
                "<network><name>n</name></network>",
                "{}",
                "\xff\xfe",
                "<domain><vcpu>1</vcpu></domain>",
                "<domain><name>n</name></domain>",
                "<domain><name>n</name><vcpu>0</vcpu></domain>",
                "<domain><name>n</name><vcpu>-1</vcpu></domain>",
                "<domain><name>n</name><vcpu>99999999999999999999</vcpu></domain>",
                "<domain><name>n</name><vcpu>1</vcpu><iothreads>99999999999</iothreads></domain>",
                "<domain><name>n</name><vcpu>1</vcpu><cpu><numa><cell id='7'/></numa></cpu></domain>",
                "<!DOCTYPE d [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><domain><name>n</name><vcpu>&e;</vcpu></domain>",
        };

        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                struct domain *domain = (void *)wrong;
                assert_int_equal(domain_parse(&domain, wrong[i]), -EINVAL);
                assert_ptr_equal(domain, wrong);
        }
}

/* Cut off after every byte, and every byte another. */
static void test_mangled(void **state)
{
        static const char bytes[] = {'\0', '9', '-', '<', '>', '\'', '&', ' ', '\x80'};

        for (size_t i = 0; i < sizeof(full) - 1; i++) {
                for (size_t b = 0; b < sizeof(bytes); b++) {
                        cleanup_free char *text = strdup(full);
                        text[i] = bytes[b];
                        try_parse(text);
                }
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_read),
                cmocka_unit_test(test_read_bare),
                cmocka_unit_test(test_changed_and_put_back),
                cmocka_unit_test(test_pci_ports_go_too),
                cmocka_unit_test(test_marked),
                cmocka_unit_test(test_mark_as_libvirt_gives_it),
                cmocka_unit_test(test_garbage),
                cmocka_unit_test(test_mangled),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
