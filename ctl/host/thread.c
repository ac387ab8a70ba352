/* See thread.h. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "socle/cleanup.h"
#include "thread.h"

#define GATHER_MS 200 /* libvirt's events come in bunches */
#define PAUSE_MS  250 /* four looks a second at most, however much happens */

enum letter_type { LETTER_STATUS, LETTER_PASSED, LETTER_STEP, LETTER_GONE, LETTER_NOTE, LETTER_ANSWER };

struct letter {
        enum letter_type type;
        uint32_t id;
        uint64_t revision;
        double seconds; /* that a pass took; below 0: it was none */
        bool changed;   /* it has written something */
        int priority;
        char *text;     /* the failure, the note, the isolated CPUs */
        json_t *status; /* or the list of what is gone */
        struct tuning_request *request;
        struct letter *next;
};

struct tuning_request {
        enum tuning_topic topic;
        struct wants *wants;
        json_t *answer;
        struct errors errors;
        void (*done)(void *user, json_t *answer, const struct errors *errors); /* NULL: cancelled. The loop's alone */
        void *user;
        struct tuning_request *next;
};

struct thread {
        pthread_t id;
        bool running;
        sd_event_source *arrived;
        struct thread_handlers handlers;
        void *user;
        char *root, *state, *uri;

        int in_fd, out_fd; /* eventfds: something is in the box */
        pthread_mutex_t lock;
        /* under the lock */
        bool stop;
        struct wants *wants;
        json_t *proof; /* NULL: no other than before */
        struct tuning_request *questions, **questions_end;
        struct letter *letters, **letters_end;

        /* the thread's */
        struct machine machine;
        uint64_t told_serial;                   /* of the plan that the loop knows */
        uint64_t told_changes;                  /* likewise */
        int64_t look_at_ms, looked_at_ms;       /* 0: no look is due */
        int64_t guests_at_ms, guests_looked_ms; /* libvirt has told of something; 0: it has not */
};

/* ---- the thread's side ---- */

static void post(struct thread *thread, struct letter *letter)
{
        pthread_mutex_lock(&thread->lock);
        *thread->letters_end = letter;
        thread->letters_end = &letter->next;
        pthread_mutex_unlock(&thread->lock);
        eventfd_write(thread->out_fd, 1);
}

/* A letter that cannot be written is one less: the next pass writes it again. */
static struct letter *letter_new(enum letter_type type, const char *text)
{
        struct letter *letter = calloc(1, sizeof(*letter));

        if (letter) {
                letter->type = type;
                letter->text = text ? strdup(text) : NULL;
        }
        return letter;
}

static void on_tell(void *user, const struct want *want, json_t *status, const char *failure)
{
        struct thread *thread = user;
        struct letter *letter = letter_new(LETTER_STATUS, failure);

        if (!letter) {
                json_decref(status);
                return;
        }
        letter->id = want->id;
        letter->revision = want->revision;
        letter->status = status;
        post(thread, letter);
}

static void on_note(void *user, int priority, const char *format, ...)
{
        char text[768];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        struct letter *letter = letter_new(LETTER_NOTE, text);
        if (letter) {
                letter->priority = priority;
                post(user, letter);
        }
}

static void on_gone(void *user, const json_t *restoring)
{
        struct letter *letter = letter_new(LETTER_GONE, NULL);

        if (!letter)
                return;
        letter->status = json_deep_copy(restoring);
        post(user, letter);
}

static void on_step(void *user)
{
        struct letter *letter = letter_new(LETTER_STEP, NULL);

        if (letter)
                post(user, letter);
}

static bool is_stopping(void *user)
{
        struct thread *thread = user;

        pthread_mutex_lock(&thread->lock);
        bool stop = thread->stop;
        pthread_mutex_unlock(&thread->lock);
        return stop;
}

static void post_passed(struct thread *thread, double seconds)
{
        const struct plan *plan = thread->machine.plan;
        cleanup_free char *isolated = plan ? cpu_set_to_list(&plan->isolated) : NULL;
        struct letter *letter = letter_new(LETTER_PASSED, isolated);

        if (letter) {
                letter->revision = thread->machine.wants->revision;
                letter->seconds = seconds;
                letter->changed = thread->machine.changes != thread->told_changes;
                post(thread, letter);
        }
        thread->told_serial = thread->machine.plan_serial;
        thread->told_changes = thread->machine.changes;
}

/* The loop knows which CPUs are isolated, and whether that is proven, by the last that it was told. */
static void post_another_plan(struct thread *thread)
{
        if (thread->told_serial != thread->machine.plan_serial || thread->told_changes != thread->machine.changes)
                post_passed(thread, -1);
}

static void answer(struct thread *thread, struct tuning_request *request)
{
        struct machine *machine = &thread->machine;
        struct letter *letter = letter_new(LETTER_ANSWER, NULL);

        switch (request->topic) {
        case TUNING_TOPOLOGY:
                request->answer = machine_topology(machine, &request->errors);
                break;
        case TUNING_AUDIT:
                request->answer = machine_audit(machine, &request->errors);
                break;
        default:
                request->answer = machine_preview(machine, request->wants, &request->errors);
                break;
        }
        if (!letter)
                abort(); /* a caller would wait for ever; 100 bytes are there, or nothing works */
        letter->request = request;
        post(thread, letter);
}

