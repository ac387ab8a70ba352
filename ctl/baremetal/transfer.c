/* See transfer.h. */
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "secret.h"
#include "transfer.h"

/* One that is away shall be found again within ten seconds: what hangs is cut off, and tried anew. */
#define CONNECT_S 4L
#define READ_S    15L
#define WRITE_S   60L /* a write may wait for a conductor */
#define REPLY_MAX (16u << 20)

struct transfer {
        CURL *curl;
        char *ca;
        bool unverified;
        const atomic_bool *cancel;
        char words[CURL_ERROR_SIZE];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
        curl_global_init(CURL_GLOBAL_DEFAULT);
}

int transfer_new(struct transfer **ret, const struct transfer_options *options)
{
        cleanup_(transfer_free_p) struct transfer *transfer = calloc(1, sizeof(*transfer));

        pthread_once(&once, init_curl);
        if (!transfer || !(transfer->curl = curl_easy_init()))
                return -ENOMEM;
        if (options->ca && !(transfer->ca = strdup(options->ca)))
                return -ENOMEM;
        transfer->unverified = options->unverified;
        transfer->cancel = options->cancel;
        *ret = TAKE_PTR(transfer);
        return 0;
}

struct transfer *transfer_free(struct transfer *transfer)
{
        if (!transfer)
                return NULL;
        if (transfer->curl)
                curl_easy_cleanup(transfer->curl);
        free(transfer->ca);
        free(transfer);
        return NULL;
}

void reply_clear(struct reply *reply)
{
        free(reply->body);
        secret_free(reply->token);
        *reply = (struct reply){};
}

/* ---- what comes in ---- */

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
        struct reply *reply = user;
        size_t bytes = size * count;

        if (reply->length + bytes > REPLY_MAX)
                return 0;
        char *more = realloc(reply->body, reply->length + bytes + 1);
        if (!more)
                return 0;
        memcpy(more + reply->length, data, bytes);
        reply->body = more;
        reply->length += bytes;
        more[reply->length] = 0;
        return bytes;
}

