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

static uint64_t now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct patience patience_of(unsigned ms)
{
        return (struct patience){.end_ms = now_ms() + ms};
}

struct patience patience_owned(struct patience patience, const char *owner)
{
        snprintf(patience.owner, sizeof(patience.owner), "%s", owner);
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

/* Shared by who waits and who writes; the last of them frees it. */
struct job {
        pthread_mutex_t lock;
        pthread_cond_t ended;
        unsigned holders;
        bool done;
        int result;
        struct host host;
        char *root, *value, *path;
        char owner[13];
        struct job *next; /* in left_behind */
};

/* Jobs that nobody waits for any more, until their thread returns. */
static pthread_mutex_t left_behind_lock = PTHREAD_MUTEX_INITIALIZER;
static struct job *left_behind;

static void leave_behind(struct job *job)
{
        pthread_mutex_lock(&left_behind_lock);
        job->next = left_behind;
        left_behind = job;
        pthread_mutex_unlock(&left_behind_lock);
}

static void forget(struct job *job)
{
        pthread_mutex_lock(&left_behind_lock);
        for (struct job **link = &left_behind; *link; link = &(*link)->next)
                if (*link == job) {
                        *link = job->next;
                        break;
                }
        pthread_mutex_unlock(&left_behind_lock);
}

bool patience_pending(const char *owner)
{
        bool found = false;

        pthread_mutex_lock(&left_behind_lock);
        for (const struct job *job = left_behind; job && !found; job = job->next)
                found = strcmp(job->owner, owner) == 0;
        pthread_mutex_unlock(&left_behind_lock);
        return found;
}

static void job_release(struct job *job)
{
        pthread_mutex_lock(&job->lock);
        bool last = --job->holders == 0;
        pthread_mutex_unlock(&job->lock);
        if (!last)
                return;
        pthread_cond_destroy(&job->ended);
        pthread_mutex_destroy(&job->lock);
        free(job->root);
        free(job->value);
        free(job->path);
        free(job);
}

static void *run(void *user)
{
        struct job *job = user;
        int r = host_write(&job->host, job->value, "%s", job->path);

        pthread_mutex_lock(&job->lock);
        job->done = true;
        job->result = r;
        forget(job);
        pthread_cond_signal(&job->ended);
        pthread_mutex_unlock(&job->lock);
        job_release(job);
        return NULL;
}

/* Takes over the path. */
static struct job *job_new(const struct host *host, const char *value, char *path)
{
        struct job *job = calloc(1, sizeof(*job));
        pthread_condattr_t attributes;

        if (!job) {
                free(path);
                return NULL;
        }
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&job->ended, &attributes);
        pthread_condattr_destroy(&attributes);
        pthread_mutex_init(&job->lock, NULL);
        job->holders = 1;
        job->host = *host;
        job->root = strdup(host->root);
        job->value = strdup(value);
        job->path = path;
        job->host.root = job->root;
        if (job->root && job->value)
                return job;
        job_release(job);
        return NULL;
}

static int job_start(struct job *job)
{
        pthread_attr_t attributes;
        pthread_t thread;

        job->holders++;
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        int r = pthread_create(&thread, &attributes, run, job);
        pthread_attr_destroy(&attributes);
        if (r != 0)
                job->holders--;
        return -r;
}

static int job_await(struct job *job, const struct patience *patience)
{
        struct timespec end = {.tv_sec = (time_t)(patience->end_ms / 1000),
                               .tv_nsec = (long)(patience->end_ms % 1000) * 1000000L};
        int r = 0;

        pthread_mutex_lock(&job->lock);
        while (!job->done && r == 0)
                r = -pthread_cond_timedwait(&job->ended, &job->lock, &end);
        if (job->done)
                r = job->result;
        else
                leave_behind(job); /* under its lock, so that it does not end meanwhile */
        pthread_mutex_unlock(&job->lock);
        return r;
}

int patience_write(const struct patience *patience, const struct host *host, const char *value, const char *path, ...)
{
        char *text = NULL;
        va_list arguments;

        va_start(arguments, path);
        int r = vasprintf(&text, path, arguments);
        va_end(arguments);
        if (r < 0)
                return -ENOMEM;
        struct job *job = job_new(host, value, text);
        if (!job)
                return -ENOMEM;
        memcpy(job->owner, patience->owner, sizeof(job->owner));
        r = job_start(job);
        if (r == 0)
                r = job_await(job, patience);
        job_release(job);
        return r;
}
