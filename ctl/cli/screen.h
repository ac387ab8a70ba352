/* A screen that is drawn again and again, for `top` and `perf`: on a terminal in place, and until q; else one below the
 * other. And the signals that end whatever goes on until it is interrupted. */
#pragma once

#include <stdbool.h>
#include <termios.h>

struct screen {
        bool live; /* in: a terminal to draw on, and no number of frames was asked for */
        bool keys; /* single keys arrive */
        struct termios saved;
};

void screen_open(struct screen *screen);
void screen_close(struct screen *screen); /* the terminal as it was */
void screen_clear(const struct screen *screen);
int screen_rows(void);
int screen_columns(void); /* 0: unknown, or no terminal */
/* Sleeps; false when it was time to quit: q, or a signal. */
bool screen_wait(const struct screen *screen, double seconds);

/* SIGINT and SIGTERM from now on only set what `interrupted` says, and end system calls with EINTR. */
void interrupt_catch(void);
bool interrupted(void);
