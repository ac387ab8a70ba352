/* The command line of socle-generator. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "frame.h"
#include "options.h"

static const char usage[] =
        "socle-generator --port SOCKET,MAC --port SOCKET,MAC [OPTION…]\n"
        "Loads a switch through two vhost-user ports, both ways, as fast as it takes the frames; checks what comes "
        "back.\n"
        "Prints a line of JSON a second, and a last one with \"state\": \"summary\" of the measured time.\n"
        "\n"
        "  --port SOCKET,MAC   where the switch connects to, and the MAC of our end; given twice\n"
        "  --flows N           UDP flows each way (default 1024, at most 16777216)\n"
        "  --frame BYTES       64 … 1518 with FCS, as is the custom (default 64)\n"
        "  --mode MODE         one-way (default): each direction has flows of its own;\n"
        "                      conversation: the second port's flows are the answers to the first one's\n"
        "  --seconds S         measured time (default 5); SIGINT ends it before\n"
        "  --warm-up S         not measured, before that (default 1)\n"
        "  --wait S            for the first frame to come back at both ports (default 30)\n"
        "  --cpu N             where it runs (default 1)\n";

enum { OPT_PORT = 1, OPT_FLOWS, OPT_FRAME, OPT_MODE, OPT_SECONDS, OPT_WARM_UP, OPT_WAIT, OPT_CPU, OPT_HELP };

static const struct option long_options[] = {
        {"port", required_argument, NULL, OPT_PORT},
        {"flows", required_argument, NULL, OPT_FLOWS},
        {"frame", required_argument, NULL, OPT_FRAME},
        {"mode", required_argument, NULL, OPT_MODE},
        {"seconds", required_argument, NULL, OPT_SECONDS},
        {"warm-up", required_argument, NULL, OPT_WARM_UP},
        {"wait", required_argument, NULL, OPT_WAIT},
        {"cpu", required_argument, NULL, OPT_CPU},
        {"help", no_argument, NULL, OPT_HELP},
        {},
};

static int refuse(const char *option, const char *value, const char *expected)
{
        fprintf(stderr, "socle-generator: --%s '%s': expected %s\n", option, value, expected);
        return -EINVAL;
}

static int parse_number(const char *option, const char *text, unsigned long least, unsigned long most,
                        unsigned long *ret)
{
        char *end, expected[64];
        unsigned long value;

        errno = 0;
        value = strtoul(text, &end, 10);
        if (errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0' && value >= least && value <= most) {
                *ret = value;
                return 0;
        }
        snprintf(expected, sizeof(expected), "a number from %lu to %lu", least, most);
        return refuse(option, text, expected);
}

static int parse_seconds(const char *option, const char *text, double *ret)
{
        char *end;
        double value = strtod(text, &end);

        if (end == text || *end != '\0' || !isfinite(value) || value < 0 || value > 1e6)
                return refuse(option, text, "seconds, such as 5 or 0.5");
        *ret = value;
        return 0;
}

/* The path becomes part of a DPDK device's arguments, which commas separate. */
static int parse_port(char *text, unsigned index, struct options *options)
{
        char *comma = strrchr(text, ',');

        if (index > 1) {
                fprintf(stderr, "socle-generator: --port is given more than twice\n");
                return -EINVAL;
        }
        if (!comma || comma == text || rte_ether_unformat_addr(comma + 1, &options->mac[index]) < 0)
                return refuse("port", text, "SOCKET,MAC such as /run/a.sock,fa:16:3e:00:00:01");
        *comma = '\0';
        if (strchr(text, ',') || strlen(text) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
                return refuse("port", text, "a socket's path of less than 108 bytes without commas");
        options->socket[index] = text;
        return 0;
}

static int parse_mode(const char *text, bool *ret_conversation)
{
        if (strcmp(text, "one-way") != 0 && strcmp(text, "conversation") != 0)
                return refuse("mode", text, "one-way or conversation");
        *ret_conversation = text[0] == 'c';
        return 0;
}

static int parse_one(int option, char *value, unsigned *ports, struct options *options)
{
        unsigned long number = 0;
        int r;

        switch (option) {
        case OPT_PORT:
                return parse_port(value, (*ports)++, options);
        case OPT_MODE:
                return parse_mode(value, &options->conversation);
        case OPT_SECONDS:
                return parse_seconds("seconds", value, &options->seconds);
        case OPT_WARM_UP:
                return parse_seconds("warm-up", value, &options->warm_up_seconds);
        case OPT_WAIT:
                return parse_seconds("wait", value, &options->wait_seconds);
        case OPT_FLOWS:
                r = parse_number("flows", value, 1, FLOWS_MAX, &number);
                options->flows = number;
                return r;
        case OPT_FRAME:
                r = parse_number("frame", value, FRAME_MIN + FRAME_FCS, FRAME_MAX + FRAME_FCS, &number);
                options->length = number - FRAME_FCS;
                return r;
        case OPT_CPU:
                r = parse_number("cpu", value, 0, 4095, &number);
                options->cpu = number;
                return r;
        default:
                return -EINVAL; /* getopt has said it */
        }
}

int options_parse(int argc, char **argv, struct options *ret)
{
        struct options options = {
                .flows = 1024, .length = FRAME_MIN, .seconds = 5, .warm_up_seconds = 1, .wait_seconds = 30, .cpu = 1};
        unsigned ports = 0;
        int option, r;

        while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
                if (option == OPT_HELP) {
                        fputs(usage, stdout);
                        return 1;
                }
                r = parse_one(option, optarg, &ports, &options);
                if (r < 0)
                        return r;
        }
        if (optind < argc || ports != 2) {
                fprintf(stderr, "socle-generator: two --port are needed, and only options; see --help\n");
                return -EINVAL;
        }
        *ret = options;
        return 0;
}
