/* BaremetalNode: a machine, this host unless another is described, enrolled as a node of Ironic. Secrets are named
 * here, never given: where they are kept is in the spec, what they are is read when it is needed (ctl/baremetal/). */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kind.h"
#include "model.h"
#include "socle/errors.h"
#include "values.h"

#define PORTS_MAX  128
#define TRAITS_MAX 50 /* that a node of Ironic may have */
#define WORD_MAX   255

static const char *const targets[] = {"manageable", "available", "active", NULL};
static const char *const interfaces[] = {"public", "internal", "admin", NULL};
static const char *const boot_modes[] = {"bios", "uefi", NULL};

static const struct field secrets[] = {
        {"file", FIELD_PATH, "A file that holds it, which not everybody may read.", .secret = true},
        {"credential", FIELD_STRING,
         "The name of a systemd credential of socled's unit (LoadCredential=, LoadCredentialEncrypted=).", .min = 1,
         .max = WORD_MAX, .secret = true},
        {},
};

#define SECRET(name, help)                                                                                             \
        {                                                                                                              \
                name, FIELD_ONEOF, help, .required = true, .fields = secrets, .secret = true                           \
        }
#define TEXT(name, help)                                                                                               \
        {                                                                                                              \
                name, FIELD_STRING, help, .min = 1, .max = WORD_MAX                                                    \
        }
#define FIXED(name, help)                                                                                              \
        {                                                                                                              \
                name, FIELD_STRING, help, .min = 1, .max = WORD_MAX, .immutable = true                                 \
        }
#define AUTH_URL                                                                                                       \
        {                                                                                                              \
                "auth_url", FIELD_STRING, "Keystone's URL, such as https://keystone.example.org:5000/v3.",             \
                        .required = true, .immutable = true, .min = 1, .max = WORD_MAX                                 \
        }
#define NEEDED(name, help)                                                                                             \
        {                                                                                                              \
                name, FIELD_STRING, help, .min = 1, .max = WORD_MAX, .required = true                                  \
        }

static const struct field no_fields[] = {{}};

static const struct field basic[] = {
        NEEDED("username", "The user."),
        SECRET("password", "Where the password is."),
        {},
};

static const struct field password[] = {
        AUTH_URL,
        NEEDED("username", "The user."),
        {"user_domain", FIELD_STRING, "The user's domain, by name.", .fallback = "\"Default\"", .min = 1,
         .max = WORD_MAX},
        NEEDED("project", "The project, by name."),
        {"project_domain", FIELD_STRING, "The project's domain, by name.", .fallback = "\"Default\"", .min = 1,
         .max = WORD_MAX},
        SECRET("password", "Where the password is."),
        {},
};

static const struct field application_credential[] = {
        AUTH_URL,
        NEEDED("id", "The application credential's id."),
        SECRET("secret", "Where its secret is."),
        {},
};

static const struct field auth[] = {
        {"none", FIELD_OBJECT, "Nobody is asked who he is (auth_strategy=noauth).", .fields = no_fields},
        {"basic", FIELD_OBJECT, "HTTP basic (auth_strategy=http_basic).", .fields = basic},
        {"password", FIELD_OBJECT, "A user of Keystone.", .fields = password},
        {"application_credential", FIELD_OBJECT, "An application credential of Keystone.",
         .fields = application_credential},
        {},
};

static const struct field ironic[] = {
        FIXED("endpoint", "Ironic's URL, such as https://ironic.example.org:6385. By default that of Keystone's "
                          "catalogue (service type baremetal)."),
        {"interface", FIELD_STRING, "Which of the catalogue's endpoints.", .fallback = "\"public\"",
         .choices = interfaces, .immutable = true},
        FIXED("region", "The region of the catalogue's endpoint; by default the first that there is."),
        {"ca", FIELD_PATH, "Certificates (PEM) that Ironic's and Keystone's are checked by; by default the system's."},
        {"auth", FIELD_ONEOF, "Who we are to Ironic.", .fallback = "{\"none\": {}}", .fields = auth},
        {},
};

