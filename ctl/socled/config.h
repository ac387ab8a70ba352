/* socled's configuration: built-in defaults, then /etc/socle/socled.conf (INI), then the command line. */
#pragma once

#include <stdbool.h>

#include "remote.h"
#include "role.h"
#include "server.h"

#define CONFIG_PATH "/etc/socle/socled.conf"

struct config {
        char control_socket[108];
        char store[4096];
        char dataplane_socket[108];
        int log_level;          /* as syslog's */
        char log_format[16];    /* see socle_log_format() */
        bool tuner;             /* the host is looked after; false: only the dataplane */
        char tuner_state[4096]; /* its journals; "": "tuner" beside the store */
        char tuner_root[4096];  /* another tree of /proc and /sys, for tests; "": this host's */
        char libvirt_uri[256];  /* "": guests are not looked after */
        struct rpc_limits limits;
        struct role_table roles;

        /* from afar */
        char tls_listen[128]; /* "": nobody */
        char tls_certificate[4096], tls_key[4096], tls_ca[4096], tls_crl[4096];
        uint32_t tls_handshake_seconds, tls_idle_seconds, tls_clients_per_peer;
        struct name_roles name_roles;

        char metrics_listen[128]; /* "": no metrics */
};

void config_init(struct config *config);
void config_clear(struct config *config);

/* Sets one of [socled] by name; used for the command line too. -EINVAL with words in `why`. */
int config_set(struct config *config, const char *section, const char *name, const char *value, char *why, size_t size);

/* Reads the file over what is set. 0; -ENOENT: no such file; -EINVAL: wrong, told by `complain`, with file and line.
 * `warn`: what is odd but no reason not to start (a group that does not exist here). */
struct config_talk {
        void (*complain)(const char *text);
        void (*warn)(const char *text);
};
int config_read(struct config *config, const char *path, const struct config_talk *talk);
