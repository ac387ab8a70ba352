/* Archives that hwloc-gather-topology has made, into a temporary directory. See source.h. */
#include <errno.h>
#include <ftw.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "socle/cleanup.h"
#include "source.h"

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
        remove(path);
        return 0;
}

void remove_unpacked(const char *directory)
{
        nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Its exit status, or -errno; what it says goes to `words`. */
static int run_tar(const char *file, const char *directory, int words)
{
        char *arguments[] = {"tar",         "--extract",       "--no-same-owner", "--no-same-permissions",
                             "--directory", (char *)directory, "--file",          (char *)file,
                             NULL};
        char *environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};
        posix_spawn_file_actions_t actions;
        int status;
        pid_t pid;

        if (posix_spawn_file_actions_init(&actions) != 0)
                return -ENOMEM;
        int r = posix_spawn_file_actions_adddup2(&actions, words, STDERR_FILENO);
        if (r == 0)
                r = posix_spawnp(&pid, "tar", &actions, NULL, arguments, environment);
        posix_spawn_file_actions_destroy(&actions);
        if (r != 0)
                return -r;
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

int unpack(char **ret_directory, const char *file, struct errors *errors)
{
        const char *place = getenv("TMPDIR");
        cleanup_close int words = memfd_create("words", MFD_CLOEXEC);
        cleanup_free char *directory = NULL;
        char said[256] = "";

        if (asprintf(&directory, "%s/socle-topology-XXXXXX", place && *place ? place : "/tmp") < 0)
                return -ENOMEM;
        if (words < 0 || !mkdtemp(directory)) {
                int r = -errno;
                errors_add(errors, r, "", "", "no temporary directory for file %s: %s", file, strerror(-r));
                return r;
        }
        int r = run_tar(file, directory, words);
        if (r == 0) {
                *ret_directory = TAKE_PTR(directory);
                return 0;
        }
        remove_unpacked(directory);
        if (r < 0)
                errors_add(errors, r, "", "", "file %s: tar cannot be run: %s", file, strerror(-r));
        else if (pread(words, said, sizeof(said) - 1, 0) >= 0)
                errors_add(errors, r = -EINVAL, "", "an archive that hwloc-gather-topology has made",
                           "file %s cannot be unpacked: %.*s", file, (int)strcspn(said, "\n"), said);
        return r;
}
