/* Which core is of which class: lists first, then one core a node for housekeeping, then what was counted, then what is
 * derived (OSDs, the dataplane), and the guests get the rest. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "planner.h"
#include "words.h"

enum class_form form_of(const struct planner *planner, enum cpu_class class)
{
        return planner->profile->classes[class].form;
}

static bool eligible(const struct planner *planner, enum cpu_class class, int node)
{
        return cores_usable(planner, node) > 0 && (class != CLASS_DATAPLANE || planner->nodes[node].underlay);
}

static void claim_lists(struct planner *planner)
{
        for (int which = 0; which < CLASS_COUNT; which++) {
                char pointer[96];

                if (form_of(planner, which) != CLASS_CPUS)
                        continue;
                snprintf(pointer, sizeof(pointer), "%s/cpus", cpu_class_pointers[which]);
                cores_claim_list(planner, which, &planner->profile->classes[which].cpus, pointer);
        }
}

/* A dataplane core far from every NIC is no use, unless it was asked for. */
static void check_dataplane_list(struct planner *planner)
{
        for (int node = 0; node < planner->node_count; node++)
                if (!planner->nodes[node].underlay && cores_owned(planner, CLASS_DATAPLANE, node) > 0)
                        errors_add(planner->errors, -EINVAL, "/spec/classes/dataplane/cpus",
                                   "CPUs of nodes with a NIC; or name it in /spec/dataplane/nics; or "
                                   "/spec/classes/dataplane/nodes: all",
                                   "some of these CPUs are on node %d, which has no underlay's NIC",
                                   node_number(planner, node));
}

static bool has_foreign(const struct planner *planner, int node)
{
        return cores_usable(planner, node) < (unsigned)planner->nodes[node].count;
}

/* Lists of other classes have taken a whole node: one core of it would do. */
static void complain_housekeeping(struct planner *planner, int node)
{
        int core = planner->weak[planner->nodes[node].first];
        char pointer[96], expected[256], words[CPUS_WORDS];
        struct cpu_set cpus = {0};

        core_cpus(planner, core, &cpus);
        snprintf(pointer, sizeof(pointer), "%s/cpus", cpu_class_pointers[planner->owner[core]]);
        snprintf(expected, sizeof(expected), "a list without %s; or a number or list in /spec/classes/housekeeping",
                 cpus_words(&cpus, words));
        errors_add(planner->errors, -EINVAL, pointer, expected, "node %d has no core left for housekeeping",
                   node_number(planner, node));
}

static void derive_housekeeping(struct planner *planner)
{
        for (int node = 0; node < planner->node_count; node++)
                if (cores_usable(planner, node) > 0 && !cores_take(planner, CLASS_HOUSEKEEPING, node) &&
                    !has_foreign(planner, node))
                        complain_housekeeping(planner, node);
}

/* One core to the eligible node that got the fewest so far; the freest among them. Housekeeping begins with the core
 * that boots. False: nothing is left. */
static bool take_one(struct planner *planner, enum cpu_class class)
{
        int best = -1, boot = core_node(planner, planner->boot_core);
        unsigned best_owned = 0, best_free = 0;

        if (class == CLASS_HOUSEKEEPING && planner->owner[planner->boot_core] == CORE_FREE &&
            cores_take(planner, class, boot))
                return true;
        for (int node = 0; node < planner->node_count; node++) {
                unsigned owned = cores_owned(planner, class, node), free_here = cores_free(planner, class, node);

                if (!eligible(planner, class, node) || free_here == 0)
                        continue;
                if (best < 0 || owned < best_owned || (owned == best_owned && free_here > best_free)) {
                        best = node;
                        best_owned = owned;
                        best_free = free_here;
                }
        }
        return best >= 0 && cores_take(planner, class, best);
}

static void take_cores(struct planner *planner, enum cpu_class class)
{
        unsigned wanted = planner->profile->classes[class].cores, taken = 0;
        char pointer[96], expected[96];

        while (taken < wanted && take_one(planner, class))
                taken++;
        if (taken == wanted)
                return;
        snprintf(pointer, sizeof(pointer), "%s/cores", cpu_class_pointers[class]);
        snprintf(expected, sizeof(expected), "at most %u", taken);
        errors_add(planner->errors, -EINVAL, pointer, expected, "%u cores are wanted for %s, and %u can be had%s",
                   wanted, cpu_class_names[class], taken,
                   wants_strong(class) && planner->topology->hybrid ? ", performance cores only"
                   : class == CLASS_DATAPLANE                       ? " on nodes with an underlay's NIC"
                                                                    : "");
}

