/* A domain's XML as a tree, changed: pins, memory, cells, vhost-user interfaces. See domain.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain.h"
#include "domain_private.h"
#include "xml.h"

/* An attribute that is a list of CPUs or nodes. */
static bool set_list(xmlNodePtr node, const char *name, const struct cpu_set *set)
{
        cleanup_free char *text = cpu_set_to_list(set);

        return text && xml_set(node, name, "%s", text);
}

static xmlNodePtr add(xmlNodePtr parent, const char *name)
{
        return parent ? xmlNewChild(parent, NULL, (const xmlChar *)name, NULL) : NULL;
}

/* ---- pins ---- */

const struct cpu_set *placement_iothread(const struct guest_placement *placement, unsigned i, struct cpu_set *buffer)
{
        int cpu = -1;

        if (!cpu_set_within(&placement->iothreads, &placement->taken))
                return &placement->iothreads;
        for (unsigned n = 0; n <= i; n++)
                cpu = cpu_set_next(&placement->iothreads, cpu);
        *buffer = (struct cpu_set){};
        if (cpu >= 0)
                cpu_set_add(buffer, (unsigned)cpu);
        return buffer;
}

static bool has_pins(const struct domain *domain, const struct guest_placement *placement)
{
        struct cpu_set buffer;

        for (unsigned v = 0; v < domain->vcpus; v++)
                if (!cpu_set_equal(&domain->vcpu_cpus[v], &placement->vcpu_cpus[v]))
                        return false;
        for (unsigned i = 0; i < domain->iothread_count; i++)
                if (!cpu_set_equal(&domain->iothread_cpus[i], placement_iothread(placement, i, &buffer)))
                        return false;
        return cpu_set_equal(&domain->emulator, &placement->emulator);
}

int tree_set_pins(xmlDocPtr tree, const struct domain *domain, const struct guest_placement *placement)
{
        xmlNodePtr tune, pin;
        struct cpu_set buffer;
        bool done = true;

        if (has_pins(domain, placement))
                return 0;
        tune = xml_ensure(xmlDocGetRootElement(tree), "cputune");
        if (!tune)
                return -ENOMEM;
        xml_remove(tune, "vcpupin");
        xml_remove(tune, "emulatorpin");
        xml_remove(tune, "iothreadpin");
        for (unsigned v = 0; v < domain->vcpus; v++) {
                pin = add(tune, "vcpupin");
                done &= xml_set(pin, "vcpu", "%u", v) && set_list(pin, "cpuset", &placement->vcpu_cpus[v]);
        }
        if (!cpu_set_empty(&placement->emulator))
                done &= set_list(add(tune, "emulatorpin"), "cpuset", &placement->emulator);
        for (unsigned i = 0; i < domain->iothread_count; i++) {
                const struct cpu_set *cpus = placement_iothread(placement, i, &buffer);
                if (cpu_set_empty(cpus))
                        continue;
                pin = add(tune, "iothreadpin");
                done &= xml_set(pin, "iothread", "%u", domain->iothread_ids[i]) && set_list(pin, "cpuset", cpus);
        }
        return done ? 0 : -ENOMEM;
}

/* ---- memory ---- */

bool placement_needs_cells(const struct domain *domain, const struct guest_placement *placement)
{
        unsigned wanted = placement->cell_count > 1 ? placement->cell_count : 0;

        return domain->cell_count != wanted && !(domain->cell_count == 1 && wanted == 0);
}

static int set_cells(xmlNodePtr root, const struct guest_placement *placement)
{
        xmlNodePtr cpu = xml_ensure(root, "cpu"), numa;
        bool done = true;

        if (!cpu)
                return -ENOMEM;
        xml_remove(cpu, "numa");
        if (placement->cell_count < 2)
                return 0;
        numa = add(cpu, "numa");
        for (unsigned i = 0; i < placement->cell_count; i++) {
                xmlNodePtr cell = add(numa, "cell");
                done &= xml_set(cell, "id", "%u", i) && set_list(cell, "cpus", &placement->cells[i].vcpus) &&
                        xml_set(cell, "memory", "%" PRIu64, placement->cells[i].memory_bytes >> 10) &&
                        xml_set(cell, "unit", "KiB");
        }
        return done ? 0 : -ENOMEM;
}

struct cpu_set placement_nodes(const struct guest_placement *placement, const struct topology *topology)
{
        struct cpu_set nodes = {};

        for (unsigned i = 0; i < placement->cell_count; i++)
                cpu_set_add(&nodes, (unsigned)topology->nodes[placement->cells[i].node].os_index);
        return nodes;
}

bool domain_has_nodes(const struct domain *domain, const struct guest_placement *placement,
                      const struct topology *topology)
{
        struct cpu_set nodes = placement_nodes(placement, topology);

        for (unsigned i = 0; i < domain->cell_count; i++)
                if (i >= placement->cell_count ||
                    domain->cells[i].node != topology->nodes[placement->cells[i].node].os_index)
                        return false;
        return domain->memory_strict && cpu_set_equal(&domain->nodes, &nodes);
}

