/* See discover.h. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "discover.h"
#include "socle/cleanup.h"

#define TIMEOUT_MS 30000

enum { CHILD_REFUSED = 2, CHILD_FAILED = 3 };

static int set_filters(hwloc_topology_t topology)
{
        static const hwloc_obj_type_t structure[] = {HWLOC_OBJ_PACKAGE, HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L2CACHE,
                                                     HWLOC_OBJ_CORE};
        static const hwloc_obj_type_t devices[] = {HWLOC_OBJ_PCI_DEVICE, HWLOC_OBJ_OS_DEVICE};
        int r = hwloc_topology_set_all_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_NONE);

        for (size_t i = 0; i < ARRAY_LEN(structure); i++)
                r |= hwloc_topology_set_type_filter(topology, structure[i], HWLOC_TYPE_FILTER_KEEP_ALL);
        /* What a NUMA node hangs on when nothing else has its CPUs. */
        r |= hwloc_topology_set_type_filter(topology, HWLOC_OBJ_GROUP, HWLOC_TYPE_FILTER_KEEP_STRUCTURE);
        for (size_t i = 0; i < ARRAY_LEN(devices); i++)
                r |= hwloc_topology_set_type_filter(topology, devices[i], HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
        return r;
}

/* Of XML, devices too: in a tree they are found in sysfs, which has more to say about them. */
static int set_up(hwloc_topology_t topology, bool devices)
{
        int r = set_filters(topology);

        if (!devices)
                r |= hwloc_topology_set_io_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_NONE);
        return r | hwloc_topology_set_flags(topology, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
}

/* ---- in the child ---- */

static int write_all(int fd, const char *data, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, data, size);
                if (n < 0)
                        return -errno;
                data += n;
                size -= (size_t)n;
        }
        return 0;
}

static int load(hwloc_topology_t *ret, const struct discovery *discovery)
{
        hwloc_topology_t topology;

        if (hwloc_topology_init(&topology) < 0 || set_up(topology, discovery->xml != NULL) < 0)
                return CHILD_FAILED;
        /* It would go to each CPU in turn, also to those that must not be disturbed. */
        hwloc_topology_set_components(topology, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, "x86");
        if (discovery->xml && hwloc_topology_set_xmlbuffer(topology, discovery->xml, (int)discovery->xml_size + 1) < 0)
                return CHILD_REFUSED;
        if (discovery->synthetic && hwloc_topology_set_synthetic(topology, discovery->synthetic) < 0)
                return CHILD_REFUSED;
        if (hwloc_topology_load(topology) < 0)
                return errno == ENOMEM ? CHILD_FAILED : CHILD_REFUSED;
        if (!discovery->root || strcmp(discovery->root, "/") != 0)
                hwloc_topology_check(topology); /* aborts */
        *ret = topology;
        return 0;
}

static int tell(const struct discovery *discovery, int out)
{
        hwloc_topology_t topology;
        char *xml;
        int size, r = load(&topology, discovery);

        if (r != 0)
                return r;
        if (hwloc_topology_export_xmlbuffer(topology, &xml, &size, 0) < 0)
                return CHILD_FAILED;
        return write_all(out, xml, (size_t)size) < 0 ? CHILD_FAILED : 0;
}

static _Noreturn void run_child(const struct discovery *discovery, int out, int words)
{
        char fsroot[4096 + sizeof("HWLOC_FSROOT=")];
        char *environment[] = {"HWLOC_XML_VERBOSE=1", "HWLOC_SYNTHETIC_VERBOSE=1", "HWLOC_PLUGINS_PATH=/dev/null",
                               fsroot, NULL};
        static const int ours[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGTERM, SIGINT};
        bool elsewhere = discovery->root && strcmp(discovery->root, "/") != 0;

        for (size_t i = 0; i < ARRAY_LEN(ours); i++)
                signal(ours[i], SIG_DFL);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        dup2(words, STDOUT_FILENO);
        dup2(words, STDERR_FILENO);
        snprintf(fsroot, sizeof(fsroot), "HWLOC_FSROOT=%s", elsewhere ? discovery->root : "");
        if (!elsewhere)
                environment[3] = NULL;
        environ = environment; /* setenv() would take a lock that another thread may have held at the fork */
        int status = tell(discovery, out);
        fflush(stderr);
        _exit(status);
}

