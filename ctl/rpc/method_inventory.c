/* inventory: this host as the Ironic Python Agent would describe it. hwloc, lldpd and a BMC may take their time, so it
 * is read on a thread of its own. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "inventory.h"
#include "private.h"
#include "socle/cleanup.h"

static const struct param params[] = {{}};

struct reading {
        struct call *call; /* NULL: the client is gone */
        pthread_t thread;
        struct inventory_source source;
        json_t *document;
        struct errors errors;
        int done_fd;
        sd_event_source *done;
};

static struct reading *reading_free(struct reading *reading)
{
        sd_event_source_disable_unref(reading->done);
        close_p(&reading->done_fd);
        json_decref(reading->document);
        free(reading);
        return NULL;
}
DEFINE_CLEANUP(struct reading *, reading_free)

static void *run_reading(void *user)
{
        struct reading *reading = user;

        (void)inventory_read(&reading->document, &reading->source, &reading->errors);
        eventfd_write(reading->done_fd, 1);
        return NULL;
}

static int on_done(sd_event_source *source, int fd, uint32_t revents, void *user)
{
        cleanup_(reading_free_p) struct reading *reading = user;
        struct call *call = reading->call;

        pthread_join(reading->thread, NULL);
        if (!call)
                return 0;
        call->cancel = NULL;
        if (reading->document)
                call_reply(call, TAKE_PTR(reading->document));
        else
                call_fail_errors(call, &reading->errors);
        return 0;
}

/* Nobody waits for the thread: it ends by itself, and is then cleared away. */
static void on_cancel(void *user)
{
        struct reading *reading = user;

        reading->call = NULL;
}

static int start(struct reading *reading)
{
        sd_event *event = reading->call->client->server->event;

        reading->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (reading->done_fd < 0)
                return -errno;
        int r = sd_event_add_io(event, &reading->done, reading->done_fd, EPOLLIN, on_done, reading);
        return r < 0 ? r : -pthread_create(&reading->thread, NULL, run_reading, reading);
}

static void run(struct call *call, json_t *json)
{
        cleanup_(reading_free_p) struct reading *reading = calloc(1, sizeof(*reading));

        if (!reading) {
                call_fail(call, RPC_INTERNAL, "out of memory");
                return;
        }
        reading->call = call;
        reading->done_fd = -1;
        reading->source.root = call_context(call)->host_root;
        if (start(reading) < 0) {
                call_fail(call, RPC_INTERNAL, "no thread can be started to look at the host");
                return;
        }
        call->cancel = on_cancel;
        call->cancel_user = TAKE_PTR(reading);
}

static struct method inventory = {
        .name = "inventory",
        .help = "This host in the Ironic Python Agent's format: interfaces, CPU, memory, disks, system vendor, boot, "
                "BMC; NUMA "
                "topology, PCI devices, and what the neighbours tell by LLDP, raw and as `links`; `notes` say what "
                "could "
                "not be asked.",
        .role = ROLE_READ,
        .params = params,
        .run = run,
};
REGISTER_METHOD(inventory);
