/* What others have made of a domain that we had placed: pins that are not ours any more, and what is ours though no pin
 * tells of it. See guests_private.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "guests_private.h"

/* Whose pins a domain may have without anyone else's having been there; any may be NULL. */
struct known_pins {
        struct guest_placement *ours, *next;
        struct domain *config, *live; /* before us */
};

static void known_pins_clear(struct known_pins *known)
{
        guest_placement_free(known->ours);
        guest_placement_free(known->next);
        domain_free(known->config);
        domain_free(known->live);
}

static void known_pins_read(const json_t *entry, const struct topology *topology, struct known_pins *ret)
{
        const char *config = json_string_value(json_object_get(entry, "config"));
        const char *live = json_string_value(json_object_get(entry, "live"));

        *ret = (struct known_pins){
                .ours = guest_placement_from_json(json_object_get(entry, "ours"), topology),
                .next = guest_placement_from_json(json_object_get(entry, "next"), topology),
        };
        if (config && domain_parse(&ret->config, config) < 0)
                ret->config = NULL;
        if (live && domain_parse(&ret->live, live) < 0)
                ret->live = NULL;
}

/* ---- one thread ---- */

enum thread { VCPU, EMULATOR, IOTHREAD };

static const struct cpu_set *of_placement(const struct guest_placement *placement, enum thread thread, unsigned i,
                                          struct cpu_set *buffer)
{
        if (!placement)
                return NULL;
        if (thread == VCPU)
                return i < placement->vcpus ? &placement->vcpu_cpus[i] : NULL;
        return thread == EMULATOR ? &placement->emulator : placement_iothread(placement, i, buffer);
}

static const struct cpu_set *of_domain(const struct domain *domain, enum thread thread, unsigned i)
{
        if (!domain)
                return NULL;
        if (thread == VCPU)
                return i < domain->vcpus ? &domain->vcpu_cpus[i] : NULL;
        if (thread == EMULATOR)
                return &domain->emulator;
        return i < domain->iothread_count ? &domain->iothread_cpus[i] : NULL;
}

static bool is(const struct cpu_set *set, const struct cpu_set *other)
{
        return other && cpu_set_equal(set, other);
}

/* `running`: what the kernel says, NULL: not known. That tells only as long as libvirt's record is ours: a thread that
 * was not pinned yet runs where its parent did. */
static void look(const struct known_pins *known, const char *scope, enum thread thread, unsigned i, unsigned id,
                 const struct cpu_set *recorded, const struct cpu_set *running, json_t *steps)
{
        static const char *const names[] = {"vCPU", "emulator", "I/O thread"};
        struct cpu_set buffer, other;
        const struct cpu_set *ours = of_placement(known->ours, thread, i, &buffer), *found = recorded;
        bool strange;
        char what[64];

        if (!ours)
                return;
        if (is(recorded, ours)) {
                found = running;
                strange = running && !cpu_set_empty(running) && !is(running, ours) &&
                          !is(running, of_placement(known->next, thread, i, &other));
        } else {
                strange = !cpu_set_empty(recorded) && !is(recorded, of_placement(known->next, thread, i, &other)) &&
                          !is(recorded, of_domain(known->config, thread, i)) &&
                          !is(recorded, of_domain(known->live, thread, i));
        }
        if (!strange)
                return;
        snprintf(what, sizeof(what), thread == EMULATOR ? "%s" : "%s %u", names[thread], id);
        step_add_sets(steps, scope, what, found, ours);
}

static void look_at_domain(const struct known_pins *known, const char *scope, const struct domain *domain,
                           const struct live_pins *pins, json_t *steps)
{
        for (unsigned v = 0; v < domain->vcpus; v++)
                look(known, scope, VCPU, v, v, &domain->vcpu_cpus[v],
                     pins && v < pins->vcpus ? &pins->vcpu_cpus[v] : NULL, steps);
        look(known, scope, EMULATOR, 0, 0, &domain->emulator, NULL, steps);
        for (unsigned i = 0; i < domain->iothread_count; i++)
                look(known, scope, IOTHREAD, i, domain->iothread_ids[i], &domain->iothread_cpus[i], NULL, steps);
}

/* ---- a domain ---- */

static bool came_so(const struct domain *domain, const char *here)
{
        return domain->placed_by[0] && strcmp(domain->placed_by, here) != 0;
}

int drift_find(const json_t *entry, const char *here, const struct domain *live, const struct live_pins *pins,
               const struct domain *config, const struct topology *topology, json_t *steps)
{
        struct known_pins known;

        if (!json_object_get(entry, "ours"))
                return 0;
        known_pins_read(entry, topology, &known);
        if (live && !came_so(live, here))
                look_at_domain(&known, "live", live, pins, steps);
        if (config && !came_so(config, here))
                look_at_domain(&known, "persistent", config, NULL, steps);
        known_pins_clear(&known);
        return 0;
}

void drift_add_taken(const struct guests *guests, const struct domain *domain, const struct topology *topology,
                     struct guest_placement *placement)
{
        const char *owner = journal_owner(guests, domain->uuid);
        const json_t *entry = owner ? journal_entry(guests, owner, domain->uuid) : NULL;
        struct guest_placement *ours = guest_placement_from_json(json_object_get(entry, "ours"), topology);
        bool same = ours && ours->vcpus == domain->vcpus;

        for (unsigned v = 0; same && v < ours->vcpus; v++)
                same = cpu_set_equal(&ours->vcpu_cpus[v], &domain->vcpu_cpus[v]);
        if (same)
                cpu_set_or(&placement->taken, &ours->taken);
        guest_placement_free(ours);
}

bool drift_has_moved(const json_t *entry, virDomainPtr handle, const struct domain *domain, int cpu_limit)
{
        const json_t *vcpus = json_object_get(json_object_get(entry, "ours"), "vcpus");
        struct live_pins pins = {};
        struct errors ignored = {};
        bool moved = false;

        if (!vcpus || live_read(handle, domain, cpu_limit, &pins, &ignored) < 0)
                return false; /* whoever applies will say why */
        for (unsigned v = 0; v < pins.vcpus && v < json_array_size(vcpus); v++) {
                const char *list = json_string_value(json_object_get(json_array_get(vcpus, v), "cpus"));
                struct cpu_set ours;
                moved |= list && cpu_set_from_list(list, &ours) == 0 && !cpu_set_empty(&pins.vcpu_cpus[v]) &&
                         !cpu_set_equal(&ours, &pins.vcpu_cpus[v]);
        }
        live_pins_clear(&pins);
        return moved;
}
