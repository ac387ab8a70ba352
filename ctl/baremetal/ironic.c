/* See ironic.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "identity.h"
#include "ironic.h"
#include "transfer.h"
#include "values.h"
#include "wording.h"

#define PAGES_MAX 1000

struct ironic {
        struct transfer *transfer;
        struct identity *identity;
        json_t *spec;
        char *endpoint;
        int version;
        char version_header[64];
};

void answer_clear(struct answer *answer)
{
        json_decref(answer->body);
        *answer = (struct answer){};
}

struct ironic *ironic_free(struct ironic *ironic)
{
        if (!ironic)
                return NULL;
        identity_free(ironic->identity);
        transfer_free(ironic->transfer);
        json_decref(ironic->spec);
        free(ironic->endpoint);
        free(ironic);
        return NULL;
}

int ironic_new(struct ironic **ret, const json_t *spec, const atomic_bool *cancel)
{
        cleanup_(ironic_free_p) struct ironic *ironic = calloc(1, sizeof(*ironic));
        const struct transfer_options options = {.ca = spec_string(spec, "ca"), .cancel = cancel};

        if (!ironic)
                return -ENOMEM;
        ironic->spec = json_incref((json_t *)spec);
        int r = transfer_new(&ironic->transfer, &options);
        if (r == 0)
                r = identity_new(&ironic->identity, spec, ironic->transfer);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(ironic);
        return 0;
}

int ironic_version(const struct ironic *ironic)
{
        return ironic->version;
}

const char *ironic_endpoint(const struct ironic *ironic)
{
        return ironic->endpoint;
}

/* ---- one request ---- */

/* A 404 of a proxy's is no word on what is in Ironic. */
static void take_refusal(const struct reply *reply, struct answer *ret)
{
        ret->fault = fault_decode(reply->status, reply->body, reply->length, ret->words);
        if (ret->fault == FAULT_NOT_FOUND && !fault_is_ironics(reply->body, reply->length)) {
                ret->fault = FAULT_BUSY;
                snprintf(ret->words, sizeof(ret->words), "what stands before Ironic answers 404");
        }
}

/* What was asked for comes as an object; only a write may be answered by nothing. */
static void take_reply(const char *method, struct reply *reply, struct answer *ret)
{
        bool silent = reply->length == 0 && strcmp(method, "GET") != 0;

        ret->status = reply->status;
        snprintf(ret->request_id, sizeof(ret->request_id), "%s", reply->request_id);
        if (reply->status >= 400) {
                take_refusal(reply, ret);
                return;
        }
        ret->body = json_loadb(reply->body, reply->length, 0, NULL);
        if (reply->status >= 300 || (!silent && !json_is_object(ret->body))) {
                ret->fault = FAULT_GARBAGE;
                snprintf(ret->words, sizeof(ret->words), "the answer (%d) is not Ironic's: is the endpoint right?",
                         reply->status);
        }
}

static enum fault send(struct ironic *ironic, struct request *request, struct answer *ret)
{
        char why[TRANSFER_WORDS];
        struct reply reply = {};
        int r = transfer_send(ironic->transfer, request, &reply, why);

        ret->fault = fault_of_transfer(r);
        if (r < 0)
                snprintf(ret->words, sizeof(ret->words), "Ironic: %s", why);
        else
                take_reply(request->method, &reply, ret);
        reply_clear(&reply);
        return ret->fault;
}

/* Twice at most: the second time with a new token. */
static void send_signed(struct ironic *ironic, const char *method, const char *url, json_t *body, struct answer *ret)
{
        for (bool again = true;; again = false) {
                struct request request = {.method = method,
                                          .url = url,
                                          .body = body,
                                          .headers = {ironic->version ? ironic->version_header : NULL}};

                answer_clear(ret);
                ret->fault = ironic->identity->way->sign(ironic->identity, &request, ret->words);
                if (ret->fault != FAULT_NONE)
                        return;
                send(ironic, &request, ret);
                wording_hide(ret->words, ironic->identity->secret);
                wording_repair(ret->words);
                if (ret->fault != FAULT_DENIED)
                        return;
                if (!again || !ironic->identity->way->renew(ironic->identity))
                        return;
        }
}

