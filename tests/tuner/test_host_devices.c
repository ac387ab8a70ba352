/* SriovDevices from pass to pass, without a thread and over a made-up kernel: what is in force is looked at, drift told
 * or put back, what hangs holds up nothing else; and in which order what is wanted no more goes back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/machine.h"
#include "sriov_fixture.h"

#define SWAPPINESS "/proc/sys/vm/swappiness"

static struct {
        struct machine machine;
        json_t *status[3];                       /* as last told, by id */
        unsigned noted, gone, steps, stop_after; /* 0: does not stop */
        char order[8];                           /* of what is written while things go back: "d"evice, "p"rofile */
} all;

static void on_tell(void *user, const struct want *want, json_t *status, const char *failure)
{
        json_decref(all.status[want->id]);
        all.status[want->id] = status;
}

static void on_gone(void *user, const json_t *restoring)
{
        all.gone++;
}

static void on_note(void *user, int priority, const char *format, ...)
{
        all.noted++;
}

static void on_step(void *user)
{
        all.steps++;
}

static bool is_stopping(void *user)
{
        return all.stop_after && all.steps >= all.stop_after;
}

static void machine_over(struct kernel *kernel)
{
        all.machine = (struct machine){
                .host = kernel->tree->host,
                .tell = on_tell,
                .gone = on_gone,
                .step = on_step,
                .stopping = is_stopping,
                .note = on_note,
        };
        all.noted = all.gone = all.steps = all.stop_after = 0;
        assert_int_equal(machine_init(&all.machine), 0);
}

static int setup(void **state)
{
        kernel_setup(state);
        machine_over(*state);
        return 0;
}

static void end_machine(void)
{
        for (size_t i = 0; i < ARRAY_LEN(all.status); i++) {
                json_decref(all.status[i]);
                all.status[i] = NULL;
        }
        machine_clear(&all.machine);
        all.machine = (struct machine){};
}

static int teardown(void **state)
{
        end_machine();
        return kernel_teardown(state);
}

static void want(struct want_list *list, uint32_t id, const char *name, const char *spec)
{
        list->list = reallocarray(list->list, list->count + 1, sizeof(*list->list));
        assert_non_null(list->list);
        list->list[list->count++] = (struct want){
                .id = id,
                .revision = 1,
                .name = strdup(name),
                .spec = json_of(spec),
                .interfaces = json_array(),
        };
}

/* A pass for these devices; NULL: without. */
static void pass(const char *first, const char *second)
{
        struct wants *wants = calloc(1, sizeof(*wants));

        if (first)
                want(&wants->devices, 1, "first", first);
        if (second)
                want(&wants->devices, 2, "second", second);
        machine_reconcile(&all.machine, wants);
}

static void assert_state(uint32_t id, const char *state, const char *words)
{
        const char *found = json_string_value(json_object_get(all.status[id], "state")) ?: "";
        const char *error = json_string_value(json_object_get(all.status[id], "error")) ?: "";

        if (strcmp(found, state) != 0 || !strstr(error, words))
                fail_msg("%s: %s, not %s: %s", found, error, state, words);
}

static struct standing *standing(unsigned index)
{
        return &all.machine.wants->devices.list[index].standing;
}

#define FIRST  "{'device':{'address':'" PF0 "'},'numvfs':2,'vfs':[{'first':0,'vlan':7}]}"
#define SECOND "{'device':{'address':'" PF1 "'},'numvfs':1}"

static void test_drift(void **state)
{
        struct kernel *kernel = *state;

        pass(FIRST, SECOND);
        assert_state(1, "active", "");
        assert_state(2, "active", "");
        unsigned writes = kernel->writes;
        pass(FIRST, SECOND); /* what is in force is looked at, and that is all */
        machine_look(&all.machine);
        assert_int_equal(kernel->writes, writes);

        kernel->values[0][0].value[VF_VLAN] = 9;
        machine_look(&all.machine);
        assert_state(1, "drifted", "");
        assert_state(2, "active", "");
        const json_t *drift = json_array_get(json_object_get(all.status[1], "drift"), 0);
        assert_string_equal(json_string_value(json_object_get(drift, "pointer")), "/spec/vfs/0/vlan");
        assert_int_equal(kernel->writes, writes);
        all.machine.enforce = true;
        machine_look(&all.machine);
        assert_state(1, "active", "");
        assert_value(kernel, 0, VF_VLAN, "7");
        assert_int_equal(all.noted, 0);
}

