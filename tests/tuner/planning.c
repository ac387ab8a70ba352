/* See planning.h. The invariants are reckoned anew from machine and profile, not taken from the planner. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "planning.h"
#include "socle/cleanup.h"
#include "validate.h"

struct host_profile *profile_of_json(const json_t *spec)
{
        cleanup_(json_decrefp) json_t *valid = NULL;
        struct host_profile *profile = NULL;
        struct errors errors = {0};

        if (validate_spec(kind_find("HostProfile"), spec, &valid, &errors) < 0 ||
            host_profile_from_json(&profile, valid, &errors) < 0)
                print_errors(&errors);
        assert_int_equal(errors.count, 0);
        return profile;
}

struct host_profile *profile_of(const char *quoted)
{
        cleanup_(json_decrefp) json_t *spec = parse(quoted);

        return profile_of_json(spec);
}

struct plan *plan_ok(const struct topology *t, const char *quoted)
{
        cleanup_(host_profile_free_p) struct host_profile *profile = profile_of(quoted);
        struct errors errors = {0};
        struct plan *plan = NULL;

        if (plan_make(&plan, t, profile, &errors) < 0)
                print_errors(&errors);
        assert_int_equal(errors.count, 0);
        check_plan(t, profile, plan, quoted);
        return plan;
}

void plan_bad(const struct topology *t, const char *quoted, const char *pointer, const char *words)
{
        cleanup_(host_profile_free_p) struct host_profile *profile = profile_of(quoted);
        struct plan *untouched = (struct plan *)&profile, *plan = untouched;
        struct errors errors = {0};

        assert_int_equal(plan_make(&plan, t, profile, &errors), -EINVAL);
        assert_ptr_equal(plan, untouched);
        assert_only_complaint(&errors, -EINVAL, "", "", pointer, words);
}

void assert_cpus(const struct cpu_set *set, const char *list)
{
        cleanup_free char *text = cpu_set_to_list(set);

        assert_string_equal(text, list);
}

void assert_class(const struct plan *plan, enum cpu_class class, const char *list)
{
        assert_cpus(&plan->classes[class], list);
}

void assert_reason(const struct plan *plan, const char *subject, const char *words)
{
        for (size_t i = 0; i < plan->reason_count; i++)
                if (strcmp(plan->reasons[i].subject, subject) == 0 && strstr(plan->reasons[i].text, words))
                        return;
        for (size_t i = 0; i < plan->reason_count; i++)
                print_error("%s: %s\n", plan->reasons[i].subject, plan->reasons[i].text);
        fail_msg("no reason about %s says: %s", subject, words);
}

const struct plan_pages *pages_of(const struct plan *plan, int node, uint64_t page_bytes)
{
        for (size_t i = 0; i < plan->page_count; i++)
                if (plan->pages[i].node == node && plan->pages[i].page_bytes == page_bytes)
                        return &plan->pages[i];
        return NULL;
}

bool has_argument(const struct plan *plan, const char *argument)
{
        for (size_t i = 0; plan->kernel_arguments[i]; i++)
                if (strcmp(plan->kernel_arguments[i], argument) == 0)
                        return true;
        return false;
}

/* ---- what is true of every plan ---- */

struct checking {
        const struct topology *t;
        const struct host_profile *profile;
        const struct plan *plan;
        const char *what;
};

