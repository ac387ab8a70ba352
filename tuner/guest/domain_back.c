/* What the tuner has changed in a domain's XML, made as it was; all else stays. See domain.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "domain.h"
#include "domain_private.h"
#include "xml.h"

/* Everything that domain_edit.c changes but interfaces: children of these elements. */
static const struct part {
        const char *parent, *child; /* parent "": the domain itself */
} parts[] = {
        {"cputune", "vcpupin"},         {"cputune", "emulatorpin"},  {"cputune", "iothreadpin"},
        {"numatune", "memory"},         {"numatune", "memnode"},     {"cpu", "numa"},
        {"memoryBacking", "hugepages"}, {"memoryBacking", "access"}, {"memoryBacking", "source"},
};

bool tree_is_bare(xmlNodePtr node)
{
        for (xmlNodePtr child = node->children; child; child = child->next)
                if (!xmlIsBlankNode(child))
                        return false;
        return !node->properties;
}

/* libvirt gives all that is in a mark the mark's namespace. */
static bool is_marks(xmlNsPtr space)
{
        return space && strcmp((const char *)space->href, MARK_URI) == 0;
}

static void leave_namespace(xmlNodePtr node)
{
        if (is_marks(node->ns))
                xmlSetNs(node, NULL);
        for (xmlNodePtr child = node->children; child; child = child->next)
                if (child->type == XML_ELEMENT_NODE)
                        leave_namespace(child);
        if (is_marks(node->nsDef) && !node->nsDef->next)
                xmlFreeNs(TAKE_PTR(node->nsDef));
}

static int copy_into(xmlNodePtr parent, xmlNodePtr node)
{
        xmlNodePtr copy = xmlDocCopyNode(node, parent->doc, 1);

        if (!copy)
                return -ENOMEM;
        leave_namespace(copy);
        return xmlAddChild(parent, copy) ? 0 : -ENOMEM;
}

static int put_part_back(xmlNodePtr root, xmlNodePtr before, const struct part *part)
{
        xmlNodePtr was = xml_path(xml_child(before, part->parent), part->child);
        xmlNodePtr now = was ? xml_ensure(root, part->parent) : xml_child(root, part->parent);

        if (was && !now)
                return -ENOMEM;
        if (now)
                xml_remove(now, part->child);
        for (; was; was = xml_next(was, part->child))
                if (copy_into(now, was) < 0)
                        return -ENOMEM;
        if (now && tree_is_bare(now) && !xml_child(before, part->parent))
                xml_unlink(now);
        return 0;
}

int tree_put_parts_back(xmlNodePtr root, xmlNodePtr before)
{
        int r = 0;

        for (size_t i = 0; i < ARRAY_LEN(parts) && r == 0; i++)
                r = put_part_back(root, before, &parts[i]);
        return r;
}

int tree_put_interface_back(xmlDocPtr tree, xmlDocPtr before, const char *mac_address)
{
        xmlNodePtr now = tree_interface(tree, mac_address), was = tree_interface(before, mac_address);
        xmlNodePtr devices = xml_ensure(xmlDocGetRootElement(tree), "devices");

        if (now)
                xml_unlink(now);
        return was && devices ? copy_into(devices, was) : 0;
}

/* ---- PCI ports that libvirt made for interfaces ---- */

static xmlNodePtr find_pci_controller(xmlDocPtr tree, uint64_t index)
{
        xmlNodePtr node = xml_path(xmlDocGetRootElement(tree), "devices/controller");

        for (; node; node = xml_next(node, "controller"))
                if (xml_attribute_is(node, "type", "pci") && xml_number(node, "index", UINT64_MAX) == index)
                        return node;
        return NULL;
}

/* Does a device sit on that bus? */
static bool is_used(xmlDocPtr tree, uint64_t bus)
{
        xmlNodePtr devices = xml_child(xmlDocGetRootElement(tree), "devices");

        for (xmlNodePtr device = devices ? devices->children : NULL; device; device = device->next) {
                xmlNodePtr address = xml_child(device, "address");
                if (address && xml_attribute_is(address, "type", "pci") && xml_number(address, "bus", 0) == bus)
                        return true;
        }
        return false;
}

static void remove_idle_ports(xmlDocPtr tree, xmlDocPtr before)
{
        xmlNodePtr node = xml_path(xmlDocGetRootElement(tree), "devices/controller"), next;

        for (; node; node = next) {
                uint64_t index = xml_number(node, "index", 0);
                next = xml_next(node, "controller");
                if (xml_attribute_is(node, "type", "pci") && xml_attribute_is(node, "model", "pcie-root-port") &&
                    !find_pci_controller(before, index) && !is_used(tree, index))
                        xml_unlink(node);
        }
}

int tree_put_back(xmlDocPtr tree, xmlDocPtr before, const json_t *mac_addresses)
{
        json_t *mac;
        size_t i;
        int r = tree_put_parts_back(xmlDocGetRootElement(tree), xmlDocGetRootElement(before));

        tree_unmark(tree);
        json_array_foreach ((json_t *)mac_addresses, i, mac)
                if (r == 0)
                        r = tree_put_interface_back(tree, before, json_string_value(mac));
        if (r == 0 && json_array_size(mac_addresses) > 0)
                remove_idle_ports(tree, before);
        return r;
}
