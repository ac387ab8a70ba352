/* See enrolment.h: the last gate. Cleaning wipes a machine's disks; before that, this host is cordoned, empty of
 * guests, out of the tenants' networks, and somebody has said its name. Each is a step of the status, and one that is
 * not passed holds the rest back. */
#include <stdio.h>
#include <string.h>

#include "domains.h"
#include "enrolment.h"
#include "values.h"
#include "wording.h"

#define LOOK_AGAIN_MS 3000

struct gate {
        const char *step;
        /* True: passed; `words` may say how. */
        bool (*open)(const struct enrolment *enrolment, char *words, size_t size);
        bool here; /* only of the host that socled runs on */
};

static bool is_cordoned(const struct enrolment *enrolment, char *words, size_t size)
{
        if (!enrolment->facts.cordoned)
                snprintf(words, size, "the tuner has not stopped placing guests yet");
        return enrolment->facts.cordoned;
}

static bool is_empty(const struct enrolment *enrolment, char *words, size_t size)
{
        const char *uri = enrolment->options.libvirt_uri;
        char names[320];

        if (!uri[0]) {
                snprintf(words, size, "there are no guests: libvirt_uri is empty in socled.conf");
                return true;
        }
        int count = domains_left(uri, enrolment->cancel, names, sizeof(names));
        if (count < 0)
                snprintf(words, size, "%s", names);
        else if (count > 0)
                snprintf(words, size, "%d %s left: %s", count, count == 1 ? "guest is" : "guests are", names);
        return count == 0;
}

static bool is_out_of_networks(const struct enrolment *enrolment, char *words, size_t size)
{
        snprintf(words, size, "%s", enrolment->facts.holding);
        return !enrolment->facts.holding[0];
}

static bool is_consented(const struct enrolment *enrolment, char *words, size_t size)
{
        const char *name = is_other_machine(enrolment->spec) ? enrolment->name : enrolment->options.by;
        const char *consent = spec_string(enrolment->spec, "consent");

        if (consent && strcmp(consent, name) == 0)
                return true;
        snprintf(words, size, "cleaning may wipe the disks of %.100s: /spec/consent must be that name%s%.60s%s", name,
                 consent ? ", and is \"" : "", consent ?: "", consent ? "\"" : "");
        return false;
}

static const struct gate gates[] = {
        {"cordon", is_cordoned, true},
        {"guests gone", is_empty, true},
        {"ports released", is_out_of_networks, true},
        {"consent", is_consented, false},
};

int pass_gates(struct enrolment *enrolment)
{
        enrolment->facts = enrolment->ask_facts(enrolment->user);
        for (size_t i = 0; i < ARRAY_LEN(gates); i++) {
                char words[400] = "";

                if (gates[i].here && is_other_machine(enrolment->spec))
                        continue;
                bool open = gates[i].open(enrolment, words, sizeof(words));
                wording_repair(words);
                progress_note(&enrolment->progress, gates[i].step, open ? STEP_DONE : STEP_WAITING, "", words);
                if (!open) {
                        tell_status(enrolment, "waiting", words);
                        return LOOK_AGAIN_MS;
                }
        }
        return 0;
}

int act_release(struct enrolment *enrolment)
{
        int wait = pass_gates(enrolment);

        enrolment->released = wait == 0;
        return wait;
}
