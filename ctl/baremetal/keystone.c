/* Identities of Keystone's: a token for a password or an application credential (Identity API v3, POST
 * /v3/auth/tokens), and the endpoint that the token's catalogue names. The token is asked for when there is none; 401
 * throws it away. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "identity.h"
#include "secret.h"
#include "values.h"
#include "wording.h"

#define AUTH_PATH "/v3/auth/tokens"

static json_t *password_body(const struct identity *identity)
{
        const json_t *spec = identity->spec;

        return json_pack("{s{s{s[s], s{s{ss, s{ss}, ss}}}, s{s{ss, s{ss}}}}}", "auth", "identity", "methods",
                         "password", "password", "user", "name", spec_string(spec, "username"), "domain", "name",
                         spec_string(spec, "user_domain"), "password", identity->secret, "scope", "project", "name",
                         spec_string(spec, "project"), "domain", "name", spec_string(spec, "project_domain"));
}

static json_t *credential_body(const struct identity *identity)
{
        return json_pack("{s{s{s[s], s{ss, ss}}}}", "auth", "identity", "methods", "application_credential",
                         "application_credential", "id", spec_string(identity->spec, "id"), "secret", identity->secret);
}

/* With or without /v3 at its end. */
static char *token_url(const char *auth_url)
{
        int length = (int)strlen(auth_url);
        char *url;

        while (length > 0 && auth_url[length - 1] == '/')
                length--;
        if (length > 3 && strncmp(auth_url + length - 3, "/v3", 3) == 0)
                length -= 3;
        return asprintf(&url, "%.*s" AUTH_PATH, length, auth_url) < 0 ? NULL : url;
}

/* What the reply to a request for a token means: the header to sign with, and the endpoint. */
static enum fault take_token(struct identity *identity, const struct reply *reply, char words[FAULT_WORDS])
{
        const char *interface = spec_string(identity->ironic, "interface"),
                   *region = spec_string(identity->ironic, "region");
        json_t *token = json_loadb(reply->body, reply->length, 0, NULL);
        const char *url = catalogue_find(token, interface, region);
        enum fault fault = FAULT_NONE;

        if (!reply->token || !json_is_object(token)) {
                snprintf(words, FAULT_WORDS, "Keystone's answer is no token");
                fault = FAULT_GARBAGE;
        } else if (!url && !spec_string(identity->ironic, "endpoint")) {
                snprintf(words, FAULT_WORDS, "Keystone's catalogue has no %s endpoint of type baremetal%s%s", interface,
                         region ? " in region " : "", region ?: "");
                fault = FAULT_REFUSED;
        } else {
                free(identity->endpoint);
                identity->endpoint = url ? strdup(url) : NULL;
                if (asprintf(&identity->token_header, "X-Auth-Token: %s", reply->token) < 0)
                        identity->token_header = NULL;
        }
        json_decref(token);
        return fault;
}

static enum fault ask_for_token(struct identity *identity, json_t *body, char words[FAULT_WORDS])
{
        cleanup_free char *url = token_url(spec_string(identity->spec, "auth_url"));
        const struct request request = {.method = "POST", .url = url, .body = body};
        char why[TRANSFER_WORDS], said[FAULT_WORDS];
        struct reply reply = {};
        int r = url && body ? transfer_send(identity->transfer, &request, &reply, why) : -1;

        if (r < 0) {
                snprintf(words, FAULT_WORDS, "Keystone: %s", url && body ? why : "out of memory");
                return fault_of_transfer(r);
        }
        enum fault fault = FAULT_NONE;
        if (reply.status >= 400) {
                fault = fault_decode(reply.status, reply.body, reply.length, said);
                wording_hide(said, identity->secret);
                snprintf(words, FAULT_WORDS, "Keystone: %.480s", said);
                wording_repair(words);
        } else
                fault = take_token(identity, &reply, words);
        reply_clear(&reply);
        return fault;
}

static enum fault sign(struct identity *identity, struct request *request, const char *member,
                       json_t *(*make_body)(const struct identity *), char words[FAULT_WORDS])
{
        enum fault fault = FAULT_NONE;

        if (!identity->token_header) {
                /* read each time: it may have been changed */
                identity->secret = secret_free(identity->secret);
                fault = identity_read_secret(identity, member, words);
                if (fault == FAULT_NONE) {
                        json_t *body = make_body(identity);
                        fault = ask_for_token(identity, body, words);
                        secret_wipe_json(body);
                        json_decref(body);
                }
                identity->secret = secret_free(identity->secret);
        }
        for (size_t i = 0; fault == FAULT_NONE && i + 1 < ARRAY_LEN(request->headers); i++)
                if (!request->headers[i]) {
                        request->headers[i] = identity->token_header;
                        break;
                }
        return fault;
}

static enum fault sign_password(struct identity *identity, struct request *request, char words[FAULT_WORDS])
{
        return sign(identity, request, "password", password_body, words);
}

static enum fault sign_credential(struct identity *identity, struct request *request, char words[FAULT_WORDS])
{
        return sign(identity, request, "secret", credential_body, words);
}

static bool renew(struct identity *identity)
{
        identity->token_header = secret_free(identity->token_header);
        return true;
}

const struct identity_way identity_password = {.name = "password", .sign = sign_password, .renew = renew};
const struct identity_way identity_application_credential = {
        .name = "application_credential", .sign = sign_credential, .renew = renew};
