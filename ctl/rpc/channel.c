/* See channel.h. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"
#include "tls.h"

#define RECORD_BYTES 16384 /* a TLS record at most, RFC 8446 5.1 */

ssize_t channel_read(struct channel *channel, char *buffer, size_t size)
{
        if (channel->tls)
                return tls_read(channel->tls, buffer, size);
        ssize_t n = recv(channel->fd, buffer, size, MSG_DONTWAIT);
        return n >= 0 ? n : errno == EINTR ? -EAGAIN : -errno;
}

/* Small answers share a record. */
static ssize_t write_record(struct tls *tls, const struct iovec *iov, size_t count, size_t *ret_offered)
{
        static char record[RECORD_BYTES]; /* one thread: it is empty again when we return */
        size_t used = 0;

        for (size_t i = 0; i < count && used < sizeof(record); i++) {
                size_t part = iov[i].iov_len < sizeof(record) - used ? iov[i].iov_len : sizeof(record) - used;
                memcpy(record + used, iov[i].iov_base, part);
                used += part;
        }
        *ret_offered = used;
        return tls_write(tls, record, used);
}

ssize_t channel_write(struct channel *channel, const struct iovec *iov, size_t count, size_t *ret_offered)
{
        struct msghdr message = {.msg_iov = (struct iovec *)iov, .msg_iovlen = count};

        if (channel->tls)
                return write_record(channel->tls, iov, count, ret_offered);
        *ret_offered = 0;
        ssize_t n = sendmsg(channel->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        return n >= 0 ? n : errno == EINTR ? -EAGAIN : -errno;
}

uint32_t channel_events(const struct channel *channel)
{
        return channel->tls ? tls_events(channel->tls) & EPOLLOUT : 0;
}

void channel_shutdown(struct channel *channel)
{
        if (channel->tls)
                tls_bye(channel->tls);
        shutdown(channel->fd, SHUT_WR);
}

void channel_close(struct channel *channel)
{
        channel->tls = tls_free(channel->tls);
        if (channel->fd >= 0)
                close(channel->fd);
        channel->fd = -1;
}
