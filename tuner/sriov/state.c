/* See state.h: the table of a VF's values, as words, JSON and numbers. */
#include <errno.h>
#include <inttypes.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

struct word {
        uint64_t number;
        const char *text;
};

static const struct word protocols[] = {{0x8100, "802.1Q"}, {0x88a8, "802.1ad"}, {}};
static const struct word link_states[] = {{IFLA_VF_LINK_STATE_AUTO, "auto"},
                                          {IFLA_VF_LINK_STATE_ENABLE, "enable"},
                                          {IFLA_VF_LINK_STATE_DISABLE, "disable"},
                                          {}};
static const struct word drivers[] = {{DRIVER_NONE, "none"}, {DRIVER_KERNEL, "kernel"}, {DRIVER_VFIO, "vfio-pci"}, {}};

static const struct {
        const char *name;
        enum { AS_BOOL, AS_NUMBER, AS_MAC, AS_WORD } form;
        const struct word *words;
} table[VF_VALUE_COUNT] = {
        [VF_TRUST] = {"trust", AS_BOOL},
        [VF_SPOOF_CHECK] = {"spoof_check", AS_BOOL},
        [VF_MAC_ADDRESS] = {"mac_address", AS_MAC},
        [VF_VLAN] = {"vlan", AS_NUMBER},
        [VF_QOS] = {"qos", AS_NUMBER},
        [VF_VLAN_PROTOCOL] = {"vlan_protocol", AS_WORD, protocols},
        [VF_MIN_TX_RATE] = {"min_tx_rate", AS_NUMBER},
        [VF_MAX_TX_RATE] = {"max_tx_rate", AS_NUMBER},
        [VF_LINK_STATE] = {"link_state", AS_WORD, link_states},
        [VF_DRIVER] = {"driver", AS_WORD, drivers},
};

struct pf *pf_free(struct pf *pf)
{
        if (pf) {
                free(pf->vfs);
                free(pf);
        }
        return NULL;
}

void pf_target_clear(struct pf_target *target)
{
        free(target->vfs);
        *target = (struct pf_target){};
}

const char *vf_value_name(enum vf_value value)
{
        return table[value].name;
}

static const char *word_of(const struct word *words, uint64_t number)
{
        for (; words->text; words++)
                if (words->number == number)
                        return words->text;
        return NULL;
}

const char *vf_value_text(enum vf_value value, uint64_t number, char buffer[VF_TEXT_SIZE])
{
        const char *word = table[value].form == AS_WORD ? word_of(table[value].words, number) : NULL;

        if (word)
                snprintf(buffer, VF_TEXT_SIZE, "%s", word);
        else if (table[value].form == AS_BOOL)
                snprintf(buffer, VF_TEXT_SIZE, "%s", number ? "true" : "false");
        else if (table[value].form == AS_MAC)
                snprintf(buffer, VF_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", (unsigned)(number >> 40) & 255,
                         (unsigned)(number >> 32) & 255, (unsigned)(number >> 24) & 255, (unsigned)(number >> 16) & 255,
                         (unsigned)(number >> 8) & 255, (unsigned)number & 255);
        else
                snprintf(buffer, VF_TEXT_SIZE, "%" PRIu64, number);
        return buffer;
}

json_t *vf_value_to_json(enum vf_value value, uint64_t number)
{
        char text[VF_TEXT_SIZE];

        if (table[value].form == AS_BOOL)
                return json_boolean(number);
        if (table[value].form == AS_NUMBER)
                return json_integer(number);
        return json_string(vf_value_text(value, number, text));
}

static int mac_from_text(const char *text, uint64_t *ret)
{
        unsigned byte[6];
        uint64_t mac = 0;
        int used = 0;

        if (strlen(text) != 17 ||
            sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &byte[0], &byte[1], &byte[2], &byte[3], &byte[4], &byte[5],
                   &used) != 6 ||
            used != 17)
                return -EINVAL;
        for (size_t i = 0; i < 6; i++)
                mac = mac << 8 | byte[i];
        *ret = mac;
        return 0;
}

int vf_value_from_json(enum vf_value value, const json_t *json, uint64_t *ret)
{
        if (table[value].form == AS_BOOL) {
                if (!json_is_boolean(json))
                        return -EINVAL;
                *ret = json_is_true(json);
                return 0;
        }
        if (table[value].form == AS_NUMBER) {
                if (!json_is_integer(json) || json_integer_value(json) < 0)
                        return -EINVAL;
                *ret = json_integer_value(json);
                return 0;
        }
        if (!json_is_string(json))
                return -EINVAL;
        if (table[value].form == AS_MAC)
                return mac_from_text(json_string_value(json), ret);
        for (const struct word *word = table[value].words; word->text; word++) {
                if (strcmp(word->text, json_string_value(json)) == 0) {
                        *ret = word->number;
                        return 0;
                }
        }
        return -EINVAL;
}

const char *eswitch_mode_name(enum eswitch_mode mode)
{
        return mode == ESWITCH_LEGACY ? "legacy" : mode == ESWITCH_SWITCHDEV ? "switchdev" : "none";
}

enum eswitch_mode eswitch_mode_from_name(const char *name)
{
        if (!name)
                return ESWITCH_UNKNOWN;
        return strcmp(name, "switchdev") == 0 ? ESWITCH_SWITCHDEV
               : strcmp(name, "legacy") == 0  ? ESWITCH_LEGACY
                                              : ESWITCH_UNKNOWN;
}

bool vf_value_satisfied(enum vf_value value, uint64_t wanted, uint64_t found)
{
        return wanted == found || (value == VF_MAC_ADDRESS && wanted == 0);
}