static const struct field redfish[] = {
        TEXT("address",
             "The BMC's URL, such as https://10.0.0.5. By default what the host's SMBIOS or its BMC tells of it."),
        TEXT("system_id", "The system's path, such as /redfish/v1/Systems/1; by default the only one there is."),
        NEEDED("username", "The BMC's user."),
        SECRET("password", "Where the BMC's password is."),
        {"ca", FIELD_PATH,
         "Certificates (PEM) that the BMC's is checked by; by default the system's. Ironic is given the path too, "
         "so it must be there on the conductors."},
        {"verify", FIELD_BOOL, "Check the BMC's certificate.", .fallback = "true"},
        {},
};

static const struct field ipmi[] = {
        TEXT("address", "The BMC's address. By default what the host's BMC tells of it."),
        {"port", FIELD_INT, "Its UDP port.", .fallback = "623", .min = 1, .max = 65535},
        NEEDED("username", "The BMC's user."),
        SECRET("password", "Where the BMC's password is."),
        {},
};

static const struct field no_bmc[] = {
        {"driver", FIELD_STRING, "Ironic's driver; for trials: fake-hardware.", .fallback = "\"manual-management\"",
         .min = 1, .max = WORD_MAX},
        {},
};

static const struct field bmcs[] = {
        {"redfish", FIELD_OBJECT, "By Redfish.", .fields = redfish},
        {"ipmi", FIELD_OBJECT, "By IPMI over LAN.", .fields = ipmi},
        {"none", FIELD_OBJECT, "Not at all: a driver that needs no BMC.", .fields = no_bmc},
        {},
};

static const struct field link_fields[] = {
        NEEDED("switch_id", "The switch's MAC address, or its OpenFlow datapath id (16 hexadecimal digits)."),
        NEEDED("port_id", "The switch's port, such as Ethernet1/7."),
        TEXT("switch_info", "The switch's name."),
        {},
};

static const struct field port_fields[] = {
        {"interface", FIELD_IFNAME, "The host's interface that is meant.", .required = true},
        {"enroll", FIELD_BOOL, "False: Ironic is not told of it.", .fallback = "true"},
        {"pxe_enabled", FIELD_BOOL, "The machine boots by it. By default as Ironic has it: true, for a new port."},
        TEXT("physical_network", "The physical network that it is on."),
        {"link", FIELD_OBJECT, "What it is plugged into; by default what LLDP tells.", .fields = link_fields},
        {},
};
static const struct field port = {.name = "port", .type = FIELD_OBJECT, .help = "A NIC.", .fields = port_fields};

static const struct field nic_fields[] = {
        {"name", FIELD_IFNAME, "The interface's name.", .required = true},
        {"mac_address", FIELD_MAC, "Its MAC address.", .required = true},
        {},
};
static const struct field nic = {.name = "nic", .type = FIELD_OBJECT, .help = "A NIC.", .fields = nic_fields};

static const struct field hardware[] = {
        {"uuid", FIELD_STRING, "The machine's UUID, as its SMBIOS has it: the node's UUID in Ironic.", .required = true,
         .immutable = true, .min = 36, .max = 36},
        {"cpu_arch", FIELD_STRING, "Its architecture.", .fallback = "\"x86_64\"", .min = 1, .max = WORD_MAX},
        {"cpus", FIELD_INT, "CPUs.", .required = true, .min = 1, .max = 65536},
        {"memory", FIELD_INT, "Memory.", .unit = "MiB", .required = true, .min = 1, .max = INT32_MAX},
        {"disk", FIELD_INT, "The disk that is deployed to.", .unit = "GiB", .required = true, .min = 0,
         .max = INT32_MAX},
        {"boot_mode", FIELD_STRING, "How it boots.", .choices = boot_modes},
        {"interfaces", FIELD_LIST, "Its NICs.", .required = true, .min = 1, .max = PORTS_MAX, .item = &nic},
        {},
};

static const struct field capability = {
        .name = "capability", .type = FIELD_STRING, .help = "name:value", .min = 3, .max = WORD_MAX};
static const struct field trait = {
        .name = "trait", .type = FIELD_STRING, .help = "CUSTOM_… or a standard trait.", .min = 1, .max = WORD_MAX};

