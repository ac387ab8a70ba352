/* Small things over libxml2's trees. */
#pragma once

#include <libxml/tree.h>
#include <stdbool.h>
#include <stdint.h>

/* The first child element of that name, NULL: none, or no parent. */
xmlNodePtr xml_child(xmlNodePtr parent, const char *name);
xmlNodePtr xml_next(xmlNodePtr node, const char *name); /* the next sibling element of that name */
/* A chain of children: "cputune/vcpupin". */
xmlNodePtr xml_path(xmlNodePtr from, const char *path);
/* Made at the end where it is missing; NULL: no memory. */
xmlNodePtr xml_ensure(xmlNodePtr parent, const char *name);
/* All children of that name, white space before them too. */
void xml_remove(xmlNodePtr parent, const char *name);
void xml_unlink(xmlNodePtr node);

/* The caller's, NULL: none. */
char *xml_attribute(xmlNodePtr node, const char *name);
bool xml_attribute_is(xmlNodePtr node, const char *name, const char *value);
/* `fallback`: absent, or no number. */
uint64_t xml_number(xmlNodePtr node, const char *name, uint64_t fallback);
bool xml_set(xmlNodePtr node, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A size in bytes: the element's text, or attribute `name`, in its `unit` (libvirt's default: KiB). */
uint64_t xml_size(xmlNodePtr node, const char *name);
