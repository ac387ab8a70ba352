/* YAML in: libfyaml's parser gives events, yaml_build.c makes values of them. See yaml.h. */
#include <errno.h>
#include <libfyaml.h>
#include <stdint.h>
#include <string.h>

#include "yaml_build.h"

#define DOCUMENTS_MAX 100000

/* The number of bytes of a UTF-8 sequence of text that YAML allows, or 0. */
static size_t sequence_length(const unsigned char *text, size_t left)
{
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        size_t length = text[0] < 0x80             ? 1
                        : (text[0] & 0xe0) == 0xc0 ? 2
                        : (text[0] & 0xf0) == 0xe0 ? 3
                        : (text[0] & 0xf8) == 0xf0 ? 4
                                                   : 0;
        uint32_t code = text[0] & (0x7f >> (length > 1 ? length : 0));

        if (length == 0 || length > left)
                return 0;
        if (length == 1)
                return text[0] >= 0x20 || (text[0] != 0 && strchr("\t\n\r", text[0]));
        for (size_t i = 1; i < length; i++) {
                if ((text[i] & 0xc0) != 0x80)
                        return 0;
                code = code << 6 | (text[i] & 0x3f);
        }
        return code >= least[length] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? length : 0;
}

/* Binary files and other encodings are refused here, with words that fit, before the parser sees them. */
static int check_text(const char *text, size_t length, struct yaml_error *error)
{
        int line = 1, column = 1;

        for (size_t at = 0; at < length;) {
                size_t n = sequence_length((const unsigned char *)text + at, length - at);

                if (n == 0) {
                        yaml_error_set(error, line, column, "UTF-8 text", "byte 0x%02x is not text",
                                       (unsigned char)text[at]);
                        return -EINVAL;
                }
                column = text[at] == '\n' ? 1 : column + 1;
                line += text[at] == '\n';
                at += n;
        }
        return 0;
}

static void discard(struct fy_diag *diag, void *user, const char *text, size_t length)
{
}

static struct fy_diag *new_diag(void)
{
        struct fy_diag_cfg config;
        struct fy_diag *diag;

        fy_diag_cfg_default(&config);
        config.fp = NULL;
        config.output_fn = discard;
        config.level = FYET_ERROR;
        diag = fy_diag_create(&config);
        if (diag)
                fy_diag_set_collect_errors(diag, true);
        return diag;
}

/* The parser's own complaint, with a hint where its words are about a common slip. */
static void take_parser_error(struct fy_diag *diag, struct yaml_error *error)
{
        struct fy_diag_error *first;
        void *iterator = NULL;
        const char *expected = "";

        first = fy_diag_errors_iterate(diag, &iterator);
        if (!first) {
                yaml_error_set(error, 0, 0, "", "this is not YAML");
                return;
        }
        if (strstr(first->msg, "nested block mapping") || strstr(first->msg, "missing comma"))
                expected = "quote a value that has a colon at its end or followed by a space: \"fd00::\"";
        else if (strstr(first->msg, "multiline plain key"))
                expected = "a colon after each key, and spaces (no tabs) to indent";
        yaml_error_set(error, first->line, first->column, expected, "%s", first->msg);
}

static int feed(struct fy_parser *parser, struct yaml_builder *builder)
{
        struct fy_event *event;

        while ((event = fy_parser_parse(parser))) {
                const struct fy_mark *mark = fy_event_start_mark(event);
                int r;

                if (mark) {
                        builder->line = mark->line + 1;
                        builder->column = mark->column + 1;
                }
                r = yaml_build(builder, event);
                fy_parser_event_free(parser, event);
                if (r < 0)
                        return r;
                if (json_array_size(builder->documents) > DOCUMENTS_MAX) {
                        yaml_error_set(builder->error, builder->line, builder->column, "", "more than %d documents",
                                       DOCUMENTS_MAX);
                        return -EINVAL;
                }
        }
        return 0;
}

int yaml_load(const char *text, size_t length, yaml_visit visit, void *user, json_t **ret, struct yaml_error *error)
{
        struct yaml_builder builder = {.visit = visit, .user = user, .error = error};
        struct fy_parse_cfg config = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE};
        struct fy_parser *parser = NULL;
        int r = check_text(text, length, error);

        if (r < 0)
                return r;
        r = yaml_builder_init(&builder);
        config.diag = new_diag();
        if (config.diag)
                parser = fy_parser_create(&config);
        if (r == 0 && (!parser || fy_parser_set_string(parser, text, length) < 0))
                r = -ENOMEM;
        if (r == 0)
                r = feed(parser, &builder);
        if (r == 0 && fy_parser_get_stream_error(parser)) {
                take_parser_error(config.diag, error);
                r = -EINVAL;
        }
        if (r == 0)
                *ret = json_incref(builder.documents);

        if (parser)
                fy_parser_destroy(parser);
        if (config.diag)
                fy_diag_destroy(config.diag);
        yaml_builder_done(&builder);
        return r;
}