static const struct field fields[] = {
        {"ironic", FIELD_OBJECT, "The Ironic that is to have it.", .required = true, .fields = ironic},
        {"bmc", FIELD_ONEOF, "How Ironic manages it.", .required = true, .fields = bmcs},
        {"target", FIELD_STRING,
         "manageable: enrolled, nothing happens to the machine. available: given away to be deployed, which cleans its "
         "disks; the host is cordoned first, and must be empty. active: adopted as it runs.",
         .fallback = "\"manageable\"", .choices = targets},
        TEXT("consent", "The name of the host that may be wiped; needed for the target available, and nothing else."),
        {"uuid", FIELD_STRING, "This host's UUID in Ironic, if its SMBIOS has none that is its own.", .immutable = true,
         .min = 36, .max = 36},
        {"hardware", FIELD_OBJECT, "Another machine than the host that socled runs on. By default this host.",
         .fields = hardware},
        {"inspection", FIELD_BOOL,
         "Ironic's inspection of this host (state inspect wait, API 1.84 and newer) is answered with its inventory, as "
         "by a "
         "ramdisk, without a reboot. Ironic is never asked to inspect.",
         .fallback = "false"},
        TEXT("resource_class", "Ironic's resource class, by which flavors choose it."),
        TEXT("description", "Words for people."),
        {"capabilities", FIELD_LIST, "Capabilities beside those that were found.", .fallback = "[]", .max = TRAITS_MAX,
         .item = &capability},
        {"traits", FIELD_LIST, "Traits beside those that were found.", .fallback = "[]", .max = TRAITS_MAX,
         .item = &trait},
        {"ports", FIELD_LIST, "What is to be said of single NICs.", .fallback = "[]", .max = PORTS_MAX, .item = &port},
        TEXT("image_source", "Target active: the image that it is said to run (instance_info), if the deploy interface "
                             "asks for one."),
        {},
};

/* ---- what a table cannot say ---- */

/* The text itself may hold a password: it is not repeated. */
static void check_url(const json_t *object, const char *name, const char *pointer, struct errors *errors)
{
        const char *url = spec_string(object, name);
        const char *host = url ? strstr(url, "://") : NULL;

        if (!url)
                return;
        if (!host || (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) || !host[3] ||
            strpbrk(url, " \t\r\n?#"))
                errors_add(errors, -EINVAL, pointer, "a URL such as https://host.example.org:6385",
                           "%s is no http or https URL", name);
        else if (memchr(host + 3, '@', strcspn(host + 3, "/")))
                errors_add(errors, -EINVAL, pointer, "the user and a reference to his password beside the URL",
                           "%s has a user in it", name);
}

static bool uuid_valid(const char *text)
{
        for (size_t i = 0; i < 36; i++) {
                bool dash = i == 8 || i == 13 || i == 18 || i == 23;
                if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
                        return false;
        }
        return true;
}

static void check_uuid(const json_t *object, const char *pointer, struct errors *errors)
{
        const char *uuid = spec_string(object, "uuid");

        if (uuid && !uuid_valid(uuid))
                errors_add(errors, -EINVAL, pointer, "a UUID such as 4c4c4544-0051-3610-8056-b4c04f4d3332",
                           "uuid is the text \"%.40s\"", uuid);
}

/* Ironic's own rule for traits; os-traits has the standard ones. */
static void check_traits(const json_t *traits, struct errors *errors)
{
        json_t *entry;
        size_t i;

        json_array_foreach ((json_t *)traits, i, entry) {
                const char *text = json_string_value(entry);
                char pointer[64];

                if (strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(text))
                        continue;
                snprintf(pointer, sizeof(pointer), "/spec/traits/%zu", i);
                errors_add(errors, -EINVAL, pointer, "capitals, digits and _, such as CUSTOM_RACK_7",
                           "\"%.60s\" is no trait", text);
        }
}

static void check_capabilities(const json_t *capabilities, struct errors *errors)
{
        json_t *entry;
        size_t i;

        json_array_foreach ((json_t *)capabilities, i, entry) {
                const char *text = json_string_value(entry), *colon = strchr(text, ':');
                char pointer[64];

                if (colon && colon > text && colon[1] && !strchr(text, ','))
                        continue;
                snprintf(pointer, sizeof(pointer), "/spec/capabilities/%zu", i);
                errors_add(errors, -EINVAL, pointer, "name:value, without a comma", "\"%.60s\" is no capability", text);
        }
}

