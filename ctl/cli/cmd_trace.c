/* trace: where a packet would go, and which rule or object says so; with --live, where real ones went. */
#include <stdio.h>
#include <string.h>

#include "capturing.h"
#include "caret.h"
#include "command.h"
#include "format.h"
#include "output.h"
#include "pcapfile.h"
#include "say.h"
#include "session.h"
#include "socle/cleanup.h"

/* ---- what it came to ---- */

/* "Port vm1", "SecurityGroup web /spec/rules/3: ingress IPv4 tcp port 443 from anyone" */
static void print_object(const json_t *object)
{
        if (!json_is_object(object))
                return;
        printf("\n       %s%s %s", paint(CYAN), member_text(object, "kind"), member_text(object, "name"));
        if (*member_text(object, "pointer"))
                printf(" %s", member_text(object, "pointer"));
        printf("%s", paint(PLAIN));
        if (*member_text(object, "rule"))
                printf(": %s", member_text(object, "rule"));
}

static void print_steps(const json_t *steps)
{
        json_t *step;
        size_t i;

        json_array_foreach (steps, i, step) {
                bool pass = json_is_true(json_object_get(step, "pass"));

                printf("%3zu. %s%s%s %-8s %s", i + 1, paint(pass ? GREEN : RED), pass ? "✓" : "✗", paint(PLAIN),
                       member_text(step, "stage"), member_text(step, "text"));
                print_object(json_object_get(step, "object"));
                putchar('\n');
        }
}

static void print_verdict(const json_t *result, const char *delivered, const char *dropped)
{
        const json_t *drop = json_object_get(result, "drop");

        if (json_is_true(json_object_get(result, "delivered")))
                printf("%s%s%s\n", paint(GREEN), delivered, paint(PLAIN));
        else if (json_is_object(drop))
                printf("%s%s: %s%s: %s\n", paint(RED), dropped, member_text(drop, "reason"), paint(PLAIN),
                       member_text(drop, "help"));
        else
                printf("%s%s%s\n", paint(RED), dropped, paint(PLAIN));
}

static void print_trace(const json_t *trace)
{
        const json_t *from = json_object_get(trace, "from");

        printf("%s\nfrom %s %s, %s > %s\n", member_text(trace, "packet"), member_text(from, "kind"),
               member_text(from, "name"), member_text(trace, "src_mac"), member_text(trace, "dst_mac"));
        print_steps(json_object_get(trace, "steps"));
        print_verdict(trace, "it would be delivered", "it would be dropped");
}

/* ---- the packet ---- */

static json_t *hex_of(const uint8_t *frame, size_t length)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        json_t *json = NULL;

        for (size_t i = 0; out && i < length; i++)
                fprintf(out, "%02x", frame[i]);
        if (out && fclose(out) == 0)
                json = json_string(text);
        free(text);
        return json;
}

static int take_file(const struct arguments *arguments, json_t *params)
{
        const char *path = arguments_value(arguments, "pcap", NULL);
        cleanup_free uint8_t *frame = NULL;
        double number = 1;
        size_t length = 0;
        int status = arguments_number(arguments, "number", 1, 1e9, &number);

        if (!status)
                status = pcapfile_read(path, (unsigned long)number, &frame, &length);
        if (!status)
                json_object_set_new(params, "frame_hex", hex_of(frame, length));
        return status;
}

static int complain_usage(const struct arguments *arguments, const char *what)
{
        complain("trace: %s", what);
        advise("usage: soclectl trace %s", arguments->command->synopsis);
        return CLI_USAGE;
}

/* Exactly one of words, --hex and --pcap; live, words are a filter and may be left out. */
static int check(const struct arguments *arguments)
{
        bool hex = arguments_given(arguments, "hex"), pcap = arguments_given(arguments, "pcap");
        bool live = arguments_given(arguments, "live"), words = arguments->operand_count > 1;

        if (arguments->operand_count == 0)
                return complain_usage(arguments, "from which port?");
        if (live && (hex || pcap))
                return complain_usage(arguments, "--live follows real packets; it takes none from elsewhere");
        if (hex + pcap + words > 1)
                return complain_usage(arguments, "there is more than one packet");
        if (!live && !hex && !pcap && !words)
                return complain_usage(arguments, "which packet?");
        if (!live && (arguments_given(arguments, "count") || arguments_given(arguments, "seconds")))
                return complain_usage(arguments, "--count and --seconds are for --live");
        if (!pcap && arguments_given(arguments, "number"))
                return complain_usage(arguments, "--number is for --pcap");
        return CLI_OK;
}

static int run_once(struct session *session, const struct arguments *arguments, const char *words)
{
        json_t *params = json_pack("{s:s}", "port", arguments->operands[0]), *trace = NULL;
        const char *hex = arguments_value(arguments, "hex", NULL);
        int status = CLI_OK;

        if (*words)
                json_object_set_new(params, "packet", json_string(words));
        else if (hex)
                json_object_set_new(params, "frame_hex", json_string(hex));
        else
                status = take_file(arguments, params);
        if (status) {
                json_decref(params);
                return status;
        }
        status = caret_call(session, "trace", params, words, &trace);
        if (!status) {
                if (!output_print(arguments, trace))
                        print_trace(trace);
                status = json_is_true(json_object_get(trace, "delivered")) ? CLI_OK : CLI_DROPPED;
        }
        json_decref(trace);
        return status;
}