static void test_drift_that_cannot_be_put_back(void **state)
{
        struct kernel *kernel = *state;

        pass(FIRST, NULL);
        all.machine.enforce = true;
        kernel->values[0][0].value[VF_VLAN] = 9;
        kernel->value_error[VF_VLAN] = -EPERM;
        machine_look(&all.machine);
        assert_state(1, "error", "vlan");
        assert_true(standing(0)->applied); /* the revision is in force all the same */
        assert_false(standing_is_due(standing(0)));
        unsigned writes = kernel->writes;
        machine_look(&all.machine);
        assert_state(1, "error", "vlan");
        assert_int_equal(kernel->writes, writes);
        assert_int_equal(all.noted, 1);
        all.machine.enforce = false; /* then it need not be */
        machine_look(&all.machine);
        assert_state(1, "drifted", "");
        all.machine.enforce = true;
        kernel->value_error[VF_VLAN] = 0;
        machine_look(&all.machine);
        assert_state(1, "active", "");
}

/* A driver that hangs is the error of its device, and holds up no other. */
static void test_stuck(void **state)
{
        struct kernel *kernel = *state;

        kernel->hangs = PCI PF0 "/sriov_numvfs";
        pass(FIRST, SECOND);
        assert_state(1, "error", "still not done with writing '2' to");
        assert_state(2, "active", "");
        assert_int_equal(all.noted, 1);
        for (int i = 0; i < 3; i++) {
                standing(0)->next_try_ms = 0;
                machine_look(&all.machine);
                assert_state(1, "error", "/spec/device: " PF0 " is still not done with writing '2' to");
                assert_int_equal(all.noted, 2); /* another error, and that is said once */
        }
        kernel_lets_go(kernel);
        standing(0)->next_try_ms = 0;
        machine_look(&all.machine);
        assert_state(1, "active", "");
        assert_int_equal(kernel->values[0][0].value[VF_VLAN], 7);
}

/* The end waits for one object, and not for all; what is not reached is done after the next start. */
static void test_stops_between_objects(void **state)
{
        struct kernel *kernel = *state;

        all.stop_after = 2; /* the profile's step is one, too */
        pass(FIRST, SECOND);
        assert_state(1, "active", "");
        assert_null(all.status[2]);
        end_machine();
        machine_over(kernel);
        pass(FIRST, SECOND);
        assert_state(2, "active", "");

        all.steps = 0;
        all.stop_after = 1;
        pass(NULL, NULL);
        end_machine();
        cleanup_free char *half = kernel_image(kernel);
        assert_int_equal((strstr(half, KVF(0)) != NULL) + (strstr(half, "0000:01:11.0") != NULL), 1);
        machine_over(kernel);
        pass(NULL, NULL);
        cleanup_free char *none = kernel_image(kernel);
        assert_null(strstr(none, KVF(0)));
        assert_null(strstr(none, "0000:01:11.0"));
}

/* ---- what is wanted no more ---- */

static const char *restoring(size_t index, const char *member)
{
        return json_string_value(json_object_get(json_array_get(all.machine.restoring, index), member)) ?: "";
}

