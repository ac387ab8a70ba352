/* See connection.h. */
#include <errno.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "connection.h"

#define KEEPALIVE_INTERVAL_S 3
#define KEEPALIVE_COUNT      (CONNECTION_PATIENCE_S / KEEPALIVE_INTERVAL_S - 1)
#define RETRY_FIRST_MS       250
#define RETRY_LAST_MS        5000
#define FAREWELL_S           2 /* that connection_free() waits for the thread */
#define NEWS_MAX             256

struct errand {
        int (*call)(virConnectPtr open, void *user);
        void *user;
        int result;
};

struct connection {
        pthread_mutex_t lock; /* of everything that is not said to be the thread's */
        pthread_t thread;
        unsigned references; /* the owner's and the thread's */
        char *uri;
        int event_fd;
        bool stop, ended;
        virConnectPtr open; /* NULL: not now */
        char problem[256];  /* why not */
        bool lost;          /* said by libvirt; the thread takes it down */
        bool all;           /* news */
        char (*uuids)[VIR_UUID_STRING_BUFLEN];
        size_t uuid_count;
        struct errand *errand; /* NULL: none */
        pthread_cond_t errand_done;

        int timer; /* the thread's, as what follows: wakes the event loop */
        int64_t retry_at_ms;
        int retry_ms;
        int callbacks[4];
        size_t callback_count;
};

static pthread_mutex_t only_lock = PTHREAD_MUTEX_INITIALIZER;
static bool only; /* there is a connection, or a thread of one */

/* Libraries do not log: libvirt would write to stderr. */
static void silence(void *user, virErrorPtr error)
{
}

/* ---- news ---- */

static void ring(struct connection *connection)
{
        eventfd_write(connection->event_fd, 1);
}

static void tell_all(struct connection *connection)
{
        pthread_mutex_lock(&connection->lock);
        connection->all = true;
        pthread_mutex_unlock(&connection->lock);
        ring(connection);
}

static void tell_domain(struct connection *connection, virDomainPtr domain)
{
        char uuid[VIR_UUID_STRING_BUFLEN];

        if (virDomainGetUUIDString(domain, uuid) < 0)
                return;
        pthread_mutex_lock(&connection->lock);
        bool known = connection->all;
        for (size_t i = 0; i < connection->uuid_count && !known; i++)
                known = strcmp(connection->uuids[i], uuid) == 0;
        if (!known && connection->uuid_count == NEWS_MAX)
                connection->all = true;
        else if (!known)
                memcpy(connection->uuids[connection->uuid_count++], uuid, sizeof(uuid));
        pthread_mutex_unlock(&connection->lock);
        ring(connection);
}

int connection_news(struct connection *connection, struct connection_news *ret)
{
        struct connection_news news = {};

        news.uuids = calloc(NEWS_MAX, sizeof(*news.uuids));
        if (!news.uuids)
                return -ENOMEM;
        pthread_mutex_lock(&connection->lock);
        news.all = connection->all;
        news.count = news.all ? 0 : connection->uuid_count;
        news.any = news.all || news.count > 0;
        memcpy(news.uuids, connection->uuids, news.count * sizeof(*news.uuids));
        connection->all = false;
        connection->uuid_count = 0;
        pthread_mutex_unlock(&connection->lock);
        *ret = news;
        return 0;
}

/* ---- callbacks, in the thread ---- */

static int on_lifecycle(virConnectPtr open, virDomainPtr domain, int event, int detail, void *user)
{
        tell_domain(user, domain);
        return 0;
}

static void on_tunable(virConnectPtr open, virDomainPtr domain, virTypedParameterPtr parameters, int count, void *user)
{
        tell_domain(user, domain);
}

static void on_device(virConnectPtr open, virDomainPtr domain, const char *alias, void *user)
{
        tell_domain(user, domain);
}

static void on_close(virConnectPtr open, int reason, void *user)
{
        struct connection *connection = user;

        pthread_mutex_lock(&connection->lock);
        connection->lost = true;
        snprintf(connection->problem, sizeof(connection->problem), "%s",
                 reason == VIR_CONNECT_CLOSE_REASON_KEEPALIVE ? "it has stopped answering" : "it has gone");
        virEventUpdateTimeout(connection->timer, 0); /* this may be another thread than ours */
        pthread_mutex_unlock(&connection->lock);
}

static void wake(int timer, void *user)
{
}

/* ---- the thread ---- */

