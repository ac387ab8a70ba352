/* See plan.h: the steps in their order, and what they share (planner.h). */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "planner.h"
#include "socle/cleanup.h"

void planner_no_memory(struct planner *planner)
{
        errors_add(planner->errors, -ENOMEM, "", "", "out of memory");
}

bool planner_failed(const struct planner *planner)
{
        return planner->errors->count > planner->errors_before;
}

void planner_reason(struct planner *planner, const char *subject, const char *format, ...)
{
        struct plan *plan = planner->plan;
        struct plan_reason *reason;
        va_list args;

        if (plan->reason_count == planner->reason_room) {
                size_t room = planner->reason_room * 2 + 32;
                struct plan_reason *reasons = reallocarray(plan->reasons, room, sizeof(*reasons));

                if (!reasons) {
                        planner_no_memory(planner);
                        return;
                }
                plan->reasons = reasons;
                planner->reason_room = room;
        }
        reason = &plan->reasons[plan->reason_count++];
        snprintf(reason->subject, sizeof(reason->subject), "%s", subject);
        va_start(args, format);
        vsnprintf(reason->text, sizeof(reason->text), format, args);
        va_end(args);
}

int node_number(const struct planner *planner, int node)
{
        return (size_t)node < planner->topology->node_count ? planner->topology->nodes[node].os_index : node;
}

static void planner_done(struct planner *planner)
{
        free(planner->nodes);
        free(planner->owner);
        free(planner->foreign);
        free(planner->strong);
        free(planner->weak);
}

static int init(struct planner *planner)
{
        const struct topology *topology = planner->topology;
        struct plan *plan = planner->plan;

        planner->node_count = topology->node_count > 0 ? (int)topology->node_count : 1;
        planner->nodes = calloc(planner->node_count, sizeof(*planner->nodes));
        plan->node_count = topology->node_count;
        plan->nodes = calloc(plan->node_count + 1, sizeof(*plan->nodes));
        plan->reserved_bytes = calloc(plan->node_count + 1, sizeof(*plan->reserved_bytes));
        if (!planner->nodes || !plan->nodes || !plan->reserved_bytes)
                return -ENOMEM;
        for (size_t node = 0; node < topology->node_count; node++)
                planner->nodes[node].memory_bytes = topology->nodes[node].memory_bytes;
        return cores_init(planner);
}

static void make(struct planner *planner)
{
        underlay_find(planner);
        classes_assign(planner);
        if (planner_failed(planner))
                return; /* what follows would only complain of the same */
        classes_publish(planner);
        isolation_plan(planner);
        memory_plan(planner);
        hugepages_plan(planner);
        switches_plan(planner);
        kernel_arguments_plan(planner);
}

int plan_make(struct plan **ret, const struct topology *topology, const struct host_profile *profile,
              struct errors *errors)
{
        cleanup_(plan_free_p) struct plan *plan = calloc(1, sizeof(*plan));
        cleanup_(planner_done) struct planner planner = {.topology = topology,
                                                         .profile = profile,
                                                         .plan = plan,
                                                         .errors = errors,
                                                         .errors_before = errors->count};

        if (!plan || init(&planner) < 0)
                planner_no_memory(&planner);
        else if (topology->core_count == 0)
                errors_add(errors, -EINVAL, "", "a machine with CPUs", "%s has no CPU that is online",
                           topology->source);
        else
                make(&planner);
        if (planner_failed(&planner))
                return errors->code == -ENOMEM ? -ENOMEM : -EINVAL;
        *ret = TAKE_PTR(plan);
        return 0;
}

struct plan *plan_free(struct plan *plan)
{
        if (!plan)
                return NULL;
        for (size_t i = 0; plan->kernel_arguments && plan->kernel_arguments[i]; i++)
                free(plan->kernel_arguments[i]);
        free(plan->kernel_arguments);
        free(plan->pages);
        free(plan->reserved_bytes);
        free(plan->nodes);
        free(plan->reasons);
        free(plan);
        return NULL;
}