static void test_a_restore_waits_for_what_hangs(void **state)
{
        struct kernel *kernel = *state;
        cleanup_free char *before = kernel_image(kernel);

        pass("{'device':{'address':'" PF0 "'},'numvfs':2}", SECOND);
        kernel->hangs = PCI PF0 "/sriov_numvfs";
        pass(NULL, NULL);
        assert_int_equal(json_array_size(all.machine.restoring), 1); /* the second is back */
        assert_string_equal(restoring(0, "kind"), "SriovDevice");
        assert_string_equal(restoring(0, "name"), "first");
        assert_non_null(strstr(restoring(0, "words"), "still not done with writing '0' to"));
        assert_int_equal(all.gone, 1);
        assert_true(machine_look_at(&all.machine) > 0); /* nothing is wanted, but something is to be done */
        unsigned writes = kernel->writes;
        machine_look(&all.machine); /* not yet */
        assert_int_equal(all.gone, 1);
        all.machine.restore_at_ms = 1;
        machine_look(&all.machine);
        assert_non_null(strstr(restoring(0, "words"), "still not done with writing '0' to"));
        assert_int_equal(kernel->writes, writes);
        kernel_lets_go(kernel);
        all.machine.restore_at_ms = 1;
        machine_look(&all.machine);
        assert_int_equal(json_array_size(all.machine.restoring), 0);
        assert_int_equal(machine_look_at(&all.machine), 0);
        assert_same(before, kernel);
}

static void (*kernels_answer)(struct tree *tree, enum host_step step, const char *path);

static void note_order(struct tree *tree, enum host_step step, const char *path)
{
        size_t length = strlen(all.order);
        char what = strstr(path, "/sriov_numvfs") ? 'd' : strcmp(path, SWAPPINESS) == 0 ? 'p' : 0;

        if (step == HOST_WRITE && what && length + 1 < sizeof(all.order))
                all.order[length] = what;
        kernels_answer(tree, step, path);
}

static void put_journals(struct kernel *kernel)
{
        cleanup_(wishes_clear) struct wishes wishes = {};
        struct knob_results results = {};
        struct errors errors = {};

        tree_put(kernel->tree, SWAPPINESS, "60");
        assert_int_equal(wishes_add(&wishes, knob_find("swappiness"), "", "10", "a profile"), 0);
        assert_int_equal(knobs_apply(&kernel->tree->host, &wishes, &results, &errors), 0);
        knob_results_clear(&results);
        apply_ok(kernel, "{'device':{'address':'" PF0 "'},'numvfs':2}");
        cleanup_free char *path = NULL;
        assert_true(asprintf(&path, "%s/guest-g.json", kernel->tree->state) > 0);
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        fputs("{}", file);
        fclose(file);
}

/* Journals without objects, as after a restart, or a deletion of all at once: from the guests down, since a guest has
 * its VFs, and both stand on the profile. What cannot be put back keeps nothing else from it. */
static void test_order(void **state)
{
        struct kernel *kernel = *state;

        put_journals(kernel);
        kernels_answer = kernel->tree->answer;
        kernel->tree->answer = note_order;
        memset(all.order, 0, sizeof(all.order));
        assert_int_equal(guests_new(&all.machine.guests, &all.machine.host, "qemu+unix:///system?socket=/nowhere"), 0);
        pass(NULL, NULL);
        assert_string_equal(all.order, "dp");
        tree_assert(kernel->tree, SWAPPINESS, "60");
        assert_false(has_journal(kernel));
        assert_int_equal(json_array_size(all.machine.restoring), 1);
        assert_string_equal(restoring(0, "kind"), "Guest");

        put_journals(kernel);
        kernel->hangs = PCI PF0 "/sriov_numvfs";
        pass(NULL, NULL);
        assert_int_equal(json_array_size(all.machine.restoring), 2);
        assert_string_equal(restoring(0, "kind"), "Guest");
        assert_string_equal(restoring(1, "kind"), "SriovDevice");
        tree_assert(kernel->tree, SWAPPINESS, "60");
        kernel_lets_go(kernel);
        kernel->tree->answer = kernels_answer;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
        static const struct CMUnitTest tests[] = {
                TEST(drift),
                TEST(drift_that_cannot_be_put_back),
                TEST(stuck),
                TEST(stops_between_objects),
                TEST(a_restore_waits_for_what_hangs),
                TEST(order),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