static int64_t now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Events that a version does not know are done without; lifecycle events all know. */
static int subscribe(struct connection *connection, virConnectPtr open)
{
        static const struct {
                int event;
                virConnectDomainEventGenericCallback call;
        } events[] = {
                {VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle)},
                {VIR_DOMAIN_EVENT_ID_TUNABLE, VIR_DOMAIN_EVENT_CALLBACK(on_tunable)},
                {VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, VIR_DOMAIN_EVENT_CALLBACK(on_device)},
                {VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, VIR_DOMAIN_EVENT_CALLBACK(on_device)},
        };

        connection->callback_count = 0;
        for (size_t i = 0; i < ARRAY_LEN(events); i++) {
                int id =
                        virConnectDomainEventRegisterAny(open, NULL, events[i].event, events[i].call, connection, NULL);
                if (id < 0 && i == 0)
                        return -1;
                if (id >= 0)
                        connection->callbacks[connection->callback_count++] = id;
        }
        return virConnectRegisterCloseCallback(open, on_close, connection, NULL);
}

static void unsubscribe(struct connection *connection, virConnectPtr open)
{
        virConnectUnregisterCloseCallback(open, on_close);
        for (size_t i = 0; i < connection->callback_count; i++)
                virConnectDomainEventDeregisterAny(open, connection->callbacks[i]);
        connection->callback_count = 0;
}

static void try_again(struct connection *connection)
{
        connection->retry_at_ms = now_ms() + connection->retry_ms;
        connection->retry_ms = connection->retry_ms * 2 < RETRY_LAST_MS ? connection->retry_ms * 2 : RETRY_LAST_MS;
}

static void try_open(struct connection *connection)
{
        virConnectPtr open = virConnectOpen(connection->uri);

        if (open && virConnectSetKeepAlive(open, KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT) >= 0 &&
            subscribe(connection, open) >= 0) {
                connection->retry_ms = RETRY_FIRST_MS;
                pthread_mutex_lock(&connection->lock);
                connection->lost = false;
                connection->open = open;
                pthread_mutex_unlock(&connection->lock);
                tell_all(connection);
                return;
        }
        pthread_mutex_lock(&connection->lock);
        snprintf(connection->problem, sizeof(connection->problem), "%s", virGetLastErrorMessage());
        pthread_mutex_unlock(&connection->lock);
        if (open) {
                unsubscribe(connection, open);
                virConnectClose(open);
        }
        try_again(connection);
}

static void take_down(struct connection *connection)
{
        pthread_mutex_lock(&connection->lock);
        virConnectPtr open = TAKE_PTR(connection->open);
        connection->lost = false;
        pthread_mutex_unlock(&connection->lock);
        if (!open)
                return;
        unsubscribe(connection, open);
        virConnectClose(open);
        try_again(connection);
        tell_all(connection);
}

static void run_errand(struct connection *connection)
{
        pthread_mutex_lock(&connection->lock);
        struct errand *errand = connection->errand;
        virConnectPtr open = connection->open && !connection->lost ? connection->open : NULL;
        pthread_mutex_unlock(&connection->lock);
        if (!errand)
                return;
        int result = open ? errand->call(open, errand->user) : -ENOTCONN;
        pthread_mutex_lock(&connection->lock);
        errand->result = result;
        connection->errand = NULL;
        pthread_cond_signal(&connection->errand_done);
        pthread_mutex_unlock(&connection->lock);
}

static bool is_stopped(struct connection *connection, bool *ret_open, bool *ret_lost)
{
        pthread_mutex_lock(&connection->lock);
        bool stopped = connection->stop;
        *ret_open = connection->open;
        *ret_lost = connection->lost;
        pthread_mutex_unlock(&connection->lock);
        return stopped;
}

/* Whoever has something for the thread sets the timer to now, under the same lock. */
static void set_timer(struct connection *connection)
{
        int64_t wait_ms = connection->retry_at_ms - now_ms();

        pthread_mutex_lock(&connection->lock);
        if (connection->stop || connection->lost || connection->errand || (!connection->open && wait_ms < 0))
                wait_ms = 0;
        else if (connection->open)
                wait_ms = -1;
        virEventUpdateTimeout(connection->timer, (int)wait_ms);
        pthread_mutex_unlock(&connection->lock);
}

static void unref(struct connection *connection)
{
        pthread_mutex_lock(&connection->lock);
        bool last = --connection->references == 0;
        pthread_mutex_unlock(&connection->lock);
        if (!last)
                return;
        if (connection->timer >= 0)
                virEventRemoveTimeout(connection->timer);
        if (connection->event_fd >= 0)
                close(connection->event_fd);
        free(connection->uuids);
        free(connection->uri);
        pthread_cond_destroy(&connection->errand_done);
        pthread_mutex_destroy(&connection->lock);
        free(connection);
        pthread_mutex_lock(&only_lock);
        only = false;
        pthread_mutex_unlock(&only_lock);
}

