/* capture: packets of a port, or those that are dropped, as they pass: into a pcapng file, or a line each. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base64.h"
#include "capturing.h"
#include "caret.h"
#include "command.h"
#include "format.h"
#include "output.h"
#include "pcapng.h"
#include "say.h"
#include "session.h"
#include "socle/wire.h"

/* Where the packets go. */
struct sink {
        struct pcapng *pcapng; /* NULL: to people, or as JSON lines */
        FILE *file;
        bool json;
        const char *path;
        int error;        /* of writing: -errno */
        uint64_t time_ns; /* of the last packet */
};

/* ---- pcapng ---- */

static int write_interface(struct sink *sink, const json_t *at)
{
        const char *kind = member_text(at, "kind"), *name = member_text(at, "name");
        char description[256];

        snprintf(description, sizeof(description), "%s %s", kind, name);
        return pcapng_interface(sink->pcapng, *name ? name : "unknown", description);
}

static int write_packet(struct sink *sink, const json_t *packet)
{
        static uint8_t frame[WIRE_FRAME_MAX];
        const json_t *drop = json_object_get(packet, "drop");
        const char *way = member_text(packet, "way");
        int captured = base64_decode(member_text(packet, "frame"), frame, sizeof(frame));
        int interface = write_interface(sink, json_object_get(packet, "at"));
        char comment[512];

        if (captured < 0 || interface < 0)
                return captured < 0 ? captured : interface;
        snprintf(comment, sizeof(comment), "dropped: %s: %s", member_text(drop, "reason"), member_text(drop, "help"));
        struct pcapng_packet record = {
                .time_ns = (uint64_t)json_integer_value(json_object_get(packet, "time_ns")),
                .frame = frame,
                .captured = (size_t)captured,
                .length = (size_t)json_integer_value(json_object_get(packet, "length")),
                .direction = strcmp(way, "rx") == 0   ? PCAPNG_IN
                             : strcmp(way, "tx") == 0 ? PCAPNG_OUT
                                                      : PCAPNG_UNKNOWN,
                .comment = json_is_object(drop) ? comment : NULL,
        };
        sink->time_ns = record.time_ns;
        int r = pcapng_add(sink->pcapng, interface, &record);
        return r < 0 ? r : fflush(sink->file) == 0 ? 0 : -errno;
}

/* ---- lines ---- */

static void print_packet(const json_t *packet)
{
        json_int_t time_ns = json_integer_value(json_object_get(packet, "time_ns"));
        const json_t *drop = json_object_get(packet, "drop"), *at = json_object_get(packet, "at");
        time_t seconds = time_ns / 1000000000;
        char clock[16] = "";
        struct tm broken;

        if (localtime_r(&seconds, &broken))
                strftime(clock, sizeof(clock), "%H:%M:%S", &broken);
        printf("%s%s.%09lld%s  %-15s %-4s  %s", paint(DIM), clock, (long long)(time_ns % 1000000000), paint(PLAIN),
               member_text(at, "name"), member_text(packet, "way"), member_text(packet, "summary"));
        if (json_is_object(drop))
                printf("  %s%s%s: %s", paint(RED), member_text(drop, "reason"), paint(PLAIN),
                       member_text(drop, "help"));
        putchar('\n');
}

static bool on_packet(void *user, const json_t *packet)
{
        struct sink *sink = user;

        if (sink->error)
                return false;
        if (sink->pcapng) {
                sink->error = write_packet(sink, packet);
                return sink->error == 0;
        }
        if (sink->json) {
                json_dumpf(packet, stdout, JSON_COMPACT);
                putchar('\n');
        } else {
                print_packet(packet);
        }
        return fflush(stdout) == 0;
}

/* ---- the command ---- */

/* The filter may be the only operand with --drops: then it has a blank in it, which no name has. */
static bool has_port(const struct arguments *arguments)
{
        return arguments->operand_count > 0 &&
               !(arguments_given(arguments, "drops") && strchr(arguments->operands[0], ' '));
}

static int put_number(json_t *params, const struct arguments *arguments, const char *name, double min, double max)
{
        double number = -1;
        int status = arguments_number(arguments, name, min, max, &number);

        if (!status && number >= 0)
                json_object_set_new(params, name, json_integer((json_int_t)number));
        return status;
}

static int build_params(const struct arguments *arguments, const char *filter, json_t **ret)
{
        json_t *params = json_object();
        int status = put_number(params, arguments, "snap", 64, WIRE_FRAME_MAX);

        if (!status)
                status = put_number(params, arguments, "count", 1, 10000000);
        if (!status)
                status = put_number(params, arguments, "seconds", 1, 86400);
        if (has_port(arguments))
                json_object_set_new(params, "port", json_string(arguments->operands[0]));
        if (arguments_given(arguments, "drops"))
                json_object_set_new(params, "drops", json_true());
        if (*filter)
                json_object_set_new(params, "packet", json_string(filter));
        if (!status && !has_port(arguments) && !arguments_given(arguments, "drops")) {
                complain("capture: of which port?");
                advise("usage: soclectl capture %s", arguments->command->synopsis);
                status = CLI_USAGE;
        }
        if (status)
                json_decref(params);
        else
                *ret = params;
        return status;
}