/* ---- in the parent ---- */

#define SIGNALLED (-1000) /* below any -errno */

/* The child's exit status; SIGNALLED minus its signal; or -errno. */
static int wait_for(pid_t pid)
{
        cleanup_close int pidfd = pidfd_open(pid, 0);
        struct pollfd poll_for = {.fd = pidfd, .events = POLLIN};
        int status, r = 1;

        if (pidfd >= 0) /* else: an old kernel; wait without a limit */
                do
                        r = poll(&poll_for, 1, TIMEOUT_MS);
                while (r < 0 && errno == EINTR);
        if (r == 0)
                kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (r == 0)
                return -ETIMEDOUT;
        return WIFSIGNALED(status) ? SIGNALLED - WTERMSIG(status) : WEXITSTATUS(status);
}

/* The first sentence that hwloc said, without its own prefixes; "" if none. */
static void first_words(int fd, char *ret, size_t size)
{
        char text[1024], *line = NULL, *rest = text;
        ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

        *ret = 0;
        text[n > 0 ? n : 0] = 0;
        while ((line = strsep(&rest, "\n")))
                if (*line && strncmp(line, "***", 3) != 0)
                        break;
        if (!line)
                return;
        for (char *colon; (colon = strstr(line, ": ")) && colon - line < 24;)
                line = colon + 2;
        const char *end = strstr(line, ". ");
        snprintf(ret, size, ": %.*s", (int)(end ? end - line : (ptrdiff_t)strlen(line)), line);
}

static int complain(struct errors *errors, const struct discovery *discovery, int status, int words)
{
        char said[200];
        const char *expected = discovery->synthetic ? "a description as in `man hwloc`: \"pack:2 numa:2 core:8 pu:2\""
                               : discovery->xml     ? "XML that `lstopo --of xml` has written"
                                                    : "a tree that `hwloc-gather-topology --io` has made";

        first_words(words, said, sizeof(said));
        if (status == CHILD_REFUSED)
                errors_add(errors, status = -EINVAL, "", expected, "%s is not a topology%s", discovery->name, said);
        else if (status == CHILD_FAILED)
                errors_add(errors, status = -EIO, "", "", "%s: hwloc failed%s", discovery->name, said);
        else if (status > 0 || status < SIGNALLED)
                errors_add(errors, status = -EINVAL, "", expected, "%s makes no sense to hwloc%s", discovery->name,
                           said);
        else if (status == -ETIMEDOUT)
                errors_add(errors, status, "", expected, "%s: hwloc did not end within %d s", discovery->name,
                           TIMEOUT_MS / 1000);
        else
                errors_add(errors, status, "", "", "%s: hwloc could not be asked: %s", discovery->name,
                           strerror(-status));
        return status;
}

/* XML that the child has written into a file in memory. */
static int import(hwloc_topology_t *ret, int fd)
{
        cleanup_(hwloc_topology_p) hwloc_topology_t topology = NULL;
        struct stat info;

        if (fstat(fd, &info) < 0 || info.st_size <= 0 || info.st_size > INT32_MAX)
                return -EIO;
        char *xml = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (xml == MAP_FAILED)
                return -errno;
        int r = hwloc_topology_init(&topology);
        if (r == 0 &&
            (set_up(topology, true) < 0 || hwloc_topology_set_xmlbuffer(topology, xml, (int)info.st_size) < 0 ||
             hwloc_topology_load(topology) < 0))
                r = -1;
        munmap(xml, (size_t)info.st_size);
        if (r < 0)
                return -EIO;
        *ret = TAKE_PTR(topology);
        return 0;
}

int discover(hwloc_topology_t *ret, const struct discovery *discovery, struct errors *errors)
{
        cleanup_close int out = memfd_create("topology", MFD_CLOEXEC);
        cleanup_close int words = memfd_create("words", MFD_CLOEXEC);
        pid_t pid = out >= 0 && words >= 0 ? fork() : -1;

        if (pid == 0)
                run_child(discovery, out, words);
        int r = pid < 0 ? -errno : wait_for(pid);
        if (r == 0)
                r = import(ret, out);
        return r == 0 ? 0 : complain(errors, discovery, r, words);
}
