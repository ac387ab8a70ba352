/* See node.h. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "node.h"
#include "socle/cleanup.h"

struct node {
        pthread_t id;
        bool running;
        int fd;
        char *name, *root, *lldp_socket, *state, *libvirt_uri, *by;
        atomic_bool cancel; /* ends a transfer */

        pthread_mutex_t lock;
        pthread_cond_t changed;
        /* under the lock */
        bool stop, has_want, has_facts;
        json_t *spec;
        uint64_t revision, want;
        struct host_facts facts;
        struct node_letter *letters, **letters_end;

        /* the thread's */
        uint64_t taken; /* the want that it is at */
        struct enrolment enrolment;
};

/* ---- the thread's side ---- */

static void post(struct node *node, struct node_letter letter)
{
        struct node_letter *copy = malloc(sizeof(*copy));

        if (!copy) { /* one less: the next one says more */
                json_decref(letter.status);
                free(letter.text);
                return;
        }
        *copy = letter;
        copy->want = node->taken;
        copy->next = NULL;
        pthread_mutex_lock(&node->lock);
        *node->letters_end = copy;
        node->letters_end = &copy->next;
        pthread_mutex_unlock(&node->lock);
        eventfd_write(node->fd, 1);
}

static void on_tell(void *user, json_t *status, const char *failure, bool settled)
{
        struct node *node = user;

        post(node, (struct node_letter){.kind = LETTER_TELL,
                                        .status = status,
                                        .text = failure ? strdup(failure) : NULL,
                                        .settled = settled});
}

static void on_note(void *user, int priority, const char *format, ...)
{
        char *text;
        va_list args;

        va_start(args, format);
        if (vasprintf(&text, format, args) >= 0)
                post(user, (struct node_letter){.kind = LETTER_NOTE, .priority = priority, .text = text});
        va_end(args);
}

static struct host_facts on_ask_facts(void *user)
{
        struct node *node = user;

        pthread_mutex_lock(&node->lock);
        struct host_facts facts = node->facts;
        pthread_mutex_unlock(&node->lock);
        return facts;
}

/* Takes what has come in; false: it is to stop. With the lock held. */
static bool take_in(struct node *node)
{
        struct enrolment *enrolment = &node->enrolment;

        if (node->has_want) {
                json_decref(enrolment->spec);
                enrolment->spec = TAKE_PTR(node->spec);
                enrolment->revision = node->revision;
                node->taken = node->want;
                enrolment_restart(enrolment);
        }
        node->has_want = node->has_facts = false;
        return !node->stop;
}

/* With the lock held. Facts wake up too: who waits for the host to be empty. */
static void sleep_ms(struct node *node, int ms)
{
        struct timespec until;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += ms / 1000;
        until.tv_nsec += ms % 1000 * 1000000L;
        if (until.tv_nsec >= 1000000000) {
                until.tv_sec++;
                until.tv_nsec -= 1000000000;
        }
        while (!node->stop && !node->has_want && !node->has_facts &&
               pthread_cond_timedwait(&node->changed, &node->lock, &until) != ETIMEDOUT)
                ;
}

static void *run(void *user)
{
        struct node *node = user;

        pthread_mutex_lock(&node->lock);
        while (!node->stop && !node->has_want)
                pthread_cond_wait(&node->changed, &node->lock);
        while (take_in(node)) {
                pthread_mutex_unlock(&node->lock);
                int wait = enrolment_turn(&node->enrolment);
                if (wait < 0)
                        post(node, (struct node_letter){.kind = LETTER_LEFT});
                pthread_mutex_lock(&node->lock);
                while (wait < 0 && !node->stop && !node->has_want) /* perhaps it is wanted again */
                        pthread_cond_wait(&node->changed, &node->lock);
                if (wait > 0)
                        sleep_ms(node, wait);
        }
        pthread_mutex_unlock(&node->lock);
        return NULL;
}

/* ---- the loop's side ---- */

