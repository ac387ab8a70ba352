/* Results of comparing and applying: made, read, put into words and JSON (apply.h). */
#include <errno.h>
#include <string.h>

#include "apply_private.h"

const char *const knob_state_names[] = {
        [KNOB_SATISFIED] = "satisfied", [KNOB_CHANGED] = "changed", [KNOB_WOULD_CHANGE] = "would_change",
        [KNOB_FAILED] = "failed",       [KNOB_GONE] = "gone",       [KNOB_UNDONE] = "undone",
};

void result_clear(struct knob_result *result)
{
        free(result->target);
        free(result->wanted);
        free(result->why);
        free(result->found);
        free(result->before);
        free(result->detail);
        free(result->in_force);
        *result = (struct knob_result){};
}

void knob_results_clear(struct knob_results *results)
{
        for (size_t i = 0; i < results->count; i++)
                result_clear(&results->list[i]);
        free(results->list);
        *results = (struct knob_results){};
}

struct knob_result *results_add(struct knob_results *results, const struct knob *knob, const char *target,
                                const char *wanted, const char *why)
{
        if (results->count == results->room) {
                size_t room = results->room ? results->room * 2 : 16;
                struct knob_result *list = reallocarray(results->list, room, sizeof(*list));
                if (!list)
                        return NULL;
                results->list = list;
                results->room = room;
        }
        struct knob_result *result = &results->list[results->count];
        *result = (struct knob_result){
                .knob = knob,
                .target = strdup(target),
                .wanted = strdup(wanted ? wanted : ""),
                .why = strdup(why ? why : ""),
        };
        if (!result->target || !result->wanted || !result->why) {
                result_clear(result);
                return NULL;
        }
        results->count++;
        return result;
}

int result_read(const struct host *host, struct knob_result *result)
{
        char *found;
        int r = knob_read(result->knob, host, result->target, &found);

        free(result->found);
        result->found = r < 0 ? NULL : found;
        if (r < 0) {
                result->state = r == -ENOENT ? KNOB_GONE : KNOB_FAILED;
                result->error = r == -ENOENT ? 0 : r;
        }
        return r;
}

int result_in_force(const struct host *host, struct knob_result *result)
{
        bool yes;
        char *found;

        if (!result->knob->in_force)
                return 0;
        int r = result->knob->in_force(host, result->target, result->wanted, &yes, &found);
        if (r < 0)
                return r == -ENOMEM ? r : 0; /* what the kernel runs with is not to be known here */
        free(result->in_force);
        result->in_force = found;
        result->reboot_required = !yes;
        return 0;
}

static const char *remedy(int error)
{
        switch (error) {
        case -EACCES:
        case -EPERM:
                return "root's permissions (CAP_SYS_ADMIN), and no security module that forbids it";
        case -EROFS:
                return "a file system that is mounted read-write";
        case -ENOSPC:
                return "space on that file system";
        default:
                return "";
        }
}

void result_complain(const struct knob_result *result, const char *doing, struct errors *errors)
{
        const char *space = result->target[0] ? " " : "", *detail = result->detail ? result->detail : "";
        const char *reason = detail[0] ? detail : result->error ? strerror(-result->error) : "";
        int code = result->error ? result->error : -EIO;

        errors_add(errors, code, result->knob->pointer, remedy(code), "%s%s%s%s: asked '%s', found '%s'%s%s", doing,
                   result->knob->name, space, result->target, result->wanted,
                   result->found ? result->found : "(not to be read)", reason[0] ? ": " : "", reason);
}

static int add_text(json_t *object, const char *key, const char *text)
{
        if (!text)
                return 0;
        json_t *value = json_string(text);
        return json_object_set_new(object, key, value ? value : json_string("(not UTF-8)"));
}

static json_t *result_to_json(const struct knob_result *result)
{
        const char *reason = result->detail ? result->detail : result->error ? strerror(-result->error) : NULL;
        json_t *object = json_pack("{s:s, s:s, s:s}", "knob", result->knob->name, "target", result->target, "state",
                                   knob_state_names[result->state]);

        add_text(object, "wanted", result->wanted);
        add_text(object, "found", result->found);
        add_text(object, "before", result->before);
        add_text(object, "why", result->why);
        if (result->put_back)
                json_object_set_new(object, "put_back", json_true());
        if (result->state == KNOB_FAILED)
                add_text(object, "error", reason ? reason : "it does not read back as written");
        if (result->reboot_required) {
                json_object_set_new(object, "reboot_required", json_true());
                add_text(object, "in_force", result->in_force);
        }
        return object;
}

json_t *knob_results_to_json(const struct knob_results *results)
{
        json_t *list = json_array();

        for (size_t i = 0; i < results->count; i++)
                json_array_append_new(list, result_to_json(&results->list[i]));
        return list;
}
