/* info: how socled itself is. */
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "baremetal.h"
#include "network.h"
#include "private.h"
#include "remote.h"
#include "socle/cleanup.h"
#include "tuning.h"

static const struct param params[] = {{}};

static json_t *object_counts(const struct model *model)
{
        json_t *counts = json_object();

        for (const struct kind *kind = kind_first(); kind; kind = kind->next)
                json_object_set_new(counts, kind->name, json_integer((json_int_t)model_count(model, kind)));
        return counts;
}

static json_int_t file_bytes(const char *path, const char *suffix)
{
        char name[4096];
        struct stat st;

        snprintf(name, sizeof(name), "%s%s", path, suffix);
        return stat(name, &st) < 0 ? 0 : (json_int_t)st.st_size;
}

static json_int_t memory_bytes(void)
{
        cleanup_fclose FILE *f = fopen("/proc/self/statm", "re");
        long total, resident;

        if (!f || fscanf(f, "%ld %ld", &total, &resident) != 2)
                return 0;
        return (json_int_t)resident * sysconf(_SC_PAGESIZE);
}

json_t *rpc_server_info(const struct rpc_server *server)
{
        const struct rpc_context *context = &server->context;
        char started[32];
        struct tm tm;

        strftime(started, sizeof(started), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&server->started, &tm));
        json_t *info = json_pack("{ss, ss, si, ss, sI, so, s{ss, sI}, sI, sI}", "name", "socled", "version",
                                 SOCLE_VERSION, "pid", (int)getpid(), "started", started, "revision",
                                 (json_int_t)model_revision(context->model), "objects", object_counts(context->model),
                                 "store", "path", context->store_path, "bytes",
                                 file_bytes(context->store_path, "") + file_bytes(context->store_path, "-wal"),
                                 "clients", (json_int_t)server->client_count, "memory_bytes", memory_bytes());
        json_t *dataplane = network_info(context->network);
        json_object_set_new(dataplane, "socket", json_string(context->dataplane_socket));
        json_object_set_new(info, "dataplane", dataplane);
        if (server->remote)
                json_object_set_new(info, "remote", remote_info(server->remote));
        if (context->tuning)
                json_object_set_new(info, "host", tuning_info(context->tuning));
        if (context->baremetal)
                json_object_set_new(info, "baremetal", baremetal_info(context->baremetal));
        return info;
}

static void run(struct call *call, json_t *json)
{
        json_t *info = rpc_server_info(call->client->server);

        json_object_set_new(info, "role", json_string(role_name(call_role(call))));
        call_reply(call, info);
}

static struct method info = {
        .name = "info",
        .help = "Version, revision, numbers of objects and clients, memory, and the state of dataplane and host.",
        .role = ROLE_READ,
        .params = params,
        .run = run,
};
REGISTER_METHOD(info);
