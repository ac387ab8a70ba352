/* See sriov_fixture.h. */
#include <string.h>
#include <unistd.h>

#include "sriov_fixture.h"

json_t *json_of(const char *text)
{
        cleanup_free char *copy = strdup(text);
        json_error_t error;

        for (char *c = copy; *c; c++)
                if (*c == '\'')
                        *c = '"';
        json_t *json = json_loads(copy, 0, &error);
        if (!json)
                fail_msg("%s: %s", text, error.text);
        return json;
}

struct sriov_wish *wish_of(const char *text)
{
        cleanup_json json_t *spec = json_of(text);
        struct sriov_wish *wish = NULL;
        struct errors errors = {};

        if (sriov_wish_from_json(&wish, spec, &errors) < 0)
                fail_msg("%s: %s", text, errors.list[0].message);
        return wish;
}

static void print(const struct errors *errors)
{
        for (size_t i = 0; i < errors->count && i < ERRORS_MAX; i++)
                print_message("%s: %s (%s)\n", errors->list[i].pointer, errors->list[i].message,
                              errors->list[i].expected);
}

void assert_complaint(const struct errors *errors, const char *pointer, const char *words)
{
        for (size_t i = 0; i < errors->count && i < ERRORS_MAX; i++)
                if (strcmp(errors->list[i].pointer, pointer) == 0 &&
                    (strstr(errors->list[i].message, words) || strstr(errors->list[i].expected, words)))
                        return;
        print(errors);
        fail_msg("no complaint about %s says '%s'", pointer, words);
}

int apply(struct kernel *kernel, const char *name, const char *spec, const struct sriov_users *users,
          struct errors *errors)
{
        cleanup_wish struct sriov_wish *wish = wish_of(spec);
        cleanup_json json_t *status = NULL;
        int r = sriov_apply(&kernel->tree->host, name, wish, users, &status, errors);

        assert_int_equal(r == 0, status != NULL);
        if (r == 0)
                assert_int_equal(json_array_size(json_object_get(status, "drift")), 0);
        return r;
}

void apply_ok(struct kernel *kernel, const char *spec)
{
        struct errors errors = {};
        int r = apply(kernel, "x", spec, NULL, &errors);

        if (r < 0)
                print(&errors);
        assert_int_equal(r, 0);
        assert_int_equal(errors.count, 0);
}

static char *journal_text(struct kernel *kernel)
{
        struct host disk = {.root = "/"};
        char *text = NULL;

        if (host_read(&disk, &text, "%s/sriov-x.json", kernel->tree->state) < 0)
                return strdup("");
        return text;
}

void apply_fails_for(struct kernel *kernel, const char *name, const char *spec, const struct sriov_users *users,
                     int code, const char *pointer, const char *words)
{
        cleanup_free char *before = kernel_image(kernel), *journal_before = journal_text(kernel);
        struct errors errors = {};
        int r = apply(kernel, name, spec, users, &errors);

        if (r != code)
                print(&errors);
        assert_int_equal(r, code);
        assert_complaint(&errors, pointer, words);
        assert_same(before, kernel);
        cleanup_free char *journal_after = journal_text(kernel);
        assert_string_equal(journal_before, journal_after);
}

void apply_fails(struct kernel *kernel, const char *spec, int code, const char *pointer, const char *words)
{
        apply_fails_for(kernel, "x", spec, NULL, code, pointer, words);
}

void restore_ok(struct kernel *kernel)
{
        struct errors errors = {};
        int r = sriov_restore(&kernel->tree->host, "x", NULL, &errors);

        if (r < 0)
                print(&errors);
        assert_int_equal(r, 0);
        assert_false(has_journal(kernel));
}

bool has_journal(struct kernel *kernel)
{
        char path[160];

        snprintf(path, sizeof(path), "%s/sriov-x.json", kernel->tree->state);
        return access(path, F_OK) == 0;
}

void assert_same(const char *before, struct kernel *kernel)
{
        cleanup_free char *after = kernel_image(kernel);

        if (strcmp(before, after) == 0)
                return;
        print_message("%s", before); /* cmocka cuts long texts short */
        print_message("is now\n%s", after);
        fail();
}

json_t *status_of(struct kernel *kernel, const char *spec)
{
        cleanup_wish struct sriov_wish *wish = wish_of(spec);
        struct errors errors = {};
        json_t *status = NULL;

        if (sriov_status(&kernel->tree->host, wish, NULL, &status, &errors) < 0)
                fail_msg("%s", errors.list[0].message);
        return status;
}

void assert_value(struct kernel *kernel, unsigned number, enum vf_value value, const char *text)
{
        char found[VF_TEXT_SIZE];

        assert_string_equal(vf_value_text(value, kernel->values[0][number].value[value], found), text);
}

void assert_driver(struct kernel *kernel, const char *address, const char *driver)
{
        char found[32];

        assert_string_equal(kernel_driver(kernel, address, found), driver);
}