static int64_t later(int64_t a, int64_t b)
{
        return a > b ? a : b;
}

static int timeout_of(const struct thread *thread)
{
        int64_t at = thread->look_at_ms;

        if (thread->guests_at_ms > 0 && (at == 0 || thread->guests_at_ms < at))
                at = thread->guests_at_ms;
        return at == 0 ? -1 : (int)later(at - machine_now_ms(), 0);
}

/* Until something is to be done. Events only say when: what is due is due by the clock. */
static void wait_for_work(struct thread *thread)
{
        struct machine *machine = &thread->machine;
        struct pollfd fds[] = {
                {.fd = thread->in_fd, .events = POLLIN},
                {.fd = machine->guests ? guests_event_fd(machine->guests) : -1, .events = POLLIN},
                {.fd = machine->drift ? drift_watch_fd(machine->drift) : -1, .events = POLLIN},
        };

        if (poll(fds, ARRAY_LEN(fds), timeout_of(thread)) <= 0)
                return;
        int64_t now = machine_now_ms();
        if (fds[0].revents) {
                eventfd_t ignored;
                eventfd_read(thread->in_fd, &ignored);
        }
        if (fds[1].revents && guests_dispatch(machine->guests) > 0 && thread->guests_at_ms == 0)
                thread->guests_at_ms = later(now + GATHER_MS, thread->guests_looked_ms + PAUSE_MS);
        if (fds[2].revents && drift_watch_drain(machine->drift)) {
                int64_t at = later(now, thread->looked_at_ms + PAUSE_MS);
                if (thread->look_at_ms == 0 || at < thread->look_at_ms)
                        thread->look_at_ms = at;
        }
}

static void do_what_is_due(struct thread *thread)
{
        struct machine *machine = &thread->machine;

        if (thread->guests_at_ms > 0 && machine_now_ms() >= thread->guests_at_ms) {
                thread->guests_at_ms = 0;
                machine_guests_changed(machine);
                post_another_plan(thread);
                thread->guests_looked_ms = machine_now_ms();
        }
        if (thread->look_at_ms > 0 && machine_now_ms() >= thread->look_at_ms) {
                machine_look(machine);
                post_another_plan(thread);
                thread->looked_at_ms = machine_now_ms();
                thread->look_at_ms = machine_look_at(machine);
        }
}

static void pass(struct thread *thread, struct wants *wants)
{
        int64_t began = machine_now_ms(), due = thread->look_at_ms;

        machine_reconcile(&thread->machine, wants);
        thread->looked_at_ms = machine_now_ms();
        post_passed(thread, (double)(thread->looked_at_ms - began) / 1e3);
        thread->look_at_ms = machine_look_at(&thread->machine);
        /* A pass sees less than a look (not the guests' pins): however many come, they do not put it off. */
        if (due > 0 && due < thread->look_at_ms)
                thread->look_at_ms = due;
}

static void *run(void *user)
{
        struct thread *thread = user;

        machine_recover(&thread->machine);
        for (;;) {
                pthread_mutex_lock(&thread->lock);
                bool stop = thread->stop;
                struct wants *wants = TAKE_PTR(thread->wants);
                json_t *proof = TAKE_PTR(thread->proof);
                struct tuning_request *questions = TAKE_PTR(thread->questions);
                thread->questions_end = &thread->questions;
                pthread_mutex_unlock(&thread->lock);
                if (proof) {
                        json_decref(thread->machine.proof);
                        thread->machine.proof = proof;
                }
                if (wants && !stop)
                        pass(thread, TAKE_PTR(wants));
                wants_free(wants);
                while (questions) {
                        struct tuning_request *request = questions;
                        questions = request->next;
                        answer(thread, request);
                }
                if (stop)
                        return NULL;
                do_what_is_due(thread);
                wait_for_work(thread);
        }
}

/* ---- the loop's side ---- */

static void request_free(struct tuning_request *request)
{
        if (!request)
                return;
        wants_free(request->wants);
        json_decref(request->answer);
        free(request);
}

static void deliver(struct thread *thread, struct letter *letter)
{
        struct tuning_request *request = letter->request;

        switch (letter->type) {
        case LETTER_STATUS:
                thread->handlers.told(thread->user, letter->id, letter->revision, TAKE_PTR(letter->status),
                                      letter->text);
                break;
        case LETTER_PASSED:
                thread->handlers.passed(thread->user, letter->revision, letter->seconds, letter->text, letter->changed);
                break;
        case LETTER_STEP:
                thread->handlers.step(thread->user);
                break;
        case LETTER_GONE:
                thread->handlers.gone(thread->user, TAKE_PTR(letter->status));
                break;
        case LETTER_NOTE:
                thread->handlers.note(thread->user, letter->priority, letter->text ?: "out of memory");
                break;
        case LETTER_ANSWER:
                if (request->done)
                        request->done(request->user, TAKE_PTR(request->answer), &request->errors);
                break;
        }
}

