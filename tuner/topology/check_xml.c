/* Whether a text is XML at all, and of hwloc: its own reader does not say where something is wrong. See source.h. */
#include <errno.h>
#include <expat.h>
#include <string.h>

#include "source.h"

struct look {
        XML_Parser parser;
        char root[64];
        bool seen;
};

static void see_element(void *user, const XML_Char *name, const XML_Char **attributes)
{
        struct look *look = user;

        if (!look->seen)
                snprintf(look->root, sizeof(look->root), "%s", name);
        look->seen = true;
}

int check_xml(const char *name, const char *text, size_t size, struct errors *errors)
{
        static const char expected[] = "XML that `lstopo --of xml` has written";
        struct look look = {.parser = XML_ParserCreate(NULL)};
        int r = 0;

        if (!look.parser)
                return -ENOMEM;
        XML_SetUserData(look.parser, &look);
        XML_SetStartElementHandler(look.parser, see_element);
        if (XML_Parse(look.parser, text, (int)size, true) != XML_STATUS_OK) {
                errors_add(errors, r = -EINVAL, "", expected, "%s, line %lu, column %lu: %s", name,
                           XML_GetCurrentLineNumber(look.parser), XML_GetCurrentColumnNumber(look.parser) + 1,
                           XML_ErrorString(XML_GetErrorCode(look.parser)));
        } else if (strcmp(look.root, "topology") != 0) {
                errors_add(errors, r = -EINVAL, "", expected, "%s: the root element is <%s>, not <topology>", name,
                           look.root);
        }
        XML_ParserFree(look.parser);
        return r;
}
