/* See values.h. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "socle/wire.h"
#include "values.h"

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static int hex_digit(char c)
{
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
}

int mac_parse(const char *text, uint8_t ret[6])
{
        uint8_t mac[6];

        if (strlen(text) != 17 || (text[2] != ':' && text[2] != '-'))
                return -EINVAL;
        for (size_t i = 0; i < 6; i++) {
                int high = hex_digit(text[i * 3]), low = hex_digit(text[i * 3 + 1]);

                if (high < 0 || low < 0 || (i < 5 && text[i * 3 + 2] != text[2]))
                        return -EINVAL;
                mac[i] = high << 4 | low;
        }
        memcpy(ret, mac, sizeof(mac));
        return 0;
}

void mac_format(const uint8_t mac[6], char ret[VALUE_SIZE])
{
        static const char digits[] = "0123456789abcdef";

        for (size_t i = 0; i < 6; i++) {
                ret[i * 3] = digits[mac[i] >> 4];
                ret[i * 3 + 1] = digits[mac[i] & 15];
                ret[i * 3 + 2] = i < 5 ? ':' : 0;
        }
}

int ip_parse(const char *text, uint8_t ret[16])
{
        uint8_t ip[16];

        if (inet_pton(AF_INET, text, ip + 12) == 1)
                memcpy(ip, mapped, sizeof(mapped));
        else if (inet_pton(AF_INET6, text, ip) != 1 || wire_ip_is_v4(ip))
                return -EINVAL;
        memcpy(ret, ip, sizeof(ip));
        return 0;
}

void ip_format(const uint8_t ip[16], char ret[VALUE_SIZE])
{
        if (wire_ip_is_v4(ip))
                inet_ntop(AF_INET, ip + 12, ret, VALUE_SIZE);
        else
                inet_ntop(AF_INET6, ip, ret, VALUE_SIZE);
}

int cidr_parse(const char *text, uint8_t ret[16], uint8_t *ret_prefix)
{
        const char *slash = strchr(text, '/');
        char address[VALUE_SIZE];
        uint8_t ip[16];
        unsigned prefix = 0;

        if (!slash || (size_t)(slash - text) >= sizeof(address))
                return -EINVAL;
        memcpy(address, text, slash - text);
        address[slash - text] = 0;

        size_t digits = strspn(slash + 1, "0123456789");
        if (digits < 1 || digits > 3 || slash[1 + digits] || (digits > 1 && slash[1] == '0'))
                return -EINVAL;
        for (size_t i = 0; i < digits; i++)
                prefix = prefix * 10 + slash[1 + i] - '0';
        if (ip_parse(address, ip) < 0 || prefix > (wire_ip_is_v4(ip) ? 32 : 128))
                return -EINVAL;
        memcpy(ret, ip, sizeof(ip));
        *ret_prefix = prefix;
        return 0;
}

void cidr_format(const uint8_t ip[16], uint8_t prefix, char ret[VALUE_SIZE])
{
        ip_format(ip, ret);
        size_t used = strlen(ret);
        snprintf(ret + used, VALUE_SIZE - used, "/%u", prefix);
}

int prefix_parse(const char *text, uint8_t ret[16], uint8_t *ret_prefix)
{
        uint8_t ip[16], prefix;

        if (cidr_parse(text, ip, &prefix) < 0) {
                if (ip_parse(text, ip) < 0)
                        return -EINVAL;
                prefix = wire_ip_is_v4(ip) ? 32 : 128;
        }
        for (unsigned bit = prefix + (wire_ip_is_v4(ip) ? 96 : 0); bit < 128; bit++)
                ip[bit / 8] &= ~(0x80 >> bit % 8);
        memcpy(ret, ip, sizeof(ip));
        *ret_prefix = prefix;
        return 0;
}

bool ip_within(const uint8_t ip[16], const uint8_t network[16], uint8_t prefix)
{
        unsigned bits = prefix + (wire_ip_is_v4(network) ? 96 : 0);

        if (wire_ip_is_v4(ip) != wire_ip_is_v4(network) || memcmp(ip, network, bits / 8) != 0)
                return false;
        return bits % 8 == 0 || (ip[bits / 8] ^ network[bits / 8]) >> (8 - bits % 8) == 0;
}

/* Up to `most` hexadecimal digits; moves *text behind them. */
static int take_hex(const char **text, size_t most, unsigned *ret)
{
        size_t n = 0;

        for (*ret = 0; n < most && hex_digit(**text) >= 0; n++)
                *ret = *ret << 4 | hex_digit(*(*text)++);
        return n > 0 ? 0 : -EINVAL;
}

int pci_normalise(const char *text, char ret[VALUE_SIZE])
{
        unsigned domain = 0, bus, device, function;
        const char *first = strchr(text, ':');

        if (first && strchr(first + 1, ':')) {
                if (take_hex(&text, 8, &domain) < 0 || *text++ != ':')
                        return -EINVAL;
        }
        if (take_hex(&text, 2, &bus) < 0 || *text++ != ':' || take_hex(&text, 2, &device) < 0 || *text++ != '.' ||
            take_hex(&text, 1, &function) < 0 || *text)
                return -EINVAL;
        if (device > 0x1f || function > 7)
                return -EINVAL;
        snprintf(ret, VALUE_SIZE, "%04x:%02x:%02x.%x", domain, bus, device, function);
        return 0;
}

bool object_name_valid(const char *name)
{
        size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

        return n > 0 && n < WIRE_NAME_SIZE && name[n] == 0;
}

/* As dev_valid_name() of the kernel's net/core/dev.c. */
bool interface_name_valid(const char *name)
{
        size_t n = strlen(name);

        if (n == 0 || n > 15 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return false;
        for (; *name; name++)
                if (*name == '/' || *name == ':' || isspace((unsigned char)*name))
                        return false;
        return true;
}

bool netns_valid(const char *netns)
{
        if (netns[0] == '/')
                return true;
        return netns[0] && !strchr(netns, '/') && strcmp(netns, ".") != 0 && strcmp(netns, "..") != 0;
}

int64_t spec_int(const json_t *spec, const char *name, int64_t fallback)
{
        const json_t *value = json_object_get(spec, name);

        return json_is_integer(value) ? json_integer_value(value) : fallback;
}

bool spec_bool(const json_t *spec, const char *name)
{
        return json_is_true(json_object_get(spec, name));
}

const char *spec_string(const json_t *spec, const char *name)
{
        return json_string_value(json_object_get(spec, name));
}

const char *spec_choice(const json_t *oneof, json_t **ret)
{
        void *iterator = json_object_iter((json_t *)oneof);

        *ret = iterator ? json_object_iter_value(iterator) : NULL;
        return iterator ? json_object_iter_key(iterator) : NULL;
}

void spec_prefix(const char *text, uint8_t ret[16], uint16_t *ret_bits)
{
        uint8_t prefix = 0;

        memset(ret, 0, 16);
        (void)prefix_parse(text, ret, &prefix);
        *ret_bits = prefix + (wire_ip_is_v4(ret) ? 96 : 0);
}

void spec_ip(const json_t *spec, const char *name, uint8_t ret[16])
{
        const char *text = spec_string(spec, name);

        if (!text || ip_parse(text, ret) < 0)
                memset(ret, 0, 16);
}
