/* See remote.h. */
#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "command.h"
#include "remote.h"
#include "say.h"
#include "tls.h"

/* ---- the file ---- */

static const struct {
        const char *name;
        size_t offset, size;
} members[] = {
#define MEMBER(m)                                                                                                      \
        {                                                                                                              \
#m, offsetof(struct remote_settings, m), sizeof(((struct remote_settings *)0)->m)                      \
        }
        MEMBER(host), MEMBER(certificate), MEMBER(key), MEMBER(ca), MEMBER(crl),
#undef MEMBER
};

static int on_setting(void *user, const char *section, const char *name, const char *value)
{
        for (size_t i = 0; strcmp(section, "soclectl") == 0 && i < ARRAY_LEN(members); i++) {
                char *member = (char *)user + members[i].offset;
                if (strcmp(name, members[i].name) != 0)
                        continue;
                if (strlen(value) >= members[i].size)
                        return 0;
                if (!member[0])
                        memcpy(member, value, strlen(value) + 1);
                return 1;
        }
        return 0;
}

static int read_file(struct remote_settings *settings, const char *path)
{
        cleanup_fclose FILE *file = fopen(path, "re");

        if (!file)
                return -errno;
        int line = ini_parse_file(file, on_setting, settings);
        if (line == 0)
                return 0;
        complain("%s:%d: that is no setting of soclectl", path, line > 0 ? line : 0);
        advise("a section [soclectl] with host, certificate, key, ca and crl would be right");
        return -EINVAL;
}

int remote_settings_read(struct remote_settings *settings, const char *path)
{
        const char *home = getenv("HOME");
        char own[PATH_MAX];
        int r;

        if (path) {
                r = read_file(settings, path);
                if (r < 0 && r != -EINVAL)
                        complain("%s: %s", path, strerror(-r));
                return r < 0 ? CLI_USAGE : CLI_OK;
        }
        snprintf(own, sizeof(own), "%s/.config/socle/soclectl.conf", home ?: "");
        r = home ? read_file(settings, own) : -ENOENT;
        if (r == -ENOENT)
                r = read_file(settings, "/etc/socle/soclectl.conf");
        return r == -EINVAL ? CLI_USAGE : CLI_OK;
}

/* ---- connecting ---- */

/* "[::1]:9696", "node:9696", "node" into name and port. */
static int split(const char *host, char *name, size_t size, const char **ret_port)
{
        const char *end = strrchr(host, ':'), *bracket = strrchr(host, ']');

        if (host[0] == '[') {
                if (!bracket || (bracket[1] && bracket[1] != ':'))
                        return -EINVAL;
                *ret_port = bracket[1] ? bracket + 2 : REMOTE_PORT;
                host++;
                end = bracket;
        } else if (end && strchr(host, ':') == end)
                *ret_port = end + 1;
        else { /* no colon, or an IPv6 address without brackets */
                *ret_port = REMOTE_PORT;
                end = host + strlen(host);
        }
        if (end == host || (size_t)(end - host) >= size || !**ret_port)
                return -EINVAL;
        snprintf(name, size, "%.*s", (int)(end - host), host);
        return 0;
}

static int make_context(struct tls_context **ret, const struct remote_settings *settings)
{
        const struct tls_files files = {settings->certificate, settings->key, settings->ca, settings->crl};
        char why[512];

        for (size_t i = 1; i < 4; i++) {
                if (((const char *)settings)[members[i].offset])
                        continue;
                complain("to ask %s, a %s is needed", settings->host, members[i].name);
                advise("--%s FILE, or %s = FILE in soclectl.conf: soclectl --help", members[i].name, members[i].name);
                return CLI_USAGE;
        }
        if (tls_context_new(ret, TLS_CLIENT, &files, why, sizeof(why)) == 0)
                return CLI_OK;
        complain("%s", why);
        return CLI_USAGE;
}

static int complain_remote(const char *host, int error, const char *why)
{
        complain("cannot ask socled at %s: %s", host, why[0] ? why : strerror(-error));
        switch (-error) {
        case ECONNREFUSED:
                advise("nobody listens there: is `listen` set in [tls] of its socled.conf? its default port "
                       "is " REMOTE_PORT);
                break;
        case ETIMEDOUT:
                advise("no answer: is the node up, and does a firewall let the port through? --timeout waits longer");
                break;
        case EPROTO:
                advise("both sides must trust the other's CA, and its certificate must have the name that you asked "
                       "for");
                break;
        case ECONNRESET:
                advise("it does not take our certificate, or has too many clients: its journal says which");
                break;
        }
        return error == -ETIMEDOUT ? CLI_TIMEOUT : CLI_UNREACHABLE;
}

int remote_connect(struct client **ret, const struct remote_settings *settings, int timeout_ms)
{
        struct tls_context *context = NULL;
        char name[256], why[256] = "";
        const char *port;
        int status;

        if (split(settings->host, name, sizeof(name), &port) < 0) {
                complain("\"%s\" is no host", settings->host);
                advise("NAME, NAME:PORT, ADDRESS:PORT or [IPv6]:PORT would be right");
                return CLI_USAGE;
        }
        status = make_context(&context, settings);
        if (status)
                return status;
        int r = client_open_remote(ret, name, port, context, timeout_ms, why, sizeof(why));
        tls_context_unref(context);
        return r < 0 ? complain_remote(settings->host, r, why) : CLI_OK;
}
