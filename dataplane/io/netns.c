/* See netns.h. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "netns.h"
#include "socle/cleanup.h"
#include "socle/log.h"

int netns_run(const char *netns, int (*f)(void *user), void *user)
{
        cleanup_close int home = -1, there = -1;
        char path[160];

        if (!netns[0])
                return f(user);
        snprintf(path, sizeof(path), "%s%s", strchr(netns, '/') ? "" : "/run/netns/", netns);
        there = open(path, O_RDONLY | O_CLOEXEC);
        if (there < 0)
                return -errno;
        home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        if (home < 0 || setns(there, CLONE_NEWNET) < 0)
                return -errno;

        int r = f(user);
        if (setns(home, CLONE_NEWNET) < 0) {
                log_error("cannot return to our own network namespace: %s; giving up, systemd starts us anew",
                          strerror(errno));
                abort();
        }
        return r;
}