static void *run(void *user)
{
        struct connection *connection = user;
        bool open, lost;

        virSetErrorFunc(NULL, silence);
        while (!is_stopped(connection, &open, &lost)) {
                if (lost)
                        take_down(connection);
                else if (!open && now_ms() >= connection->retry_at_ms)
                        try_open(connection);
                run_errand(connection);
                set_timer(connection);
                if (virEventRunDefaultImpl() < 0)
                        break; /* out of memory or descriptors: what is open still serves, events end */
        }
        take_down(connection);
        pthread_mutex_lock(&connection->lock);
        connection->ended = true;
        pthread_mutex_unlock(&connection->lock);
        run_errand(connection);
        unref(connection);
        return NULL;
}

/* ---- for its owner ---- */

static int register_events(void)
{
        static bool registered;
        int r = 0;

        pthread_mutex_lock(&only_lock);
        if (only)
                r = -EBUSY;
        else if (!registered && (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0))
                r = -EIO;
        else
                only = registered = true;
        pthread_mutex_unlock(&only_lock);
        return r;
}

static struct connection *make(const char *uri)
{
        struct connection *connection = calloc(1, sizeof(*connection));

        if (!connection)
                return NULL;
        pthread_mutex_init(&connection->lock, NULL);
        pthread_cond_init(&connection->errand_done, NULL);
        connection->references = 1;
        connection->retry_ms = RETRY_FIRST_MS;
        connection->uri = strdup(uri);
        connection->uuids = calloc(NEWS_MAX, sizeof(*connection->uuids));
        connection->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        connection->timer = virEventAddTimeout(-1, wake, NULL, NULL);
        snprintf(connection->problem, sizeof(connection->problem), "it has not answered yet");
        if (!connection->uri || !connection->uuids || connection->event_fd < 0 || connection->timer < 0)
                unref(connection);
        else
                return connection;
        return NULL;
}

/* Signals are the program's business, not that of a library's thread. */
static int start(struct connection *connection)
{
        sigset_t all, before;
        int r;

        sigfillset(&all);
        connection->references++;
        pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&connection->thread, NULL, run, connection);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r != 0)
                connection->references--;
        return -r;
}

int connection_new(struct connection **ret, const char *uri)
{
        int r = register_events();

        if (r < 0)
                return r;
        struct connection *connection = make(uri);
        if (!connection) {
                pthread_mutex_lock(&only_lock);
                only = false;
                pthread_mutex_unlock(&only_lock);
                return -ENOMEM;
        }
        r = start(connection);
        if (r < 0)
                unref(connection);
        else
                *ret = connection;
        return r;
}

struct connection *connection_free(struct connection *connection)
{
        struct timespec until;

        if (!connection)
                return NULL;
        pthread_mutex_lock(&connection->lock);
        connection->stop = true;
        virEventUpdateTimeout(connection->timer, 0);
        pthread_mutex_unlock(&connection->lock);
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += FAREWELL_S;
        if (pthread_timedjoin_np(connection->thread, NULL, &until) != 0)
                pthread_detach(connection->thread); /* it hangs in libvirt, and ends when that does */
        unref(connection);
        return NULL;
}

int connection_fd(const struct connection *connection)
{
        return connection->event_fd;
}

bool connection_drain(const struct connection *connection)
{
        eventfd_t rings;

        return eventfd_read(connection->event_fd, &rings) == 0;
}

int connection_get(struct connection *connection, virConnectPtr *ret, struct errors *errors)
{
        int r = 0;

        pthread_mutex_lock(&connection->lock);
        if (connection->open && !connection->lost) {
                virConnectRef(connection->open);
                *ret = connection->open;
        } else {
                errors_add(errors, -ENOTCONN, "", "libvirtd running, and a socket that socled may use",
                           "there is no connection to libvirt (%s): %s", connection->uri, connection->problem);
                r = -ENOTCONN;
        }
        pthread_mutex_unlock(&connection->lock);
        return r;
}

/* While there is none, the thread may hang in opening it: then nothing is waited for. */
int connection_call(struct connection *connection, int (*call)(virConnectPtr open, void *user), void *user)
{
        struct errand errand = {call, user, -ENOTCONN};

        pthread_mutex_lock(&connection->lock);
        if (connection->open && !connection->lost && !connection->ended) {
                connection->errand = &errand;
                virEventUpdateTimeout(connection->timer, 0);
                while (connection->errand)
                        pthread_cond_wait(&connection->errand_done, &connection->lock);
        }
        pthread_mutex_unlock(&connection->lock);
        return errand.result;
}