static bool has_only(const char *text, size_t length, const char *allowed)
{
        return strlen(text) == length && strspn(text, allowed) == length;
}

/* Ironic's own rule. */
static void check_links(const json_t *ports, struct errors *errors)
{
        uint8_t mac[6];
        json_t *entry;
        size_t i;

        json_array_foreach ((json_t *)ports, i, entry) {
                const char *id = spec_string(json_object_get(entry, "link"), "switch_id");
                char pointer[64];

                if (!id || (mac_parse(id, mac) == 0 && !strchr(id, '-')) || has_only(id, 16, "0123456789abcdefABCDEF"))
                        continue;
                snprintf(pointer, sizeof(pointer), "/spec/ports/%zu/link/switch_id", i);
                errors_add(errors, -EINVAL, pointer, "a MAC address, or an OpenFlow datapath id of 16 digits",
                           "switch_id is the text \"%.60s\"", id);
        }
}

static void check_bmc(const struct object *object, struct errors *errors)
{
        json_t *bmc;
        const char *way = spec_choice(json_object_get(object->spec, "bmc"), &bmc);

        if (strcmp(way, "redfish") == 0)
                check_url(bmc, "address", "/spec/bmc/redfish/address", errors);
        if (json_object_get(object->spec, "hardware") && strcmp(way, "none") != 0 && !spec_string(bmc, "address"))
                errors_add(errors, -EINVAL, "/spec/bmc", "address",
                           "the address of another machine's BMC cannot be found out from here");
}

static void check(const struct model *model, const struct object *object, struct errors *errors)
{
        const json_t *ironic_spec = json_object_get(object->spec, "ironic");
        json_t *way;
        const char *who = spec_choice(json_object_get(ironic_spec, "auth"), &way);
        bool keystone = strcmp(who, "password") == 0 || strcmp(who, "application_credential") == 0;
        char pointer[96];

        check_url(ironic_spec, "endpoint", "/spec/ironic/endpoint", errors);
        snprintf(pointer, sizeof(pointer), "/spec/ironic/auth/%s/auth_url", who);
        check_url(way, "auth_url", pointer, errors);
        if (!keystone && !spec_string(ironic_spec, "endpoint"))
                errors_add(errors, -EINVAL, "/spec/ironic/endpoint", "Ironic's URL",
                           "endpoint is missing, and there is no catalogue to find it in");
        check_uuid(object->spec, "/spec/uuid", errors);
        check_uuid(json_object_get(object->spec, "hardware"), "/spec/hardware/uuid", errors);
        check_traits(json_object_get(object->spec, "traits"), errors);
        check_capabilities(json_object_get(object->spec, "capabilities"), errors);
        check_links(json_object_get(object->spec, "ports"), errors);
        check_bmc(object, errors);
}

/* As everybody writes it. */
static void claim_machine(struct claims *claims, const char *pointer, const char *uuid)
{
        char text[37];

        snprintf(text, sizeof(text), "%s", uuid);
        for (char *at = text; *at; at++)
                *at = (char)tolower((unsigned char)*at);
        claims->claim(claims, pointer, "machine %s", text);
}

static void keys(const struct model *model, const struct object *object, struct claims *claims)
{
        const json_t *other = json_object_get(object->spec, "hardware");
        const char *uuid = spec_string(object->spec, "uuid");

        if (other)
                claim_machine(claims, "/spec/hardware/uuid", spec_string(other, "uuid"));
        else
                claims->claim(claims, "/spec/hardware", "this host as a bare-metal node");
        if (!other && uuid)
                claim_machine(claims, "/spec/uuid", uuid);
}

static struct kind baremetal_node = {
        .name = "BaremetalNode",
        .area = "bare metal",
        .help = "A machine, this host unless another is described, enrolled as a node of Ironic; deleting the object "
                "takes back what was made there, and only that.",
        .write_role = ROLE_ADMIN,
        .fields = fields,
        .check = check,
        .keys = keys,
};
REGISTER_KIND(baremetal_node)
