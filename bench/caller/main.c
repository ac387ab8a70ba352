/* socle-caller: asks socled the same small question over one connection, again and again, with WINDOW requests under
 * way, and prints what it saw as JSON. Works with bench/calls.py.
 *   socle-caller WINDOW SECONDS METHOD PARAMS SOCKET
 *   socle-caller WINDOW SECONDS METHOD PARAMS HOST PORT CA CERTIFICATE KEY */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "connection.h"
#include "socle/cleanup.h"

enum { WINDOW_MAX = 1024, REQUEST_BYTES = 512, SAMPLES_MAX = 1 << 22 };

struct run {
        struct connection *connection;
        const char *method, *params;
        size_t window;
        uint64_t sent, answered;
        uint64_t sent_at[WINDOW_MAX]; /* ns, of request number % WINDOW_MAX */
        uint32_t *delays;             /* ns, the first SAMPLES_MAX */
        char line[4096];              /* an answer's beginning: it must be the right one */
        size_t line_bytes;
};

static uint64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* As many as there is room for, in one write. */
static void fill(struct run *run)
{
        static char out[WINDOW_MAX * REQUEST_BYTES];
        size_t used = 0;
        uint64_t now = now_ns();

        for (; run->sent - run->answered < run->window; run->sent++) {
                int n = snprintf(out + used, REQUEST_BYTES,
                                 "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"method\":\"%s\",\"params\":%s}\n",
                                 run->sent, run->method, run->params);
                if (n >= REQUEST_BYTES)
                        errx(1, "the request is too long");
                used += (size_t)n;
                run->sent_at[run->sent % WINDOW_MAX] = now;
        }
        connection_write(run->connection, out, used);
}

static void take_answer(struct run *run, uint64_t now)
{
        char id[32];
        uint64_t delay = now - run->sent_at[run->answered % WINDOW_MAX];

        snprintf(id, sizeof(id), "\"id\":%" PRIu64, run->answered);
        run->line[run->line_bytes] = 0;
        if (run->answered == run->sent || !strstr(run->line, id) || !strstr(run->line, "\"result\":"))
                errx(1, "no answer to request %" PRIu64 ": %.200s", run->answered, run->line);
        if (run->answered < SAMPLES_MAX)
                run->delays[run->answered] = delay > UINT32_MAX ? UINT32_MAX : (uint32_t)delay;
        run->answered++;
        run->line_bytes = 0;
}

static void drain(struct run *run)
{
        static char in[65536];
        size_t count = connection_read(run->connection, in, sizeof(in));
        uint64_t now = now_ns();

        for (const char *at = in, *end = in + count; at < end;) {
                const char *stop = memchr(at, '\n', (size_t)(end - at));
                size_t length = (size_t)((stop ?: end) - at), room = sizeof(run->line) - 1 - run->line_bytes;
                if (length > room)
                        length = room;
                memcpy(run->line + run->line_bytes, at, length);
                run->line_bytes += length;
                if (stop)
                        take_answer(run, now);
                at = stop ? stop + 1 : end;
        }
}

static int compare(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

        return x < y ? -1 : x > y;
}

static void report(struct run *run, uint64_t took_ns)
{
        size_t count = run->answered < SAMPLES_MAX ? (size_t)run->answered : SAMPLES_MAX;
        struct rusage usage;

        getrusage(RUSAGE_SELF, &usage);
        qsort(run->delays, count, sizeof(*run->delays), compare);
        printf("{\"requests\": %" PRIu64 ", \"seconds\": %.6f, \"cpu_seconds\": %.6f, \"p50_us\": %.1f, "
               "\"p99_us\": %.1f, \"max_us\": %.1f}\n",
               run->answered, (double)took_ns / 1e9,
               (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
               run->delays[count / 2] / 1e3, run->delays[count * 99 / 100] / 1e3, run->delays[count - 1] / 1e3);
}

int main(int argc, char **argv)
{
        static struct run run;

        if (argc != 6 && argc != 10)
                errx(2, "usage: WINDOW SECONDS METHOD PARAMS (SOCKET | HOST PORT CA CERTIFICATE KEY)");
        const struct connection_options options = {.path = argc == 6 ? argv[5] : NULL,
                                                   .host = argv[5],
                                                   .port = argv[6],
                                                   .ca = argc == 10 ? argv[7] : NULL,
                                                   .certificate = argc == 10 ? argv[8] : NULL,
                                                   .key = argc == 10 ? argv[9] : NULL};
        run.window = strtoul(argv[1], NULL, 10);
        run.method = argv[3];
        run.params = argv[4];
        run.delays = malloc(SAMPLES_MAX * sizeof(*run.delays));
        if (run.window < 1 || run.window > WINDOW_MAX || !run.delays)
                errx(2, "a window of 1 … %d", WINDOW_MAX);
        run.connection = connection_open(&options);
        uint64_t start = now_ns(), end = start + (uint64_t)(strtod(argv[2], NULL) * 1e9);
        do {
                fill(&run);
                drain(&run);
        } while (now_ns() < end);
        report(&run, now_ns() - start);
        connection_close(run.connection);
        free(run.delays);
        return 0;
}
