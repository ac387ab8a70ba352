/* See config.h. */
#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "config.h"
#include "socle/cleanup.h"
#include "socle/log.h"

struct setting {
        const char *section, *name;
        int (*set)(const struct setting *setting, void *member, const char *value, char *why, size_t size);
        size_t offset, size;
        uint64_t min, max;
};

static int set_path(const struct setting *setting, void *member, const char *value, char *why, size_t size)
{
        if (value[0] != '/' || strlen(value) >= setting->size) {
                snprintf(why, size, "\"%.100s\" is no absolute path of at most %zu bytes", value, setting->size - 1);
                return -EINVAL;
        }
        memcpy(member, value, strlen(value) + 1);
        return 0;
}

static int set_address(const struct setting *setting, void *member, const char *value, char *why, size_t size)
{
        if (value[0] && (!strrchr(value, ':') || strlen(value) >= setting->size)) {
                snprintf(why, size, "\"%.100s\" is no address with a port, such as 0.0.0.0:9696 or [::]:9696", value);
                return -EINVAL;
        }
        memcpy(member, value, strlen(value) + 1);
        return 0;
}

static int set_level(const struct setting *setting, void *member, const char *value, char *why, size_t size)
{
        static const struct {
                const char *name;
                int level;
        } levels[] = {{"error", LOG_ERR},
                      {"warning", LOG_WARNING},
                      {"notice", LOG_NOTICE},
                      {"info", LOG_INFO},
                      {"debug", LOG_DEBUG}};

        for (size_t i = 0; i < ARRAY_LEN(levels); i++)
                if (strcmp(value, levels[i].name) == 0) {
                        *(int *)member = levels[i].level;
                        return 0;
                }
        snprintf(why, size, "\"%.100s\" is none of: error, warning, notice, info, debug", value);
        return -EINVAL;
}

static int set_bool(const struct setting *setting, void *member, const char *value, char *why, size_t size)
{
        if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0) {
                snprintf(why, size, "\"%.100s\" is neither yes nor no", value);
                return -EINVAL;
        }
        *(bool *)member = value[0] == 'y';
        return 0;
}

/* Or nothing at all. */
static int set_uri(const struct setting *setting, void *member, const char *value, char *why, size_t size)
{
        if ((value[0] && !strstr(value, "://")) || strlen(value) >= setting->size) {
                snprintf(why, size, "\"%.100s\" is no URI such as qemu:///system", value);
                return -EINVAL;
        }
        memcpy(member, value, strlen(value) + 1);
        return 0;
}

static int set_format(const struct setting *setting, void *member, const char *value, char *why, size_t size)
{
        if (socle_log_format(value) < 0) {
                snprintf(why, size, "\"%.100s\" is none of: auto, text, journal, json", value);
                return -EINVAL;
        }
        memcpy(member, value, strlen(value) + 1);
        return 0;
}

static int set_number(const struct setting *setting, void *member, const char *value, char *why, size_t size)
{
        char *end;

        errno = 0;
        unsigned long long number = strtoull(value, &end, 10);
        if (errno || end == value || *end || value[0] == '-' || number < setting->min || number > setting->max) {
                snprintf(why, size, "\"%.100s\" is no number from %llu to %llu", value,
                         (unsigned long long)setting->min, (unsigned long long)setting->max);
                return -EINVAL;
        }
        if (setting->size == sizeof(uint64_t))
                *(uint64_t *)member = number;
        else
                *(uint32_t *)member = (uint32_t)number;
        return 0;
}

#define PATH(member) set_path, offsetof(struct config, member), sizeof(((struct config *)0)->member), 0, 0
#define NUMBER(member, min, max)                                                                                       \
        set_number, offsetof(struct config, limits.member), sizeof(((struct config *)0)->limits.member), min, max

#define TLS_NUMBER(member, min, max)                                                                                   \
        set_number, offsetof(struct config, member), sizeof(((struct config *)0)->member), min, max

static const struct setting settings[] = {
        {"socled", "control_socket", PATH(control_socket)},
        {"socled", "store", PATH(store)},
        {"socled", "dataplane_socket", PATH(dataplane_socket)},
        {"socled", "log_level", set_level, offsetof(struct config, log_level), sizeof(int), 0, 0},
        {"tuner", "enabled", set_bool, offsetof(struct config, tuner), sizeof(bool), 0, 0},
        {"tuner", "state", PATH(tuner_state)},
        {"tuner", "root", PATH(tuner_root)},
        {"tuner", "libvirt_uri", set_uri, offsetof(struct config, libvirt_uri),
         sizeof(((struct config *)0)->libvirt_uri), 0, 0},
        {"socled", "log_format", set_format, offsetof(struct config, log_format), 16, 0, 0},
        {"tls", "listen", set_address, offsetof(struct config, tls_listen), sizeof(((struct config *)0)->tls_listen), 0,
         0},
        {"tls", "certificate", PATH(tls_certificate)},
        {"tls", "key", PATH(tls_key)},
        {"tls", "ca", PATH(tls_ca)},
        {"tls", "crl", PATH(tls_crl)},
        {"tls", "handshake_seconds", TLS_NUMBER(tls_handshake_seconds, 1, 3600)},
        {"tls", "idle_seconds", TLS_NUMBER(tls_idle_seconds, 1, 604800)},
        {"tls", "clients_per_peer", TLS_NUMBER(tls_clients_per_peer, 1, 1 << 20)},
        {"metrics", "listen", set_address, offsetof(struct config, metrics_listen),
         sizeof(((struct config *)0)->metrics_listen), 0, 0},
        {"limits", "line_bytes", NUMBER(line_bytes, 1024, UINT64_C(1) << 32)},
        {"limits", "buffered_bytes", NUMBER(buffered_bytes, 1 << 20, UINT64_C(1) << 40)},
        {"limits", "watch_events", NUMBER(watch_events, 16, 1 << 30)},
        {"limits", "clients", NUMBER(clients, 1, 1 << 20)},
        {"limits", "json_depth", NUMBER(json_depth, 16, 1024)},
        {"limits", "idle_seconds", NUMBER(idle_seconds, 1, 86400)},
        {"limits", "batch_requests", NUMBER(batch_requests, 1, 1 << 20)},
};

