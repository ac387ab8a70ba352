/* See source.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "socle/cleanup.h"
#include "source.h"
#include "sysfs.h"

#define XML_MAX (64 << 20)

static const char expected_file[] = "hwloc XML (lstopo --of xml), or a tree or .tar.bz2 of hwloc-gather-topology --io";

static int complain(struct errors *errors, int code, const char *name)
{
        errors_add(errors, code, "", expected_file, "%s: %s", name, strerror(-code));
        return code;
}

/* hwloc takes "2--3" for nearly all numbers that there are, and counts them. */
static int check_lists(const struct opened *opened, struct errors *errors)
{
        static const char *const lists[] = {"cpu/online", "cpu/present", "cpu/possible", "node/online",
                                            "node/possible"};

        for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
                cleanup_free char *text = sysfs_read(opened->root, "sys/devices/system/%s", lists[i]);
                struct cpu_set set;

                if (!text || cpu_set_from_list(text, &set) == 0)
                        continue;
                errors_add(errors, -EINVAL, "", "a list as \"0-3,8\", of numbers below 8192",
                           "%s: sys/devices/system/%s cannot be \"%.40s\"", opened->name, lists[i], text);
                return -EINVAL;
        }
        return 0;
}

static int open_root(struct opened *opened, const char *path, struct errors *errors)
{
        opened->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (opened->root < 0)
                return complain(errors, -errno, opened->name);
        opened->path = strdup(path);
        opened->discovery.root = opened->path;
        return opened->path ? check_lists(opened, errors) : complain(errors, -ENOMEM, opened->name);
}

/* Without this hwloc would count the CPUs of the machine it runs on. */
#define CPUS "sys/devices/system/cpu"

/* An archive has all of a machine in one directory. */
static int open_tree(struct opened *opened, const char *path, struct errors *errors)
{
        int r = open_root(opened, path, errors);

        if (r < 0 || sysfs_exists(opened->root, CPUS))
                return r;
        cleanup_(sysfs_list_free_p) char **names = sysfs_list(opened->root, ".");
        if (names && names[0] && !names[1] && sysfs_exists(opened->root, "%s/" CPUS, names[0])) {
                char *inner;

                if (asprintf(&inner, "%s/%s", path, names[0]) < 0)
                        return complain(errors, -ENOMEM, opened->name);
                close(TAKE_FD(opened->root));
                free(TAKE_PTR(opened->path));
                r = open_root(opened, inner, errors);
                free(inner);
                return r;
        }
        errors_add(errors, -EINVAL, "", expected_file, "%s has no " CPUS " in it", opened->name);
        return -EINVAL;
}

static int parse_json(struct opened *opened, struct errors *errors)
{
        json_error_t error;

        opened->document = json_loads(opened->text, JSON_REJECT_DUPLICATES, &error);
        if (opened->document)
                return 0;
        errors_add(errors, -EINVAL, "", expected_file, "%s, line %d, column %d: %s", opened->name, error.line,
                   error.column, error.text);
        return -EINVAL;
}

static int read_text(struct opened *opened, int fd, size_t size, struct errors *errors)
{
        size_t length = 0;
        ssize_t n = 1;

        if (size > XML_MAX) {
                errors_add(errors, -EINVAL, "", expected_file, "%s is larger than %d MiB", opened->name, XML_MAX >> 20);
                return -EINVAL;
        }
        opened->text = malloc(size + 1);
        if (!opened->text)
                return complain(errors, -ENOMEM, opened->name);
        while (length < size && n > 0) {
                n = read(fd, opened->text + length, size - length);
                if (n < 0)
                        return complain(errors, -errno, opened->name);
                length += (size_t)n;
        }
        opened->text[length] = 0;
        if (opened->text[strspn(opened->text, " \t\r\n")] == '{')
                return parse_json(opened, errors);
        opened->discovery.xml = opened->text;
        opened->discovery.xml_size = length;
        return check_xml(opened->name, opened->text, length, errors);
}

/* bzip2, gzip, xz, zstd, or tar itself: the rest is tar's affair. */
static bool is_archive(int fd)
{
        unsigned char head[262] = {};
        ssize_t n = pread(fd, head, sizeof(head), 0);

        return n >= 4 &&
               (memcmp(head, "BZh", 3) == 0 || memcmp(head, "\x1f\x8b", 2) == 0 ||
                memcmp(head,
                       "\xfd"
                       "7zX",
                       4) == 0 ||
                memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0 || (n == sizeof(head) && memcmp(head + 257, "ustar", 5) == 0));
}

static int open_file(struct opened *opened, const char *file, struct errors *errors)
{
        cleanup_close int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        struct stat info;

        if (fd < 0 || fstat(fd, &info) < 0)
                return complain(errors, -errno, opened->name);
        if (S_ISDIR(info.st_mode))
                return open_tree(opened, file, errors);
        if (!S_ISREG(info.st_mode)) {
                errors_add(errors, -EINVAL, "", expected_file, "%s is neither a file nor a directory", opened->name);
                return -EINVAL;
        }
        if (!is_archive(fd))
                return read_text(opened, fd, (size_t)info.st_size, errors);
        int r = unpack(&opened->unpacked, file, errors);
        return r < 0 ? r : open_tree(opened, opened->unpacked, errors);
}

int source_open(struct opened *ret, const struct topology_source *source, struct errors *errors)
{
        *ret = (struct opened){.root = -1};
        ret->discovery.name = ret->name;
        if (source->synthetic) {
                snprintf(ret->name, sizeof(ret->name), "synthetic \"%s\"", source->synthetic);
                ret->discovery.synthetic = source->synthetic;
                return check_synthetic(source->synthetic, errors);
        }
        if (source->file) {
                snprintf(ret->name, sizeof(ret->name), "file %s", source->file);
                return open_file(ret, source->file, errors);
        }
        snprintf(ret->name, sizeof(ret->name), "this host");
        return open_root(ret, source->root && *source->root ? source->root : "/", errors);
}

void source_close(struct opened *opened)
{
        if (opened->root >= 0)
                close(opened->root);
        if (opened->unpacked)
                remove_unpacked(opened->unpacked);
        free(opened->unpacked);
        free(opened->path);
        free(opened->text);
        json_decref(opened->document);
}
