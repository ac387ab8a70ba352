/* What the neighbours tell, from lldpd by its library, in bounded time: the library's own way to talk has no end. No
 * lldpd, no neighbours: no error. */
#include <errno.h>
#include <lldp-const.h>
#include <lldpctl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "inventory.h"
#include "socle/cleanup.h"

#define PATIENCE_S 3

struct talk {
        int fd;
        time_t until; /* of the monotonic clock; one that answers byte by byte is cut off, too */
        bool late;
};

static time_t now_s(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec;
}

/* -errno, as connect() has it. */
static int connect_to(const char *socket_path, int *ret)
{
        const struct timeval patience = {.tv_sec = PATIENCE_S};
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        if (strlen(socket_path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, socket_path, strlen(socket_path));
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
            connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        *ret = TAKE_FD(fd);
        return 0;
}

static ssize_t on_send(lldpctl_conn_t *connection, const uint8_t *data, size_t size, void *user)
{
        struct talk *talk = user;
        ssize_t n = now_s() < talk->until ? send(talk->fd, data, size, MSG_NOSIGNAL) : -1;

        talk->late = talk->late || n < 0;
        return n < 0 ? LLDPCTL_ERR_CALLBACK_FAILURE : n;
}

static ssize_t on_receive(lldpctl_conn_t *connection, const uint8_t *data, size_t size, void *user)
{
        struct talk *talk = user;
        ssize_t n = now_s() < talk->until ? recv(talk->fd, (uint8_t *)data, size, 0) : -1;

        talk->late = talk->late || n < 0;
        return n < 0 ? LLDPCTL_ERR_CALLBACK_FAILURE : n == 0 ? LLDPCTL_ERR_EOF : n;
}

/* CDP and its like tell of switches, too, but not in LLDP's words. */
static bool speaks_lldp(lldpctl_atom_t *neighbour)
{
        return lldpctl_atom_get_int(neighbour, lldpctl_k_port_protocol) == LLDPD_MODE_LLDP;
}

/* The first neighbour: of several, nobody knows which one is the switch. */
static void read_interface(json_t *all, lldpctl_atom_t *interface)
{
        const char *name = lldpctl_atom_get_str(interface, lldpctl_k_interface_name);
        lldpctl_atom_t *port = lldpctl_get_port(interface), *neighbour;
        lldpctl_atom_t *neighbours = port ? lldpctl_atom_get(port, lldpctl_k_port_neighbors) : NULL;

        if (neighbours)
                lldpctl_atom_foreach(neighbours,
                                     neighbour) if (name && !json_object_get(all, name) && speaks_lldp(neighbour))
                        json_object_set_new(all, name, lldp_tlvs(neighbour));
        if (neighbours)
                lldpctl_atom_dec_ref(neighbours);
        if (port)
                lldpctl_atom_dec_ref(port);
}

static void say_nothing(int severity, const char *text)
{
}

static void read_all(json_t *all, lldpctl_conn_t *connection)
{
        lldpctl_atom_t *interfaces = lldpctl_get_interfaces(connection), *interface;

        if (!interfaces)
                return;
        lldpctl_atom_foreach(interfaces, interface) read_interface(all, interface);
        lldpctl_atom_dec_ref(interfaces);
}

json_t *lldp_read(const char *socket_path, json_t *notes)
{
        struct talk talk = {.fd = -1, .until = now_s() + PATIENCE_S + 1};
        json_t *all = json_object();
        int r = connect_to(socket_path, &talk.fd);

        if (r == -EACCES || r == -EPERM)
                json_array_append_new(notes, json_sprintf("lldpd's socket %s cannot be opened (%s): socled's user must "
                                                          "be in its group, _lldpd",
                                                          socket_path, strerror(-r)));
        if (r < 0)
                return all;
        lldpctl_log_callback(say_nothing);
        lldpctl_conn_t *connection = lldpctl_new_name(socket_path, on_send, on_receive, &talk);
        if (connection) {
                read_all(all, connection);
                if (talk.late)
                        json_array_append_new(notes, json_sprintf("lldpd (%s) does not answer in time", socket_path));
                lldpctl_release(connection);
        }
        close(talk.fd);
        return all;
}
