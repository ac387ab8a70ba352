/* libvirt's errors as ours. See connection.h. */
#include <errno.h>
#include <libvirt/virterror.h>
#include <stdarg.h>

#include "connection.h"

int connection_error(void)
{
        const virError *error = virGetLastError();

        switch (error ? error->code : VIR_ERR_INTERNAL_ERROR) {
        case VIR_ERR_NO_DOMAIN:
                return -ENOENT;
        case VIR_ERR_OPERATION_TIMEOUT:
                return -EBUSY;
        case VIR_ERR_ACCESS_DENIED:
        case VIR_ERR_AUTH_FAILED:
        case VIR_ERR_AUTH_UNAVAILABLE:
        case VIR_ERR_OPERATION_DENIED:
                return -EACCES;
        case VIR_ERR_NO_MEMORY:
                return -ENOMEM;
        case VIR_ERR_NO_CONNECT:
        case VIR_ERR_INVALID_CONN:
                return -ENOTCONN;
        default:
                return error && error->domain == VIR_FROM_RPC ? -ENOTCONN : -EIO;
        }
}

int connection_complain(struct errors *errors, const char *pointer, const char *expected, const char *what, ...)
{
        const char *words = virGetLastErrorMessage();
        int code = connection_error();
        char text[128];
        va_list args;

        va_start(args, what);
        vsnprintf(text, sizeof(text), what, args);
        va_end(args);
        errors_add(errors, code, pointer, expected, "%s: %s", text, words);
        return code;
}
