/* The bytes' way to and from a client: its socket as it is, or TLS over it. */
#pragma once

#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct tls;

struct channel {
        int fd;
        struct tls *tls; /* NULL: the unix socket, whose peers the kernel vouches for */
};

/* Bytes; 0: the end; -EAGAIN or another -errno. */
ssize_t channel_read(struct channel *channel, char *buffer, size_t size);
/* Bytes taken, or -errno. What was offered before an -EAGAIN must be offered first again, in full: *ret_offered bytes.
 */
ssize_t channel_write(struct channel *channel, const struct iovec *iov, size_t count, size_t *ret_offered);
/* What epoll must look for beside what the caller wants: TLS may have to write in order to read. */
uint32_t channel_events(const struct channel *channel);
/* No more will be written; what the peer still sends is read. */
void channel_shutdown(struct channel *channel);
void channel_close(struct channel *channel);
