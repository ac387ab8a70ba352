/* Doing something in another network namespace. Control thread only: it is this thread alone that moves. */
#pragma once

/* Calls f(user) in the namespace: a name as `ip netns` has it, a path with a '/', or "" for the dataplane's own.
 * Returns f's value, or -errno (-ENOENT: no such namespace). */
int netns_run(const char *netns, int (*f)(void *user), void *user);