uint64_t node_want(struct node *node, json_t *spec, uint64_t revision)
{
        pthread_mutex_lock(&node->lock);
        uint64_t want = ++node->want;
        json_decref(node->spec);
        node->spec = spec;
        node->revision = revision;
        node->has_want = true;
        /* what was true for the last spec need not be for this one */
        node->facts = (struct host_facts){.holding = "not known yet"};
        pthread_cond_signal(&node->changed);
        pthread_mutex_unlock(&node->lock);
        return want;
}

void node_tell_facts(struct node *node, const struct host_facts *facts)
{
        pthread_mutex_lock(&node->lock);
        bool differ = node->facts.cordoned != facts->cordoned || strcmp(node->facts.holding, facts->holding) != 0;
        node->facts = *facts;
        node->has_facts = node->has_facts || differ;
        if (differ)
                pthread_cond_signal(&node->changed);
        pthread_mutex_unlock(&node->lock);
}

struct node_letter *node_letters(struct node *node)
{
        pthread_mutex_lock(&node->lock);
        struct node_letter *letters = TAKE_PTR(node->letters);
        node->letters_end = &node->letters;
        pthread_mutex_unlock(&node->lock);
        return letters;
}

struct node_letter *node_letter_free(struct node_letter *letter)
{
        if (!letter)
                return NULL;
        json_decref(letter->status);
        free(letter->text);
        free(letter);
        return NULL;
}

void node_cancel(struct node *node)
{
        atomic_store(&node->cancel, true);
        pthread_mutex_lock(&node->lock);
        node->stop = true;
        pthread_cond_signal(&node->changed);
        pthread_mutex_unlock(&node->lock);
}

struct node *node_free(struct node *node)
{
        if (!node)
                return NULL;
        node_cancel(node);
        if (node->running)
                pthread_join(node->id, NULL);
        for (struct node_letter *letter = node_letters(node), *next; letter; letter = next) {
                next = letter->next;
                node_letter_free(letter);
        }
        enrolment_clear(&node->enrolment);
        json_decref(node->spec);
        pthread_cond_destroy(&node->changed);
        pthread_mutex_destroy(&node->lock);
        free(node->name);
        free(node->root);
        free(node->lldp_socket);
        free(node->state);
        free(node->libvirt_uri);
        free(node->by);
        free(node);
        return NULL;
}
DEFINE_CLEANUP(struct node *, node_free)

/* Signals are the event loop's. */
static int start(struct node *node)
{
        sigset_t all, before;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        int r = pthread_create(&node->id, NULL, run, node);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        node->running = r == 0;
        return -r;
}

static void init_lock(struct node *node)
{
        pthread_condattr_t attributes;

        pthread_mutex_init(&node->lock, NULL);
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&node->changed, &attributes);
        pthread_condattr_destroy(&attributes);
        node->letters_end = &node->letters;
}

static char *copy_or_null(const char *text)
{
        return text ? strdup(text) : NULL;
}

int node_new(struct node **ret, const char *name, const struct enrolment_options *options, int fd)
{
        cleanup_(node_free_p) struct node *node = calloc(1, sizeof(*node));

        if (!node)
                return -ENOMEM;
        init_lock(node);
        node->fd = fd;
        node->name = strdup(name);
        node->root = copy_or_null(options->root);
        node->lldp_socket = copy_or_null(options->lldp_socket);
        node->state = strdup(options->state);
        node->libvirt_uri = strdup(options->libvirt_uri);
        node->by = strdup(options->by);
        if (!node->name || !node->state || !node->libvirt_uri || !node->by)
                return -ENOMEM;
        node->enrolment = (struct enrolment){
                .options = {node->root, node->lldp_socket, node->state, node->libvirt_uri, node->by},
                .name = node->name,
                .cancel = &node->cancel,
                .tell = on_tell,
                .note = on_note,
                .ask_facts = on_ask_facts,
                .user = node,
        };
        int r = start(node);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(node);
        return 0;
}
