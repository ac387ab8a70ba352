/* See report.h. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "manifest.h"
#include "report.h"
#include "say.h"

#define SHOWN_MAX 32

static const char *text_of(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "";
}

/* The object a complaint is about: by "/objects/3…" in the request, which is cut off *pointer, or by kind and name. */
static long object_of(const json_t *complaint, const struct manifest *manifest, const char **pointer)
{
        int index, length = 0;

        if (sscanf(*pointer, "/objects/%d%n", &index, &length) == 1 && index >= 0 &&
            ((*pointer)[length] == '\0' || (*pointer)[length] == '/')) {
                *pointer += length;
                return index;
        }
        if (*text_of(complaint, "kind") && *text_of(complaint, "name"))
                return manifest_find(manifest, text_of(complaint, "kind"), text_of(complaint, "name"));
        return -1;
}

static void report_complaint(const json_t *complaint, const struct manifest *manifest)
{
        const char *pointer = text_of(complaint, "pointer"), *file = NULL;
        const char *kind = text_of(complaint, "kind"), *name = text_of(complaint, "name");
        long object = manifest ? object_of(complaint, manifest, &pointer) : -1;
        bool named = *kind || *name;
        char where[512] = "";
        int line;

        if (object >= 0 && manifest_locate(manifest, object, pointer, &file, &line))
                snprintf(where, sizeof(where), "%s:%d: ", file, line);
        complain("%s%s%s%s%s%s%s%s", where, kind, *kind && *name ? " " : "", name, named && *pointer ? " " : "",
                 pointer, named || *pointer ? ": " : "", text_of(complaint, "message"));
        if (*text_of(complaint, "expected"))
                advise("right would be: %s", text_of(complaint, "expected"));
}

static void advise_code(json_int_t code)
{
        switch (code) {
        case -32001:
                advise("your role comes from [roles] in /etc/socle/socled.conf; `soclectl info` shows which it is");
                break;
        case -32002:
                advise("somebody was faster: look at it again with `soclectl get`, then repeat with the new revision");
                break;
        case -32003:
                advise("`soclectl get` shows what there is");
                break;
        case -32005:
                advise("nothing was changed; is the disk of the store full? `soclectl info` shows where it is");
                break;
        case -32010:
                advise("is the dataplane running? systemctl status socle-dataplane");
                break;
        case -32601:
                advise("soclectl and socled are of different versions: see `soclectl version`");
                break;
        }
}

int report_error(const json_t *error, const struct manifest *manifest)
{
        const json_t *data = json_object_get(error, "data"), *list = json_object_get(data, "errors");
        json_int_t code = json_integer_value(json_object_get(error, "code"));
        json_int_t count = json_integer_value(json_object_get(data, "count"));
        json_t *complaint;
        size_t i;

        if (json_array_size(list) == 0)
                complain("%s", *text_of(error, "message") ? text_of(error, "message") : "socled refused");
        json_array_foreach (list, i, complaint) {
                if (i == SHOWN_MAX)
                        break;
                report_complaint(complaint, manifest);
        }
        if (count > (json_int_t)i)
                complain("… and %lld more", (long long)(count - (json_int_t)i));
        advise_code(code);
        return CLI_REFUSED;
}
