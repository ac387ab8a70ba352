/* tuner/guest/ to be driven by tests: requests on stdin, a JSON object a line, answers on stdout. Every request begins
 * with fresh books, as the reconciler's rounds do. Used by tests/functional/guest_driver.py.
 *
 *   guest-driver URI STATE-DIRECTORY PLAN
 *       PLAN: {"housekeeping": "0", "guests_dedicated": "1-3", …, "pages": [{node, page_bytes, count}],
 *              "synthetic": "node:2 core:1 pu:1"}      synthetic: the machine; by default this one
 *   {"do": "observe"}    {"do": "apply", "guest": NAME, "spec": {…}, "interfaces": [{…}], "dry_run": false,
 *                                                                          "follow": false}
 *   {"do": "restore", "guest": NAME}    {"do": "look"}    {"do": "user", "pci": ADDRESS}    {"do": "wait", "ms": 1000}
 * Answers: {"code": 0 | -errno, "result": …, "errors": [{message, pointer, …}], "ms": how long it took} */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guest/guest.h"
#include "socle/cleanup.h"

#define INTERFACES_MAX 8

struct driver {
        struct topology *topology;
        struct plan plan;
        struct guests *guests;
        struct placement_state *state;
};

static json_int_t number(const json_t *object, const char *name)
{
        return json_integer_value(json_object_get(object, name));
}

static void make_plan(struct driver *driver, const json_t *json)
{
        json_t *pages = json_object_get(json, "pages"), *entry;
        size_t i;

        for (int c = 0; c < CLASS_COUNT; c++) {
                const char *list = json_string_value(json_object_get(json, cpu_class_names[c]));
                if (list && cpu_set_from_list(list, &driver->plan.classes[c]) < 0)
                        exit(EXIT_FAILURE);
        }
        driver->plan.pages = calloc(json_array_size(pages) + 1, sizeof(*driver->plan.pages));
        json_array_foreach (pages, i, entry)
                driver->plan.pages[driver->plan.page_count++] = (struct plan_pages){
                        .node = (int)number(entry, "node"),
                        .page_bytes = (uint64_t)number(entry, "page_bytes"),
                        .count = (uint64_t)number(entry, "count"),
                };
}

static const char *text(const json_t *request, const char *name)
{
        const char *value = json_string_value(json_object_get(request, name));

        return value ? value : "";
}

static enum guest_mode mode_of(const json_t *request)
{
        if (json_is_true(json_object_get(request, "dry_run")))
                return GUEST_DRY_RUN;
        return json_is_true(json_object_get(request, "follow")) ? GUEST_FOLLOW : GUEST_SET;
}

static int apply(struct driver *driver, const json_t *request, json_t **ret, struct errors *errors)
{
        struct guest_interface interfaces[INTERFACES_MAX] = {};
        const json_t *list = json_object_get(request, "interfaces"), *entry;
        struct guest_wish *wish = NULL;
        size_t count = 0, i;
        int r = guest_wish_from_json(&wish, json_object_get(request, "spec"), errors);

        json_array_foreach ((json_t *)list, i, entry)
                if (count < INTERFACES_MAX)
                        interfaces[count++] = (struct guest_interface){
                                .mac_address = text(entry, "mac_address"),
                                .socket = text(entry, "socket"),
                                .queues = (unsigned)number(entry, "queues"),
                                .mtu = (unsigned)number(entry, "mtu"),
                                .server = true,
                        };
        if (r == 0)
                r = guests_observe(driver->guests, driver->state, NULL, errors);
        if (r == 0)
                r = guests_apply(driver->guests, text(request, "guest"), wish, interfaces, count, driver->state,
                                 mode_of(request), ret, errors);
        guest_wish_free(wish);
        return r;
}

static int wait_for_news(struct driver *driver, const json_t *request, json_t **ret)
{
        struct pollfd poll_fd = {.fd = guests_event_fd(driver->guests), .events = POLLIN};

        *ret = json_boolean(poll(&poll_fd, 1, (int)number(request, "ms")) > 0 && guests_dispatch(driver->guests) > 0);
        return 0;
}

static int serve(struct driver *driver, const json_t *request, json_t **ret, struct errors *errors)
{
        const char *what = text(request, "do");

        if (strcmp(what, "observe") == 0)
                return guests_observe(driver->guests, driver->state, ret, errors);
        if (strcmp(what, "apply") == 0)
                return apply(driver, request, ret, errors);
        if (strcmp(what, "restore") == 0)
                return guests_restore(driver->guests, text(request, "guest"), errors);
        if (strcmp(what, "look") == 0) {
                int r = guests_look(driver->guests, driver->topology->cpu_limit);
                *ret = r < 0 ? NULL : json_boolean(r);
                return r < 0 ? r : 0;
        }
        if (strcmp(what, "user") == 0) {
                guests_read(driver->guests, errors); /* what was last known, if libvirt is not there */
                const char *user = guests_user_of_pci(driver->guests, text(request, "pci"));
                *ret = user ? json_string(user) : NULL;
                return 0;
        }
        return strcmp(what, "wait") == 0 ? wait_for_news(driver, request, ret) : -EINVAL;
}

static double now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void answer(struct driver *driver, const char *line)
{
        json_t *request = json_loads(line, 0, NULL), *result = NULL;
        struct errors errors = {};
        double from = now_ms();
        int r = placement_state_new(&driver->state, driver->topology, &driver->plan);

        if (r == 0)
                r = serve(driver, request, &result, &errors);
        double took = now_ms() - from;
        json_t *complaints = errors_to_json(&errors);
        json_t *reply = json_pack("{s:i, s:o?, s:O, s:f}", "code", r, "result", result, "errors",
                                  json_object_get(complaints, "errors"), "ms", took);
        json_dumpf(reply, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
        json_decref(complaints);
        json_decref(reply);
        json_decref(request);
        driver->state = placement_state_free(driver->state);
}

int main(int argc, char **argv)
{
        struct topology_source source = {};
        struct driver driver = {};
        struct errors errors = {};
        cleanup_free char *line = NULL;
        size_t room = 0;

        if (argc != 4)
                return EXIT_FAILURE;
        struct host host = {.root = "/", .state = argv[2]};
        json_t *plan = json_loads(argv[3], 0, NULL);
        make_plan(&driver, plan);
        source.synthetic = json_string_value(json_object_get(plan, "synthetic"));
        if (topology_read(&driver.topology, &source, &errors) < 0 || guests_new(&driver.guests, &host, argv[1]) < 0) {
                fprintf(stderr, "%s\n", errors.list[0].message);
                return EXIT_FAILURE;
        }
        while (getline(&line, &room, stdin) > 0)
                answer(&driver, line);
        guests_free(driver.guests);
        topology_free(driver.topology);
        free(driver.plan.pages);
        json_decref(plan);
        return EXIT_SUCCESS;
}
