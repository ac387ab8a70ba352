/* See yaml_build.h. */
#include <errno.h>
#include <libfyaml.h>
#include <stdarg.h>
#include <string.h>

#include "socle/cleanup.h"

#include "yaml_build.h"

void yaml_error_set(struct yaml_error *error, int line, int column, const char *expected, const char *format, ...)
{
        va_list args;

        error->line = line;
        error->column = column;
        snprintf(error->expected, sizeof(error->expected), "%s", expected);
        va_start(args, format);
        vsnprintf(error->message, sizeof(error->message), format, args);
        va_end(args);
}

#define refuse(builder, expected, ...)                                                                                 \
        (yaml_error_set((builder)->error, (builder)->line, (builder)->column, expected, __VA_ARGS__), -EINVAL)

int yaml_builder_init(struct yaml_builder *builder)
{
        builder->documents = json_array();
        return builder->documents ? 0 : -ENOMEM;
}

static void frame_done(struct yaml_frame *frame)
{
        json_decref(frame->container);
        json_decref(frame->merge);
        free(frame->key);
        free(frame->anchor);
        *frame = (struct yaml_frame){0};
}

static void forget_anchors(struct yaml_builder *builder)
{
        for (size_t i = 0; i < builder->anchor_count; i++) {
                free(builder->anchors[i].name);
                json_decref(builder->anchors[i].value);
        }
        builder->anchor_count = 0;
}

void yaml_builder_done(struct yaml_builder *builder)
{
        while (builder->depth > 0)
                frame_done(&builder->frames[--builder->depth]);
        forget_anchors(builder);
        free(builder->anchors);
        free(builder->pointer);
        json_decref(builder->documents);
}

static struct yaml_frame *top(struct yaml_builder *builder)
{
        return builder->depth > 0 ? &builder->frames[builder->depth - 1] : NULL;
}

static char *token_text(struct fy_token *token)
{
        const char *text;
        size_t length;

        if (!token)
                return NULL;
        text = fy_token_get_text(token, &length);
        return text ? strndup(text, length) : NULL;
}

/* Appends "/key" to the pointer, escaped (RFC 6901), at `length`; returns the new length. */
static int append_pointer(struct yaml_builder *builder, size_t length, const char *key, size_t *ret_length)
{
        size_t needed = length + 2 * strlen(key) + 2;

        if (needed > builder->pointer_size) {
                char *pointer = realloc(builder->pointer, needed * 2);

                if (!pointer)
                        return -ENOMEM;
                builder->pointer = pointer;
                builder->pointer_size = needed * 2;
        }
        builder->pointer[length++] = '/';
        for (; *key; key++) {
                if (*key == '~' || *key == '/') {
                        builder->pointer[length++] = '~';
                        builder->pointer[length++] = *key == '~' ? '0' : '1';
                } else {
                        builder->pointer[length++] = *key;
                }
        }
        builder->pointer[length] = '\0';
        *ret_length = length;
        return 0;
}

/* Tells the visitor of the value that begins here; *ret_length is that of its pointer. */
static int visit(struct yaml_builder *builder, size_t *ret_length)
{
        const struct yaml_frame *frame = top(builder);
        bool keyed = frame && frame->key;
        char index[24];
        int r = 0;

        if (!builder->visit)
                return 0;
        *ret_length = 0;
        if (keyed) {
                r = append_pointer(builder, frame->pointer_length, frame->key, ret_length);
        } else if (frame) {
                snprintf(index, sizeof(index), "%zu", json_array_size(frame->container));
                r = append_pointer(builder, frame->pointer_length, index, ret_length);
        }
        if (r == 0)
                builder->visit(builder->user, json_array_size(builder->documents), *ret_length ? builder->pointer : "",
                               keyed ? frame->key_line : builder->line, keyed ? frame->key_column : builder->column);
        return r;
}

static int remember_anchor(struct yaml_builder *builder, char *name, json_t *value, size_t values, size_t height)
{
        if (builder->anchor_count == builder->anchor_size) {
                size_t size = builder->anchor_size * 2 + 8;
                struct yaml_anchor *anchors = reallocarray(builder->anchors, size, sizeof(*anchors));

                if (!anchors) {
                        free(name);
                        return -ENOMEM;
                }
                builder->anchors = anchors;
                builder->anchor_size = size;
        }
        builder->anchors[builder->anchor_count++] = (struct yaml_anchor){name, json_incref(value), values, height};
        return 0;
}

