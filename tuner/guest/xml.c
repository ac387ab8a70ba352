/* See xml.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "socle/cleanup.h"
#include "xml.h"

static bool is_element(xmlNodePtr node, const char *name)
{
        return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

static xmlNodePtr first(xmlNodePtr node, const char *name)
{
        while (node && !is_element(node, name))
                node = node->next;
        return node;
}

xmlNodePtr xml_child(xmlNodePtr parent, const char *name)
{
        return parent ? first(parent->children, name) : NULL;
}

xmlNodePtr xml_next(xmlNodePtr node, const char *name)
{
        return first(node->next, name);
}

xmlNodePtr xml_path(xmlNodePtr from, const char *path)
{
        while (from && *path) {
                char name[64];
                size_t length = strcspn(path, "/");
                snprintf(name, sizeof(name), "%.*s", (int)length, path);
                from = xml_child(from, name);
                path += length + (path[length] == '/');
        }
        return from;
}

xmlNodePtr xml_ensure(xmlNodePtr parent, const char *name)
{
        xmlNodePtr child = xml_child(parent, name);

        return child ? child : xmlNewChild(parent, NULL, (const xmlChar *)name, NULL);
}

void xml_unlink(xmlNodePtr node)
{
        if (node->prev && xmlIsBlankNode(node->prev)) {
                xmlNodePtr blank = node->prev;
                xmlUnlinkNode(blank);
                xmlFreeNode(blank);
        }
        xmlUnlinkNode(node);
        xmlFreeNode(node);
}

void xml_remove(xmlNodePtr parent, const char *name)
{
        for (xmlNodePtr child; (child = xml_child(parent, name));)
                xml_unlink(child);
}

char *xml_attribute(xmlNodePtr node, const char *name)
{
        return node ? (char *)xmlGetNoNsProp(node, (const xmlChar *)name) : NULL;
}

bool xml_attribute_is(xmlNodePtr node, const char *name, const char *value)
{
        cleanup_free char *text = xml_attribute(node, name);

        return text && strcmp(text, value) == 0;
}

static bool read_number(const char *text, uint64_t *ret)
{
        char *end;

        if (!text)
                return false;
        errno = 0;
        uint64_t value = strtoull(text, &end, 0);
        while (*end == ' ' || *end == '\n')
                end++;
        if (errno || end == text || *end)
                return false;
        *ret = value;
        return true;
}

uint64_t xml_number(xmlNodePtr node, const char *name, uint64_t fallback)
{
        cleanup_free char *text = xml_attribute(node, name);
        uint64_t value;

        return read_number(text, &value) ? value : fallback;
}

bool xml_set(xmlNodePtr node, const char *name, const char *format, ...)
{
        cleanup_free char *text = NULL;
        va_list args;

        va_start(args, format);
        int n = vasprintf(&text, format, args);
        va_end(args);
        if (n < 0) {
                text = NULL;
                return false;
        }
        return node && xmlSetProp(node, (const xmlChar *)name, (const xmlChar *)text);
}

static unsigned unit_shift(const char *unit)
{
        static const struct {
                const char *names[3];
                unsigned shift;
        } units[] = {
                {{"b", "bytes", "byte"}, 0}, {{"k", "KiB"}, 10}, {{"M", "MiB"}, 20},
                {{"G", "GiB"}, 30},          {{"T", "TiB"}, 40},
        };

        for (size_t i = 0; unit && i < ARRAY_LEN(units); i++)
                for (size_t j = 0; j < 3 && units[i].names[j]; j++)
                        if (strcmp(unit, units[i].names[j]) == 0)
                                return units[i].shift;
        return 10;
}

uint64_t xml_size(xmlNodePtr node, const char *name)
{
        cleanup_free char *unit = xml_attribute(node, "unit");
        cleanup_free char *text = NULL;
        uint64_t value;

        if (!node)
                return 0;
        text = name ? xml_attribute(node, name) : (char *)xmlNodeGetContent(node);
        return read_number(text, &value) ? value << unit_shift(unit) : 0;
}
