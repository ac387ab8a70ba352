/* topology: the machine as a tree, as SVG or as JSON. The node's own is asked of socled, which knows classes and guests
 * too; any other is read here, from a file or a description. */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "output.h"
#include "say.h"
#include "screen.h"
#include "session.h"
#include "socle/cleanup.h"
#include "topology/render.h"
#include "topology/topology.h"

static int read_here(const struct topology_source *source, json_t **ret)
{
        cleanup_(topology_free_p) struct topology *topology = NULL;
        struct errors errors = {};
        int r = topology_read(&topology, source, &errors);

        if (r == 0) {
                *ret = topology_to_json(topology);
                return CLI_OK;
        }
        if (errors.count == 0)
                complain("topology: %s", strerror(-r));
        for (size_t i = 0; i < errors.count && i < ERRORS_MAX; i++) {
                complain("topology: %s", errors.list[i].message);
                if (*errors.list[i].expected)
                        advise("right would be %s", errors.list[i].expected);
        }
        return CLI_USAGE;
}

static int get_document(struct session *session, const struct arguments *arguments, json_t **ret)
{
        struct topology_source source = {
                .file = arguments_value(arguments, "topology", NULL),
                .synthetic = arguments_value(arguments, "synthetic", NULL),
        };

        if (source.file && source.synthetic) {
                complain("topology: --topology and --synthetic are two machines");
                advise("one of them would be right");
                return CLI_USAGE;
        }
        if (source.file || source.synthetic)
                return read_here(&source, ret);
        return session_call(session, "topology", NULL, ret);
}

static int complain_document(void)
{
        complain("topology: the answer is not a topology");
        advise("are soclectl and socled of the same version? see: soclectl version");
        return CLI_REFUSED;
}

static int write_svg(const json_t *document, const char *path)
{
        bool to_stdout = strcmp(path, "-") == 0;
        cleanup_free char *svg = NULL;
        size_t size;
        FILE *memory = open_memstream(&svg, &size);
        int r = memory ? topology_render_svg(document, memory) : -errno;

        if (memory && fclose(memory) != 0 && r == 0)
                r = -errno;
        if (r == -EINVAL)
                return complain_document();
        FILE *file = r == 0 ? (to_stdout ? stdout : fopen(path, "we")) : NULL;
        if (r == 0 && (!file || fwrite(svg, 1, size, file) != size))
                r = -errno;
        if (file && file != stdout && fclose(file) != 0 && r == 0)
                r = -errno;
        if (r < 0) {
                complain("topology: cannot write %s: %s", path, strerror(-r));
                return CLI_USAGE;
        }
        return CLI_OK;
}

/* Of the user's own locale: main() has chosen UTF-8 for names in any case. */
static bool terminal_knows_unicode(void)
{
        locale_t locale = newlocale(LC_CTYPE_MASK, "", 0);
        bool unicode = locale && strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;

        if (locale)
                freelocale(locale);
        return unicode;
}

static int print_tree(const json_t *document)
{
        struct render_options options = {
                .colour = say_colours_on(),
                .unicode = terminal_knows_unicode(),
                .width = screen_columns(),
        };

        return topology_render_tree(document, &options, stdout) == -EINVAL ? complain_document() : CLI_OK;
}

static int run(struct session *session, const struct arguments *arguments)
{
        const char *svg = arguments_value(arguments, "svg", NULL);
        json_t *document = NULL;
        int status = get_document(session, arguments, &document);

        if (!status && svg)
                status = write_svg(document, svg);
        if (!status && (!svg || arguments_given(arguments, "output")) && !output_print(arguments, document))
                status = print_tree(document);
        json_decref(document);
        return status;
}

static const char *const choices[] = {"tree", "json", "yaml", NULL};
static const struct option_spec options[] = {
        {"topology", 'T', "FILE", false, "read here: JSON of this command, hwloc's XML, or what hwloc-gather-topology makes", NULL},
        {"synthetic", 'S', "DESCRIPTION", false, "read here: hwloc's, as \"pack:2 numa:2 core:8 pu:2\"", NULL},
        {"svg", 0, "FILE", false, "write a picture (- is standard output)", NULL},
        {"output", 'o', "FORMAT", false, "tree (default, unless --svg), json or yaml", choices},
        {NULL},
};

static struct command topology_command = {
        .name = "topology",
        .summary = "the machine: CPUs by class, NUMA nodes, NICs, guests",
        .synopsis = "[--topology FILE|--synthetic DESCRIPTION] [--svg FILE] [-o tree|json|yaml]",
        .description =
                "Shows packages, NUMA nodes and their memory, last-level caches, cores, NICs with their VFs, and "
                "disks;\n"
                "of this node also which class each CPU is in, and where guests are. A file or description is read by\n"
                "soclectl itself, without any node: XML by `lstopo --of xml`, archives by `hwloc-gather-topology "
                "--io`.\n"
                "`--topology /` is the machine that soclectl runs on.",
        .options = options,
        .run = run,
};
REGISTER_COMMAND(topology_command)
