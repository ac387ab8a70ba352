/* Where socled is and as whom to ask it: from the command line, the environment (SOCLE_HOST, SOCLE_SOCKET), or a
 * configuration file, in this order. ~/.config/socle/soclectl.conf, else /etc/socle/soclectl.conf:
 *
 *      [soclectl]
 *      host = node1.example.org:9696
 *      certificate = /etc/pki/orchestrator.pem
 *      key = /etc/pki/orchestrator.key
 *      ca = /etc/ipa/ca.crt */
#pragma once

#include <stddef.h>

struct client;

#define REMOTE_PORT "9696"

struct remote_settings {
        char host[256]; /* NAME, NAME:PORT, [IPv6]:PORT; "": this node, by the socket */
        char certificate[4096], key[4096], ca[4096], crl[4096];
};

/* Fills what is still empty from the file; `path` NULL: the usual places, which may be absent. An exit_status. */
int remote_settings_read(struct remote_settings *settings, const char *path);

/* Connects and shakes hands. An exit_status; says itself what is wrong. */
int remote_connect(struct client **ret, const struct remote_settings *settings, int timeout_ms);
