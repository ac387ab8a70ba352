/* soclectl: the command line of socled. Takes the options before the command, finds the command, lets it run.
 * The commands are in cmd_*.c, one a file. */
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "command.h"
#include "say.h"
#include "session.h"

#define DEFAULT_SOCKET     "/run/socle/control.sock"
#define DEFAULT_TIMEOUT_MS 30000

enum { OPTION_CERTIFICATE = 256, OPTION_KEY, OPTION_CA, OPTION_CRL, OPTION_CONFIG };

static const char *const colour_choices[] = {"auto", "always", "never", NULL};

const struct option_spec global_options[] = {
        {"socket", 's', "PATH", false, "socled's control socket (default " DEFAULT_SOCKET ")", NULL},
        {"host", 'H', "NODE", false, "ask the socled of another node, over TLS: NAME, NAME:PORT or [IPv6]:PORT", NULL},
        {"certificate", 0, "FILE", false, "who we are, PEM; with --host", NULL},
        {"key", 0, "FILE", false, "its private key, PEM", NULL},
        {"ca", 0, "FILE", false, "who vouches for the node, PEM", NULL},
        {"crl", 0, "FILE", false, "certificates that its CA has revoked, PEM", NULL},
        {"config", 0, "FILE", false, "these options from a file (default ~/.config/socle/soclectl.conf)", NULL},
        {"timeout", 't', "SECONDS", false, "how long to wait for an answer (default 30)", NULL},
        {"colour", 0, "WHEN", false, "auto (default), always or never", colour_choices},
        {"version", 'V', NULL, false, "show the version of soclectl", NULL},
        {"help", 'h', NULL, false, "show this help", NULL},
        {NULL},
};

static const struct option getopt_options[] = {
        {"socket", required_argument, NULL, 's'},
        {"host", required_argument, NULL, 'H'},
        {"certificate", required_argument, NULL, OPTION_CERTIFICATE},
        {"key", required_argument, NULL, OPTION_KEY},
        {"ca", required_argument, NULL, OPTION_CA},
        {"crl", required_argument, NULL, OPTION_CRL},
        {"config", required_argument, NULL, OPTION_CONFIG},
        {"timeout", required_argument, NULL, 't'},
        {"colour", required_argument, NULL, 'c'},
        {"color", required_argument, NULL, 'c'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL},
};

/* Names and help may have UTF-8 in them whatever the locale; libsmartcols would print bytes as \x… in the C locale. */
static void set_up_locale(void)
{
        if (!setlocale(LC_CTYPE, "") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
                setlocale(LC_CTYPE, "C.UTF-8");
}

static int set_timeout(struct session *session, const char *text)
{
        char *end;
        double seconds = strtod(text, &end);

        if (end == text || *end || !(seconds > 0 && seconds <= 86400)) {
                complain("--timeout cannot be \"%s\"", text);
                advise("a number of seconds, up to 86400, would be right");
                return CLI_USAGE;
        }
        session->timeout_ms = (int)(seconds * 1000) > 0 ? (int)(seconds * 1000) : 1;
        return CLI_OK;
}

static int set_colour(const char *when)
{
        for (const char *const *choice = colour_choices; *choice; choice++)
                if (strcmp(*choice, when) == 0) {
                        say_colours(when);
                        return CLI_OK;
                }
        complain("--colour cannot be \"%s\"", when);
        advise("auto, always or never would be right");
        return CLI_USAGE;
}

static int set_remote(struct session *session, int option, const char *value)
{
        char *const members[] = {session->remote.host, session->remote.certificate, session->remote.key,
                                 session->remote.ca, session->remote.crl};
        size_t i = option == 'H' ? 0 : (size_t)(option - OPTION_CERTIFICATE) + 1;
        size_t size = i == 0 ? sizeof(session->remote.host) : sizeof(session->remote.ca);

        if (!*value || strlen(value) >= size) {
                complain("\"%.100s\" cannot be right: it is empty or too long", value);
                return CLI_USAGE;
        }
        memcpy(members[i], value, strlen(value) + 1);
        return CLI_OK;
}

/* −1: go on with the command; else the exit status. */
static int take_global_options(struct session *session, int argc, char **argv, const char **ret_config, bool *ret_local)
{
        int found, status;

        opterr = 0;
        while ((found = getopt_long(argc, argv, "+:s:H:t:Vh", getopt_options, NULL)) != -1) {
                switch (found) {
                case 's':
                        session->socket = optarg;
                        *ret_local = true;
                        break;
                case 'H':
                case OPTION_CERTIFICATE:
                case OPTION_KEY:
                case OPTION_CA:
                case OPTION_CRL:
                        status = set_remote(session, found, optarg);
                        if (status)
                                return status;
                        break;
                case OPTION_CONFIG:
                        *ret_config = optarg;
                        break;
                case 't':
                        status = set_timeout(session, optarg);
                        if (status)
                                return status;
                        break;
                case 'c':
                        status = set_colour(optarg);
                        if (status)
                                return status;
                        break;
                case 'V':
                        printf("soclectl %s\n", SOCLE_VERSION);
                        return CLI_OK;
                case 'h':
                        help_print(global_options);
                        return CLI_OK;
                default:
                        complain(found == ':' ? "%s needs an argument" : "there is no option %s", argv[optind - 1]);
                        advise("options of a command come after it; see: soclectl --help");
                        return CLI_USAGE;
                }
        }
        return -1;
}

static int complain_command(const char *name)
{
        complain("there is no command \"%s\"", name);
        advise("see: soclectl --help");
        return CLI_USAGE;
}

static int run_command(struct session *session, int argc, char **argv)
{
        const struct command *command = command_find(argv[0]);
        struct arguments arguments;
        int status;

        if (!command)
                return complain_command(argv[0]);
        status = arguments_parse(&arguments, command, argc, argv);
        if (status)
                return status;
        if (!command->verbatim && arguments_given(&arguments, "help")) {
                help_print_command(command);
                return CLI_OK;
        }
        return command->run(session, &arguments);
}

int main(int argc, char **argv)
{
        const char *socket = getenv("SOCLE_SOCKET"), *host = getenv("SOCLE_HOST"), *config = NULL;
        bool local = socket && *socket;
        struct session session = {
                .socket = socket && *socket ? socket : DEFAULT_SOCKET,
                .timeout_ms = DEFAULT_TIMEOUT_MS,
        };
        int status;

        set_up_locale();
        say_colours("auto");
        status = take_global_options(&session, argc, argv, &config, &local);
        if (status >= 0)
                return status;
        if (!local && !session.remote.host[0] && host && strlen(host) < sizeof(session.remote.host))
                memcpy(session.remote.host, host, strlen(host) + 1);
        /* Who names the socket means this node, whatever a file says. */
        status = local && !config ? CLI_OK : remote_settings_read(&session.remote, config);
        if (status)
                return status;
        if (optind == argc) {
                complain("which command?");
                advise("see: soclectl --help");
                return CLI_USAGE;
        }
        status = run_command(&session, argc - optind, argv + optind);
        client_close(session.client);
        if (fflush(stdout) != 0 && status == CLI_OK) {
                complain("cannot write to standard output");
                status = CLI_REFUSED;
        }
        return status;
}
