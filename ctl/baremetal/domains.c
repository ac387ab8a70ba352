/* See domains.h. A domain that is shut off counts: its disks would be wiped. libvirt's calls have no end of their own,
 * so they are made on a thread that is left behind if need be; it and we each hold the question. */
#include <errno.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "domains.h"
#include "socle/cleanup.h"

#define PATIENCE_MS 10000
#define SLICE_MS    20

struct question {
        char *uri, names[320];
        int count;
        atomic_bool answered;
        atomic_int holders;
};

static atomic_bool hanging; /* the last question is not answered yet */

static void put(struct question *question)
{
        if (atomic_fetch_sub(&question->holders, 1) > 1)
                return;
        free(question->uri);
        free(question);
}

static void say_nothing(void *user, virErrorPtr error)
{
}

static void ask(struct question *question)
{
        virDomainPtr *domains = NULL;
        size_t used = 0, size = sizeof(question->names);

        virSetErrorFunc(NULL, say_nothing);
        virConnectPtr connection = virConnectOpenReadOnly(question->uri);
        question->count = connection ? virConnectListAllDomains(connection, &domains, 0) : -1;
        if (question->count < 0)
                snprintf(question->names, size, "libvirt (%.60s) does not say: %.200s", question->uri,
                         virGetLastErrorMessage());
        for (int i = 0; i < question->count; i++) {
                if (i < 5 && used < size)
                        used += (size_t)snprintf(question->names + used, size - used, "%s%.60s", i ? ", " : "",
                                                 virDomainGetName(domains[i]));
                else if (i == 5 && used < size)
                        used += (size_t)snprintf(question->names + used, size - used, ", …");
                virDomainFree(domains[i]);
        }
        free(domains);
        if (connection)
                virConnectClose(connection);
}

static void *run(void *user)
{
        struct question *question = user;

        ask(question);
        atomic_store(&question->answered, true);
        atomic_store(&hanging, false);
        put(question);
        return NULL;
}

/* The thread has the second hold. */
static struct question *begin(const char *uri)
{
        struct question *question = calloc(1, sizeof(*question));
        pthread_attr_t attributes;
        pthread_t thread;

        if (!question || !(question->uri = strdup(uri))) {
                free(question);
                return NULL;
        }
        atomic_store(&question->holders, 2);
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        int r = pthread_create(&thread, &attributes, run, question);
        pthread_attr_destroy(&attributes);
        if (r == 0)
                return question;
        put(question);
        put(question);
        return NULL;
}

static void wait_for(const struct question *question, const atomic_bool *cancel)
{
        const struct timespec slice = {.tv_nsec = SLICE_MS * 1000000L};

        for (int ms = 0; ms < PATIENCE_MS && !atomic_load(&question->answered) && !atomic_load(cancel); ms += SLICE_MS)
                nanosleep(&slice, NULL);
}

int domains_left(const char *uri, const atomic_bool *cancel, char *names, size_t size)
{
        int count = -1;

        snprintf(names, size, "libvirt (%.100s) does not answer", uri);
        if (atomic_exchange(&hanging, true))
                return -ENOTCONN;
        struct question *question = begin(uri);
        if (!question) {
                atomic_store(&hanging, false);
                return -ENOTCONN;
        }
        wait_for(question, cancel);
        if (atomic_load(&question->answered)) {
                count = question->count;
                snprintf(names, size, "%s", question->names);
        }
        put(question);
        return count < 0 ? -ENOTCONN : count;
}
