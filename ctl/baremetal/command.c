/* See command.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "socle/cleanup.h"

#define OUTPUT_MAX (64 * 1024)
#define SLICE_MS   100
#define REAP_MS    2000 /* one that the kernel holds on to is left to whoever adopts it */

static int spawn(const char *const argv[], const char *more, int output, pid_t *ret)
{
        char *environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "HOME=/", (char *)more, NULL};
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none, all;

        sigemptyset(&none);
        sigfillset(&all);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
        posix_spawnattr_init(&attributes);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setpgroup(&attributes, 0);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
        int r = posix_spawn(ret, argv[0], &actions, &attributes, (char *const *)argv, environment);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        return -r;
}

static int64_t now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until when, and whether still, somebody waits. */
struct patience {
        int64_t deadline_ms;
        const atomic_bool *cancel;
};

static bool is_over(const struct patience *patience)
{
        return now_ms() >= patience->deadline_ms || (patience->cancel && atomic_load(patience->cancel));
}

/* False: nobody waits any more. */
static bool collect(int fd, char *text, const struct patience *patience)
{
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        size_t length = 0;

        while (!is_over(patience)) {
                char rest[256];
                bool room = length < OUTPUT_MAX - 1;

                if (poll(&poll_fd, 1, SLICE_MS) <= 0)
                        continue;
                ssize_t n = room ? read(fd, text + length, OUTPUT_MAX - 1 - length) : read(fd, rest, sizeof(rest));
                if (n <= 0)
                        return true;
                length += room ? (size_t)n : 0;
                text[length] = 0;
        }
        return false;
}

/* True: it has ended. One that has closed its output may go on. */
static bool reap(pid_t pid, const struct patience *patience, int *ret_status)
{
        const struct timespec slice = {.tv_nsec = 5 * 1000 * 1000};
        pid_t ended;

        while ((ended = waitpid(pid, ret_status, WNOHANG)) == 0 && !is_over(patience))
                nanosleep(&slice, NULL);
        return ended == pid;
}

int command_output(char **ret, unsigned timeout_s, const char *environment, const atomic_bool *cancel,
                   const char *const argv[])
{
        cleanup_free char *text = calloc(1, OUTPUT_MAX);
        const struct patience patience = {now_ms() + (int64_t)timeout_s * 1000, cancel};
        int fds[2], status = 0;
        pid_t pid;

        if (!text)
                return -ENOMEM;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        int r = spawn(argv, environment, fds[1], &pid);
        close(fds[1]);
        cleanup_close int from = fds[0];
        if (r < 0)
                return r;
        if (!collect(from, text, &patience) || !reap(pid, &patience, &status)) {
                kill(-pid, SIGKILL);
                (void)reap(pid, &(struct patience){now_ms() + REAP_MS, NULL}, &status);
                return cancel && atomic_load(cancel) ? -ECANCELED : -ETIMEDOUT;
        }
        *ret = TAKE_PTR(text);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}
