/* The kernel's command line: as a set, through GRUB's drop-in and through grubby's entries, and what needs a reboot. */
#include <errno.h>
#include <string.h>

#include "knob_fixture.h"

#include "knob/arguments.h"

static void assert_normal(const char *text, const char *normal)
{
        char **arguments;

        assert_int_equal(arguments_parse(text, &arguments), 0);
        cleanup_free char *joined = arguments_join(arguments);
        strings_free(arguments);
        assert_string_equal(joined, normal);
}

static void test_arguments(void **state)
{
        assert_normal("", "");
        assert_normal("  b \n a  a ", "a b");
        assert_normal("isolcpus=managed_irq,domain,3,2 nohz_full=2-3", "isolcpus=domain,managed_irq,2-3 nohz_full=2-3");
        assert_normal("isolcpus=domain,managed_irq,2-3", "isolcpus=domain,managed_irq,2-3");
        assert_normal("isolcpus=4,5,6", "isolcpus=4-6");
        assert_normal("nohz_full=all isolcpus= rcu_nocbs", "isolcpus= nohz_full=all rcu_nocbs");
        assert_normal("isolcpus=1-x", "isolcpus=1-x");
        assert_normal("a=\"b c\" d", "a=\"b c\" d");
        assert_normal("a=\"open quote", "a=\"open quote");
        /* pairs keep together, whatever order they are in */
        assert_normal("hugepagesz=2M hugepages=9 x hugepagesz=1G hugepages=0:4",
                      "hugepagesz=1G hugepages=0:4 hugepagesz=2M hugepages=9 x");
        assert_normal("hugepages=7 hugepagesz=1G hugepagesz=2M", "hugepages=7 hugepagesz=1G hugepagesz=2M");
}

#define DROP_IN "/etc/default/grub.d/50-socle.cfg"

static void set_arguments(struct plan *plan, char *const *arguments)
{
        plan->kernel_arguments = (char **)arguments;
}

static char *const some[] = {"nohz_full=2-3", "isolcpus=managed_irq,domain,2-3", NULL};

static int setup_debian(void **state)
{
        tree_setup(state);
        struct tree *tree = *state;

        tree_put(tree, "/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=quiet");
        tree_put(tree, "/proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/sda1 quiet");
        return 0;
}

static void assert_reboot(struct tree *tree, const struct wishes *wishes, bool required)
{
        cleanup_results struct knob_results results = {};

        assert_int_equal(knobs_compare(&tree->host, wishes, &results), 0);
        assert_int_equal(results.list[0].state, KNOB_SATISFIED);
        assert_int_equal(results.list[0].reboot_required, required);
}

static void test_debian(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-3", "0-3", NULL);
        struct plan plan = plan_nothing();
        cleanup_wishes struct wishes wishes = {};

        set_arguments(&plan, some);
        there_and_back(tree, topology, &plan, 1);
        tree_assert_absent(tree, DROP_IN);
        wishes_of(tree, topology, &plan, &wishes);
        assert_wish(&wishes, "kernel_command_line", "", "isolcpus=domain,managed_irq,2-3 nohz_full=2-3");
        apply_changes(tree, &wishes, 1);
        cleanup_free char *drop_in = tree_get(tree, DROP_IN);
        assert_non_null(strstr(drop_in, "\nGRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT "
                                        "isolcpus=domain,managed_irq,2-3 nohz_full=2-3\""));
        assert_reboot(tree, &wishes, true);
        /* after the reboot, in whatever order and spelling */
        tree_put(tree, "/proc/cmdline", "quiet nohz_full=2,3 isolcpus=managed_irq,domain,2-3");
        assert_reboot(tree, &wishes, false);
        tree_put(tree, "/proc/cmdline", "quiet nohz_full=2,3 isolcpus=managed_irq,domain,2");
        assert_reboot(tree, &wishes, true);
}

/* A drop-in that nobody carried over into grub.cfg is not there. */
static void test_debian_not_carried_over(void **state)
{
        struct tree *tree = *state;
        cleanup_wishes struct wishes wishes = {};

        tree_put(tree, "/boot/grub/grub.cfg", "menuentry 'Debian' {\n\tlinux\t/vmlinuz root=/dev/sda1 ro quiet\n}");
        wish_for(&wishes, "kernel_command_line", "", "isolcpus=2-3");
        apply_fails(tree, &wishes, -EIO,
                    "kernel_command_line: asked 'isolcpus=2-3', found 'isolcpus=2-3 (not in /boot/grub/grub.cfg)'");
}

static void update_grub(struct tree *tree, enum host_step step, const char *path)
{
        if (step != HOST_RUN)
                return;
        cleanup_free char *drop_in = tree_has(tree, DROP_IN) ? tree_get(tree, DROP_IN) : strdup("DEFAULT \"");
        const char *ours = strstr(drop_in, "DEFAULT ") + strlen("DEFAULT ");
        tree_put(tree, "/boot/grub/grub.cfg", "menuentry 'Debian' {\n\tlinux\t/vmlinuz root=/dev/sda1 ro quiet %.*s\n}",
                 (int)strcspn(ours, "\""), ours);
}

