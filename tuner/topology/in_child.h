/* A function run in a child process, so that it can harm nobody: with an environment of its own, with its words kept
 * apart, ended when it takes too long, and free to crash. Works with topology.c. */
#pragma once

#define CHILD_CRASHED (-1000) /* below any -errno */

/* Answers what work(user) has returned, 0 or more; CHILD_CRASHED, -ETIMEDOUT, or -errno of fork() and the like.
 * Standard output and error of the child go to the descriptor `words`. `environment` ends with NULL. */
int in_child(int (*work)(const void *user), const void *user, char **environment, int words);