/* ---- live ---- */

struct live {
        const struct arguments *arguments;
        size_t packets, dropped;
};

/* A packet that came, and how it was judged. */
static void print_judged(const json_t *packet)
{
        printf("#%.0f %s%s%s\n", member_number(packet, "number"), paint(BOLD), member_text(packet, "summary"),
               paint(PLAIN));
        print_steps(json_object_get(packet, "steps"));
        print_verdict(packet, "to be delivered", "to be dropped");
}

/* What really became of it, or of a copy of it. */
static void print_outcome(const json_t *packet)
{
        const json_t *at = json_object_get(packet, "at"), *drop = json_object_get(packet, "drop");
        bool sent = strcmp(member_text(packet, "way"), "tx") == 0;

        printf("#%.0f %s%s%s at %s %s", member_number(packet, "number"), paint(sent ? GREEN : RED),
               sent ? "sent" : "dropped", paint(PLAIN), member_text(at, "kind"), member_text(at, "name"));
        if (json_is_object(drop))
                printf(": %s: %s", member_text(drop, "reason"), member_text(drop, "help"));
        putchar('\n');
}

static bool on_packet(void *user, const json_t *packet)
{
        struct live *live = user;
        bool came = strcmp(member_text(packet, "way"), "rx") == 0;

        if (came) {
                live->packets++;
                live->dropped += !json_is_true(json_object_get(packet, "delivered"));
        } else {
                live->dropped += strcmp(member_text(packet, "way"), "drop") == 0 &&
                                 is_loss(member_text(json_object_get(packet, "drop"), "reason"));
        }
        if (arguments_is(live->arguments, "output", "table", "json")) {
                json_dumpf(packet, stdout, JSON_COMPACT);
                putchar('\n');
        } else if (!output_print(live->arguments, packet)) {
                came ? print_judged(packet) : print_outcome(packet);
        }
        return fflush(stdout) == 0;
}

static int run_live(struct session *session, const struct arguments *arguments, const char *words)
{
        struct live live = {.arguments = arguments};
        struct capturing capturing = {.packet = on_packet, .user = &live};
        double count = 10, seconds = 60;
        json_t *params, *end = NULL;
        int status = arguments_number(arguments, "count", 1, 10000000, &count);

        if (!status)
                status = arguments_number(arguments, "seconds", 1, 86400, &seconds);
        if (status)
                return status;
        params = json_pack("{s:s, s:b, s:I, s:I}", "port", arguments->operands[0], "trace", 1, "count",
                           (json_int_t)count, "seconds", (json_int_t)seconds);
        if (*words)
                json_object_set_new(params, "packet", json_string(words));
        status = capturing_run(session, params, words, &capturing, &end);
        if (!status && member_number(end, "missed") > 0)
                advise("%.0f packets came too fast, and are not shown", member_number(end, "missed"));
        if (!status && live.packets == 0) {
                complain("no such packet came in %g s", seconds);
                status = CLI_TIMEOUT;
        }
        json_decref(end);
        return status ? status : live.dropped > 0 ? CLI_DROPPED : CLI_OK;
}

static int run(struct session *session, const struct arguments *arguments)
{
        cleanup_free char *words = caret_words(arguments, 1);
        int status = words ? check(arguments) : CLI_REFUSED;

        if (status)
                return status;
        return arguments_given(arguments, "live") ? run_live(session, arguments, words)
                                                  : run_once(session, arguments, words);
}

static const struct option_spec options[] = {
        {"hex", 'x', "DIGITS", false, "the frame itself, from its Ethernet header on", NULL},
        {"pcap", 'r', "FILE", false, "a frame out of a pcap or pcapng file", NULL},
        {"number", 'N', "N", false, "of the frame in the file (default 1)", NULL},
        {"live", 'l', NULL, false, "follow real packets of the flow, both directions", NULL},
        {"count", 'n', "N", false, "live: end after N packets (default 10)", NULL},
        {"seconds", 't', "SECONDS", false, "live: end after this long (default 60)", NULL},
        {"output", 'o', "FORMAT", false, "table (default), json (live: a packet a line) or yaml", output_choices_table},
        {NULL},
};

static struct command trace_command = {
        .name = "trace",
        .summary = "where a packet would go, and what says so",
        .synopsis = "PORT 'PACKET' | PORT --hex DIGITS | PORT --pcap FILE [--number N] | PORT --live ['FLOW']",
        .description =
                "Answers step by step what would become of a packet from this Port (or Underlay), and which rule or\n"
                "object says so. Nothing is sent. PACKET is such as\n"
                "  tcp 10.0.0.5:33000 > 10.0.1.7:443 flags syn,ack      udp [fd00::1]:5000 > [fd00::2]:53\n"
                "  icmp 10.0.0.5 > 10.0.1.7 echo-request id 9           icmp6 fd00::1 > fd00::2 type 1 code 4\n"
                "  sctp 10.0.0.5:7 > 10.0.1.7:8 chunk init              proto 47 10.0.0.5 > 10.0.1.7\n"
                "  arp who-has 10.0.1.7 tell 10.0.0.5\n"
                "and may end in: src-mac MAC, dst-mac MAC, ttl N, length N. TCP is a SYN if it does not say so.",
        .options = options,
        .operands = OPERANDS_PORTS,
        .operands_max = -1,
        .run = run,
};
REGISTER_COMMAND(trace_command)
