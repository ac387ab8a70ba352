/* Watching for drift (apply.h): inotify on the directories of what is wished for, uevents of the kernel, and a look at
 * what has no events. Watches are few: one a directory, however many knobs are in it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "apply.h"

#define EVENTS (IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE_SELF | IN_ONLYDIR)

struct drift_watch {
        struct host host;
        char *root;
        int epoll, inotify, uevents;
        bool targets;       /* an uevent told of them */
        nlink_t interrupts; /* links of /proc/irq: its directories */
        char *online;       /* CPUs */
};

/* ---- making it ---- */

/* By descriptor, so that a link in a tree does not lead out of it. */
static int watch_directory(struct drift_watch *watch, const char *directory)
{
        char path[32];
        cleanup_close int fd = host_open(&watch->host, O_PATH | O_DIRECTORY, "%s", directory);

        if (fd < 0)
                return fd;
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return inotify_add_watch(watch->inotify, path, EVENTS) < 0 ? -errno : 0;
}

/* What is not there cannot be watched, and is polled. The same directory twice is one watch to the kernel. */
static int watch_wish(struct drift_watch *watch, const struct wish *wish)
{
        const char *pattern = wish->knob->watch ? wish->knob->watch : wish->knob->path;
        const char *last_word = strrchr(wish->target, ' ');
        cleanup_free char *path = NULL;

        if (!pattern)
                return 0;
        const char *star = strchr(pattern, '*'), *word = last_word ? last_word + 1 : wish->target;
        int length = star ? asprintf(&path, "%.*s%s%s", (int)(star - pattern), pattern, word, star + 1)
                          : asprintf(&path, "%s", pattern);
        if (length < 0)
                return path = NULL, -ENOMEM;
        *strrchr(path, '/') = '\0';
        int r = watch_directory(watch, path);
        return r == -ENOMEM || r == -ENOSPC ? r : 0;
}

static int add_to_epoll(struct drift_watch *watch, int fd)
{
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

        return epoll_ctl(watch->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* The kernel's own, before udev has seen them; a made-up tree has none. */
static int open_uevents(struct drift_watch *watch)
{
        struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};

        if (!host_is_real(&watch->host))
                return 0;
        watch->uevents = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
        if (watch->uevents < 0)
                return 0;
        if (bind(watch->uevents, (struct sockaddr *)&address, sizeof(address)) < 0) {
                close(watch->uevents);
                watch->uevents = -1;
                return 0;
        }
        return add_to_epoll(watch, watch->uevents);
}

DEFINE_CLEANUP(struct drift_watch *, drift_watch_free)

int drift_watch_new(struct drift_watch **ret, const struct host *host, const struct wishes *wishes)
{
        cleanup_(drift_watch_free_p) struct drift_watch *watch = calloc(1, sizeof(*watch));

        if (!watch)
                return -ENOMEM;
        watch->uevents = -1;
        watch->epoll = epoll_create1(EPOLL_CLOEXEC);
        watch->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        watch->root = strdup(host->root);
        if (watch->epoll < 0 || watch->inotify < 0 || !watch->root)
                return watch->root ? -errno : -ENOMEM;
        watch->host = (struct host){.root = watch->root};
        int r = add_to_epoll(watch, watch->inotify);
        if (r == 0)
                r = open_uevents(watch);
        for (size_t i = 0; r == 0 && i < wishes->count; i++)
                r = watch_wish(watch, &wishes->list[i]);
        if (r < 0)
                return r;
        drift_watch_targets_changed(watch); /* from now on */
        *ret = TAKE_PTR(watch);
        return 0;
}

struct drift_watch *drift_watch_free(struct drift_watch *watch)
{
        if (!watch)
                return NULL;
        close_p(&watch->epoll);
        close_p(&watch->inotify);
        close_p(&watch->uevents);
        free(watch->root);
        free(watch->online);
        free(watch);
        return NULL;
}

int drift_watch_fd(const struct drift_watch *watch)
{
        return watch->epoll;
}

/* ---- looking ---- */

/* "add@/devices/…", then SUBSYSTEM=… and others, NUL between. */
static bool concerns_targets(const char *event, size_t length)
{
        static const char *const subsystems[] = {"SUBSYSTEM=cpu", "SUBSYSTEM=pci", "SUBSYSTEM=node",
                                                 "SUBSYSTEM=memory"};

        for (const char *at = event; at < event + length; at += strlen(at) + 1)
                for (size_t i = 0; i < ARRAY_LEN(subsystems); i++)
                        if (strcmp(at, subsystems[i]) == 0)
                                return true;
        return false;
}

static bool drain_uevents(struct drift_watch *watch)
{
        char event[8192];
        bool any = false;
        ssize_t n;

        if (watch->uevents < 0)
                return false;
        while ((n = recv(watch->uevents, event, sizeof(event) - 1, 0)) > 0 || (n < 0 && errno == ENOBUFS)) {
                /* Some were lost: any may have been. */
                bool concerns = n < 0;
                if (n > 0) {
                        event[n] = '\0';
                        concerns = concerns_targets(event, (size_t)n);
                }
                any |= concerns;
        }
        watch->targets |= any;
        return any;
}

bool drift_watch_drain(struct drift_watch *watch)
{
        char events[4096];
        bool any = false;

        while (read(watch->inotify, events, sizeof(events)) > 0)
                any = true;
        return drain_uevents(watch) || any;
}

bool drift_watch_targets_changed(struct drift_watch *watch)
{
        cleanup_close int fd = host_open(&watch->host, O_PATH, "/proc/irq");
        cleanup_free char *online = NULL;
        struct stat status = {};
        bool changed = watch->targets;

        watch->targets = false;
        if (fd >= 0 && fstat(fd, &status) == 0 && status.st_nlink != watch->interrupts) {
                watch->interrupts = status.st_nlink;
                changed = true;
        }
        if (host_read(&watch->host, &online, "/sys/devices/system/cpu/online") == 0 &&
            (!watch->online || strcmp(online, watch->online) != 0)) {
                free(watch->online);
                watch->online = TAKE_PTR(online);
                changed = true;
        }
        return changed;
}
