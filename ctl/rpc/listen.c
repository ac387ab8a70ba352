/* See listen.h. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "listen.h"
#include "socle/cleanup.h"

#define BACKLOG 512

/* "HOST:PORT", "[IPv6]:PORT", ":PORT" into its parts. */
static int split(const char *text, char *host, size_t host_size, const char **ret_port)
{
        const char *colon = strrchr(text, ':');
        size_t length = colon ? (size_t)(colon - text) : 0;

        if (!colon || !colon[1])
                return -EINVAL;
        if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
                text++;
                length -= 2;
        }
        if (length >= host_size)
                return -EINVAL;
        memcpy(host, text, length);
        host[length] = 0;
        *ret_port = colon + 1;
        return 0;
}

int listen_at(const char *text, int *ret, char *why, size_t size)
{
        const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                       .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
        struct addrinfo *found = NULL;
        const char *port;
        char host[128];
        const int on = 1;

        if (split(text, host, sizeof(host), &port) < 0 ||
            getaddrinfo(host[0] ? host : NULL, port, &hints, &found) != 0) {
                snprintf(why, size, "\"%s\" is no address to listen on, such as 0.0.0.0:9696 or [::]:9696", text);
                return -EINVAL;
        }
        cleanup_close int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int r = fd < 0 ? -errno : 0;
        if (r == 0) {
                (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
                if (bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
                        r = -errno;
        }
        freeaddrinfo(found);
        if (r < 0) {
                snprintf(why, size, "cannot listen on %s: %s", text, strerror(-r));
                return r;
        }
        *ret = TAKE_FD(fd);
        return 0;
}
