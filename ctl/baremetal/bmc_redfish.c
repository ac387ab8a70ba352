/* A BMC by Redfish (DSP0266): its service root, which anybody may see, then its systems, which one may not. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bmc.h"
#include "fault.h"
#include "transfer.h"
#include "values.h"

/* 0, or the fault with words. */
static enum bmc_fault get(struct transfer *transfer, const json_t *info, const char *password, const char *path,
                          json_t **ret, char words[BMC_WORDS])
{
        cleanup_free char *url = NULL;
        char why[TRANSFER_WORDS], said[FAULT_WORDS];
        struct reply reply = {};
        enum bmc_fault fault = BMC_OK;

        if (asprintf(&url, "%s%s", spec_string(info, "redfish_address"), path) < 0)
                return BMC_ODD;
        const struct request request = {.method = "GET",
                                        .url = url,
                                        .username = spec_string(info, "redfish_username"),
                                        .password = password};
        int r = transfer_send(transfer, &request, &reply, why);
        if (r < 0) {
                snprintf(words, BMC_WORDS, "the BMC: %s", why);
                return r == -EKEYREJECTED || r == -ENOENT ? BMC_CERTIFICATE : BMC_UNREACHABLE;
        }
        json_t *body = json_loadb(reply.body, reply.length, 0, NULL);
        if (reply.status == 401 || reply.status == 403) {
                snprintf(words, BMC_WORDS, "the BMC does not take user \"%.60s\" with this password (HTTP %d)",
                         request.username, reply.status);
                fault = BMC_PASSWORD;
        } else if (reply.status >= 400) {
                fault_decode(reply.status, reply.body, reply.length, said);
                snprintf(words, BMC_WORDS, "the BMC answers %s with HTTP %d: %.300s", path, reply.status, said);
                fault = BMC_ODD;
        } else if (!json_is_object(body)) {
                snprintf(words, BMC_WORDS, "what answers at the BMC's address %.120s is not Redfish", url);
                fault = BMC_ODD;
        }
        reply_clear(&reply);
        if (fault == BMC_OK)
                *ret = body;
        else
                json_decref(body);
        return fault;
}

static enum bmc_fault ask(struct transfer *transfer, const json_t *info, const char *password, char words[BMC_WORDS])
{
        const char *system = spec_string(info, "redfish_system_id") ?: "/redfish/v1/Systems";
        json_t *body = NULL;
        enum bmc_fault fault = get(transfer, info, password, "/redfish/v1/", &body, words);

        if (fault != BMC_OK)
                return fault;
        bool is_root = json_object_get(body, "RedfishVersion") || json_object_get(body, "Systems");
        json_decref(body);
        if (!is_root) {
                snprintf(words, BMC_WORDS, "what answers at the BMC's address is no Redfish service");
                return BMC_ODD;
        }
        fault = get(transfer, info, password, system, &body, words);
        if (fault != BMC_OK)
                return fault;
        size_t count = json_array_size(json_object_get(body, "Members"));
        if (!spec_string(info, "redfish_system_id") && count != 1) {
                snprintf(words, BMC_WORDS, "the BMC has %zu systems: system_id must say which one is meant", count);
                fault = BMC_ODD;
        }
        json_decref(body);
        return fault;
}

enum bmc_fault bmc_probe_redfish(const json_t *info, const char *ca, const char *password, const atomic_bool *cancel,
                                 char words[BMC_WORDS])
{
        const struct transfer_options options = {
                .ca = ca, .unverified = json_is_false(json_object_get(info, "redfish_verify_ca")), .cancel = cancel};
        cleanup_(transfer_free_p) struct transfer *transfer = NULL;

        if (transfer_new(&transfer, &options) < 0) {
                snprintf(words, BMC_WORDS, "out of memory");
                return BMC_ODD;
        }
        return ask(transfer, info, password, words);
}
