/* Ownership one can see: cleanup attributes and TAKE_PTR, after systemd's macro-fundamental.h.
 * A destructor takes NULL and returns NULL, so that `x = x_free(x)` leaves nothing dangling. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define cleanup_(f) __attribute__((cleanup(f)))

/* The value of a pointer or descriptor, whose owner gives it away. */
#define TAKE_PTR(p)                                                                                                    \
        ({                                                                                                             \
                typeof(p) take_ = (p);                                                                                 \
                (p) = NULL;                                                                                            \
                take_;                                                                                                 \
        })
#define TAKE_FD(fd)                                                                                                    \
        ({                                                                                                             \
                int take_ = (fd);                                                                                      \
                (fd) = -1;                                                                                             \
                take_;                                                                                                 \
        })

/* Defines the cleanup function of a type whose destructor is `f`. */
#define DEFINE_CLEANUP(type, f)                                                                                        \
        static inline void f##_p(type *p)                                                                              \
        {                                                                                                              \
                if (*p)                                                                                                \
                        f(*p);                                                                                         \
        }

static inline void free_p(void *p)
{
        free(*(void **)p);
}
#define cleanup_free cleanup_(free_p)

static inline void close_p(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}
#define cleanup_close cleanup_(close_p)

static inline void fclose_p(FILE **f)
{
        if (*f)
                fclose(*f);
}
#define cleanup_fclose cleanup_(fclose_p)

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
