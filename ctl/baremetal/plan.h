/* The next step of an enrolment, or of taking one back: a pure function of what is wanted and of what Ironic says there
 * is. So it can be cut off anywhere: whoever comes after looks, and goes on. Works with node.c, which takes the steps.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct view {
        /* wanted */
        const json_t *desired; /* of desired_make(); for leaving, only its node's uuid matters */
        const char *target;    /* manageable, available, active */
        const char *by;        /* marks what we make */
        const char *image_source;
        const json_t *inventory; /* answers Ironic's inspection; NULL: the spec does not say so */
        int version;             /* microversion */

        /* seen: as Ironic has it; NULL: nothing there */
        const json_t *node, *ports, *portgroups, *traits;

        /* of this run */
        bool checked;      /* BMC and duplicates were looked at: it may be written */
        bool new_password; /* Ironic has not been given the BMC's password that there is now */
        bool validated;    /* Ironic has said that the drivers have what they need */
        bool released;     /* the host is cordoned and empty, and its name was given as consent */
        bool settled;     /* the target of this spec was reached once: what others do with the node is their business */
        bool adopted;     /* it is active because we asked for that, and nobody has deployed it since */
        bool inspected;   /* this inspection has been answered */
        const char *verb; /* last asked for, */
        unsigned asked;   /* so many times in a row */

        json_t *notes; /* told beside the status: what is left as it is, and why; NULL: nobody wants to know */
};

/* By which a later run knows that maintenance was only our way out. */
#define LEAVING_REASON "its record is taken back"

enum next_type {
        NEXT_DONE,
        NEXT_CHECK,    /* nothing is written before BMC and duplicates have been looked at */
        NEXT_VALIDATE, /* GET …/validate */
        NEXT_RELEASE,  /* is the host free to be given away? */
        NEXT_REQUEST,
        NEXT_WAIT,    /* Ironic is at it */
        NEXT_BLOCKED, /* somebody must do something first: `words` */
        NEXT_FAIL,    /* it cannot be: `words` */
};

enum { STEP_SIZE = 96, PATH_BYTES = 192, PLAN_WORDS = 640 };

struct next {
        enum next_type type;
        char step[STEP_SIZE]; /* for people: "create port 52:54:00:…" */
        const char *method;
        char path[PATH_BYTES];
        json_t *body;     /* NEXT_REQUEST: NULL: none */
        bool password;    /* the BMC's password goes in: an object's driver_info, or a patch */
        const char *verb; /* of a change of state; NULL: it is none */
        bool inspection;  /* the answer to one */
        char words[PLAN_WORDS];
};
void next_clear(struct next *next);

void plan_enrolment(const struct view *view, struct next *ret);
/* Takes back what we made: the node if it is ours, else our ports and port groups on it. */
void plan_leaving(const struct view *view, struct next *ret);

/* ---- between plan.c, plan_diff.c and plan_leave.c ---- */

void next_request(struct next *next, const char *method, json_t *body, const char *step, const char *path, ...)
        __attribute__((format(printf, 5, 6)));
void next_say(struct next *next, enum next_type type, const char *step, const char *words, ...)
        __attribute__((format(printf, 4, 5)));
/* A few times at most; then the state is what Ironic made of it, and that is told as a failure. */
void plan_verb(const struct view *view, const char *verb, struct next *ret);
void plan_note(const struct view *view, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What Ironic must be told of node, ports, port groups and traits. False: nothing, and `ret` is untouched. */
bool plan_differences(const struct view *view, struct next *ret);
/* Does Ironic work on it, or has somebody locked it? */
bool plan_busy(const struct view *view, struct next *ret);

bool is_uuid(const char *text);
const char *seen_state(const json_t *node); /* provision_state, "" */
bool plan_is_ours(const struct view *view);
/* Is the text in the list, which NULL ends? */
bool one_of(const char *text, const char *const *list);
#define ONE_OF(text, ...) one_of(text, (const char *const[]){__VA_ARGS__, NULL})
