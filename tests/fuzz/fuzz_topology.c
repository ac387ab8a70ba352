/* What may come as a topology's document (from socled, or a file): both renderers, and the reader, over any JSON. What
 * they accept they draw, and is the same after another way there and back; what they refuse leaves nothing behind. */
#include <errno.h>
#include <stdlib.h>

#include "fuzz.h"
#include "topology/render.h"
#include "topology/topology.h"

static void check(bool right)
{
        if (!right)
                abort();
}

static int draw(const json_t *document, const struct render_options *options)
{
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        int r;

        check(out != NULL);
        r = options ? topology_render_tree(document, options, out) : topology_render_svg(document, out);
        fclose(out);
        check(r == 0 ? size > 0 : r == -EINVAL && size == 0);
        free(text);
        return r;
}

static void there_and_back(const json_t *document)
{
        struct topology *topology = NULL, *again = NULL;
        static struct errors errors;

        errors = (struct errors){};
        if (topology_from_json(&topology, document, &errors) < 0) {
                check(!topology && errors.count == 1 && errors.code == -EINVAL);
                return;
        }
        json_t *once = topology_to_json(topology);
        check(errors.count == 0 && topology_from_json(&again, once, &errors) == 0);
        json_t *twice = topology_to_json(again);
        check(json_equal(once, twice) && draw(once, NULL) == 0);
        json_decref(once);
        json_decref(twice);
        topology_free(topology);
        topology_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        json_t *document = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
        struct render_options options = {.colour = size % 2, .unicode = size % 3, .width = (int)(size % 90)};

        if (document) {
                check(draw(document, &options) == draw(document, NULL));
                there_and_back(document);
        }
        json_decref(document);
        return 0;
}