/* The value of `name` in a header line, with its length. */
static const char *header_value(const char *line, size_t length, const char *name, size_t *ret_length)
{
        size_t before = strlen(name);

        if (length <= before || strncasecmp(line, name, before) != 0 || line[before] != ':')
                return NULL;
        const char *value = line + before + 1, *end = line + length;
        while (value < end && (*value == ' ' || *value == '\t'))
                value++;
        while (end > value && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
                end--;
        *ret_length = (size_t)(end - value);
        return value;
}

static void keep(char *to, size_t size, const char *line, size_t length, const char *name)
{
        size_t value_length;
        const char *value = header_value(line, length, name, &value_length);

        if (value)
                snprintf(to, size, "%.*s", (int)value_length, value);
}

static size_t on_header(char *line, size_t size, size_t count, void *user)
{
        struct reply *reply = user;
        size_t bytes = size * count, length;

        keep(reply->request_id, sizeof(reply->request_id), line, bytes, "Openstack-Request-Id");
        const char *value = header_value(line, bytes, "X-Subject-Token", &length);
        if (value) {
                secret_free(reply->token);
                reply->token = strndup(value, length);
        }
        return bytes;
}

static int on_progress(void *user, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
        const struct transfer *transfer = user;

        return transfer->cancel && atomic_load(transfer->cancel);
}

/* ---- what went wrong ---- */

static int fail(const struct transfer *transfer, CURLcode code, const char *url, char why[TRANSFER_WORDS])
{
        const char *words = transfer->words[0] ? transfer->words : curl_easy_strerror(code);
        const char *host = strstr(url, "://") ? strstr(url, "://") + 3 : url;
        int shown = (int)strcspn(host, "/");

        switch (code) {
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_CIPHER:
                snprintf(why, TRANSFER_WORDS, "the certificate of %.*s is not trusted: %.200s", shown, host, words);
                return -EKEYREJECTED;
        case CURLE_SSL_CACERT_BADFILE:
                snprintf(why, TRANSFER_WORDS, "the CA certificates in %.120s cannot be read: %.200s",
                         transfer->ca ?: "the system's store", words);
                return -ENOENT;
        case CURLE_OPERATION_TIMEDOUT:
                snprintf(why, TRANSFER_WORDS, "%.*s does not answer in time: %.200s", shown, host, words);
                return -ETIMEDOUT;
        case CURLE_ABORTED_BY_CALLBACK:
                snprintf(why, TRANSFER_WORDS, "cancelled");
                return -ECANCELED;
        case CURLE_WRITE_ERROR:
                snprintf(why, TRANSFER_WORDS, "%.*s answers with more than %u MiB", shown, host, REPLY_MAX >> 20);
                return -EFBIG;
        case CURLE_OUT_OF_MEMORY:
                snprintf(why, TRANSFER_WORDS, "out of memory");
                return -ENOMEM;
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_CONNECT:
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_GOT_NOTHING:
        case CURLE_PARTIAL_FILE:
        case CURLE_SSL_CONNECT_ERROR: /* the handshake broke off: what is wrong with a certificate has codes of its own
                                       */
                snprintf(why, TRANSFER_WORDS, "%.*s cannot be reached: %.200s", shown, host, words);
                return -EHOSTUNREACH;
        default:
                snprintf(why, TRANSFER_WORDS, "%.*s: %.200s", shown, host, words);
                return -EPROTO;
        }
}

/* ---- sending ---- */

static struct curl_slist *headers_of(const struct request *request)
{
        struct curl_slist *list = curl_slist_append(NULL, "Accept: application/json");

        if (request->body)
                list = curl_slist_append(list, "Content-Type: application/json");
        for (size_t i = 0; i < ARRAY_LEN(request->headers) && request->headers[i]; i++)
                list = curl_slist_append(list, request->headers[i]);
        return curl_slist_append(list, "Expect:");
}

/* curl keeps copies of its own; they hold tokens. */
static void headers_free(struct curl_slist *list)
{
        for (struct curl_slist *at = list; at; at = at->next)
                explicit_bzero(at->data, strlen(at->data));
        curl_slist_free_all(list);
}

static void set_connection(struct transfer *transfer)
{
        CURL *curl = transfer->curl;

        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* whatever the environment says: these are management networks */
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
        curl_easy_setopt(curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
        if (transfer->ca) {
                curl_easy_setopt(curl, CURLOPT_CAINFO, transfer->ca);
                curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
        }
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, transfer->unverified ? 0L : 1L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, transfer->unverified ? 0L : 2L);
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->words);
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
#if LIBCURL_VERSION_NUM >= 0x075700
        curl_easy_setopt(curl, CURLOPT_CA_CACHE_TIMEOUT, 0L); /* the file may have another CA in it by now */
        curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);       /* nobody waits for a resolver at the end */
#endif
}

static void set_request(struct transfer *transfer, const struct request *request, const char *body,
                        struct curl_slist *headers, struct reply *reply)
{
        CURL *curl = transfer->curl;

        curl_easy_setopt(curl, CURLOPT_URL, request->url);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        if (body)
                curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, strcmp(request->method, "GET") == 0 ? READ_S : WRITE_S);
        if (request->username) {
                curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
                curl_easy_setopt(curl, CURLOPT_USERNAME, request->username);
                curl_easy_setopt(curl, CURLOPT_PASSWORD, request->password);
        }
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, reply);
}

int transfer_send(struct transfer *transfer, const struct request *request, struct reply *ret, char why[TRANSFER_WORDS])
{
        cleanup_secret char *body = request->body ? json_dumps(request->body, JSON_COMPACT) : NULL;
        struct reply reply = {.body = calloc(1, 1)};
        long status = 0;

        if (!reply.body || (request->body && !body)) {
                free(reply.body);
                snprintf(why, TRANSFER_WORDS, "out of memory");
                return -ENOMEM;
        }
        if (transfer->ca && access(transfer->ca, R_OK) < 0) {
                int r = -errno;
                snprintf(why, TRANSFER_WORDS, "the CA certificates in %.120s cannot be read: %s", transfer->ca,
                         strerror(-r));
                reply_clear(&reply);
                return -ENOENT;
        }
        struct curl_slist *headers = headers_of(request);
        curl_easy_reset(transfer->curl);
        transfer->words[0] = 0;
        set_connection(transfer);
        set_request(transfer, request, body, headers, &reply);
        CURLcode code = curl_easy_perform(transfer->curl);
        curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
        headers_free(headers);
        if (code != CURLE_OK) {
                reply_clear(&reply);
                return fail(transfer, code, request->url, why);
        }
        reply.status = (int)status;
        *ret = reply;
        return 0;
}
