/* Huge pages, by node and size. The kernel gives what it finds in one piece and says nothing when that is less: so we
 * ask again after compaction, then after dropping caches, and a part of what was asked is a failure that says how many
 * there were. Gigantic pages are left to the next boot while the kernel has not been told of them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "knob.h"
#include "socle/cleanup.h"

#define GIGANTIC (UINT64_C(1) << 30)
#define TRIES    3 /* after each remedy */

/* "node0 2048kB" to the path of a file of its pages. */
static int page_file(const char *target, const char *file, char **ret)
{
        unsigned node;
        char size[32];

        if (sscanf(target, "node%u %31s", &node, size) != 2)
                return -EINVAL;
        return asprintf(ret, "/sys/devices/system/node/node%u/hugepages/hugepages-%s/%s", node, size, file) < 0
                       ? -ENOMEM
                       : 0;
}

static bool kernel_was_told(const struct host *host, uint64_t page_bytes)
{
        cleanup_free char *line = NULL;
        char argument[48];

        snprintf(argument, sizeof(argument), "hugepagesz=%" PRIu64 "G", page_bytes / GIGANTIC);
        return host_read(host, &line, "/proc/cmdline") == 0 && strstr(line, argument);
}

static int wish_pages(const struct knob *knob, const struct host *host, int node, const struct plan_pages *pages,
                      struct wishes *wishes)
{
        cleanup_free char *target = NULL, *count = NULL, *path = NULL;

        if (asprintf(&target, "node%d %" PRIu64 "kB", node, pages->page_bytes / 1024) < 0)
                return target = NULL, -ENOMEM;
        if (asprintf(&count, "%" PRIu64, pages->count) < 0)
                return count = NULL, -ENOMEM;
        int r = page_file(target, "nr_hugepages", &path);
        if (r < 0)
                return r;
        if (pages->page_bytes >= GIGANTIC && !kernel_was_told(host, pages->page_bytes))
                return wishes_note(wishes, knob, target, "%s pages of this size are only sure to be had at boot",
                                   count);
        if (!host_exists(host, "%s", path))
                return wishes_note(wishes, knob, target, "this host has no %s", path);
        return wishes_add(wishes, knob, target, count, "%" PRIu64 " for the dataplane, %" PRIu64 " for guests",
                          pages->dataplane, pages->count - pages->dataplane);
}

static int wish(const struct knob *knob, const struct host *host, const struct topology *topology,
                const struct plan *plan, struct wishes *wishes, struct errors *errors)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < plan->page_count; i++)
                r = wish_pages(knob, host, topology->nodes[plan->pages[i].node].os_index, &plan->pages[i], wishes);
        return r;
}

static int read_pages(const struct host *host, const char *target, char **ret_value)
{
        cleanup_free char *path = NULL;
        int r = page_file(target, "nr_hugepages", &path);

        return r < 0 ? r : host_read(host, ret_value, "%s", path);
}

/* -EAGAIN: there are fewer; how many is in *ret_count. */
static int try_pages(const struct host *host, const char *path, const char *value, uint64_t *ret_count)
{
        uint64_t before = 0;

        for (int i = 0; i < TRIES; i++) {
                cleanup_free char *found = NULL;
                int r = host_write(host, value, "%s", path);
                if (r < 0)
                        return r;
                r = host_read(host, &found, "%s", path);
                if (r < 0)
                        return r;
                *ret_count = strtoull(found, NULL, 10);
                if (*ret_count == strtoull(value, NULL, 10))
                        return 0;
                if (i > 0 && *ret_count == before)
                        break; /* asking alone does not help any more */
                before = *ret_count;
        }
        return -EAGAIN;
}

/* Of the node alone where that can be had, so that the others are left in peace. */
static void compact(const struct host *host, const char *target)
{
        unsigned node = 0;

        sscanf(target, "node%u", &node);
        if (host_write(host, "1", "/sys/devices/system/node/node%u/compact", node) < 0)
                host_write(host, "1", "/proc/sys/vm/compact_memory");
}

static int write_pages(const struct host *host, const char *target, const char *value, struct knob_detail *detail)
{
        cleanup_free char *path = NULL;
        uint64_t count = 0;
        int r = page_file(target, "nr_hugepages", &path);

        if (r < 0)
                return r;
        r = try_pages(host, path, value, &count);
        if (r == -EAGAIN) {
                compact(host, target);
                r = try_pages(host, path, value, &count);
        }
        if (r == -EAGAIN) {
                host_write(host, "3", "/proc/sys/vm/drop_caches");
                compact(host, target);
                r = try_pages(host, path, value, &count);
        }
        if (r == -EAGAIN) {
                knob_say(detail,
                         "only %" PRIu64 " pages could be had, after compaction and without caches; fewer pages, or a "
                         "reboot, would do",
                         count);
                r = -ENOMEM;
        }
        return r;
}

static struct knob hugepages = {
        .name = "hugepages",
        .help = "Huge pages of a size on a NUMA node (Documentation/admin-guide/mm/hugetlbpage.rst).",
        .pointer = "/spec/hugepages",
        .order = 10, /* before anything else takes memory apart */
        .wish = wish,
        .read = read_pages,
        .write = write_pages,
};
REGISTER_KNOB(hugepages)