/* Fewer are wanted than the kernel runs with: that takes a reboot too; and so does the profile's end. */
static void test_leftover(void **state)
{
        struct tree *tree = *state;
        cleanup_wishes struct wishes both = {}, one = {};
        cleanup_results struct knob_results results = {};
        struct errors errors = {};

        tree->answer = update_grub;
        update_grub(tree, HOST_RUN, "");
        wish_for(&both, "kernel_command_line", "", "isolcpus=2-3 nohz_full=2-3");
        apply_changes(tree, &both, 1);
        tree_put(tree, "/proc/cmdline", "quiet isolcpus=2-3 nohz_full=2-3");
        assert_reboot(tree, &both, false);
        wish_for(&one, "kernel_command_line", "", "isolcpus=2-3");
        apply_changes(tree, &one, 1);
        assert_reboot(tree, &one, true);

        assert_int_equal(knobs_restore(&tree->host, &results, &errors), 0);
        assert_true(results.list[0].reboot_required);
        assert_string_equal(results.list[0].in_force, "isolcpus=2-3 nohz_full=2-3");
}

static void test_special(void **state)
{
        static char *const wrong[] = {"a=$(reboot)", "ok=1", "b=\"x\"", NULL};
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-3", "0-3", NULL);
        struct plan plan = plan_nothing();
        cleanup_wishes struct wishes wishes = {};
        struct errors errors = {};

        set_arguments(&plan, wrong);
        assert_int_equal(knobs_wish(&tree->host, topology, &plan, &wishes, &errors), -EINVAL);
        assert_int_equal(errors.count, 2);
        assert_string_equal(errors.list[0].pointer, "/spec/kernel_arguments");
}

static void test_no_boot_loader(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-3", "0-3", NULL);
        struct plan plan = plan_nothing();
        cleanup_wishes struct wishes wishes = {};

        tree_remove(tree, "/etc/default/grub");
        set_arguments(&plan, some);
        wishes_of(tree, topology, &plan, &wishes);
        assert_int_equal(wishes.count, 0);
        assert_note(&wishes, "kernel_command_line", "by hand: isolcpus=domain,managed_irq,2-3 nohz_full=2-3");
}

/* ---- grubby ---- */

#define ENTRY  "/boot/loader/entries/machine-5.14.conf"
#define OLDER  "/boot/loader/entries/machine-5.13.conf"
#define RESCUE "/boot/loader/entries/machine-0-rescue.conf"
#define RECORD "/etc/socle/kernel-arguments"

/* grubby replaces what has the same name; what it is told is in the record by then. */
static const char *had, *common = "root=/dev/vda1 ro";

static void grubby(struct tree *tree, enum host_step step, const char *path)
{
        if (step != HOST_RUN)
                return;
        cleanup_free char *record = tree_get(tree, RECORD);
        const char *set = strstr(record, "\nset ") + 5;
        bool all = strchr(set, ' ') && strchr(set, ' ') < strchr(set, '\n');
        cleanup_free char *ours = strndup(set, strcspn(set, all ? " \n" : "\n"));
        bool gone = strncmp(set, "isolcpus=2-3", 12) == 0 && had == NULL;
        tree_put(tree, ENTRY, "title x\noptions %s %s", common, gone ? "isolcpus=1" : ours);
        tree_put(tree, OLDER, "title x\noptions %s %s", common, gone ? "isolcpus=1" : ours);
}

static int setup_grubby(void **state)
{
        tree_setup(state);
        struct tree *tree = *state;

        tree_put(tree, ENTRY, "title x\noptions %s isolcpus=1", common);
        tree_put(tree, OLDER, "title x\noptions %s isolcpus=1", common);
        tree_put(tree, RESCUE, "title x\noptions %s", common);
        tree_put(tree, "/proc/cmdline", "root=/dev/vda1 ro isolcpus=1");
        tree->answer = grubby;
        return 0;
}

static void test_grubby(void **state)
{
        struct tree *tree = *state;
        cleanup_free char *before = tree_image(tree);
        cleanup_wishes struct wishes wishes = {};

        wish_for(&wishes, "kernel_command_line", "", "isolcpus=2-3");
        had = "isolcpus=1";
        apply_changes(tree, &wishes, 1);
        cleanup_free char *record = tree_get(tree, RECORD);
        assert_non_null(strstr(record, "\nset isolcpus=2-3\nhad isolcpus=1"));
        assert_reboot(tree, &wishes, true);
        apply_changes(tree, &wishes, 0);

        tree_put(tree, OLDER, "title x\noptions %s", common); /* one entry lost it */
        assert_reads(tree, "kernel_command_line", "", "isolcpus=2-3 (not in /boot/loader/entries)");
        apply_changes(tree, &wishes, 1);
        had = NULL;
        restore_ok(tree); /* what an administrator had there is back */
        cleanup_free char *after = tree_image(tree);
        assert_string_equal(before, after);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_arguments),
                cmocka_unit_test_setup_teardown(test_debian, setup_debian, tree_teardown),
                cmocka_unit_test_setup_teardown(test_debian_not_carried_over, setup_debian, tree_teardown),
                cmocka_unit_test_setup_teardown(test_leftover, setup_debian, tree_teardown),
                cmocka_unit_test_setup_teardown(test_special, setup_debian, tree_teardown),
                cmocka_unit_test_setup_teardown(test_no_boot_loader, setup_debian, tree_teardown),
                cmocka_unit_test_setup_teardown(test_grubby, setup_grubby, tree_teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
