/* See patience.h. */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "patience.h"
#include "socle/cleanup.h"

#define LOOK_MS 3000

static uint64_t now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct patience patience_of(unsigned ms)
{
        uint64_t end_ms = now_ms() + ms;

        return (struct patience){.end_ms = end_ms, .last_ms = end_ms + GRACE_MS};
}

struct patience patience_owned(struct patience patience, const char *owner)
{
        snprintf(patience.owner, sizeof(patience.owner), "%s", owner);
        return patience;
}

struct patience patience_to_look(const char *owner)
{
        struct patience patience = patience_owned(patience_of(LOOK_MS), owner);

        patience.looks = true;
        return patience;
}

bool patience_over(const struct patience *patience)
{
        return now_ms() >= patience->end_ms;
}

int patience_wait(const struct patience *patience, unsigned quiet_ms, int (*done)(void *user, uint64_t *progress),
                  void *user)
{
        uint64_t progress = 0, before = 0, since = now_ms();
        unsigned pause_ms = 1;

        for (;;) {
                int r = done(user, &progress);

                if (r != 0)
                        return r;
                if (progress != before) {
                        before = progress;
                        since = now_ms();
                        pause_ms = 1;
                }
                if (patience_over(patience) || (quiet_ms > 0 && now_ms() - since >= quiet_ms))
                        return -ETIMEDOUT;
                nanosleep(&(struct timespec){.tv_nsec = pause_ms * 1000000L}, NULL);
                pause_ms = pause_ms < 100 ? pause_ms * 2 : 100;
        }
}

/* ---- what may not return ---- */

struct job {
        pthread_t thread;
        pthread_cond_t ended;
        bool done, given_up;
        bool left; /* nobody waits any more, and the thread frees it */
        int result;
        int (*work)(void *data);
        void *data;
        char owner[PATIENCE_OWNER_SIZE], what[PATIENCE_WORDS_SIZE - 64];
        bool looks;
        uint64_t begun_ms;
        time_t began;
        unsigned waited_s; /* when it was left */
        struct job *next;  /* in left_behind */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of done, left and the list */
static struct job *left_behind;

static const struct job *find_left(const char *owner, bool also_looks, bool also_changes)
{
        for (const struct job *job = left_behind; job; job = job->next)
                if (strcmp(job->owner, owner) == 0 && (job->looks ? also_looks : also_changes))
                        return job;
        return NULL;
}

/* The same each time, so that it is not news each time. */
static void describe(const struct job *job, char words[PATIENCE_WORDS_SIZE])
{
        struct tm at;
        char text[32];

        strftime(text, sizeof(text), "%F %T", localtime_r(&job->began, &at));
        snprintf(words, PATIENCE_WORDS_SIZE, "%s, begun at %s and waited for %u s", job->what, text, job->waited_s);
}

bool patience_pending(const char *owner, char words[PATIENCE_WORDS_SIZE])
{
        pthread_mutex_lock(&lock);
        const struct job *job = find_left(owner, false, true) ?: find_left(owner, true, true);
        if (job && words)
                describe(job, words);
        pthread_mutex_unlock(&lock);
        return job != NULL;
}

static void forget(const struct job *job)
{
        for (struct job **link = &left_behind; *link; link = &(*link)->next)
                if (*link == job) {
                        *link = job->next;
                        break;
                }
}

static void job_free(struct job *job)
{
        pthread_cond_destroy(&job->ended);
        free(job);
}

static _Thread_local struct job *its_job;

void patience_give_up(void)
{
        pthread_mutex_lock(&lock);
        its_job->given_up = true;
        pthread_cond_signal(&its_job->ended);
        pthread_mutex_unlock(&lock);
}

static void *run(void *user)
{
        struct job *job = its_job = user;
        int r = job->work(job->data);

        pthread_mutex_lock(&lock);
        bool left = job->left;
        job->done = true;
        job->result = r;
        if (left)
                forget(job);
        pthread_cond_signal(&job->ended);
        pthread_mutex_unlock(&lock);
        if (left) {
                free(job->data);
                job_free(job);
        }
        return NULL;
}

static struct job *job_new(const struct patience *patience, const char *what, int (*work)(void *data), void *data)
{
        struct job *job = calloc(1, sizeof(*job));
        pthread_condattr_t attributes;

