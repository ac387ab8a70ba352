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
        "Loads a switch through two vhost-user ports, both ways, as fast as it takes the frames or at a given rate; "
        "checks\n"
        "what comes back. Prints lines of JSON; those with \"state\": \"summary\" hold a load's measured time.\n"
        "\n"
        "  --port SOCKET,MAC   where the switch connects to, and the MAC of our end; given twice\n"
        "  --wire SOCKET       one end of a wire, where the switch connects to; given twice or not at all\n"
        "  --flows N           flows each way (default 1024, at most 16777215)\n"
        "  --frame BYTES       64 … 1518 with FCS, as is the custom (default 64); imix: 7:4:1 of 64, 570, 1518\n"
        "  --protocol P        udp (default), or tcp: each flow a connection, opened first; conversations only\n"
        "  --mode MODE         one-way (default): each direction has flows of its own;\n"
        "                      conversation: the second port's flows are the answers to the first one's;\n"
        "                      dial: only opens N conversations, a question and an answer or a handshake each\n"
        "  --close HOW         dial tcp: leave connections open (default), or end them: rst, fin\n"
        "  --window N          conversations being opened at once, at most (default 512, at most 1024)\n"
        "  --loads LIST        one after the other (default max): max, packets a second of both ports together, or a\n"
        "                      percentage of what came back at max: max,10%,50%,90%\n"
        "  --latency           measure delays as well\n"
        "  --seconds S         measured time of each load (default 5, at most 600)\n"
        "  --warm-up S         not measured, before that (default 1)\n"
        "  --wait S            for frames to come back at both ports, and for all flows to have passed (default 30)\n"
        "  --interval S        between lines (default 1)\n"
        "  --cpu N             where it runs (default 1)\n";

enum {
        OPT_PORT = 1,
        OPT_WIRE,
        OPT_FLOWS,
        OPT_FRAME,
        OPT_PROTOCOL,
        OPT_MODE,
        OPT_CLOSE,
        OPT_WINDOW,
        OPT_LOADS,
        OPT_LATENCY,
        OPT_SECONDS,
        OPT_WARM_UP,
        OPT_WAIT,
        OPT_INTERVAL,
        OPT_CPU,
        OPT_HELP
};

static const struct option long_options[] = {
        {"port", required_argument, NULL, OPT_PORT},
        {"wire", required_argument, NULL, OPT_WIRE},
        {"flows", required_argument, NULL, OPT_FLOWS},
        {"frame", required_argument, NULL, OPT_FRAME},
        {"protocol", required_argument, NULL, OPT_PROTOCOL},
        {"mode", required_argument, NULL, OPT_MODE},
        {"close", required_argument, NULL, OPT_CLOSE},
        {"window", required_argument, NULL, OPT_WINDOW},
        {"loads", required_argument, NULL, OPT_LOADS},
        {"latency", no_argument, NULL, OPT_LATENCY},
        {"seconds", required_argument, NULL, OPT_SECONDS},
        {"warm-up", required_argument, NULL, OPT_WARM_UP},
        {"wait", required_argument, NULL, OPT_WAIT},
        {"interval", required_argument, NULL, OPT_INTERVAL},
        {"cpu", required_argument, NULL, OPT_CPU},
        {"help", no_argument, NULL, OPT_HELP},
        {},
};