#define HOLDS(condition)                                                                                               \
        do {                                                                                                           \
                if (!(condition))                                                                                      \
                        fail_msg("%s: not so on %s with %.600s", #condition, c->t->source, c->what);                   \
        } while (0)

static struct cpu_set cpus_of(const struct topology *t, size_t core)
{
        struct cpu_set cpus = {0};

        for (int i = 0; i < t->cores[core].count; i++)
                cpu_set_add(&cpus, t->core_cpus[t->cores[core].first + i]);
        return cpus;
}

static int node_of(const struct topology *t, size_t core)
{
        return t->cores[core].node < 0 ? 0 : t->cores[core].node;
}

static bool is_foreign(const struct topology *t, size_t core)
{
        struct cpu_set cpus = cpus_of(t, core);

        return !cpu_set_within(&cpus, &t->allowed);
}

static int class_of(const struct checking *c, size_t core)
{
        struct cpu_set cpus = cpus_of(c->t, core);

        for (int which = 0; which < CLASS_COUNT; which++)
                if (cpu_set_intersects(&cpus, &c->plan->classes[which]))
                        return which;
        return -1;
}

static void check_partition(const struct checking *c)
{
        struct cpu_set all = {0};
        unsigned count = 0;

        for (int which = 0; which < CLASS_COUNT; which++) {
                cpu_set_or(&all, &c->plan->classes[which]);
                count += cpu_set_count(&c->plan->classes[which]);
        }
        HOLDS(cpu_set_equal(&all, &c->t->online));
        HOLDS(count == cpu_set_count(&c->t->online));
        for (size_t core = 0; core < c->t->core_count; core++) {
                struct cpu_set cpus = cpus_of(c->t, core);
                int class = class_of(c, core);

                HOLDS(class >= 0 && cpu_set_within(&cpus, &c->plan->classes[class]));
                HOLDS(!is_foreign(c->t, core) || class == CLASS_HOUSEKEEPING);
        }
}

/* How many cores a class has on a node; −1: in all. */
static unsigned cores_in(const struct checking *c, int class, int node)
{
        unsigned count = 0;

        for (size_t core = 0; core < c->t->core_count; core++)
                count += class_of(c, core) == class && (node < 0 || node_of(c->t, core) == node);
        return count;
}

static unsigned usable_on(const struct checking *c, int node)
{
        unsigned count = 0;

        for (size_t core = 0; core < c->t->core_count; core++)
                count += node_of(c->t, core) == node && !is_foreign(c->t, core);
        return count;
}

static void check_housekeeping(const struct checking *c)
{
        enum class_form form = c->profile->classes[CLASS_HOUSEKEEPING].form;

        HOLDS(!cpu_set_empty(&c->plan->classes[CLASS_HOUSEKEEPING]));
        for (int node = 0; node < (int)c->t->node_count; node++)
                if (usable_on(c, node) > 0 && (form == CLASS_DERIVED || form == CLASS_CORES_PER_NODE))
                        HOLDS(cores_in(c, CLASS_HOUSEKEEPING, node) > 0);
}

/* Foreign cores are housekeeping beside what was asked for. */
static void check_asked(const struct checking *c)
{
        for (int which = 0; which < CLASS_COUNT; which++) {
                const struct profile_class *asked = &c->profile->classes[which];
                unsigned foreign = 0;

                for (size_t core = 0; which == CLASS_HOUSEKEEPING && core < c->t->core_count; core++)
                        foreign += is_foreign(c->t, core);
                if (asked->form == CLASS_CPUS)
                        HOLDS(cpu_set_within(&asked->cpus, &c->plan->classes[which]));
                if (asked->form == CLASS_CPUS && foreign == 0)
                        HOLDS(cpu_set_equal(&asked->cpus, &c->plan->classes[which]));
                if (asked->form == CLASS_CORES)
                        HOLDS(cores_in(c, which, -1) == asked->cores + foreign);
                for (int node = 0; asked->form == CLASS_CORES_PER_NODE && node < (int)c->t->node_count; node++)
                        if (usable_on(c, node) > 0 && (which != CLASS_DATAPLANE || c->plan->nodes[node].underlay))
                                HOLDS(cores_in(c, which, node) >= asked->cores);
        }
}

static bool is_underlay(const struct checking *c, size_t pci)
{
        for (size_t i = 0; i < c->profile->dataplane.nic_count; i++)
                if (topology_find_pci(c->t, c->profile->dataplane.nics[i]) == (int)pci)
                        return true;
        return c->profile->dataplane.nic_count == 0;
}

/* Nodes with a NIC, or some node's when that has no CPUs; all, if there is none. */
static void check_dataplane(const struct checking *c)
{
        bool any = c->profile->dataplane.all_nodes, told = false, far = false;
        struct cpu_set workers = c->plan->workers;

        for (size_t i = 0; i < c->t->pci_count; i++) {
                int node = c->t->node_count == 1 ? 0 : c->t->pci[i].node;

                told |= is_underlay(c, i) && node >= 0;
                far |= is_underlay(c, i) && node >= 0 && usable_on(c, node) == 0;
        }
        for (int node = 0; node < (int)c->t->node_count; node++) {
                bool nic = c->t->node_count == 1;

                for (size_t i = 0; i < c->t->pci_count; i++)
                        nic |= is_underlay(c, i) && c->t->pci[i].node == node;
                if (cores_in(c, CLASS_DATAPLANE, node) > 0)
                        HOLDS(any || !told || nic || far);
                if (nic && told && usable_on(c, node) > 0)
                        HOLDS(c->plan->nodes[node].underlay);
        }
        HOLDS(cpu_set_within(&workers, &c->plan->classes[CLASS_DATAPLANE]));
        for (size_t core = 0; core < c->t->core_count; core++) {
                struct cpu_set cpus = cpus_of(c->t, core);

                if (class_of(c, core) != CLASS_DATAPLANE)
                        continue;
                cpu_set_and(&cpus, &c->plan->workers);
                HOLDS((int)cpu_set_count(&cpus) == (c->profile->dataplane.idle_siblings ? 1 : c->t->cores[core].count));
        }
}

static void check_hybrid(const struct checking *c)
{
        int strongest = 0;

        for (size_t core = 0; core < c->t->core_count; core++)
                strongest = c->t->cores[core].kind > strongest ? c->t->cores[core].kind : strongest;
        for (size_t core = 0; core < c->t->core_count; core++) {
                int class = class_of(c, core);

                if ((class == CLASS_DATAPLANE || class == CLASS_GUESTS_DEDICATED) &&
                    c->profile->classes[class].form != CLASS_CPUS)
                        HOLDS(c->t->cores[core].kind == strongest);
        }
}

static void check_isolation(const struct checking *c)
{
        struct cpu_set wanted = c->profile->isolated;
        const struct plan *plan = c->plan;

        cpu_set_or(&wanted, &plan->classes[CLASS_DATAPLANE]);
        cpu_set_or(&wanted, &plan->classes[CLASS_GUESTS_DEDICATED]);
        HOLDS(cpu_set_equal(&wanted, &plan->isolated));
        HOLDS(!cpu_set_intersects(&plan->isolated, &plan->classes[CLASS_HOUSEKEEPING]));
        HOLDS(!cpu_set_intersects(&plan->isolated, &plan->irq));
        HOLDS(!cpu_set_empty(&plan->irq) && cpu_set_within(&plan->irq, &c->t->online));
        if (plan->boot_isolation)
                HOLDS(!cpu_set_has(&plan->isolated, cpu_set_next(&c->t->online, -1)));

        cleanup_free char *list = cpu_set_to_list(&plan->isolated);
        char argument[9000];
        snprintf(argument, sizeof(argument), "nohz_full=%s", list);
        HOLDS(has_argument(plan, argument) == plan->boot_isolation);
        snprintf(argument, sizeof(argument), "isolcpus=managed_irq,domain,%s", list);
        HOLDS(has_argument(plan, argument) == plan->boot_isolation);
        size_t bytes = 0;
        for (size_t i = 0; plan->kernel_arguments[i]; i++)
                bytes += strlen(plan->kernel_arguments[i]) + 1;
        HOLDS(bytes < 2048); /* COMMAND_LINE_SIZE */
}

static bool knows_size(const struct topology_node *node, uint64_t page_bytes)
{
        for (size_t i = 0; i < node->page_count; i++)
                if (node->pages[i].page_bytes == page_bytes)
                        return true;
        return false;
}

static void check_memory(const struct checking *c)
{
        for (size_t node = 0; node < c->t->node_count; node++) {
                const struct plan_node *n = &c->plan->nodes[node];
                uint64_t sum = c->plan->reserved_bytes[node];

                HOLDS(n->os_bytes + n->osd_bytes + n->overhead_bytes + n->session_bytes == sum);
                HOLDS(n->osd_bytes == n->osds * c->profile->storage.osd_bytes);
                HOLDS(n->overhead_bytes == n->guests * c->profile->guests.overhead_bytes);
                for (size_t i = 0; i < c->plan->page_count; i++) {
                        const struct plan_pages *pages = &c->plan->pages[i];

                        if (pages->node != (int)node)
                                continue;
                        HOLDS(knows_size(&c->t->nodes[node], pages->page_bytes));
                        HOLDS(pages->dataplane <= pages->count);
                        sum += pages->count * pages->page_bytes;
                }
                HOLDS(sum <= c->t->nodes[node].memory_bytes);
        }
}

static void check_storage(const struct checking *c)
{
        unsigned wanted = 0, placed = 0;

        for (int type = 0; type < 3; type++)
                wanted += c->profile->storage.osds[type];
        for (size_t node = 0; node < c->t->node_count; node++)
                placed += c->plan->nodes[node].osds;
        HOLDS(wanted == placed);
        HOLDS(wanted == 0 || !cpu_set_empty(&c->plan->classes[CLASS_STORAGE]));
        HOLDS(wanted == 0 ? c->plan->storage_overcommit == 0 : c->plan->storage_overcommit >= 0.5);
        HOLDS(wanted > 0 || c->profile->classes[CLASS_STORAGE].form != CLASS_DERIVED ||
              cpu_set_empty(&c->plan->classes[CLASS_STORAGE]));
}

static void check_reasons(const struct checking *c)
{
        for (int which = 0; which < CLASS_COUNT; which++)
                for (size_t node = 0; node < c->t->node_count; node++) {
                        char subject[64];
                        bool found = cores_in(c, which, (int)node) == 0;

                        snprintf(subject, sizeof(subject), "class %s node %d", cpu_class_names[which],
                                 c->t->nodes[node].os_index);
                        for (size_t i = 0; i < c->plan->reason_count && !found; i++)
                                found = strcmp(c->plan->reasons[i].subject, subject) == 0;
                        HOLDS(found);
                }
        for (size_t i = 0; i < c->plan->reason_count; i++)
                HOLDS(c->plan->reasons[i].subject[0] && c->plan->reasons[i].text[0]);
}

void check_plan(const struct topology *t, const struct host_profile *profile, const struct plan *plan, const char *what)
{
        const struct checking checking = {t, profile, plan, what}, *c = &checking;

        check_partition(c);
        check_housekeeping(c);
        check_asked(c);
        check_dataplane(c);
        check_hybrid(c);
        check_isolation(c);
        check_memory(c);
        check_storage(c);
        check_reasons(c);
}