        if (!job)
                return NULL;
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&job->ended, &attributes);
        pthread_condattr_destroy(&attributes);
        memcpy(job->owner, patience->owner, sizeof(job->owner));
        snprintf(job->what, sizeof(job->what), "%s", what);
        job->looks = patience->looks;
        job->begun_ms = now_ms();
        job->began = time(NULL);
        job->work = work;
        job->data = data;
        return job;
}

/* Until it has ended, or its time is over: then it is not the caller's any more. */
static bool await(struct job *job, uint64_t last_ms)
{
        struct timespec end = {.tv_sec = (time_t)(last_ms / 1000), .tv_nsec = (long)(last_ms % 1000) * 1000000L};
        pthread_t thread = job->thread;
        int r = 0;

        pthread_mutex_lock(&lock);
        while (!job->done && !job->given_up && r == 0)
                r = pthread_cond_timedwait(&job->ended, &lock, &end);
        bool done = job->done;
        if (!done) {
                job->left = true;
                job->waited_s = (unsigned)((now_ms() - job->begun_ms) / 1000);
                job->next = left_behind;
                left_behind = job;
        }
        pthread_mutex_unlock(&lock);
        /* Joined, so that nothing of it is left when somebody forks. */
        (void)(done ? pthread_join(thread, NULL) : pthread_detach(thread));
        return done;
}

int patience_do(const struct patience *patience, const char *what, int (*work)(void *data), void **data)
{
        pthread_mutex_lock(&lock);
        bool busy = patience->owner[0] && find_left(patience->owner, true, !patience->looks);
        pthread_mutex_unlock(&lock);
        if (busy)
                return -EBUSY;
        struct job *job = job_new(patience, what, work, *data);
        if (!job)
                return -ENOMEM;
        int r = -pthread_create(&job->thread, NULL, run, job);
        if (r == 0 && !await(job, patience->last_ms)) {
                *data = NULL;
                return -ETIMEDOUT;
        }
        if (r == 0)
                r = job->result;
        job_free(job);
        return r;
}

/* ---- files ---- */

struct file {
        struct host host;
        char *value, *path; /* in `texts`, as host.root is */
        char found[4096];   /* sysfs tells a page at most */
        char texts[];
};

static struct file *file_new(const struct host *host, const char *value, const char *path)
{
        size_t root = strlen(host->root) + 1, length = strlen(value) + 1, last = strlen(path) + 1;
        struct file *file = calloc(1, sizeof(*file) + root + length + last);

        if (!file)
                return NULL;
        file->host = (struct host){
                .root = memcpy(file->texts, host->root, root),
                .observer = host->observer,
        };
        file->value = memcpy(file->texts + root, value, length);
        file->path = memcpy(file->texts + root + length, path, last);
        return file;
}

static int write_it(void *data)
{
        struct file *file = data;

        return host_write(&file->host, file->value, "%s", file->path);
}

static int read_it(void *data)
{
        struct file *file = data;

        cleanup_free char *text = NULL;
        int r = host_read(&file->host, &text, "%s", file->path);

        if (r == 0)
                snprintf(file->found, sizeof(file->found), "%s", text);
        return r;
}

/* By a thread of its own; `value`: to be written, NULL: to be read. */
static int use_file(const struct patience *patience, const struct host *host, const char *value, const char *path,
                    va_list arguments, struct file **ret)
{
        cleanup_free char *text = NULL, *what = NULL;

        if (vasprintf(&text, path, arguments) < 0)
                return text = NULL, -ENOMEM;
        int r = value ? asprintf(&what, "writing '%s' to %s", value, text) : asprintf(&what, "telling %s", text);
        if (r < 0)
                return what = NULL, -ENOMEM;
        *ret = file_new(host, value ?: "", text);
        return *ret ? patience_do(patience, what, value ? write_it : read_it, (void **)ret) : -ENOMEM;
}

int patience_write(const struct patience *patience, const struct host *host, const char *value, const char *path, ...)
{
        cleanup_free struct file *file = NULL;
        va_list arguments;

        va_start(arguments, path);
        int r = use_file(patience, host, value, path, arguments, &file);
        va_end(arguments);
        return r;
}

int patience_read(const struct patience *patience, const struct host *host, char **ret, const char *path, ...)
{
        cleanup_free struct file *file = NULL;
        va_list arguments;

        va_start(arguments, path);
        int r = use_file(patience, host, NULL, path, arguments, &file);
        va_end(arguments);
        if (r < 0)
                return r;
        char *found = strdup(file->found);
        if (!found)
                return -ENOMEM;
        *ret = found;
        return 0;
}
