/* Topologies drawn as a tree and as SVG: one compared with what is expected, many for what must be true of any. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine_tree.h"
#include "svg_check.h"
#include "topology/render.h"
#include "topology_support.h"

static const char *const machines[] = {
        "pu:1",
        "pu:5",
        "core:3 pu:2",
        "numa:3 pu:1",
        "pack:2 numa:4 l3:2 core:4 pu:2",
        "numa:2 pack:2 core:3 pu:1",
        "pack:2 [numa] [numa] l2:3 core:2 pu:1",
        "pack:2 l2:8 core:1 pu:2",
        "pack:8 numa:4 l3:4 core:4 pu:2",
};

static json_t *load(const char *name)
{
        json_t *json = json_load_file(MACHINE(name), 0, NULL);

        assert_non_null(json);
        return json;
}

static char *draw(const json_t *document, const struct render_options *options, int expected)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        assert_int_equal(options ? topology_render_tree(document, options, out) : topology_render_svg(document, out),
                         expected);
        fclose(out);
        return text;
}

static char *draw_tree(const json_t *document, bool colour, bool unicode, int width)
{
        return draw(document, &(struct render_options){colour, unicode, width}, 0);
}

/* A machine with every third CPU in each of three classes, and a guest on each fourth. */
static json_t *document_of(const char *synthetic)
{
        static const char *const names[] = {"housekeeping", "dataplane", "else"};
        cleanup_(topology_free_p) struct topology *t = read_synthetic(synthetic);
        json_t *json = topology_to_json(t), *classes = json_object(), *guests = json_array();
        struct cpu_set sets[3] = {};

        for (size_t i = 0; i < t->cpu_count; i++) {
                char cpu[16];

                cpu_set_add(&sets[i % 3], t->cpus[i].os_index);
                snprintf(cpu, sizeof(cpu), "%d", t->cpus[i].os_index);
                if (i % 4 == 0)
                        json_array_append_new(guests,
                                              json_pack("{s:s, s:i, s:s, s:I}", "name", "<guest> & \"co\"", "vcpus", 1,
                                                        "cpus", cpu, "memory_bytes", (json_int_t)1 << 30));
        }
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                cleanup_free char *list = cpu_set_to_list(&sets[i]);
                json_object_set_new(classes, names[i], json_string(list));
        }
        json_object_set_new(json, "classes", classes);
        json_object_set_new(json, "guests", guests);
        return json;
}

static void test_expected_tree(void **state)
{
        json_t *json = load("drawn.json");
        cleanup_free char *text = draw_tree(json, false, true, 0);
        char expected[8192];
        cleanup_fclose FILE *file = fopen(MACHINE("drawn.txt"), "re");

        assert_non_null(file);
        expected[fread(expected, 1, sizeof(expected) - 1, file)] = 0;
        assert_string_equal(text, expected);
        json_decref(json);
}

static void test_ascii_and_colours(void **state)
{
        json_t *json = load("drawn.json");
        cleanup_free char *plain = draw_tree(json, false, false, 0), *colourful = draw_tree(json, true, false, 0);

        for (const char *c = plain; *c; c++)
                assert_true((unsigned char)*c < 0x80 && *c != '\033');
        assert_non_null(strstr(colourful, "\033[36mhousekeeping: 1 core, CPUs 0,4\033[0m\n"));
        assert_non_null(strstr(plain, "|  `- node 0: 16 GiB"));
        json_decref(json);
}

/* No line is wider than asked, and nothing but spaces and the tree's bars is lost or gained. */
static void test_width(void **state)
{
        json_t *json = load("drawn.json");
        cleanup_free char *whole = draw_tree(json, false, false, 0);

        for (int width = 40; width < 120; width += 7) {
                cleanup_free char *narrow = draw_tree(json, false, false, width);
                const char *a = whole, *b = narrow;

                for (const char *line = narrow; *line; line += strcspn(line, "\n") + 1)
                        assert_true(strcspn(line, "\n") <= (size_t)width);
                for (;;) {
                        a += strspn(a, " |`-\n");
                        b += strspn(b, " |`-\n");
                        assert_int_equal(*a, *b);
                        if (!*a)
                                break;
                        a++;
                        b++;
                }
        }
        json_decref(json);
}

/* The sum of "N cores" over a tree's lines but the first. */
static size_t count_cores(const char *text)
{
        size_t sum = 0, length = strlen(text);

        for (size_t i = strcspn(text, "\n"); i < length; i++) {
                size_t digits = i;

                if (strncmp(text + i, " core", 5) != 0)
                        continue;
                while (text[digits - 1] >= '0' && text[digits - 1] <= '9')
                        digits--;
                sum += strtoul(text + digits, NULL, 10);
        }
        return sum;
}

static void test_all_cores_drawn(void **state)
{
        for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
                json_t *json = document_of(machines[i]), *core;
                size_t index, cpus = 0;
                cleanup_free char *text = draw_tree(json, false, true, 0), *svg = draw(json, NULL, 0);
                struct svg_count count = {};

                assert_int_equal(count_cores(text), json_array_size(json_object_get(json, "cores")));
                check_svg(svg, &count);
                assert_int_equal(count.cores, json_array_size(json_object_get(json, "cores")));
                assert_int_equal(count.nodes, json_array_size(json_object_get(json, "nodes")));
                assert_int_equal(count.guests, json_array_size(json_object_get(json, "guests")));
                json_array_foreach (json_object_get(json, "cores"), index, core) {
                        struct cpu_set set;
                        cpu_set_from_list(json_string_value(json_object_get(core, "cpus")), &set);
                        cpus += cpu_set_count(&set);
                }
                assert_int_equal(count.cpus, cpus);
                json_decref(json);
        }
}

