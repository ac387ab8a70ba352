/* See session.h. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "client.h"
#include "command.h"
#include "report.h"
#include "say.h"
#include "session.h"

/* Who may use the socket: named from the file itself, so that the advice is right on this very node. */
static void advise_permission(const char *path)
{
        struct stat st;
        const struct group *group;
        const struct passwd *owner;

        if (stat(path, &st) < 0) {
                advise("its directory may not be entered by this user; try as root, or with sudo");
                return;
        }
        group = getgrgid(st.st_gid);
        owner = getpwuid(st.st_uid);
        if ((st.st_mode & 0060) == 0060 && st.st_gid != 0)
                advise("it is open to user %s and group %s: sudo usermod -aG %s \"$USER\", and log in anew",
                       owner ? owner->pw_name : "?", group ? group->gr_name : "?", group ? group->gr_name : "GROUP");
        else
                advise("it is open to user %s only: try as that user, or with sudo", owner ? owner->pw_name : "?");
}

static int complain_connect(const char *path, int error)
{
        complain("cannot connect to socled at %s: %s", path, strerror(-error));
        switch (-error) {
        case ENOENT:
                advise("is socled running? systemctl status socled");
                advise("does it listen elsewhere? soclectl --socket PATH, or SOCLE_SOCKET=PATH");
                break;
        case ECONNREFUSED:
                advise("the socket is there, but nobody listens: is socled running? systemctl status socled");
                break;
        case EACCES:
        case EPERM:
                advise_permission(path);
                break;
        case EAGAIN:
                advise("too many are waiting to connect: is socled stuck? systemctl status socled");
                break;
        case ENAMETOOLONG:
                advise("the path of a unix socket has at most 107 bytes");
                break;
        case ENOTSOCK:
        case EPROTOTYPE:
                advise("that is not socled's control socket; its default is /run/socle/control.sock");
                break;
        }
        return CLI_UNREACHABLE;
}

int session_connect(struct session *session)
{
        int r;

        if (session->client)
                return CLI_OK;
        if (session->remote.host[0])
                return remote_connect(&session->client, &session->remote, session->timeout_ms);
        r = client_open(&session->client, session->socket);
        return r < 0 ? complain_connect(session->socket, r) : CLI_OK;
}

static const char *where(const struct session *session)
{
        return session->remote.host[0] ? session->remote.host : session->socket;
}

int session_failed(const struct session *session, int error)
{
        switch (-error) {
        case ETIMEDOUT:
                complain("socled at %s did not answer in %g s", where(session), session->timeout_ms / 1000.0);
                advise("it may be busy: try a longer --timeout; or stuck: journalctl -u socled -n 50");
                return CLI_TIMEOUT;
        case ECONNRESET:
                complain("socled at %s closed the connection", where(session));
                advise("journalctl -u socled -n 50 says why");
                return CLI_UNREACHABLE;
        case EBADMSG:
                complain("what answers at %s does not speak JSON-RPC", where(session));
                advise("is that socled's control socket? its default is /run/socle/control.sock");
                return CLI_UNREACHABLE;
        default:
                complain("the connection to socled at %s failed: %s", where(session), strerror(-error));
                return CLI_UNREACHABLE;
        }
}

int session_request(struct session *session, const char *method, json_t *params, int extra_ms, json_t **ret_reply)
{
        int status = session_connect(session), r;

        if (status) {
                json_decref(params);
                return status;
        }
        r = client_call(session->client, method, params, session->timeout_ms + extra_ms, ret_reply);
        if (r < 0) {
                session->client = client_close(session->client);
                return session_failed(session, r);
        }
        return CLI_OK;
}

int session_call(struct session *session, const char *method, json_t *params, json_t **ret_result)
{
        json_t *reply = NULL;
        int status = session_request(session, method, params, 0, &reply);

        if (status)
                return status;
        if (json_object_get(reply, "error"))
                status = report_error(json_object_get(reply, "error"), NULL);
        else
                *ret_result = json_incref(json_object_get(reply, "result"));
        json_decref(reply);
        return status;
}