void config_init(struct config *config)
{
        *config = (struct config){
                .control_socket = "/run/socle/control.sock",
                .store = "/var/lib/socle/intent.db",
                .dataplane_socket = "/run/socle/dataplane.sock",
                .log_level = LOG_INFO,
                .tuner = true,
                .libvirt_uri = "qemu:///system",
                .limits = rpc_limits_default,
                .tls_handshake_seconds = 10,
                .tls_idle_seconds = 600,
                .tls_clients_per_peer = 1024,
        };
}

void config_clear(struct config *config)
{
        role_table_clear(&config->roles);
        name_roles_clear(&config->name_roles);
}

int config_set(struct config *config, const char *section, const char *name, const char *value, char *why, size_t size)
{
        for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
                const struct setting *setting = &settings[i];
                if (strcmp(setting->section, section) == 0 && strcmp(setting->name, name) == 0)
                        return setting->set(setting, (char *)config + setting->offset, value, why, size);
        }
        snprintf(why, size, "[%.60s] has no setting \"%.60s\"", section, name);
        return -EINVAL;
}

/* ---- [roles] ---- */

struct reading {
        struct config *config;
        const char *path;
        const struct config_talk *talk;
};

static int add_role(struct reading *reading, enum role role, const char *who, char *why, size_t size)
{
        char text[256];
        int r = role_table_add(&reading->config->roles, role, who);

        if (r == -ESRCH) {
                snprintf(text, sizeof(text), "%s: [roles] %s: there is no %s \"%.60s\" on this host: ignored",
                         reading->path, role_name(role), who[0] == '@' ? "group" : "user",
                         who[0] == '@' ? who + 1 : who);
                reading->talk->warn(text);
                return 0;
        }
        if (r == -EINVAL)
                snprintf(why, size, "\"%.60s\" is no user, uid:N, @group or gid:N", who);
        return r;
}

static int find_role(const char *name, enum role *ret, char *why, size_t size)
{
        for (enum role role = ROLE_READ; role <= ROLE_ADMIN; role++)
                if (strcmp(name, role_name(role)) == 0) {
                        *ret = role;
                        return 0;
                }
        snprintf(why, size, "there is no role \"%.60s\": read, operate, admin are", name);
        return -EINVAL;
}

/* One name a line: there may be blanks and commas in it. */
static int read_name_role(struct reading *reading, const char *name, const char *value, char *why, size_t size)
{
        enum role role;
        int r = find_role(name, &role, why, size);

        if (r == 0)
                r = name_roles_add(&reading->config->name_roles, role, value);
        if (r == -EINVAL && tls_name_valid(value) == false)
                snprintf(why, size,
                         "\"%.100s\" is no name in a certificate: dns:…, ip:…, email:…, uri:… or dn:…, one a line",
                         value);
        return r;
}

static int read_roles(struct reading *reading, const char *name, const char *value, char *why, size_t size)
{
        cleanup_free char *words = strdup(value);
        char *rest = words, *word;
        enum role role;

        if (!words)
                return -ENOMEM;
        int found = find_role(name, &role, why, size);
        if (found < 0)
                return found;
        while ((word = strsep(&rest, ", \t\r\n"))) {
                int r = word[0] ? add_role(reading, role, word, why, size) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- the file ---- */

static int on_setting(void *user, const char *section, const char *name, const char *value)
{
        struct reading *reading = user;
        char why[256] = "out of memory", text[1024];
        int r;

        if (strcmp(section, "roles") == 0)
                r = read_roles(reading, name, value, why, sizeof(why));
        else if (strcmp(section, "tls_roles") == 0)
                r = read_name_role(reading, name, value, why, sizeof(why));
        else
                r = config_set(reading->config, section, name, value, why, sizeof(why));

        if (r < 0) {
                snprintf(text, sizeof(text), "%s: [%.60s] %.60s: %s", reading->path, section, name, why);
                reading->talk->complain(text);
        }
        return r >= 0;
}

int config_read(struct config *config, const char *path, const struct config_talk *talk)
{
        cleanup_fclose FILE *file = fopen(path, "re");
        struct reading reading = {.config = config, .path = path, .talk = talk};
        char text[512];

        if (!file)
                return -errno;
        int line = ini_parse_file(file, on_setting, &reading);
        if (line == 0)
                return 0;
        /* inih does not tell a handler where it is, only at the end where it stopped being content. */
        snprintf(text, sizeof(text), "%s:%d: the first wrong line ([section], name=value or # comment is right)", path,
                 line > 0 ? line : 0);
        talk->complain(text);
        return -EINVAL;
}
