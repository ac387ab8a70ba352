/* See bounded.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bounded.h"
#include "module.h"
#include "netlink.h"

#define ADDRESSES "addresses" /* the owner of that question */

/* All that a thread may need which nobody waits for any more: nothing in it is the caller's. */
struct request {
        struct host host;
        char name[128]; /* interface, PCI address, module or alias */
        unsigned number, count;
        enum vf_value which;
        struct vf_values values;
        bool up;
        enum eswitch_mode mode;
        char words[LINK_WORDS_SIZE];
        struct vf vfs[]; /* `count`; then host.root's text */
};

static struct request *request_new(const struct host *host, const char *name, unsigned count)
{
        size_t root = strlen(host->root) + 1, vfs = count * sizeof(struct vf);
        struct request *request = calloc(1, sizeof(*request) + vfs + root);

        if (!request)
                return NULL;
        request->host = (struct host){
                .root = memcpy((char *)request->vfs + vfs, host->root, root),
                .observer = host->observer,
        };
        snprintf(request->name, sizeof(request->name), "%s", name);
        request->count = count;
        return request;
}

/* Takes over the request, unless the thread has it. */
static int perform(const struct patience *patience, const char *what, int (*work)(void *data), struct request **request)
{
        return *request ? patience_do(patience, what, work, (void **)request) : -ENOMEM;
}

/* The kernel's own words, or none. */
static int answer(int r, const struct request *request, char words[LINK_WORDS_SIZE])
{
        snprintf(words, LINK_WORDS_SIZE, "%s", request ? request->words : "");
        return r;
}

static int do_read_vfs(void *data)
{
        struct request *request = data;

        return link_read_vfs(&request->host, request->name, request->vfs, request->count);
}

int bounded_read_vfs(const struct patience *patience, const struct host *host, const char *interface, struct vf *vfs,
                     unsigned count)
{
        cleanup_free struct request *request = request_new(host, interface, count);
        char what[64];

        if (!request)
                return -ENOMEM;
        memcpy(request->vfs, vfs, count * sizeof(*vfs));
        snprintf(what, sizeof(what), "telling by netlink what the VFs of %s are like", interface);
        int r = perform(patience, what, do_read_vfs, &request);
        if (r == 0)
                memcpy(vfs, request->vfs, count * sizeof(*vfs));
        return r;
}

static int do_write_vf(void *data)
{
        struct request *request = data;

        return link_write_vf(&request->host, request->name, request->number, request->which, &request->values,
                             request->words);
}

int bounded_write_vf(const struct patience *patience, const struct host *host, const char *interface, unsigned number,
                     enum vf_value which, const struct vf_values *values, char words[LINK_WORDS_SIZE])
{
        cleanup_free struct request *request = request_new(host, interface, 0);
        char what[160], text[VF_TEXT_SIZE];

        words[0] = '\0';
        if (!request)
                return -ENOMEM;
        request->number = number;
        request->which = which;
        request->values = *values;
        snprintf(what, sizeof(what), "setting by netlink %s of VF %u of %s to %s", vf_value_name(which), number,
                 interface, vf_value_text(which, values->value[which], text));
        int r = perform(patience, what, do_write_vf, &request);
        return answer(r, request, words);
}

static int do_set_up(void *data)
{
        struct request *request = data;

        return link_set_up(&request->host, request->name, request->up, request->words);
}

int bounded_set_up(const struct patience *patience, const struct host *host, const char *interface, bool up,
                   char words[LINK_WORDS_SIZE])
{
        cleanup_free struct request *request = request_new(host, interface, 0);
        char what[64];

        words[0] = '\0';
        if (!request)
                return -ENOMEM;
        request->up = up;
        snprintf(what, sizeof(what), "setting by netlink %s %s", interface, up ? "up" : "down");
        int r = perform(patience, what, do_set_up, &request);
        return answer(r, request, words);
}

static int do_has_address(void *data)
{
        struct request *request = data;

        return link_has_address(&request->host, request->name);
}

int bounded_has_address(const struct host *host, const char *interface)
{
        cleanup_free struct request *request = request_new(host, interface, 0);
        struct patience patience = patience_to_look(ADDRESSES);

        return perform(&patience, "telling by netlink the addresses of all interfaces", do_has_address, &request);
}

static int do_read_eswitch(void *data)
{
        struct request *request = data;

        return devlink_read_eswitch(&request->host, request->name, &request->mode);
}

int bounded_read_eswitch(const struct patience *patience, const struct host *host, const char *address,
                         enum eswitch_mode *ret)
{
        cleanup_free struct request *request = request_new(host, address, 0);
        int r = perform(patience, "telling by devlink its eswitch's mode", do_read_eswitch, &request);

        if (r == 0)
                *ret = request->mode;
        return r;
}

static int do_write_eswitch(void *data)
{
        struct request *request = data;

        return devlink_write_eswitch(&request->host, request->name, request->mode, request->words);
}

int bounded_write_eswitch(const struct patience *patience, const struct host *host, const char *address,
                          enum eswitch_mode mode, char words[LINK_WORDS_SIZE])
{
        cleanup_free struct request *request = request_new(host, address, 0);
        char what[64];

        words[0] = '\0';
        if (!request)
                return -ENOMEM;
        request->mode = mode;
        snprintf(what, sizeof(what), "setting by devlink its eswitch to mode %s", eswitch_mode_name(mode));
        int r = perform(patience, what, do_write_eswitch, &request);
        return answer(r, request, words);
}

static int do_load(void *data)
{
        struct request *request = data;

        return module_load(&request->host, request->name);
}

int bounded_load(const struct patience *patience, const struct host *host, const char *name_or_alias)
{
        cleanup_free struct request *request = request_new(host, name_or_alias, 0);
        char what[160];

        if (strlen(name_or_alias) >= sizeof(request->name))
                return -ENAMETOOLONG;
        snprintf(what, sizeof(what), "loading the kernel module of %s", name_or_alias);
        return perform(patience, what, do_load, &request);
}

bool bounded_complain(struct errors *errors, int code, const char *pointer, const char *name, const char *address)
{
        char words[PATIENCE_WORDS_SIZE];

        if (!patience_pending(address, words))
                return false;
        errors_add(
                errors, code, pointer,
                "whoever uses its VFs to let go of them, since the kernel waits for that; else its driver hangs, and "
                "the kernel's log says where",
                "%s is still not done with %s", name, words);
        return true;
}

const char *bounded_failure(int error, const char *address, char words[PATIENCE_WORDS_SIZE])
{
        char pending[PATIENCE_WORDS_SIZE];

        if ((error == -ETIMEDOUT || error == -EBUSY) && patience_pending(address, pending))
                snprintf(words, PATIENCE_WORDS_SIZE, "still not done with %.200s", pending);
        else if (error == -ETIMEDOUT)
                snprintf(words, PATIENCE_WORDS_SIZE, "no answer has come by netlink within %u s", NETLINK_ANSWER_S);
        else
                snprintf(words, PATIENCE_WORDS_SIZE, "%s", strerror(-error));
        return words;
}