/* `<<` takes a mapping, or a list of them. */
static int note_merge(struct yaml_builder *builder, struct yaml_frame *frame, json_t *value)
{
        json_t *entry;
        size_t i;

        if (!frame->merge && !(frame->merge = json_array()))
                return -ENOMEM;
        if (json_is_object(value))
                return json_array_append(frame->merge, value) < 0 ? -ENOMEM : 0;
        json_array_foreach (value, i, entry)
                if (!json_is_object(entry))
                        return refuse(builder, "a mapping, or a list of mappings", "<< cannot merge this");
        if (!json_is_array(value))
                return refuse(builder, "a mapping, or a list of mappings", "<< cannot merge this");
        return json_array_extend(frame->merge, value) < 0 ? -ENOMEM : 0;
}

/* Puts a whole value where it belongs. Takes over `value`. */
static int place(struct yaml_builder *builder, json_t *value, size_t values, size_t height)
{
        struct yaml_frame *frame = top(builder);
        int r = 0;

        builder->values += values;
        if (builder->values > YAML_NODES_MAX) {
                json_decref(value);
                return refuse(builder, "fewer aliases, or several files", "this expands to more than %d values",
                              YAML_NODES_MAX);
        }
        if (!frame)
                return json_array_append_new(builder->documents, value) < 0 ? -ENOMEM : 0;

        frame->values += values;
        if (height + 1 > frame->height)
                frame->height = height + 1;
        if (json_is_array(frame->container))
                return json_array_append_new(frame->container, value) < 0 ? -ENOMEM : 0;

        if (strcmp(frame->key, "<<") == 0) {
                r = note_merge(builder, frame, value);
                json_decref(value);
        } else if (json_object_set_new(frame->container, frame->key, value) < 0) {
                r = -ENOMEM;
        }
        free(frame->key);
        frame->key = NULL;
        return r;
}

/* The text of this scalar is a key of the mapping at hand. */
static int take_key(struct yaml_builder *builder, struct yaml_frame *frame, struct fy_token *token)
{
        size_t length;
        const char *text = fy_token_get_text(token, &length);

        if (memchr(text, '\0', length))
                return refuse(builder, "", "a key has a NUL character in it");
        frame->key = strndup(text, length);
        if (!frame->key)
                return -ENOMEM;
        frame->key_line = builder->line;
        frame->key_column = builder->column;
        if (json_object_get(frame->container, frame->key))
                return refuse(builder, "each key once", "the key \"%.64s\" is there twice", frame->key);
        return 0;
}

static bool wants_key(const struct yaml_frame *frame)
{
        return frame && json_is_object(frame->container) && !frame->key;
}

static int take_scalar(struct yaml_builder *builder, struct fy_event *event)
{
        struct fy_token *token = event->scalar.value;
        cleanup_free char *tag = token_text(event->scalar.tag), *anchor = token_text(event->scalar.anchor);
        json_t *value;
        const char *text;
        size_t length = 0, unused;
        int r;

        if (wants_key(top(builder)))
                return take_key(builder, top(builder), token);
        r = visit(builder, &unused);
        if (r < 0)
                return r;

        text = token ? fy_token_get_text(token, &length) : NULL;
        if (!text)
                text = "", length = 0;
        if (tag)
                value = yaml_tagged(tag, text, length);
        else if (token && fy_token_scalar_style(token) != FYSS_PLAIN)
                value = json_stringn(text, length);
        else
                value = yaml_plain(text, length);
        if (!value && tag)
                return refuse(builder, "one of !!str, !!int, !!float, !!bool and !!null, and a value that fits",
                              "cannot take \"%.*s\" as %s", (int)(length < 64 ? length : 64), text, tag);
        if (!value)
                return refuse(builder, "a smaller number, or quotes for a string",
                              "the number %.*s does not fit (64-bit integers, finite reals)",
                              (int)(length < 64 ? length : 64), text);

        r = anchor ? remember_anchor(builder, TAKE_PTR(anchor), value, 1, 0) : 0;
        if (r < 0) {
                json_decref(value);
                return r;
        }
        return place(builder, value, 1, 0);
}