static void letter_free(struct letter *letter)
{
        request_free(letter->request);
        json_decref(letter->status);
        free(letter->text);
        free(letter);
}

static struct letter *collect(struct thread *thread)
{
        pthread_mutex_lock(&thread->lock);
        struct letter *letters = TAKE_PTR(thread->letters);
        thread->letters_end = &thread->letters;
        pthread_mutex_unlock(&thread->lock);
        return letters;
}

static int on_arrived(sd_event_source *source, int fd, uint32_t events, void *user)
{
        struct thread *thread = user;
        eventfd_t ignored;

        eventfd_read(fd, &ignored);
        for (struct letter *letter = collect(thread), *next; letter; letter = next) {
                next = letter->next;
                deliver(thread, letter);
                letter_free(letter);
        }
        return 0;
}

void thread_want(struct thread *thread, struct wants *wants)
{
        pthread_mutex_lock(&thread->lock);
        struct wants *older = thread->wants;
        thread->wants = wants;
        pthread_mutex_unlock(&thread->lock);
        wants_free(older);
        eventfd_write(thread->in_fd, 1);
}

void thread_take_proof(struct thread *thread, json_t *proof)
{
        pthread_mutex_lock(&thread->lock);
        json_t *older = thread->proof;
        thread->proof = proof;
        pthread_mutex_unlock(&thread->lock);
        json_decref(older);
        eventfd_write(thread->in_fd, 1);
}

int thread_ask(struct thread *thread, enum tuning_topic topic, struct wants *wants,
               void (*done)(void *user, json_t *answer, const struct errors *errors), void *user,
               struct tuning_request **ret)
{
        struct tuning_request *request = calloc(1, sizeof(*request));

        if (!request) {
                wants_free(wants);
                return -ENOMEM;
        }
        request->topic = topic;
        request->wants = wants;
        request->done = done;
        request->user = user;
        pthread_mutex_lock(&thread->lock);
        *thread->questions_end = request;
        thread->questions_end = &request->next;
        pthread_mutex_unlock(&thread->lock);
        eventfd_write(thread->in_fd, 1);
        *ret = request;
        return 0;
}

void tuning_cancel(struct tuning_request *request)
{
        if (request)
                request->done = NULL;
}

struct thread *thread_free(struct thread *thread)
{
        if (!thread)
                return NULL;
        if (thread->running) {
                pthread_mutex_lock(&thread->lock);
                thread->stop = true;
                pthread_mutex_unlock(&thread->lock);
                eventfd_write(thread->in_fd, 1);
                pthread_join(thread->id, NULL);
        }
        for (struct letter *letter = collect(thread), *next; letter; letter = next) {
                next = letter->next;
                letter_free(letter);
        }
        machine_clear(&thread->machine);
        wants_free(thread->wants);
        json_decref(thread->proof);
        sd_event_source_disable_unref(thread->arrived);
        close_p(&thread->in_fd);
        close_p(&thread->out_fd);
        pthread_mutex_destroy(&thread->lock);
        free(thread->root);
        free(thread->state);
        free(thread->uri);
        free(thread);
        return NULL;
}
DEFINE_CLEANUP(struct thread *, thread_free)

/* Signals are the event loop's. */
static int start(struct thread *thread)
{
        sigset_t all, before;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        int r = pthread_create(&thread->id, NULL, run, thread);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        thread->running = r == 0;
        return -r;
}

int thread_new(struct thread **ret, sd_event *event, const struct tuning_options *options,
               const struct thread_handlers *handlers, void *user)
{
        cleanup_(thread_free_p) struct thread *thread = calloc(1, sizeof(*thread));

        if (!thread)
                return -ENOMEM;
        pthread_mutex_init(&thread->lock, NULL);
        thread->questions_end = &thread->questions;
        thread->letters_end = &thread->letters;
        thread->handlers = *handlers;
        thread->user = user;
        thread->in_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        thread->out_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        thread->root = strdup(options->root ?: "/");
        thread->state = strdup(options->state);
        thread->uri = strdup(options->libvirt_uri);
        if (!thread->root || !thread->state || !thread->uri)
                return -ENOMEM;
        if (thread->in_fd < 0 || thread->out_fd < 0)
                return -errno;
        thread->machine = (struct machine){
                .host = {thread->root, thread->state},
                .libvirt_uri = thread->uri,
                .tell = on_tell,
                .gone = on_gone,
                .step = on_step,
                .stopping = is_stopping,
                .note = on_note,
                .user = thread,
        };
        if (machine_init(&thread->machine) < 0)
                return -ENOMEM;
        int r = sd_event_add_io(event, &thread->arrived, thread->out_fd, EPOLLIN, on_arrived, thread);
        if (r >= 0 && thread->uri[0])
                r = guests_new(&thread->machine.guests, &thread->machine.host, thread->uri);
        if (r >= 0)
                r = start(thread);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(thread);
        return 0;
}
