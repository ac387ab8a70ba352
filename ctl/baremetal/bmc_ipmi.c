/* A BMC by IPMI over LAN (RMCP+), through ipmitool, as Ironic does it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bmc.h"
#include "command.h"
#include "secret.h"
#include "values.h"

#define PATIENCE_S 30

static void last_line(const char *output, char *ret, size_t size)
{
        const char *end = output + strlen(output), *start;

        while (end > output && (end[-1] == '\n' || end[-1] == '\r'))
                end--;
        for (start = end; start > output && start[-1] != '\n';)
                start--;
        snprintf(ret, size, "%.*s", (int)(end - start < 200 ? end - start : 200), start);
}

enum bmc_fault bmc_probe_ipmi(const json_t *info, const char *password, const atomic_bool *cancel,
                              char words[BMC_WORDS])
{
        const char *address = spec_string(info, "ipmi_address"), *user = spec_string(info, "ipmi_username");
        cleanup_secret char *environment = NULL;
        cleanup_free char *output = NULL;
        char port[16], line[224];

        snprintf(port, sizeof(port), "%" PRId64, spec_int(info, "ipmi_port", 623));
        if (asprintf(&environment, "IPMI_PASSWORD=%s", password) < 0) {
                environment = NULL;
                return BMC_ODD;
        }
        int r = command_output(&output, PATIENCE_S, environment, cancel,
                               COMMAND("/usr/bin/ipmitool", "-v", "-I", "lanplus", "-N", "1", "-R", "3", "-H", address,
                                       "-p", port, "-U", user, "-E", "chassis", "power", "status"));
        if (r == 0)
                return BMC_OK;
        if (r != -EIO) {
                snprintf(words, BMC_WORDS,
                         r == -ETIMEDOUT ? "the BMC %.100s does not answer in time"
                                         : "ipmitool cannot be run: is it installed? (for %.100s)",
                         address);
                return r == -ETIMEDOUT ? BMC_UNREACHABLE : BMC_ODD;
        }
        enum bmc_fault fault = bmc_ipmi_words(output);
        last_line(output, line, sizeof(line));
        if (fault == BMC_PASSWORD)
                snprintf(words, BMC_WORDS, "the BMC %.100s does not take user \"%.60s\" with this password", address,
                         user);
        else
                snprintf(words, BMC_WORDS, "the BMC %.100s: %.200s", address, line);
        return fault;
}
