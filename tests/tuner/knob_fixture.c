/* See knob_fixture.h. */
#include <string.h>

#include "knob_fixture.h"

struct cpu_set cpus(const char *list)
{
        struct cpu_set set;

        assert_int_equal(cpu_set_from_list(list, &set), 0);
        return set;
}

struct plan plan_nothing(void)
{
        return (struct plan){
                .switches = {.thp = -1,
                             .ksm = -1,
                             .numa_balancing = -1,
                             .nmi_watchdog = -1,
                             .irqbalance = -1,
                             .stat_interval_s = -1,
                             .swappiness = -1,
                             .deepest_cstate_us = -1,
                             .uncore_min_mhz = -1,
                             .uncore_max_mhz = -1},
        };
}

struct topology *topology_small(const char *online, ...)
{
        struct topology *topology = calloc(1, sizeof(*topology));
        const char *list;
        va_list args;

        assert_non_null(topology);
        topology->online = topology->present = topology->allowed = cpus(online);
        topology->nodes = calloc(8, sizeof(*topology->nodes));
        va_start(args, online);
        while ((list = va_arg(args, const char *))) {
                topology->nodes[topology->node_count].os_index = (int)topology->node_count;
                topology->nodes[topology->node_count++].cpus = cpus(list);
        }
        va_end(args);
        for (int cpu = -1; (cpu = cpu_set_next(&topology->online, cpu)) >= 0;)
                topology->cpu_limit = cpu + 1;
        return topology;
}

struct topology *topology_small_free(struct topology *topology)
{
        free(topology->nodes);
        free(topology);
        return NULL;
}

void wishes_clear_p(struct wishes *wishes)
{
        wishes_clear(wishes);
}

void knob_results_clear_p(struct knob_results *results)
{
        knob_results_clear(results);
}

void wish_for(struct wishes *wishes, const char *knob, const char *target, const char *value)
{
        const struct knob *found = knob_find(knob);

        if (!found)
                fail_msg("there is no knob '%s'", knob);
        assert_int_equal(wishes_add(wishes, found, target, value, "a test wants it"), 0);
}

const struct wish *find_wish(const struct wishes *wishes, const char *knob, const char *target)
{
        for (size_t i = 0; i < wishes->count; i++)
                if (strcmp(wishes->list[i].knob->name, knob) == 0 && strcmp(wishes->list[i].target, target) == 0)
                        return &wishes->list[i];
        return NULL;
}

const struct knob_result *find_result(const struct knob_results *results, const char *knob, const char *target)
{
        for (size_t i = 0; i < results->count; i++)
                if (strcmp(results->list[i].knob->name, knob) == 0 && strcmp(results->list[i].target, target) == 0)
                        return &results->list[i];
        return NULL;
}

bool has_words(const struct errors *errors, const char *words)
{
        for (size_t i = 0; i < errors->count && i < ERRORS_MAX; i++)
                if (strstr(errors->list[i].message, words) || strstr(errors->list[i].expected, words))
                        return true;
        return false;
}

void print_errors(const struct errors *errors)
{
        for (size_t i = 0; i < errors->count && i < ERRORS_MAX; i++)
                print_message("%s (%s)\n", errors->list[i].message, errors->list[i].expected);
}

void apply_changes(struct tree *tree, const struct wishes *wishes, int changed)
{
        cleanup_results struct knob_results results = {};
        struct errors errors = {};
        int count = 0, r = knobs_apply(&tree->host, wishes, &results, &errors);

        print_errors(&errors);
        assert_int_equal(r, 0);
        for (size_t i = 0; i < results.count; i++)
                count += results.list[i].state == KNOB_CHANGED;
        assert_int_equal(count, changed);
}

void apply_fails(struct tree *tree, const struct wishes *wishes, int code, const char *words)
{
        cleanup_free char *before = tree_image(tree);
        cleanup_results struct knob_results results = {};
        struct errors errors = {};

        assert_int_equal(knobs_apply(&tree->host, wishes, &results, &errors), code);
        if (!has_words(&errors, words)) {
                print_errors(&errors);
                fail_msg("no complaint says '%s'", words);
        }
        cleanup_free char *after = tree_image(tree);
        assert_string_equal(before, after);
}

void restore_ok(struct tree *tree)
{
        cleanup_results struct knob_results results = {};
        struct errors errors = {};
        int r = knobs_restore(&tree->host, &results, &errors);

        print_errors(&errors);
        assert_int_equal(r, 0);
}

void wishes_of(struct tree *tree, const struct topology *topology, const struct plan *plan, struct wishes *ret)
{
        struct errors errors = {};
        int r = knobs_wish(&tree->host, topology, plan, ret, &errors);

        print_errors(&errors);
        assert_int_equal(r, 0);
}

void there_and_back(struct tree *tree, const struct topology *topology, const struct plan *plan, int changed)
{
        cleanup_free char *before = tree_image(tree);
        cleanup_wishes struct wishes wishes = {}, again = {};

        wishes_of(tree, topology, plan, &wishes);
        apply_changes(tree, &wishes, changed);
        wishes_of(tree, topology, plan, &again);
        apply_changes(tree, &again, 0);
        restore_ok(tree);
        cleanup_free char *after = tree_image(tree);
        assert_string_equal(before, after);
}

void assert_wish(const struct wishes *wishes, const char *knob, const char *target, const char *value)
{
        const struct wish *wish = find_wish(wishes, knob, target);

        if (!wish)
                fail_msg("no wish for %s '%s'", knob, target);
        else
                assert_string_equal(wish->value, value);
}

void assert_note(const struct wishes *wishes, const char *knob, const char *words)
{
        for (size_t i = 0; i < wishes->note_count; i++)
                if (strcmp(wishes->notes[i].knob->name, knob) == 0 && strstr(wishes->notes[i].text, words))
                        return;
        fail_msg("no note about %s says '%s'", knob, words);
}

void assert_reads(struct tree *tree, const char *knob, const char *target, const char *value)
{
        cleanup_free char *found = NULL;

        assert_int_equal(knob_read(knob_find(knob), &tree->host, target, &found), 0);
        assert_string_equal(found, value);
}
