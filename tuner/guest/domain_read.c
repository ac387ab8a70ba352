/* A domain's XML, read. See domain.h. */
#include <errno.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain_private.h"
#include "xml.h"

#define VCPUS_MAX CPU_MAX
#define CELLS_MAX 1024
#define LIST_MAX  4096

DEFINE_CLEANUP(xmlParserCtxtPtr, xmlFreeParserCtxt)

int domain_tree(xmlDocPtr *ret, const char *xml)
{
        cleanup_(xmlFreeParserCtxt_p) xmlParserCtxtPtr parser = xmlNewParserCtxt();

        if (!parser)
                return -ENOMEM;
        /* No entities, no network, no words on stderr. */
        cleanup_tree xmlDocPtr tree = xmlCtxtReadMemory(parser, xml, (int)strlen(xml), NULL, NULL,
                                                        XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
        xmlNodePtr root = tree ? xmlDocGetRootElement(tree) : NULL;
        if (!root || strcmp((const char *)root->name, "domain") != 0)
                return -EINVAL;
        *ret = TAKE_PTR(tree);
        return 0;
}

char *tree_text(xmlDocPtr tree)
{
        xmlChar *text = NULL;
        int size = 0;

        xmlDocDumpMemory(tree, &text, &size);
        return (char *)text;
}

static void read_set(xmlNodePtr node, const char *name, struct cpu_set *set)
{
        cleanup_free char *text = xml_attribute(node, name);

        if (text)
                cpu_set_from_list(text, set);
}

/* What an element tells of, counted; a list that is longer than any machine's is nonsense. */
static size_t count(xmlNodePtr parent, const char *name)
{
        size_t n = 0;

        for (xmlNodePtr child = xml_child(parent, name); child && n < LIST_MAX; child = xml_next(child, name))
                n++;
        return n;
}

static int read_pins(struct domain *domain, xmlNodePtr root)
{
        xmlNodePtr vcpu = xml_child(root, "vcpu"), tune = xml_child(root, "cputune");
        cleanup_free char *text = vcpu ? (char *)xmlNodeGetContent(vcpu) : NULL;
        unsigned long vcpus = text ? strtoul(text, NULL, 10) : 0;
        struct cpu_set all = {};

        if (vcpus == 0 || vcpus > VCPUS_MAX)
                return -EINVAL;
        domain->vcpus = (unsigned)vcpus;
        domain->vcpu_cpus = calloc(vcpus, sizeof(*domain->vcpu_cpus));
        if (!domain->vcpu_cpus)
                return -ENOMEM;
        read_set(vcpu, "cpuset", &all); /* of all that has no pin of its own */
        for (unsigned v = 0; v < domain->vcpus; v++)
                domain->vcpu_cpus[v] = all;
        domain->emulator = all;
        for (xmlNodePtr pin = xml_child(tune, "vcpupin"); pin; pin = xml_next(pin, "vcpupin")) {
                uint64_t v = xml_number(pin, "vcpu", UINT64_MAX);
                if (v < domain->vcpus)
                        read_set(pin, "cpuset", &domain->vcpu_cpus[v]);
        }
        read_set(xml_child(tune, "emulatorpin"), "cpuset", &domain->emulator);
        return 0;
}

static int read_iothreads(struct domain *domain, xmlNodePtr root)
{
        xmlNodePtr number = xml_child(root, "iothreads"), ids = xml_child(root, "iothreadids");
        cleanup_free char *text = number ? (char *)xmlNodeGetContent(number) : NULL;
        unsigned long threads = text ? strtoul(text, NULL, 10) : 0;
        unsigned i = 0;

        if (threads > LIST_MAX)
                return -EINVAL;
        domain->iothread_ids = calloc(threads + 1, sizeof(*domain->iothread_ids));
        domain->iothread_cpus = calloc(threads + 1, sizeof(*domain->iothread_cpus));
        if (!domain->iothread_ids || !domain->iothread_cpus)
                return -ENOMEM;
        domain->iothread_count = (unsigned)threads;
        for (xmlNodePtr id = xml_child(ids, "iothread"); id && i < threads; id = xml_next(id, "iothread"))
                domain->iothread_ids[i++] = (unsigned)xml_number(id, "id", 0);
        for (; i < threads; i++) /* libvirt numbers them from 1 */
                domain->iothread_ids[i] = i > 0 ? domain->iothread_ids[i - 1] + 1 : 1;
        for (xmlNodePtr pin = xml_path(root, "cputune/iothreadpin"); pin; pin = xml_next(pin, "iothreadpin"))
                for (i = 0; i < threads; i++)
                        if (domain->iothread_ids[i] == xml_number(pin, "iothread", 0))
                                read_set(pin, "cpuset", &domain->iothread_cpus[i]);
        return 0;
}

static void read_memory(struct domain *domain, xmlNodePtr root)
{
        xmlNodePtr backing = xml_child(root, "memoryBacking"), pages = xml_child(backing, "hugepages");
        xmlNodePtr tuned = xml_path(root, "numatune/memory");

        domain->memory_bytes = xml_size(xml_child(root, "memory"), NULL);
        domain->page_bytes = xml_size(xml_child(pages, "page"), "size");
        domain->default_hugepages = pages && domain->page_bytes == 0;
        domain->memory_shared = xml_attribute_is(xml_child(backing, "access"), "mode", "shared");
        domain->memory_strict =
                !tuned || xml_attribute_is(tuned, "mode", "strict") || xml_attribute_is(tuned, "mode", "restrictive");
        read_set(tuned, "nodeset", &domain->nodes);
}

static int only_member(const struct cpu_set *set)
{
        int member = cpu_set_next(set, -1);

        return member >= 0 && cpu_set_next(set, member) < 0 ? member : -1;
}

static int read_cells(struct domain *domain, xmlNodePtr root)
{
        xmlNodePtr numa = xml_path(root, "cpu/numa");
        size_t cells = count(numa, "cell");
        unsigned next = 0;

        if (cells > CELLS_MAX)
                return -EINVAL;
        domain->cells = calloc(cells + 1, sizeof(*domain->cells));
        if (!domain->cells)
                return -ENOMEM;
        domain->cell_count = (unsigned)cells;
        for (xmlNodePtr cell = xml_child(numa, "cell"); cell; cell = xml_next(cell, "cell")) {
                uint64_t id = xml_number(cell, "id", next++);
                if (id >= cells)
                        return -EINVAL;
                read_set(cell, "cpus", &domain->cells[id].vcpus);
                domain->cells[id].memory_bytes = xml_size(cell, "memory");
                domain->cells[id].node = only_member(&domain->nodes);
        }
        for (xmlNodePtr node = xml_path(root, "numatune/memnode"); node; node = xml_next(node, "memnode")) {
                uint64_t id = xml_number(node, "cellid", UINT64_MAX);
                struct cpu_set nodes = {};
                read_set(node, "nodeset", &nodes);
                if (id < cells && xml_attribute_is(node, "mode", "strict"))
                        domain->cells[id].node = only_member(&nodes);
        }
        return 0;
}

static bool read_pci(xmlNodePtr device, char ret[13])
{
        xmlNodePtr address = xml_path(device, "source/address");
        uint64_t domain = xml_number(address, "domain", 0), bus = xml_number(address, "bus", 256);
        uint64_t slot = xml_number(address, "slot", 32), function = xml_number(address, "function", 8);

        if (domain > 0xffff || bus > 255 || slot > 31 || function > 7)
                return false;
        snprintf(ret, 13, "%04x:%02x:%02x.%x", (unsigned)domain & 0xffff, (unsigned)bus & 0xff, (unsigned)slot & 0x1f,
                 (unsigned)function & 7);
        return true;
}

static void read_interface(struct domain_interface *interface, xmlNodePtr node)
{
        xmlNodePtr source = xml_child(node, "source");
        cleanup_free char *type = xml_attribute(node, "type");
        cleanup_free char *mac = xml_attribute(xml_child(node, "mac"), "address");
        cleanup_free char *socket = xml_attribute(source, "path");

        snprintf(interface->type, sizeof(interface->type), "%s", type ? type : "");
        snprintf(interface->mac_address, sizeof(interface->mac_address), "%s", mac ? mac : "");
        snprintf(interface->socket, sizeof(interface->socket), "%s", socket ? socket : "");
        interface->server = xml_attribute_is(source, "mode", "server");
        interface->queues = (unsigned)xml_number(xml_child(node, "driver"), "queues", 0);
        interface->mtu = (unsigned)xml_number(xml_child(node, "mtu"), "size", 0);
}

static int read_devices(struct domain *domain, xmlNodePtr root)
{
        xmlNodePtr devices = xml_child(root, "devices");
        size_t hostdevs = count(devices, "hostdev"), interfaces = count(devices, "interface"), n = 0;

        domain->pci = calloc(hostdevs + interfaces + 1, sizeof(*domain->pci));
        domain->interfaces = calloc(interfaces + 1, sizeof(*domain->interfaces));
        if (!domain->pci || !domain->interfaces)
                return -ENOMEM;
        for (xmlNodePtr node = xml_child(devices, "hostdev"); node && n++ < hostdevs; node = xml_next(node, "hostdev"))
                if (xml_attribute_is(node, "type", "pci") && read_pci(node, domain->pci[domain->pci_count]))
                        domain->pci_count++;
        n = 0;
        for (xmlNodePtr node = xml_child(devices, "interface"); node && n++ < interfaces;
             node = xml_next(node, "interface")) {
                read_interface(&domain->interfaces[domain->interface_count++], node);
                if (xml_attribute_is(node, "type", "hostdev") && read_pci(node, domain->pci[domain->pci_count]))
                        domain->pci_count++;
        }
        return 0;
}

static bool is_nova(xmlNodePtr root)
{
        xmlNodePtr instance = xml_path(root, "metadata/instance");

        return instance && instance->ns && strstr((const char *)instance->ns->href, "openstack.org/xmlns/libvirt/nova");
}

int domain_parse(struct domain **ret, const char *xml)
{
        cleanup_domain_facts struct domain *domain = calloc(1, sizeof(*domain));
        cleanup_tree xmlDocPtr tree = NULL;
        int r = domain ? domain_tree(&tree, xml) : -ENOMEM;

        if (r < 0)
                return r;
        xmlNodePtr root = xmlDocGetRootElement(tree);
        xmlNodePtr name = xml_child(root, "name"), uuid = xml_child(root, "uuid");
        cleanup_free char *uuid_text = uuid ? (char *)xmlNodeGetContent(uuid) : NULL;
        domain->name = name ? (char *)xmlNodeGetContent(name) : NULL;
        snprintf(domain->uuid, sizeof(domain->uuid), "%s", uuid_text ? uuid_text : "");
        if (!domain->name)
                return -EINVAL;
        domain->is_nova = is_nova(root);
        r = read_pins(domain, root);
        if (r == 0)
                r = read_iothreads(domain, root);
        if (r < 0)
                return r;
        mark_read(domain, root);
        read_memory(domain, root);
        r = read_cells(domain, root);
        if (r == 0)
                r = read_devices(domain, root);
        if (r == 0)
                *ret = TAKE_PTR(domain);
        return r;
}

struct domain *domain_free(struct domain *domain)
{
        if (!domain)
                return NULL;
        free(domain->name);
        free(domain->vcpu_cpus);
        free(domain->iothread_ids);
        free(domain->iothread_cpus);
        free(domain->cells);
        free(domain->pci);
        free(domain->interfaces);
        free(domain);
        return NULL;
}
