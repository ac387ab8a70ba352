/* The words of a description, one after another, and complaints that point into them. For parse.c and options.c. */
#pragma once

#include "packet.h"

struct words {
        const char *text;
        const char *word; /* the one looked at */
        size_t length;    /* its own; 0: the end of the text */
        struct packet_fault *fault;
};

/* Looks at the next word: what stands between blanks; a '>' is one of its own. */
void words_next(struct words *words);
bool words_is(const struct words *words, const char *word);
/* The word (a part of it), copied. False: longer than that. */
bool words_copy(const char *from, size_t length, char *to, size_t size);

/* Complains about what stands at `at`: -EINVAL. */
int words_fail(struct words *words, const char *at, const char *expected, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* A decimal number from `from` on, `length` characters, that is called `what`. */
int words_number(struct words *words, const char *what, const char *from, size_t length, unsigned min, unsigned max,
                 unsigned *ret);
/* An address of `length` characters: v4-mapped or IPv6. */
int words_ip(struct words *words, const char *from, size_t length, uint8_t ret[16]);
