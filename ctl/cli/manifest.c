/* See manifest.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "manifest.h"
#include "say.h"
#include "yaml.h"

#define FILE_BYTES_MAX (64ul * 1024 * 1024) /* as much as socled takes in one request */

static int complain_file(const char *name, int error)
{
        complain("cannot read %s: %s", name, strerror(error));
        return CLI_USAGE;
}

static int slurp(int fd, struct manifest_file *file)
{
        size_t size = 0;

        for (;;) {
                ssize_t n;

                if (size - file->length < 2) {
                        char *text = realloc(file->text, size = size * 2 + 65536);

                        if (!text)
                                return complain_file(file->name, ENOMEM);
                        file->text = text;
                }
                n = read(fd, file->text + file->length, size - file->length - 1);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return complain_file(file->name, errno);
                if (n == 0)
                        break;
                file->length += n;
                if (file->length > FILE_BYTES_MAX) {
                        complain("%s is larger than %lu MiB", file->name, FILE_BYTES_MAX / (1024 * 1024));
                        advise("split it: objects may be applied in several steps");
                        return CLI_USAGE;
                }
        }
        file->text[file->length] = '\0';
        return CLI_OK;
}

static int open_file(struct manifest *manifest, const char *path, struct manifest_file **ret)
{
        bool is_stdin = strcmp(path, "-") == 0;
        struct manifest_file *files = reallocarray(manifest->files, manifest->file_count + 1, sizeof(*files)), *file;
        cleanup_close int fd = -1;

        if (!files)
                return complain_file(path, ENOMEM);
        manifest->files = files;
        file = &files[manifest->file_count++];
        *file = (struct manifest_file){.name = strdup(is_stdin ? "standard input" : path)};
        if (!file->name)
                return complain_file(path, ENOMEM);

        fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return complain_file(file->name, errno);
        *ret = file;
        return slurp(fd, file);
}

/* One object, without what is seen and not wanted: so what `get -o yaml` prints can be applied again. */
static json_t *wanted(const json_t *object)
{
        static const char *const seen[] = {"id", "revision", "status"};
        json_t *copy = json_copy((json_t *)object);

        for (size_t i = 0; copy && i < ARRAY_LEN(seen); i++)
                json_object_del(copy, seen[i]);
        return copy;
}

static int complain_shape(const struct manifest *manifest, const struct place *place, const json_t *value)
{
        static const char *const names[] = {
                [JSON_OBJECT] = "a mapping", [JSON_ARRAY] = "a list",  [JSON_STRING] = "a string",
                [JSON_INTEGER] = "a number", [JSON_REAL] = "a number", [JSON_TRUE] = "a boolean",
                [JSON_FALSE] = "a boolean",  [JSON_NULL] = "null"};
        const struct manifest_file *file = &manifest->files[place->file];

        complain("%s: document %zu%s%s is %s, not an object", file->name, place->document + 1,
                 *place->pointer ? ", at " : "", place->pointer, names[json_typeof(value)]);
        advise("an object looks like {kind: Network, name: blue, spec: {…}}; see: soclectl explain");
        return CLI_USAGE;
}

static int add_object(struct manifest *manifest, const struct place *place, const json_t *object)
{
        size_t count = json_array_size(manifest->objects);

        if (!json_is_object(object))
                return complain_shape(manifest, place, object);
        if (count == manifest->place_size) {
                size_t size = manifest->place_size * 2 + 64;
                struct place *places = reallocarray(manifest->places, size, sizeof(*places));

                if (!places)
                        return complain_file(manifest->files[place->file].name, ENOMEM);
                manifest->places = places;
                manifest->place_size = size;
        }
        manifest->places[count] = *place;
        return json_array_append_new(manifest->objects, wanted(object)) < 0
                       ? complain_file(manifest->files[place->file].name, ENOMEM)
                       : CLI_OK;
}

static int add_list(struct manifest *manifest, struct place *place, const json_t *list, const char *prefix)
{
        json_t *object;
        size_t i;

        json_array_foreach (list, i, object) {
                int status;

                snprintf(place->pointer, sizeof(place->pointer), "%s/%zu", prefix, i);
                status = add_object(manifest, place, object);
                if (status)
                        return status;
        }
        return CLI_OK;
}

