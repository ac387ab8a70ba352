/* See in_child.h. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "in_child.h"
#include "socle/cleanup.h"

#ifdef __SANITIZE_ADDRESS__
/* Its allocator does not look after its locks at a fork, as malloc does: a child of a process with threads may wait for
 * ever for one that another thread held. */
#define TIMEOUT_MS 6000
#define ATTEMPTS   5
#else
#define TIMEOUT_MS 30000
#define ATTEMPTS   1
#endif

static _Noreturn void run(int (*work)(const void *user), const void *user, char **environment, int words, int *ret)
{
        static const int ours[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGTERM, SIGINT};

        for (size_t i = 0; i < ARRAY_LEN(ours); i++)
                signal(ours[i], SIG_DFL);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        dup2(words, STDOUT_FILENO);
        dup2(words, STDERR_FILENO);
        environ = environment; /* setenv() would take a lock that another thread may have held at the fork */
        *ret = work(user);
        _exit(0);
}

/* Until it has ended: 0, or -ETIMEDOUT. */
static int wait_for(pid_t pid)
{
        cleanup_close int pidfd = pidfd_open(pid, 0);
        struct pollfd poll_for = {.fd = pidfd, .events = POLLIN};
        int ready = 1;

        if (pidfd >= 0) /* else it has ended already, or the kernel is old: wait without a limit */
                do
                        ready = poll(&poll_for, 1, TIMEOUT_MS);
                while (ready < 0 && errno == EINTR);
        if (ready == 0)
                kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ; /* ECHILD: whoever started us had SIGCHLD ignored, and nothing is left to wait for */
        return ready == 0 ? -ETIMEDOUT : 0;
}

static int try_in_child(int (*work)(const void *user), const void *user, char **environment, int words)
{
        /* Told by shared memory, since an exit status may be taken by somebody else. */
        int *told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (told == MAP_FAILED)
                return -errno;
        *told = CHILD_CRASHED;
        pid_t pid = fork();
        if (pid == 0)
                run(work, user, environment, words, told);
        int r = pid < 0 ? -errno : wait_for(pid);
        if (r == 0)
                r = *told;
        munmap(told, sizeof(*told));
        return r;
}

int in_child(int (*work)(const void *user), const void *user, char **environment, int words)
{
        int r = -ETIMEDOUT;

        for (unsigned int i = 0; i < ATTEMPTS && r == -ETIMEDOUT; i++)
                r = try_in_child(work, user, environment, words);
        return r;
}