static int take_alias(struct yaml_builder *builder, struct fy_event *event)
{
        cleanup_free char *name = token_text(event->alias.anchor);
        size_t unused;

        if (!name)
                return -ENOMEM;
        if (wants_key(top(builder)))
                return refuse(builder, "plain text", "an alias cannot be a key");
        for (size_t i = builder->anchor_count; i-- > 0;) {
                const struct yaml_anchor *anchor = &builder->anchors[i];
                int r;

                if (strcmp(anchor->name, name) != 0)
                        continue;
                if (builder->depth + anchor->height > YAML_DEPTH_MAX)
                        return refuse(builder, "", "*%.64s nests more than %d levels deep", name, YAML_DEPTH_MAX);
                r = visit(builder, &unused);
                return r < 0 ? r : place(builder, json_incref(anchor->value), anchor->values, anchor->height);
        }
        for (size_t i = 0; i < builder->depth; i++)
                if (builder->frames[i].anchor && strcmp(builder->frames[i].anchor, name) == 0)
                        return refuse(builder, "", "*%.64s refers to what it is itself in", name);
        return refuse(builder, "", "there is no anchor &%.64s before this", name);
}

static int open_container(struct yaml_builder *builder, json_t *container, struct fy_token *anchor,
                          struct fy_token *tag)
{
        cleanup_free char *tag_text = token_text(tag);
        struct yaml_frame frame = {.container = container, .values = 1};
        int r;

        if (!container)
                return -ENOMEM;
        if (wants_key(top(builder)))
                r = refuse(builder, "plain text, or quotes around it", "a mapping or a list cannot be a key");
        else if (builder->depth == YAML_DEPTH_MAX)
                r = refuse(builder, "", "this nests more than %d levels deep", YAML_DEPTH_MAX);
        else if (tag_text && strcmp(tag_text, "!!map") != 0 && strcmp(tag_text, "!!seq") != 0 &&
                 strncmp(tag_text, "tag:yaml.org,2002:", 18) != 0)
                r = refuse(builder, "no tag", "the tag %.64s is not known", tag_text);
        else
                r = visit(builder, &frame.pointer_length);
        if (r < 0) {
                json_decref(container);
                return r;
        }
        frame.anchor = token_text(anchor);
        builder->frames[builder->depth++] = frame;
        return 0;
}

/* What `<<` named fills in what is not there; the first that has a key wins. */
static int merge(struct yaml_frame *frame)
{
        json_t *source;
        size_t i;

        json_array_foreach (frame->merge, i, source)
                if (json_object_update_missing(frame->container, source) < 0)
                        return -ENOMEM;
        return 0;
}

static int close_container(struct yaml_builder *builder)
{
        struct yaml_frame frame = *top(builder);
        json_t *value = TAKE_PTR(frame.container);
        int r = 0;

        *top(builder) = (struct yaml_frame){0};
        builder->depth--;

        if (frame.merge) {
                struct yaml_frame merged = {.container = value, .merge = frame.merge};

                r = merge(&merged);
        }
        if (r == 0 && frame.anchor)
                r = remember_anchor(builder, TAKE_PTR(frame.anchor), value, frame.values, frame.height);
        if (r < 0)
                json_decref(value);
        else
                /* Its entries are counted already; a container counts for itself, to its parent for all. */
                r = place(builder, value, 1, frame.height);
        if (r == 0 && top(builder))
                top(builder)->values += frame.values - 1;
        frame_done(&frame);
        return r;
}

int yaml_build(struct yaml_builder *builder, struct fy_event *event)
{
        switch (event->type) {
        case FYET_DOCUMENT_START:
                forget_anchors(builder);
                return 0;
        case FYET_SCALAR:
                return take_scalar(builder, event);
        case FYET_ALIAS:
                return take_alias(builder, event);
        case FYET_MAPPING_START:
                return open_container(builder, json_object(), event->mapping_start.anchor, event->mapping_start.tag);
        case FYET_SEQUENCE_START:
                return open_container(builder, json_array(), event->sequence_start.anchor, event->sequence_start.tag);
        case FYET_MAPPING_END:
        case FYET_SEQUENCE_END:
                return close_container(builder);
        default:
                return 0;
        }
}
