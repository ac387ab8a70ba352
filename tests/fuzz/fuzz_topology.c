/* What may come as a topology's document (from socled, or a file): both renderers over any JSON. What they accept they
 * draw; what they refuse leaves nothing behind. */
#include <errno.h>
#include <stdlib.h>

#include "fuzz.h"
#include "topology/render.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        json_t *document = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
        struct render_options options = {.colour = size % 2, .unicode = size % 3, .width = (int)(size % 90)};

        if (document)
                check(draw(document, &options) == draw(document, NULL));
        json_decref(document);
        return 0;
}
