/* The names in a certificate, and what they are compared with. RFC 5280 4.2.1.6. */
#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "private.h"
#include "socle/cleanup.h"

static const char *const types[] = {"dns:", "ip:", "email:", "uri:", "dn:"};

/* A name with a NUL in it is made to be read as another: it is none. */
static void put_text(FILE *out, const char *type, const ASN1_STRING *text)
{
        const char *data = (const char *)ASN1_STRING_get0_data(text);
        size_t length = (size_t)ASN1_STRING_length(text);

        if (length > 0 && !memchr(data, 0, length))
                fprintf(out, "%s%.*s%c", type, (int)length, data, 0);
}

static void put_address(FILE *out, const ASN1_OCTET_STRING *address)
{
        int length = ASN1_STRING_length(address);
        char text[INET6_ADDRSTRLEN];

        if ((length == 4 || length == 16) &&
            inet_ntop(length == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), text, sizeof(text)))
                fprintf(out, "ip:%s%c", text, 0);
}

static void put_alternatives(FILE *out, X509 *certificate)
{
        GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

        for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
                const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
                if (name->type == GEN_DNS)
                        put_text(out, "dns:", name->d.dNSName);
                else if (name->type == GEN_EMAIL)
                        put_text(out, "email:", name->d.rfc822Name);
                else if (name->type == GEN_URI)
                        put_text(out, "uri:", name->d.uniformResourceIdentifier);
                else if (name->type == GEN_IPADD)
                        put_address(out, name->d.iPAddress);
        }
        GENERAL_NAMES_free(names);
}

static void put_subject(FILE *out, X509 *certificate)
{
        BIO *bio = BIO_new(BIO_s_mem());
        char *text;

        if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0) {
                long length = BIO_get_mem_data(bio, &text);
                if (length > 0)
                        fprintf(out, "dn:%.*s%c", (int)length, text, 0);
        }
        BIO_free(bio);
}

char **tls_names_of(X509 *certificate)
{
        cleanup_free char *texts = NULL;
        size_t size, count = 0;
        FILE *out = open_memstream(&texts, &size);

        if (!out)
                return NULL;
        put_alternatives(out, certificate);
        put_subject(out, certificate);
        if (fclose(out) != 0)
                return NULL;
        for (size_t i = 0; i < size; i++)
                count += !texts[i];

        char **names = malloc((count + 1) * sizeof(*names) + size);
        if (!names)
                return NULL;
        char *at = memcpy(names + count + 1, texts, size);
        for (size_t i = 0; i < count; i++, at += strlen(at) + 1)
                names[i] = at;
        names[count] = NULL;
        return names;
}

bool tls_name_valid(const char *wanted)
{
        for (size_t i = 0; i < ARRAY_LEN(types); i++)
                if (strncmp(wanted, types[i], strlen(types[i])) == 0)
                        return wanted[strlen(types[i])] != 0;
        return false;
}

bool tls_name_matches(const char *wanted, const char *name)
{
        static const char wild[] = "dns:*.";

        if (strncmp(wanted, "dns:", 4) != 0)
                return strcmp(wanted, name) == 0;
        if (strncmp(name, "dns:", 4) != 0 || strchr(name, '*'))
                return false;
        if (strncmp(wanted, wild, sizeof(wild) - 1) != 0)
                return strcasecmp(wanted, name) == 0;
        const char *dot = strchr(name, '.');
        return dot && dot > name + 4 && strcasecmp(dot, wanted + 5) == 0;
}
