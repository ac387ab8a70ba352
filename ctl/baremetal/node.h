/* The thread of one BaremetalNode: an Ironic, a BMC or lldpd may take their time, and no other node, nor the control
 * socket, is to wait for them. Wants go in; statuses and notes come out as letters, which the loop collects. All
 * functions here are the loop's side. Works with enrolment.c (what is done) and baremetal.c. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "enrolment.h"

struct node;

enum letter_kind { LETTER_TELL, LETTER_NOTE, LETTER_LEFT };

struct node_letter {
        enum letter_kind kind;
        uint64_t want; /* that it is about, as node_want() has numbered it */
        json_t *status;
        char *text; /* the failure, or the note */
        bool settled;
        int priority;
        struct node_letter *next;
};

/* `fd`: an eventfd that is written when there are letters. Texts are copied. */
int node_new(struct node **ret, const char *name, const struct enrolment_options *options, int fd);
/* Ends what is under way; nothing in Ironic changes by it. Does not wait: of many, all are told first. */
void node_cancel(struct node *node);
/* Waits for the request that is under way to be cut off. */
struct node *node_free(struct node *node);

/* What is wanted from now on; takes over `spec`, which is nobody else's. NULL: it is to be taken back. The number of
 * this want: letters may still come about those before. */
uint64_t node_want(struct node *node, json_t *spec, uint64_t revision);
void node_tell_facts(struct node *node, const struct host_facts *facts);
struct node_letter *node_letters(struct node *node); /* the caller's */
struct node_letter *node_letter_free(struct node_letter *letter);