static int set_nodes(xmlNodePtr root, unsigned cells, const struct guest_placement *placement,
                     const struct topology *topology)
{
        xmlNodePtr tune = xml_ensure(root, "numatune"), memory;
        struct cpu_set nodes = placement_nodes(placement, topology);
        bool done = true;

        if (!tune)
                return -ENOMEM;
        xml_remove(tune, "memory");
        xml_remove(tune, "memnode");
        memory = add(tune, "memory");
        done = xml_set(memory, "mode", "strict") && set_list(memory, "nodeset", &nodes);
        for (unsigned i = 0; i < cells; i++) {
                xmlNodePtr node = add(tune, "memnode");
                done &= xml_set(node, "cellid", "%u", i) && xml_set(node, "mode", "strict") &&
                        xml_set(node, "nodeset", "%d", topology->nodes[placement->cells[i].node].os_index);
        }
        return done ? 0 : -ENOMEM;
}

static int set_pages(xmlNodePtr root, uint64_t page_bytes)
{
        xmlNodePtr backing = xml_ensure(root, "memoryBacking"), page;

        if (!backing)
                return -ENOMEM;
        xml_remove(backing, "hugepages");
        if (page_bytes == 0)
                return 0;
        page = add(add(backing, "hugepages"), "page");
        return xml_set(page, "size", "%" PRIu64, page_bytes >> 10) && xml_set(page, "unit", "KiB") ? 0 : -ENOMEM;
}

int tree_set_memory(xmlDocPtr tree, const struct domain *domain, const struct guest_placement *placement,
                    const struct topology *topology)
{
        xmlNodePtr root = xmlDocGetRootElement(tree);
        bool new_cells = placement_needs_cells(domain, placement);
        unsigned cells = new_cells ? (placement->cell_count > 1 ? placement->cell_count : 0) : domain->cell_count;
        int r = new_cells ? set_cells(root, placement) : 0;

        if (r == 0 && (new_cells || !domain_has_nodes(domain, placement, topology)))
                r = set_nodes(root, cells, placement, topology);
        if (r == 0 && domain->page_bytes != placement->page_bytes)
                r = set_pages(root, placement->page_bytes);
        return r;
}

int tree_share_memory(xmlDocPtr tree, const struct domain *domain)
{
        xmlNodePtr backing, source;

        if (domain->memory_shared)
                return 0;
        backing = xml_ensure(xmlDocGetRootElement(tree), "memoryBacking");
        if (!xml_set(xml_ensure(backing, "access"), "mode", "shared"))
                return -ENOMEM;
        source = xml_child(backing, "source");
        if (xml_child(backing, "hugepages") || (source && !xml_attribute_is(source, "type", "anonymous")))
                return 0; /* it has a file behind it already */
        return xml_set(xml_ensure(backing, "source"), "type", "memfd") ? 0 : -ENOMEM;
}

/* ---- interfaces ---- */

xmlNodePtr tree_interface(xmlDocPtr tree, const char *mac_address)
{
        xmlNodePtr node = xml_path(xmlDocGetRootElement(tree), "devices/interface");

        for (; node; node = xml_next(node, "interface")) {
                cleanup_free char *mac = xml_attribute(xml_child(node, "mac"), "address");
                if (mac && strcasecmp(mac, mac_address) == 0)
                        return node;
        }
        return NULL;
}

static int make_interface(xmlNodePtr node, const struct guest_interface *wanted)
{
        bool done = xml_set(node, "type", "vhostuser");
        xmlNodePtr source;

        /* Where it came from before (a bridge, a network), and what only that had. */
        xml_remove(node, "source");
        xml_remove(node, "target");
        xml_remove(node, "virtualport");
        done &= xml_set(xml_ensure(node, "mac"), "address", "%s", wanted->mac_address);
        source = add(node, "source");
        done &= xml_set(source, "type", "unix") && xml_set(source, "path", "%s", wanted->socket) &&
                xml_set(source, "mode", wanted->server ? "server" : "client");
        if (!xml_child(node, "model"))
                done &= xml_set(add(node, "model"), "type", "virtio");
        if (wanted->queues > 1)
                done &= xml_set(xml_ensure(node, "driver"), "queues", "%u", wanted->queues);
        else if (xml_child(node, "driver"))
                xmlUnsetProp(xml_child(node, "driver"), (const xmlChar *)"queues");
        if (wanted->mtu)
                done &= xml_set(xml_ensure(node, "mtu"), "size", "%u", wanted->mtu);
        else
                xml_remove(node, "mtu");
        return done ? 0 : -ENOMEM;
}

const struct domain_interface *domain_interface(const struct domain *domain, const char *mac_address)
{
        for (size_t i = 0; i < domain->interface_count; i++)
                if (strcasecmp(domain->interfaces[i].mac_address, mac_address) == 0)
                        return &domain->interfaces[i];
        return NULL;
}

bool domain_has_interface(const struct domain *domain, const struct guest_interface *wanted)
{
        const struct domain_interface *there = domain_interface(domain, wanted->mac_address);

        return there && strcmp(there->type, "vhostuser") == 0 && strcmp(there->socket, wanted->socket) == 0 &&
               there->server == wanted->server && there->mtu == wanted->mtu &&
               (there->queues ? there->queues : 1) == (wanted->queues ? wanted->queues : 1);
}

int tree_set_interface(xmlDocPtr tree, const struct guest_interface *interface)
{
        xmlNodePtr devices = xml_ensure(xmlDocGetRootElement(tree), "devices");
        xmlNodePtr node = tree_interface(tree, interface->mac_address);

        if (!node)
                node = add(devices, "interface");
        return node ? make_interface(node, interface) : -ENOMEM;
}
