/* See secret.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "secret.h"
#include "values.h"
#include "wording.h"

#define SECRET_MAX 4096

/* The file that is meant; -ENOENT with words: there are no credentials. */
static int path_of(const json_t *reference, char *ret, size_t size, struct errors *errors)
{
        json_t *value;
        const char *kind = spec_choice(reference, &value), *directory = getenv("CREDENTIALS_DIRECTORY");

        if (strcmp(kind, "file") == 0) {
                snprintf(ret, size, "%s", json_string_value(value));
                return 0;
        }
        if (!directory || strchr(json_string_value(value), '/')) {
                errors_add(errors, -ENOENT, "", "LoadCredential= in socled's unit",
                           "there is no systemd credential \"%.60s\"", json_string_value(value));
                return -ENOENT;
        }
        snprintf(ret, size, "%s/%s", directory, json_string_value(value));
        return 0;
}

static int fail(const char *path, int r, struct errors *errors)
{
        errors_add(errors, r, "", "a file that socled may read", "cannot read the secret in %.160s: %s", path,
                   strerror(-r));
        return r;
}

static json_t *stamp_of(const struct stat *st)
{
        return json_pack("{sI, sI}", "inode", (json_int_t)st->st_ino, "modified_ns",
                         (json_int_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec);
}

/* In its first line. -EINVAL with words. */
static int check_text(char *text, const char *path, struct errors *errors)
{
        text[strcspn(text, "\r\n")] = 0;
        if (text[0] && wording_is_utf8(text))
                return 0;
        errors_add(errors, -EINVAL, "", "the secret in its first line", "%.160s %s", path,
                   text[0] ? "has bytes that are no UTF-8" : "is empty");
        return -EINVAL;
}

int secret_read(char **ret, json_t **ret_stamp, const json_t *reference, struct errors *errors)
{
        char path[4096 + 256];
        struct stat st;
        int r = path_of(reference, path, sizeof(path), errors);

        if (r < 0)
                return r;
        cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0)
                return fail(path, -errno, errors);
        if (!S_ISREG(st.st_mode) || (st.st_mode & 0007)) {
                errors_add(errors, -EACCES, "", "chmod 600",
                           "the secret in %.160s is no file, or everybody may read it", path);
                return -EACCES;
        }
        cleanup_secret char *text = calloc(1, SECRET_MAX + 1);
        if (!text)
                return -ENOMEM;
        ssize_t n = read(fd, text, SECRET_MAX);
        if (n < 0)
                return fail(path, -errno, errors);
        text[n] = 0;
        r = check_text(text, path, errors);
        if (r < 0)
                return r;
        if (ret_stamp)
                *ret_stamp = stamp_of(&st); /* of what was read, whatever is there by now */
        *ret = TAKE_PTR(text);
        return 0;
}

char *secret_free(char *secret)
{
        if (secret)
                explicit_bzero(secret, strlen(secret));
        free(secret);
        return NULL;
}

void secret_wipe_json(json_t *json)
{
        const char *name;
        json_t *value;
        size_t i;

        if (json_is_string(json))
                explicit_bzero((char *)json_string_value(json), json_string_length(json));
        json_array_foreach (json, i, value)
                secret_wipe_json(value);
        json_object_foreach (json, name, value)
                secret_wipe_json(value);
}

json_t *secret_stamp(const json_t *reference)
{
        char path[4096 + 256];
        struct errors ignored = {};
        struct stat st;

        if (path_of(reference, path, sizeof(path), &ignored) < 0 || stat(path, &st) < 0)
                return NULL;
        return stamp_of(&st);
}