static void test_svg_of_devices(void **state)
{
        json_t *json = load("drawn.json");
        cleanup_free char *svg = draw(json, NULL, 0);
        struct svg_count count = {};

        check_svg(svg, &count);
        assert_int_equal(count.functions, 4);
        assert_int_equal(count.vfs, 2);
        assert_int_equal(count.disks, 3);
        assert_int_equal(count.cpus, 7);
        assert_non_null(strstr(svg, "offline: 7"));
        assert_non_null(strstr(svg, "driver ice, 100 Gbit/s, 2 of 8 VFs"));
        json_decref(json);
}

/* Names come from anywhere: no escape sequence reaches a terminal, no markup an SVG. */
static void test_hostile_names(void **state)
{
        static const char *const names[] = {"\033[2J\007",
                                            "\xc2\x9b"
                                            "31m",
                                            "<script>alert(1)</script>",
                                            "]]>&amp;\"'",
                                            "\xef\xbf\xbe\xef\xbf\xbf",
                                            "\x7f\x01",
                                            ""};

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                json_t *json = load("drawn.json"), *guest = json_array_get(json_object_get(json, "guests"), 0);
                struct svg_count count = {};

                json_object_set_new(guest, "name", json_string(names[i]));
                json_object_set_new(json_array_get(json_object_get(json, "packages"), 0), "model",
                                    json_string(names[i]));
                json_object_set_new(json_array_get(json_object_get(json, "pci"), 0), "interface",
                                    json_string(names[i]));
                json_object_set_new(json, "source", json_string(names[i]));
                cleanup_free char *text = draw_tree(json, false, true, 80), *svg = draw(json, NULL, 0);
                for (const char *c = text; *c; c++)
                        assert_true((unsigned char)*c >= 0x20 || *c == '\n');
                assert_null(strstr(text, "\xc2\x9b"));
                check_svg(svg, &count);
                assert_int_equal(count.guests, 3);
                json_decref(json);
        }
}

static void test_no_documents(void **state)
{
        static const char *const wrong[] = {
                "null",
                "[]",
                "{}",
                "{\"cpus\": {\"online\": \"0\"}, \"nodes\": [], \"cores\": {}}",
                "{\"cpus\": {\"online\": \"fish\"}, \"nodes\": [], \"cores\": []}",
                "{\"cpus\": {\"online\": 3}, \"nodes\": [], \"cores\": []}",
                "{\"cpus\": {\"online\": \"0\"}, \"nodes\": [], \"cores\": [{\"cpus\": \"1\"}]}",
                "{\"cpus\": {\"online\": \"0\"}, \"nodes\": [], \"cores\": [{\"cpus\": \"0\"}, {\"cpus\": \"0\"}]}",
                "{\"cpus\": {\"online\": \"0\"}, \"nodes\": [], \"cores\": [{\"cpus\": \"\"}]}",
                "{\"cpus\": {\"online\": \"0\"}, \"nodes\": [3], \"cores\": []}",
                "{\"cpus\": {\"online\": \"0\"}, \"nodes\": [{\"number\": 0}], \"cores\": []}",
                "{\"cpus\": {\"online\": \"0\"}, \"nodes\": [], \"cores\": [], \"classes\": {\"a\": 3}}",
        };

        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                json_t *json = json_loads(wrong[i], JSON_DECODE_ANY, NULL);
                cleanup_free char *text = draw(json, &(struct render_options){}, -EINVAL);
                cleanup_free char *svg = draw(json, NULL, -EINVAL);

                assert_string_equal(text, "");
                assert_string_equal(svg, "");
                json_decref(json);
        }
        json_t *json = json_loads("{\"cpus\": {\"online\": \"\"}, \"nodes\": [], \"cores\": []}", 0, NULL);
        cleanup_free char *text = draw_tree(json, false, false, 0);
        assert_string_equal(text, ": 0 CPUs in 0 cores, 0 NUMA nodes, 0 B\n");
        json_decref(json);
}

/* Values of the wrong type, or none, anywhere below. */
static void damage(json_t *json, unsigned *seed)
{
        static const char *const values[] = {"null", "-1", "9999999999999", "\"fish\"",
                                             "[]",   "{}", "\"0-8191\"",    "\"0\""};
        json_t *value;
        const char *name;
        void *next;
        size_t i;

        json_object_foreach_safe(json, next, name, value)
        {
                if (rand_r(seed) % 40 == 0)
                        json_object_set_new(
                                json, name,
                                json_loads(values[rand_r(seed) % ARRAY_LEN(values)], JSON_DECODE_ANY, NULL));
                else
                        damage(value, seed);
        }
        json_array_foreach (json, i, value)
                damage(value, seed);
}

static void test_damaged_documents(void **state)
{
        unsigned seed = 7, drawn = 0;

        for (int i = 0; i < 2000; i++) {
                json_t *json = load("drawn.json");
                struct svg_count count = {};
                char *text = NULL;
                size_t size;

                damage(json, &seed);
                FILE *out = open_memstream(&text, &size);
                int r = topology_render_svg(json, out);
                fclose(out);
                assert_true(r == 0 || r == -EINVAL);
                if (r == 0)
                        check_svg(text, &count);
                free(text);
                free(draw(json, &(struct render_options){true, true, 30}, r));
                drawn += r == 0;
                json_decref(json);
        }
        assert_true(drawn > 0 && drawn < 2000);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_expected_tree),  cmocka_unit_test(test_ascii_and_colours),
                cmocka_unit_test(test_width),          cmocka_unit_test(test_all_cores_drawn),
                cmocka_unit_test(test_svg_of_devices), cmocka_unit_test(test_hostile_names),
                cmocka_unit_test(test_no_documents),   cmocka_unit_test(test_damaged_documents),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