static void take_cores_per_node(struct planner *planner, enum cpu_class class)
{
        unsigned wanted = planner->profile->classes[class].cores, most = wanted;
        int scarcest = -1;
        char pointer[96], expected[96];

        for (int node = 0; node < planner->node_count; node++) {
                unsigned taken = 0;

                if (!eligible(planner, class, node))
                        continue;
                while (taken < wanted && cores_take(planner, class, node))
                        taken++;
                if (taken < most) {
                        most = taken;
                        scarcest = node;
                }
        }
        if (scarcest < 0)
                return;
        snprintf(pointer, sizeof(pointer), "%s/cores_per_node", cpu_class_pointers[class]);
        snprintf(expected, sizeof(expected), "at most %u%s", most, most == 0 ? "; or cores, or cpus" : "");
        errors_add(planner->errors, -EINVAL, pointer, expected,
                   "%u cores a node are wanted for %s, and %u can be had on node %d", wanted, cpu_class_names[class],
                   most, node_number(planner, scarcest));
}

static void take_counted(struct planner *planner, enum cpu_class class)
{
        if (form_of(planner, class) == CLASS_CORES)
                take_cores(planner, class);
        else if (form_of(planner, class) == CLASS_CORES_PER_NODE)
                take_cores_per_node(planner, class);
}

/* Free cores of a node, whatever their kind. */
static unsigned any_free(const struct planner *planner, int node)
{
        return cores_free(planner, CLASS_GUESTS_SHARED, node);
}

/* One core a node with an underlay's NIC, as long as another is left there for guests who may come. */
static void derive_dataplane(struct planner *planner)
{
        bool guests_served = form_of(planner, CLASS_GUESTS_DEDICATED) != CLASS_DERIVED &&
                             form_of(planner, CLASS_GUESTS_SHARED) != CLASS_DERIVED;

        for (int node = 0; node < planner->node_count; node++) {
                char subject[64];

                if (!eligible(planner, CLASS_DATAPLANE, node))
                        continue;
                if (any_free(planner, node) > !guests_served && cores_take(planner, CLASS_DATAPLANE, node))
                        continue;
                snprintf(subject, sizeof(subject), "class dataplane node %d", node_number(planner, node));
                planner_reason(planner, subject,
                               "no core to spare: socle-dataplane's workers run on housekeeping CPUs");
        }
}

/* Of a node's remaining cores: both derived: half each, but on hybrid machines the performance cores dedicated and the
 * others shared; one derived: all to it. */
static void derive_guests(struct planner *planner, int node)
{
        bool dedicated = form_of(planner, CLASS_GUESTS_DEDICATED) == CLASS_DERIVED;
        bool shared = form_of(planner, CLASS_GUESTS_SHARED) == CLASS_DERIVED;
        unsigned all = any_free(planner, node), strong = cores_free(planner, CLASS_GUESTS_DEDICATED, node);
        unsigned wanted = !dedicated ? 0 : !shared ? strong : strong < all ? strong : all / 2;

        while (wanted > 0 && cores_take(planner, CLASS_GUESTS_DEDICATED, node))
                wanted--;
        while (shared && cores_take(planner, CLASS_GUESTS_SHARED, node))
                ;
}

/* All guests' classes were given, and cores remain: the OS has them, if it may have more than it was given. */
static void absorb(struct planner *planner)
{
        bool derived = form_of(planner, CLASS_HOUSEKEEPING) == CLASS_DERIVED;
        struct cpu_set left = {0};
        char words[CPUS_WORDS];

        for (size_t core = 0; core < planner->topology->core_count; core++) {
                if (planner->owner[core] != CORE_FREE || planner->foreign[core])
                        continue;
                core_cpus(planner, core, &left);
                planner->owner[core] = CLASS_HOUSEKEEPING;
        }
        if (cpu_set_empty(&left))
                return;
        if (derived)
                planner_reason(planner, "class housekeeping", "%s: asked for by no class, left to the OS",
                               cpus_words(&left, words));
        else
                errors_add(planner->errors, -EINVAL, "/spec/classes",
                           "a class without cpus, cores and cores_per_node, which gets the rest; or these CPUs in one",
                           "%s: in no class", cpus_words(&left, words));
}

void classes_assign(struct planner *planner)
{
        static const enum cpu_class counted[] = {CLASS_STORAGE, CLASS_DATAPLANE, CLASS_GUESTS_DEDICATED,
                                                 CLASS_GUESTS_SHARED};

        claim_lists(planner);
        check_dataplane_list(planner);
        if (planner_failed(planner))
                return; /* what is left cannot be told */
        if (form_of(planner, CLASS_HOUSEKEEPING) == CLASS_DERIVED)
                derive_housekeeping(planner);
        else
                take_counted(planner, CLASS_HOUSEKEEPING);
        for (size_t i = 0; i < ARRAY_LEN(counted); i++)
                take_counted(planner, counted[i]);
        storage_place(planner);
        if (form_of(planner, CLASS_DATAPLANE) == CLASS_DERIVED)
                derive_dataplane(planner);
        for (int node = 0; node < planner->node_count; node++)
                derive_guests(planner, node);
        if (!planner_failed(planner))
                absorb(planner);
}