static int add_document(struct manifest *manifest, size_t index, const json_t *document)
{
        struct place place = {.file = manifest->file_count - 1, .document = index};
        const json_t *objects = json_object_get(document, "objects");

        if (json_is_null(document)) /* nothing between two "---" */
                return CLI_OK;
        if (json_is_array(document))
                return add_list(manifest, &place, document, "");
        if (json_is_array(objects) && !json_object_get(document, "kind"))
                return add_list(manifest, &place, objects, "/objects");
        return add_object(manifest, &place, document);
}

static int complain_yaml(const struct manifest_file *file, const struct yaml_error *error)
{
        if (error->line > 0)
                complain("%s:%d:%d: %s", file->name, error->line, error->column, error->message);
        else
                complain("%s: %s", file->name, error->message);
        if (*error->expected)
                advise("right would be: %s", error->expected);
        return CLI_USAGE;
}

int manifest_read(struct manifest *manifest, const char *path)
{
        struct manifest_file *file = NULL;
        struct yaml_error error = {0};
        json_t *documents = NULL, *document;
        size_t i;
        int status, r;

        if (!manifest->objects && !(manifest->objects = json_array()))
                return complain_file(path, ENOMEM);
        status = open_file(manifest, path, &file);
        if (status)
                return status;
        r = yaml_load(file->text, file->length, NULL, NULL, &documents, &error);
        if (r == -EINVAL)
                return complain_yaml(file, &error);
        if (r < 0)
                return complain_file(file->name, -r);

        json_array_foreach (documents, i, document) {
                status = add_document(manifest, i, document);
                if (status)
                        break;
        }
        json_decref(documents);
        return status;
}

int manifest_read_all(struct manifest *manifest, const struct arguments *arguments)
{
        for (size_t i = 0; i < arguments->given_count; i++) {
                int status;

                if (strcmp(arguments->given[i].option->name, "file") != 0)
                        continue;
                status = manifest_read(manifest, arguments->given[i].value);
                if (status)
                        return status;
        }
        if (json_array_size(manifest->objects) == 0) {
                complain("%s: there is no object in %s", arguments->command->name,
                         manifest->file_count == 1 ? manifest->files[0].name : "these files");
                return CLI_USAGE;
        }
        return CLI_OK;
}

void manifest_done(struct manifest *manifest)
{
        for (size_t i = 0; i < manifest->file_count; i++) {
                free(manifest->files[i].name);
                free(manifest->files[i].text);
        }
        free(manifest->files);
        free(manifest->places);
        json_decref(manifest->objects);
        *manifest = (struct manifest){0};
}

/* The search of manifest_locate: the deepest value whose pointer is a prefix of the wanted one. */
struct search {
        size_t document, best;
        char pointer[320];
        int line;
};

static void visit(void *user, size_t document, const char *pointer, int line, int column)
{
        struct search *search = user;
        size_t length = strlen(pointer);

        if (document != search->document || strncmp(search->pointer, pointer, length) != 0)
                return;
        if (search->pointer[length] != '\0' && search->pointer[length] != '/')
                return;
        if (search->line == 0 || length >= search->best) {
                search->best = length;
                search->line = line;
        }
}

/* The marks are not kept from the first reading: a wrong file is read once more, a right one is not slowed down. */
bool manifest_locate(const struct manifest *manifest, size_t object, const char *pointer, const char **ret_file,
                     int *ret_line)
{
        struct yaml_error unused;
        const struct manifest_file *file;
        struct search search = {0};
        json_t *documents = NULL;

        if (manifest->file_count == 0 || object >= json_array_size(manifest->objects))
                return false; /* objects that were named on the command line have no place */
        file = &manifest->files[manifest->places[object].file];
        search.document = manifest->places[object].document;
        snprintf(search.pointer, sizeof(search.pointer), "%s%s", manifest->places[object].pointer, pointer);

        if (yaml_load(file->text, file->length, visit, &search, &documents, &unused) < 0 || search.line == 0)
                return false;
        json_decref(documents);
        *ret_file = file->name;
        *ret_line = search.line;
        return true;
}

long manifest_find(const struct manifest *manifest, const char *kind, const char *name)
{
        json_t *object;
        size_t i;

        json_array_foreach (manifest->objects, i, object) {
                const char *its_kind = json_string_value(json_object_get(object, "kind"));
                const char *its_name = json_string_value(json_object_get(object, "name"));

                if (its_kind && its_name && strcmp(its_kind, kind) == 0 && strcmp(its_name, name) == 0)
                        return (long)i;
        }
        return -1;
}
