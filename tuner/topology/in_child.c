/* See in_child.h. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "in_child.h"
#include "socle/cleanup.h"

#define TIMEOUT_MS 30000

static _Noreturn void run(int (*work)(const void *user), const void *user, char **environment, int words)
{
        static const int ours[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGTERM, SIGINT};

        for (size_t i = 0; i < ARRAY_LEN(ours); i++)
                signal(ours[i], SIG_DFL);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        dup2(words, STDOUT_FILENO);
        dup2(words, STDERR_FILENO);
        environ = environment; /* setenv() would take a lock that another thread may have held at the fork */
        _exit(work(user));
}

int in_child(int (*work)(const void *user), const void *user, char **environment, int words)
{
        pid_t pid = fork();

        if (pid < 0)
                return -errno;
        if (pid == 0)
                run(work, user, environment, words);
        cleanup_close int pidfd = pidfd_open(pid, 0);
        struct pollfd poll_for = {.fd = pidfd, .events = POLLIN};
        int status, ready = 1;
        if (pidfd >= 0) /* else: an old kernel; wait without a limit */
                do
                        ready = poll(&poll_for, 1, TIMEOUT_MS);
                while (ready < 0 && errno == EINTR);
        if (ready == 0)
                kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (ready == 0)
                return -ETIMEDOUT;
        return WIFEXITED(status) && WEXITSTATUS(status) <= CHILD_RETURN_MAX ? WEXITSTATUS(status) : CHILD_CRASHED;
}
