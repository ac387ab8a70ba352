/* The tuner's SR-IOV on the host that this runs on, for tests in the lab (tests/lab/test_sriov.py).
 *
 *      sriov-tool STATE-DIRECTORY NAME apply|plan|status SPEC      SPEC: JSON, validated by nobody
 *      sriov-tool STATE-DIRECTORY NAME restore|recover
 *
 * Prints {"result": …} or {"error": CODE, "errors": […], "count": N}; exit status 0 either way, 2 when called wrongly.
 */
#include <stdio.h>
#include <string.h>

#include "socle/errors.h"
#include "sriov/sriov.h"

static int act(const struct host *host, const char *name, const char *action, const json_t *spec, json_t **ret,
               struct errors *errors)
{
        struct sriov_wish *wish = NULL;
        int r;

        if (strcmp(action, "restore") == 0)
                return sriov_restore(host, name, NULL, errors);
        if (strcmp(action, "recover") == 0)
                return sriov_recover(host, name, NULL, errors);
        r = sriov_wish_from_json(&wish, spec, errors);
        if (r == 0 && strcmp(action, "apply") == 0)
                r = sriov_apply(host, name, wish, NULL, ret, errors);
        else if (r == 0 && strcmp(action, "plan") == 0)
                r = sriov_plan(host, name, wish, NULL, ret, errors);
        else if (r == 0)
                r = sriov_status(host, wish, NULL, ret, errors);
        sriov_wish_free(wish);
        return r;
}

int main(int argc, char **argv)
{
        struct errors errors = {};
        json_t *spec = argc > 4 ? json_loads(argv[4], 0, NULL) : NULL, *result = NULL, *answer;

        if (argc < 4 || (argc > 4 && !spec)) {
                fprintf(stderr, "usage: %s STATE-DIRECTORY NAME apply|plan|status|restore|recover [SPEC]\n", argv[0]);
                return 2;
        }
        struct host host = {.root = "/", .state = argv[1]};
        int r = act(&host, argv[2], argv[3], spec, &result, &errors);
        answer = r < 0 ? errors_to_json(&errors) : json_pack("{s:o}", "result", result ?: json_null());
        if (r < 0)
                json_object_set_new(answer, "error", json_integer(r));
        /* At once: a thread that the kernel does not let go of may keep this process from ending. */
        json_dumpf(answer, stdout, 0);
        putchar('\n');
        fflush(stdout);
        json_decref(answer);
        json_decref(spec);
        return 0;
}
