/* topology_read(): opens the source, has a child process do the reading (in_child.h), and takes its document. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "document.h"
#include "in_child.h"
#include "private.h"
#include "socle/cleanup.h"
#include "source.h"

#define NORMAL_PAGE_BYTES 4096

void *array_grow(void *array_pointer, size_t *count, size_t size)
{
        void **array = array_pointer;

        if ((*count & (*count - 1)) == 0) {
                void *more = realloc(*array, (*count ? *count * 2 : 1) * size);
                if (!more)
                        return NULL;
                *array = more;
        }
        char *element = (char *)*array + (*count)++ * size;
        return memset(element, 0, size);
}

/* ---- in the child ---- */

enum { TOLD, COMPLAINED, NOT_FOR_HWLOC, FAILED };

struct job {
        const struct opened *opened;
        bool live;
        int out; /* the document goes there, or complaints */
};

static int fill(struct topology *t, hwloc_topology_t hwloc, const struct opened *opened, struct errors *errors)
{
        int r = read_cpus(t, hwloc, opened->root, errors);

        if (r == 0)
                r = read_memory(t, hwloc, opened->root);
        if (r == 0 && opened->root < 0)
                return read_hwloc_devices(t, hwloc);
        if (r == 0)
                r = read_pci(t, opened->root);
        if (r == 0)
                r = read_disks(t, opened->root);
        if (r == 0)
                read_features(t, opened->root);
        return r;
}

static int tell(const void *user)
{
        const struct job *job = user;
        struct topology t = {.live = job->live, .page_bytes = NORMAL_PAGE_BYTES};
        struct errors errors = {};
        hwloc_topology_t hwloc;
        int r = discover(&hwloc, &job->opened->discovery);

        if (r < 0)
                return r == -EINVAL ? NOT_FOR_HWLOC : FAILED;
        memcpy(t.source, job->opened->name, sizeof(t.source));
        r = fill(&t, hwloc, job->opened, &errors);
        if (r < 0 && errors.count == 0)
                return FAILED;
        json_t *json = r < 0 ? errors_to_json(&errors) : topology_to_json(&t);
        if (json_dumpfd(json, job->out, JSON_COMPACT) < 0)
                return FAILED;
        return r < 0 ? COMPLAINED : TOLD;
}

/* ---- in the parent ---- */

/* The first sentence that hwloc said, without its own prefixes; "" if none. */
static void first_words(int fd, char *ret, size_t size)
{
        char text[1024], *line = NULL, *rest = text;
        ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

        *ret = 0;
        text[n > 0 ? n : 0] = 0;
        while ((line = strsep(&rest, "\n")))
                if (*line && strncmp(line, "***", 3) != 0)
                        break;
        if (!line)
                return;
        for (char *colon; (colon = strstr(line, ": ")) && colon - line < 24;)
                line = colon + 2;
        const char *end = strstr(line, ". ");
        snprintf(ret, size, ": %.*s", (int)(end ? end - line : (ptrdiff_t)strlen(line)), line);
}

/* What the child has complained of. */
static int repeat_complaint(struct errors *errors, const json_t *document)
{
        const json_t *first = json_array_get(json_object_get(document, "errors"), 0);

        errors_add(errors, -EINVAL, "", doc_text(first, "expected"), "%s", doc_text(first, "message"));
        return -EINVAL;
}

static int complain(struct errors *errors, const struct discovery *discovery, int status, int words)
{
        char said[200];
        const char *expected = discovery->synthetic ? "a description as in `man hwloc`: \"pack:2 numa:2 core:8 pu:2\""
                               : discovery->xml     ? "XML that `lstopo --of xml` has written"
                                                    : "a tree that `hwloc-gather-topology --io` has made";

        first_words(words, said, sizeof(said));
        if (status == NOT_FOR_HWLOC)
                errors_add(errors, status = -EINVAL, "", expected, "%s is not a topology%s", discovery->name, said);
        else if (status == CHILD_CRASHED)
                errors_add(errors, status = -EINVAL, "", expected, "%s makes no sense to hwloc%s", discovery->name,
                           said);
        else if (status == -ETIMEDOUT)
                errors_add(errors, status, "", expected, "%s: reading it does not end", discovery->name);
        else if (status > 0)
                errors_add(errors, status = -EIO, "", "", "%s: reading failed%s", discovery->name, said);
        else
                errors_add(errors, status, "", "", "%s: no process to read it: %s", discovery->name, strerror(-status));
        return status;
}

static int read_in_child(json_t **ret, const struct opened *opened, bool live, struct errors *errors)
{
        cleanup_close int out = memfd_create("topology", MFD_CLOEXEC), words = memfd_create("words", MFD_CLOEXEC);
        const char *root = opened->discovery.root;
        cleanup_free char *fsroot = NULL;

        if (root && strcmp(root, "/") != 0 && asprintf(&fsroot, "HWLOC_FSROOT=%s", root) < 0)
                return -ENOMEM;
        int status = out < 0 || words < 0
                             ? -errno
                             : in_child(tell, &(struct job){opened, live, out}, DISCOVERY_ENVIRONMENT(fsroot), words);
        if (status != TOLD && status != COMPLAINED)
                return complain(errors, &opened->discovery, status, words);
        lseek(out, 0, SEEK_SET);
        json_t *document = json_loadfd(out, 0, NULL);
        if (!document)
                return complain(errors, &opened->discovery, FAILED, words);
        if (status == TOLD) {
                *ret = document;
                return 0;
        }
        int r = repeat_complaint(errors, document);
        json_decref(document);
        return r;
}

int topology_read(struct topology **ret, const struct topology_source *source, struct errors *errors)
{
        cleanup_(source_close) struct opened opened;
        struct topology *t = NULL;
        bool live = !source->file && !source->synthetic;
        int r = source_open(&opened, source, errors);

        if (r == 0 && !opened.document)
                r = read_in_child(&opened.document, &opened, live, errors);
        if (r == 0)
                r = topology_from_json(&t, opened.document, errors);
        if (r < 0)
                return r;
        memcpy(t->source, opened.name, sizeof(t->source));
        t->live = live;
        if (!live) /* what another machine's cgroup forbade to somebody does not matter here */
                t->allowed = t->online;
        *ret = t;
        return 0;
}
