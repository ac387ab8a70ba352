/* Who a client is, and what that makes of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "private.h"
#include "remote.h"

static int read_groups(int fd, struct identity *identity)
{
        socklen_t size = 0;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0 || errno != ERANGE)
                return 0; /* none */
        identity->groups = malloc(size);
        if (!identity->groups)
                return -ENOMEM;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, identity->groups, &size) < 0)
                return -errno;
        identity->group_count = size / sizeof(gid_t);
        return 0;
}

int identity_local(struct client *client)
{
        struct identity *identity = &client->identity;
        struct ucred ucred;
        socklen_t size = sizeof(ucred);

        if (getsockopt(client->channel.fd, SOL_SOCKET, SO_PEERCRED, &ucred, &size) < 0)
                return -errno;
        identity->uid = ucred.uid;
        identity->gid = ucred.gid;
        identity->pid = ucred.pid;
        snprintf(identity->who, sizeof(identity->who), "uid %u", (unsigned)ucred.uid);
        snprintf(identity->from, sizeof(identity->from), "pid %d", (int)ucred.pid);
        return read_groups(client->channel.fd, identity);
}

void identity_remote(struct client *client, const struct sockaddr_storage *peer)
{
        struct identity *identity = &client->identity;
        char host[46] = "?", port[8] = "?";

        identity->peer = *peer;
        (void)getnameinfo((const struct sockaddr *)peer, sizeof(*peer), host, sizeof(host), port, sizeof(port),
                          NI_NUMERICHOST | NI_NUMERICSERV);
        snprintf(identity->from, sizeof(identity->from), peer->ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
        snprintf(identity->who, sizeof(identity->who), "nobody yet");
}

void identity_proven(struct client *client)
{
        const char *name;

        name_roles_find(client->server->name_roles, tls_peer_names(client->channel.tls), &name);
        snprintf(client->identity.who, sizeof(client->identity.who), "%s", name);
}

enum role identity_role(struct client *client)
{
        const struct identity *identity = &client->identity;
        const char *name;

        if (client->channel.tls)
                return name_roles_find(client->server->name_roles, tls_peer_names(client->channel.tls), &name);
        return role_table_find(client->server->roles, identity->uid, identity->gid, identity->groups,
                               identity->group_count);
}
