/* See screen.h. */
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "screen.h"

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
        caught = number;
}

void interrupt_catch(void)
{
        struct sigaction action = {.sa_handler = on_signal};

        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
}

bool interrupted(void)
{
        return caught != 0;
}

void screen_open(struct screen *screen)
{
        struct termios raw;

        interrupt_catch();
        if (!screen->live)
                return;
        printf("\x1b[?1049h\x1b[?25l"); /* the alternate screen, no cursor */
        if (isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &screen->saved) == 0) {
                raw = screen->saved;
                raw.c_lflag &= ~(ICANON | ECHO);
                screen->keys = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
        }
}

void screen_close(struct screen *screen)
{
        if (screen->keys)
                tcsetattr(STDIN_FILENO, TCSANOW, &screen->saved);
        if (screen->live)
                printf("\x1b[?25h\x1b[?1049l");
        fflush(stdout);
}

void screen_clear(const struct screen *screen)
{
        if (screen->live)
                printf("\x1b[H\x1b[J");
}

int screen_rows(void)
{
        struct winsize size;

        return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : 24;
}

int screen_columns(void)
{
        struct winsize size;

        return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

bool screen_wait(const struct screen *screen, double seconds)
{
        struct timespec now;
        double end, left;

        clock_gettime(CLOCK_MONOTONIC, &now);
        end = now.tv_sec + now.tv_nsec / 1e9 + seconds;
        for (;;) {
                struct pollfd key = {.fd = screen->keys ? STDIN_FILENO : -1, .events = POLLIN};
                char typed;

                clock_gettime(CLOCK_MONOTONIC, &now);
                left = end - (now.tv_sec + now.tv_nsec / 1e9);
                if (interrupted())
                        return false;
                if (left <= 0)
                        return true;
                if (poll(&key, 1, (int)ceil(left * 1000)) > 0 &&
                    (read(STDIN_FILENO, &typed, 1) != 1 || typed == 'q' || typed == 'Q'))
                        return false;
        }
}