/* What was given so often. */
struct given {
        unsigned ports, wires;
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

static int parse_seconds(const char *option, const char *text, double most, double *ret)
{
        char *end, expected[64];
        double value = strtod(text, &end);

        if (end == text || *end != '\0' || !isfinite(value) || value < 0 || value > most) {
                snprintf(expected, sizeof(expected), "seconds, such as 5 or 0.5, at most %g", most);
                return refuse(option, text, expected);
        }
        *ret = value;
        return 0;
}

/* One of the words, by its place. */
static int parse_word(const char *option, const char *text, const char *const *words, const char *expected)
{
        for (int i = 0; words[i]; i++)
                if (strcmp(text, words[i]) == 0)
                        return i;
        return refuse(option, text, expected);
}

/* Paths become part of a DPDK device's arguments, which commas separate. */
static bool path_fits(const char *path)
{
        return path[0] && !strchr(path, ',') && strlen(path) < sizeof(((struct sockaddr_un *)NULL)->sun_path);
}

static int parse_port(char *text, unsigned index, struct options *options)
{
        char *comma = strrchr(text, ',');

        if (index > 1)
                return refuse("port", text, "not to be given more than twice");
        if (!comma || comma == text || rte_ether_unformat_addr(comma + 1, &options->mac[index]) < 0)
                return refuse("port", text, "SOCKET,MAC such as /run/a.sock,fa:16:3e:00:00:01");
        *comma = '\0';
        if (!path_fits(text))
                return refuse("port", text, "a socket's path of less than 108 bytes without commas");
        options->socket[index] = text;
        return 0;
}

static int parse_wire(const char *text, unsigned index, struct options *options)
{
        if (index > 1 || !path_fits(text))
                return refuse("wire", text, "twice a socket's path of less than 108 bytes without commas");
        options->wire[index] = text;
        return 0;
}

static int parse_mode(const char *text, struct options *options)
{
        static const char *const words[] = {"one-way", "conversation", "dial", NULL};
        int word = parse_word("mode", text, words, "one-way, conversation or dial");

        if (word < 0)
                return word;
        options->conversation = word > 0;
        options->dial = word == 2;
        return 0;
}

static int parse_load(const char *text, bool have_max, struct load *ret)
{
        static const char expected[] = "max, packets a second, or after max a percentage of it: max,10%,90%";
        char *end;
        double value;

        *ret = (struct load){.kind = LOAD_MAX, .text = text};
        if (strcmp(text, "max") == 0)
                return 0;
        value = strtod(text, &end);
        if (end == text || !isfinite(value) || value <= 0 || (*end && (strcmp(end, "%") != 0 || !have_max)))
                return refuse("loads", text, expected);
        ret->kind = *end ? LOAD_SHARE : LOAD_PPS;
        ret->value = *end ? value / 100 : value;
        return 0;
}

static int parse_loads(char *text, struct options *options)
{
        bool have_max = false;
        char *rest = text;

        for (options->load_count = 0; rest;) {
                int r;
                if (options->load_count == LOADS_MAX)
                        return refuse("loads", rest, "at most 16 loads");
                r = parse_load(strsep(&rest, ","), have_max, &options->loads[options->load_count]);
                if (r < 0)
                        return r;
                have_max |= options->loads[options->load_count++].kind == LOAD_MAX;
        }
        return 0;
}

static int parse_frame(const char *text, uint16_t *ret)
{
        unsigned long number;
        int r;

        if (strcmp(text, "imix") == 0) {
                *ret = 0;
                return 0;
        }
        r = parse_number("frame", text, FRAME_MIN + FRAME_FCS, FRAME_MAX + FRAME_FCS, &number);
        if (r == 0)
                *ret = number - FRAME_FCS;
        return r;
}

static int parse_time(int option, const char *value, struct options *options)
{
        switch (option) {
        case OPT_SECONDS:
                return parse_seconds("seconds", value, 600, &options->seconds);
        case OPT_WARM_UP:
                return parse_seconds("warm-up", value, 600, &options->warm_up_seconds);
        case OPT_WAIT:
                return parse_seconds("wait", value, 3600, &options->wait_seconds);
        default:
                return parse_seconds("interval", value, 600, &options->interval_seconds);
        }
}

static int parse_one(int option, char *value, struct given *given, struct options *options)
{
        static const char *const protocols[] = {"udp", "tcp", NULL}, *const closes[] = {"open", "rst", "fin", NULL};
        unsigned long number = 0;
        int r;

        switch (option) {
        case OPT_PORT:
                return parse_port(value, given->ports++, options);
        case OPT_WIRE:
                return parse_wire(value, given->wires++, options);
        case OPT_MODE:
                return parse_mode(value, options);
        case OPT_LOADS:
                return parse_loads(value, options);
        case OPT_FRAME:
                return parse_frame(value, &options->length);
        case OPT_PROTOCOL:
                r = parse_word("protocol", value, protocols, "udp or tcp");
                options->protocol = r == 1 ? IPPROTO_TCP : IPPROTO_UDP;
                return r < 0 ? r : 0;
        case OPT_CLOSE:
                r = parse_word("close", value, closes, "open, rst or fin");
                options->close = r < 0 ? DIAL_OPEN : (enum dial_close)r;
                return r < 0 ? r : 0;
        case OPT_LATENCY:
                options->latency = true;
                return 0;
        case OPT_FLOWS:
                r = parse_number("flows", value, 1, FLOWS_MAX - 1, &number); /* one is for probing */
                options->flows = number;
                return r;
        case OPT_WINDOW:
                r = parse_number("window", value, 1, DIAL_WINDOW, &number);
                options->window = number;
                return r;
        case OPT_CPU:
                r = parse_number("cpu", value, 0, 4095, &number);
                options->cpu = number;
                return r;
        case OPT_SECONDS:
        case OPT_WARM_UP:
        case OPT_WAIT:
        case OPT_INTERVAL:
                return parse_time(option, value, options);
        default:
                return -EINVAL; /* getopt has said it */
        }
}

static int check(const struct options *options, const struct given *given, bool all_read)
{
        const char *wrong = NULL;

        if (!all_read || given->ports != 2 || given->wires == 1)
                wrong = "two --port are needed, two --wire or none, and only options";
        else if (options->protocol == IPPROTO_TCP && !options->conversation)
                wrong = "--protocol tcp needs --mode conversation or dial: a connection has two directions";
        else if (options->close != DIAL_OPEN && (!options->dial || options->protocol != IPPROTO_TCP))
                wrong = "--close is for --mode dial --protocol tcp";
        if (!wrong)
                return 0;
        fprintf(stderr, "socle-generator: %s; see --help\n", wrong);
        return -EINVAL;
}

int options_parse(int argc, char **argv, struct options *ret)
{
        struct options options = {
                .loads = {{.kind = LOAD_MAX, .text = "max"}},
                .load_count = 1,
                .flows = 1024,
                .window = 512,
                .length = FRAME_MIN,
                .protocol = IPPROTO_UDP,
                .seconds = 5,
                .warm_up_seconds = 1,
                .wait_seconds = 30,
                .interval_seconds = 1,
                .cpu = 1,
        };
        struct given given = {};
        int option, r;

        while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
                if (option == OPT_HELP) {
                        fputs(usage, stdout);
                        return 1;
                }
                r = parse_one(option, optarg, &given, &options);
                if (r < 0)
                        return r;
        }
        r = check(&options, &given, optind == argc);
        if (r == 0)
                *ret = options;
        return r;
}