static int complain_write(const struct sink *sink)
{
        complain("cannot write to %s: %s", sink->path ?: "standard output", strerror(-sink->error));
        return CLI_REFUSED;
}

static int open_sink(const struct arguments *arguments, struct sink *sink)
{
        double snap = WIRE_FRAME_MAX;

        sink->json = arguments_is(arguments, "output", "table", "json");
        sink->path = arguments_value(arguments, "write", NULL);
        if (!sink->path)
                return CLI_OK;
        if (strcmp(sink->path, "-") == 0) {
                sink->path = NULL;
                sink->file = stdout;
                if (isatty(STDOUT_FILENO)) {
                        complain("capture: the file would go to the terminal");
                        advise("soclectl capture … -w - | tshark -r -");
                        return CLI_USAGE;
                }
        } else {
                sink->file = fopen(sink->path, "wbe");
        }
        (void)arguments_number(arguments, "snap", 64, WIRE_FRAME_MAX, &snap);
        sink->error = !sink->file ? -errno : pcapng_new(&sink->pcapng, sink->file, (uint32_t)snap);
        if (sink->error)
                return complain_write(sink);
        return CLI_OK;
}

/* A port that is captured alone is in the file even if it had no packets. */
static int finish_file(struct sink *sink, const json_t *end, const char *port)
{
        const char *slash = port ? strrchr(port, '/') : NULL; /* Underlay/physnet0 */
        int interface = port ? pcapng_interface(sink->pcapng, slash ? slash + 1 : port, NULL) : -1;
        double packets = member_number(end, "packets"), missed = member_number(end, "missed");

        if (interface >= 0)
                sink->error = pcapng_statistics(sink->pcapng, interface, sink->time_ns, (uint64_t)(packets + missed),
                                                (uint64_t)missed);
        if (!sink->error && fflush(sink->file) != 0)
                sink->error = -errno;
        return sink->error;
}

static int close_sink(struct sink *sink)
{
        pcapng_free(sink->pcapng);
        if (sink->file && sink->file != stdout && fclose(sink->file) != 0 && !sink->error)
                sink->error = -errno;
        return sink->error ? complain_write(sink) : CLI_OK;
}

static void say_end(const struct sink *sink, const json_t *end)
{
        FILE *out = sink->json || (sink->pcapng && !sink->path) ? stderr : stdout;

        fprintf(out, "%.0f captured, %.0f missed\n", member_number(end, "packets"), member_number(end, "missed"));
}

static int run(struct session *session, const struct arguments *arguments)
{
        cleanup_free char *filter = caret_words(arguments, has_port(arguments) ? 1 : 0);
        struct sink sink = {0};
        struct capturing capturing = {.packet = on_packet, .user = &sink};
        json_t *params = NULL, *end = NULL;
        int status = filter ? build_params(arguments, filter, &params) : CLI_REFUSED;

        if (status)
                return status;
        status = open_sink(arguments, &sink);
        if (status) {
                json_decref(params);
                sink.error = 0;
                close_sink(&sink);
                return status;
        }
        status = capturing_run(session, params, filter, &capturing, &end);
        if (sink.pcapng && !sink.error)
                finish_file(&sink, end, has_port(arguments) ? arguments->operands[0] : NULL);
        if (end)
                say_end(&sink, end);
        json_decref(end);
        return close_sink(&sink) ?: status;
}

static const char *const choices[] = {"table", "json", NULL};
static const struct option_spec options[] = {
        {"write", 'w', "FILE", false, "write pcapng to the file; \"-\" is standard output", NULL},
        {"drops", 'd', NULL, false, "only packets that are dropped; without a port: of all", NULL},
        {"snap", 's', "BYTES", false, "of a frame at most (default 9216: all of it)", NULL},
        {"count", 'n', "N", false, "end after N packets (default 1000)", NULL},
        {"seconds", 't', "SECONDS", false, "end after this long (default 60)", NULL},
        {"output", 'o', "FORMAT", false, "table (default), or json: a packet a line", choices},
        {NULL},
};

static struct command capture_command = {
        .name = "capture",
        .summary = "packets of a port, or those dropped, as they pass",
        .synopsis = "PORT [FILTER] [-w FILE|-] [--drops] [-n N] [-t SECONDS] [-s BYTES]",
        .description =
                "Shows each packet that a Port (or Underlay) receives and sends, or writes them to a pcapng file for\n"
                "Wireshark. With --drops only those that are dropped, with the reason; PORT may then be left out.\n"
                "FILTER is a flow, taken in both directions: 'tcp 10.0.0.5 > any:443', 'icmp any > 10.0.1.7',\n"
                "'ip 10.0.0.5 > any'. Ctrl-C ends it, and the file is whole.",
        .options = options,
        .operands = OPERANDS_PORTS,
        .operands_max = -1,
        .run = run,
};
REGISTER_COMMAND(capture_command)
