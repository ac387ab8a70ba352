/* Values in their text form: parsing, and the one normal way to write each. Every parser returns 0 or -EINVAL, leaves
 * its output alone on failure, and takes a NUL-terminated text of any length. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define VALUE_SIZE 64 /* holds any normalised MAC, IP, CIDR or PCI address */

int mac_parse(const char *text, uint8_t ret[6]);
void mac_format(const uint8_t mac[6], char ret[VALUE_SIZE]);

/* IPv4 comes out as v4-mapped, as on the wire. */
int ip_parse(const char *text, uint8_t ret[16]);
void ip_format(const uint8_t ip[16], char ret[VALUE_SIZE]);

int cidr_parse(const char *text, uint8_t ret[16], uint8_t *ret_prefix);
void cidr_format(const uint8_t ip[16], uint8_t prefix, char ret[VALUE_SIZE]);
/* "192.0.2.0/24", or an address alone, which means itself. Host bits are cleared. *ret_prefix: of its own family. */
int prefix_parse(const char *text, uint8_t ret[16], uint8_t *ret_prefix);
/* Within the prefix (bits of its own family)? False across families. */
bool ip_within(const uint8_t ip[16], const uint8_t network[16], uint8_t prefix);

/* Bus, device, function; without a domain it is 0000. Normalised into `ret`. */
int pci_normalise(const char *text, char ret[VALUE_SIZE]);

bool object_name_valid(const char *name);
bool interface_name_valid(const char *name);
/* A file name under /run/netns, or an absolute path. */
bool netns_valid(const char *netns);

/* Members of a validated spec; the fallback where there is none. */
int64_t spec_int(const json_t *spec, const char *name, int64_t fallback);
bool spec_bool(const json_t *spec, const char *name);
const char *spec_string(const json_t *spec, const char *name); /* NULL: absent */
/* The only member of a oneof: its name, and its value in *ret. */
const char *spec_choice(const json_t *oneof, json_t **ret);
/* A validated address or prefix as the wire has it: the bits are those of the mapped form. */
void spec_prefix(const char *text, uint8_t ret[16], uint16_t *ret_bits);
/* An address member as 16 bytes; all zero when absent. */
void spec_ip(const json_t *spec, const char *name, uint8_t ret[16]);