/* ---- before the first ---- */

/* Without the slash and the /v1 at its end. */
static char *endpoint_of(const char *url)
{
        size_t length = strlen(url);

        while (length > 0 && url[length - 1] == '/')
                length--;
        if (length > 3 && strncmp(url + length - 3, "/v1", 3) == 0)
                length -= 3;
        while (length > 0 && url[length - 1] == '/')
                length--;
        return strndup(url, length);
}

/* From the spec, else from the catalogue, which comes with a token. */
static enum fault find_endpoint(struct ironic *ironic, struct answer *ret)
{
        const char *url = spec_string(ironic->spec, "endpoint");
        struct request nothing = {};

        if (!url) {
                ret->fault = ironic->identity->way->sign(ironic->identity, &nothing, ret->words);
                url = ironic->identity->endpoint;
        }
        if (ret->fault == FAULT_NONE && url)
                ironic->endpoint = endpoint_of(url);
        return ret->fault;
}

static enum fault find_version(struct ironic *ironic, struct answer *ret)
{
        cleanup_free char *url = NULL;
        const struct request request = {.method = "GET"};
        struct request root = request;
        struct reply reply = {};
        char why[TRANSFER_WORDS];

        if (asprintf(&url, "%s/", ironic->endpoint) < 0)
                return ret->fault = FAULT_UNREACHABLE;
        root.url = url;
        int r = transfer_send(ironic->transfer, &root, &reply, why);
        ret->fault = fault_of_transfer(r);
        if (r < 0) {
                snprintf(ret->words, sizeof(ret->words), "Ironic: %s", why);
                return ret->fault;
        }
        json_t *versions = json_loadb(reply.body, reply.length, 0, NULL);
        if (reply.status >= 400)
                ret->fault = fault_decode(reply.status, reply.body, reply.length, ret->words);
        else if ((ironic->version = api_negotiate(versions, ret->words)) == 0)
                ret->fault = FAULT_VERSION;
        json_decref(versions);
        reply_clear(&reply);
        snprintf(ironic->version_header, sizeof(ironic->version_header), "X-OpenStack-Ironic-API-Version: 1.%d",
                 ironic->version);
        return ret->fault;
}

enum fault ironic_open(struct ironic *ironic, struct answer *ret)
{
        *ret = (struct answer){};
        if (!ironic->endpoint && find_endpoint(ironic, ret) != FAULT_NONE)
                return ret->fault;
        return ironic->version == 0 ? find_version(ironic, ret) : FAULT_NONE;
}

void ironic_call(struct ironic *ironic, const char *method, const char *path, json_t *body, struct answer *ret)
{
        cleanup_free char *url = NULL;

        if (ironic_open(ironic, ret) != FAULT_NONE)
                return;
        if (asprintf(&url, "%s%s", ironic->endpoint, path) < 0) {
                ret->fault = FAULT_UNREACHABLE;
                snprintf(ret->words, sizeof(ret->words), "out of memory");
                return;
        }
        send_signed(ironic, method, url, body, ret);
        if (ret->fault == FAULT_VERSION)
                ironic->version = 0; /* it was upgraded, or put back: asked again the next time */
}

void ironic_list(struct ironic *ironic, const char *path, const char *list, struct answer *ret)
{
        json_t *all = json_array();
        cleanup_free char *at = strdup(path);

        for (int page = 0; page < PAGES_MAX; page++) {
                ironic_call(ironic, "GET", at, NULL, ret);
                if (ret->fault != FAULT_NONE)
                        break;
                json_array_extend(all, json_object_get(ret->body, list));
                const char *next = spec_string(ret->body, "next");
                const char *v1 = next ? strstr(next, "/v1/") : NULL; /* its host may be another inside and outside */
                free(at);
                at = v1 ? strdup(v1) : NULL;
                json_decref(ret->body);
                ret->body = NULL;
                if (!at)
                        break;
        }
        if (ret->fault == FAULT_NONE)
                ret->body = all;
        else
                json_decref(all);
}
