/* What soclectl says to the person in front of it: colours, complaints and the advice that goes with them. */
#pragma once

#include <stdbool.h>

enum colour { PLAIN, BOLD, DIM, RED, GREEN, YELLOW, CYAN };

/* "auto" (terminals only, and not with NO_COLOR), "always" or "never". */
void say_colours(const char *when);
bool say_colours_on(void); /* on stdout */

/* The escape sequence for stdout, or "" without colours. */
const char *paint(enum colour colour);

/* To stderr: what is wrong; then, on a line of its own, what to do next. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
void advise(const char *format, ...) __attribute__((format(printf, 1, 2)));
