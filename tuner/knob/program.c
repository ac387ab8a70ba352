/* See program.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "program.h"
#include "socle/cleanup.h"

#define OUTPUT_MAX 4096
#define SLICE_MS   50 /* a program whose children keep its output open is noticed to have ended after this */
#define END_MS     2  /* one that has closed its output is about to end */

struct output {
        char text[OUTPUT_MAX];
        size_t length;
};

static int spawn(const char *const argv[], int output, pid_t *ret)
{
        static char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none, all;
        int r;

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
        r = posix_spawn(ret, argv[0], &actions, &attributes, (char *const *)argv, environment);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        return -r;
}

/* Keeps the end: that is where programs say what was wrong. */
static void drain(int fd, struct output *output)
{
        char chunk[1024];
        ssize_t n;

        while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
                if (output->length + (size_t)n >= sizeof(output->text)) {
                        size_t keep = sizeof(output->text) - sizeof(chunk) - 1;
                        size_t drop = output->length > keep ? output->length - keep : 0;
                        memmove(output->text, output->text + drop, output->length - drop);
                        output->length -= drop;
                }
                memcpy(output->text + output->length, chunk, (size_t)n);
                output->length += (size_t)n;
        }
        output->text[output->length] = '\0';
}

static int64_t now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The wait status, or -ETIMEDOUT; the process is gone either way. */
static int wait_for(pid_t pid, int fd, unsigned timeout_s, struct output *output)
{
        int64_t deadline = now_ms() + (int64_t)timeout_s * 1000;
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        int status;

        for (;;) {
                poll(&poll_fd, 1, poll_fd.fd < 0 ? END_MS : SLICE_MS);
                drain(fd, output);
                if (poll_fd.revents & POLLHUP)
                        poll_fd.fd = -1; /* nothing more will come; else poll() would not wait */
                if (waitpid(pid, &status, WNOHANG) == pid) {
                        drain(fd, output);
                        return status;
                }
                if (now_ms() > deadline) {
                        kill(-pid, SIGKILL);
                        waitpid(pid, &status, 0);
                        return -ETIMEDOUT;
                }
        }
}

static const char *last_line(struct output *output)
{
        while (output->length > 0 && output->text[output->length - 1] == '\n')
                output->text[--output->length] = '\0';
        const char *newline = strrchr(output->text, '\n');
        return newline ? newline + 1 : output->text;
}

int program_run(const struct host *host, unsigned timeout_s, struct knob_detail *detail, const char *const argv[])
{
        struct output output = {};
        int pipe_fds[2], r;
        pid_t pid;

        r = host_before(host, HOST_RUN, argv[0]);
        if (r == 0 && !host_is_real(host))
                host_after(host, HOST_RUN, argv[0]);
        if (r < 0 || !host_is_real(host))
                return r;
        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return -errno;
        cleanup_close int from = pipe_fds[0];
        r = spawn(argv, pipe_fds[1], &pid);
        close(pipe_fds[1]);
        fcntl(from, F_SETFL, O_NONBLOCK);
        if (r < 0) {
                knob_say(detail, "cannot run %s: %s", argv[0], strerror(-r));
                return r;
        }
        r = wait_for(pid, from, timeout_s, &output);
        if (r < 0) {
                knob_say(detail, "%s did not end within %u seconds", argv[0], timeout_s);
                return r;
        }
        if (!WIFEXITED(r) || WEXITSTATUS(r) != 0) {
                knob_say(detail, "%s ended with %s %d: %s", argv[0], WIFEXITED(r) ? "status" : "signal",
                         WIFEXITED(r) ? WEXITSTATUS(r) : WTERMSIG(r), last_line(&output));
                return -EIO;
        }
        host_after(host, HOST_RUN, argv[0]);
        return 0;
}

const char *program_find(const struct host *host, const char *const paths[])
{
        for (size_t i = 0; paths[i]; i++)
                if (host_exists(host, "%s", paths[i]))
                        return paths[i];
        return NULL;
}
