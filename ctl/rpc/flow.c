/* See flow.h. */
#include <errno.h>
#include <string.h>

#include "flow.h"
#include "model.h"

const struct object *flow_find_port(const struct model *model, const char *text, bool underlay_too,
                                    struct errors *errors)
{
        static const char underlay[] = "Underlay/";
        bool explicit = strncmp(text, underlay, strlen(underlay)) == 0;
        const struct object *object = explicit ? NULL : model_find(model, "Port", text);

        if (!object && underlay_too)
                object = model_find(model, "Underlay", explicit ? text + strlen(underlay) : text);
        if (!object)
                errors_add(errors, -ENOENT, "/port",
                           underlay_too ? "the name of a Port, or of an Underlay" : "the name of a Port",
                           "there is no %s \"%.64s\"", underlay_too ? "Port or Underlay" : "Port", text);
        return object;
}

int flow_parse(const char *text, enum packet_use use, struct packet *ret, struct errors *errors)
{
        struct packet_fault fault = {};
        int r = packet_parse(text, use, ret, &fault);

        if (r < 0)
                errors_add(errors, r, "/packet", fault.expected, "character %zu: %s", fault.at, fault.message);
        return r;
}
