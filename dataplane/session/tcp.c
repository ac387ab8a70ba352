/* See tcp.h. A segment is looked at three times: by the table of states, by what the table cannot say (a connection
 * that was let through unseen, resets), by the windows of both sides. */
#include "tcp.h"

/* noted_flags beside DP_TCP_PEER_… */
#define DP_TCP_NOTED_BOTH_OPEN (1 << 6) /* simultaneous open: SYNs crossed */
#define DP_TCP_NOTED_CHALLENGE (1 << 7) /* a SYN came in LAST_ACK: its challenge ACK is not that of the FIN */

#define SCALE_MAX 14 /* RFC 7323 2.3 */

/* ---- what a segment is ---- */

static enum dp_tcp_kind kind_of(uint8_t flags)
{
        if (flags & DP_TCP_RST)
                return DP_TCP_KIND_RST;
        if (flags & DP_TCP_SYN)
                return flags & DP_TCP_ACK ? DP_TCP_KIND_SYN_ACK : DP_TCP_KIND_SYN;
        if (flags & DP_TCP_FIN)
                return DP_TCP_KIND_FIN;
        return flags & DP_TCP_ACK ? DP_TCP_KIND_PLAIN : DP_TCP_KIND_NONE;
}

/* Combinations of flags that a stack sends; others are scans, or meant to get past filters. */
static bool flags_are_legal(uint8_t flags)
{
#define LEGAL(combination) (1ULL << (combination))
        const uint64_t legal = LEGAL(DP_TCP_SYN) | LEGAL(DP_TCP_SYN | DP_TCP_URG) | LEGAL(DP_TCP_SYN | DP_TCP_ACK) |
                               LEGAL(DP_TCP_RST) | LEGAL(DP_TCP_RST | DP_TCP_ACK) | LEGAL(DP_TCP_FIN | DP_TCP_ACK) |
                               LEGAL(DP_TCP_FIN | DP_TCP_ACK | DP_TCP_URG) | LEGAL(DP_TCP_ACK) |
                               LEGAL(DP_TCP_ACK | DP_TCP_URG);
#undef LEGAL

        return legal >> (flags & (DP_TCP_FIN | DP_TCP_SYN | DP_TCP_RST | DP_TCP_ACK | DP_TCP_URG)) & 1;
}

/* ---- the table of states ---- */

/* Columns. All but the first are SOCLE_SESSION_TCP_…, in their order. */
enum { NO, SS, SR, ES, FW, CW, LA, TW, CL, S2, STATES, IV, IG };

#define COLUMN(state) ((state)-SOCLE_SESSION_TCP_SYN_SENT + SS)
#define STATE(column) ((column)-SS + SOCLE_SESSION_TCP_SYN_SENT)
_Static_assert(STATE(S2) == SOCLE_SESSION_TCP_SYN_SENT2 && STATE(ES) == SOCLE_SESSION_TCP_ESTABLISHED &&
                       STATE(TW) == SOCLE_SESSION_TCP_TIME_WAIT,
               "columns follow session_states.h");

/* clang-format off */
/* [the answering direction?][kind][column]. IV: the segment does not belong, and is dropped; IG: it may be that we have
 * missed something, so it passes and changes nothing.
 *
 *      SYN      opens; again in SYN_SENT: a retransmission. In a live connection the answering host knows better than
 *               we (challenge ACK, RFC 5961 4). In TIME_WAIT and CLOSE: a new connection on old ports. From the
 *               answering side: simultaneous open, or roles changed after TIME_WAIT.
 *      SYN+ACK  answers; a late or repeated one passes. From the originator: only in a simultaneous open.
 *      FIN      the first begins to close, the second awaits its acknowledgement. Not before the handshake's SYN+ACK.
 *      ACK      establishes, acknowledges FINs. The originator may not send it before it has a SYN+ACK; from the
 *               answering side it is then a half-open connection's. With no session: taken up in the middle (`loose`).
 *      RST      ends whatever there is; if it may, is for later.
 *      none     nothing without ACK but SYN and RST. */
static const uint8_t transitions[2][DP_TCP_KIND_COUNT][STATES] = {
        {                       /*  NO  SS  SR  ES  FW  CW  LA  TW  CL  S2 */
        [DP_TCP_KIND_SYN]        = {SS, SS, IG, IG, IG, IG, IG, SS, SS, S2},
        [DP_TCP_KIND_SYN_ACK]    = {IV, IV, SR, IV, IV, IV, IV, IV, IV, SR},
        [DP_TCP_KIND_FIN]        = {IV, IV, FW, FW, LA, LA, LA, TW, CL, IV},
        [DP_TCP_KIND_PLAIN]      = {ES, IV, ES, ES, CW, CW, TW, TW, CL, IV},
        [DP_TCP_KIND_RST]        = {IV, CL, CL, CL, CL, CL, CL, CL, CL, CL},
        [DP_TCP_KIND_NONE]       = {IV, IV, IV, IV, IV, IV, IV, IV, IV, IV},
        }, {                    /*  NO  SS  SR  ES  FW  CW  LA  TW  CL  S2 */
        [DP_TCP_KIND_SYN]        = {IV, S2, IV, IV, IV, IV, IV, SS, IV, S2},
        [DP_TCP_KIND_SYN_ACK]    = {IV, SR, IG, IG, IG, IG, IG, IG, IG, SR},
        [DP_TCP_KIND_FIN]        = {IV, IV, FW, FW, LA, LA, LA, TW, CL, IV},
        [DP_TCP_KIND_PLAIN]      = {IV, IG, SR, ES, CW, CW, TW, TW, CL, IG},
        [DP_TCP_KIND_RST]        = {IV, CL, CL, CL, CL, CL, CL, CL, CL, CL},
        [DP_TCP_KIND_NONE]       = {IV, IV, IV, IV, IV, IV, IV, IV, IV, IV},
        },
};
/* clang-format on */

/* ---- options ---- */

#define OPTION_END          0
#define OPTION_NOP          1
#define OPTION_SCALE        3
#define OPTION_SACK_ALLOWED 4
#define OPTION_SACK         5

struct option {
        const uint8_t *data; /* its first byte is the kind */
        uint8_t length;
};

/* The next option that is more than a byte. false: no more, or nothing that could be one. */
static bool next_option(const uint8_t **at, const uint8_t *end, struct option *ret)
{
        const uint8_t *p = *at;

        while (p < end && *p == OPTION_NOP)
                p++;
        if (end - p < 2 || *p == OPTION_END || p[1] < 2 || p[1] > end - p)
                return false;
        *ret = (struct option){p, p[1]};
        *at = p + p[1];
        return true;
}

/* Scale and SACK of a SYN. */
static void read_syn_options(const struct dp_tcp_segment *segment, uint8_t *ret_scale, uint8_t *ret_flags)
{
        const uint8_t *at = segment->options, *end = at + segment->option_length;
        struct option option;

        *ret_scale = *ret_flags = 0;
        while (next_option(&at, end, &option)) {
                if (option.data[0] == OPTION_SACK_ALLOWED && option.length == 2) {
                        *ret_flags |= DP_TCP_PEER_SACK;
                } else if (option.data[0] == OPTION_SCALE && option.length == 3) {
                        *ret_flags |= DP_TCP_PEER_SCALE;
                        *ret_scale = option.data[2] < SCALE_MAX ? option.data[2] : SCALE_MAX;
                }
        }
}

static uint32_t read_word(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The highest sequence number that is acknowledged, selectively or not. */
static uint32_t highest_ack(const struct dp_tcp_segment *segment)
{
        const uint8_t *at = segment->options, *end = at + segment->option_length;
        uint32_t highest = segment->ack;
        struct option option;

        if (dp_tcp_plain_options(segment->options, segment->option_length))
                return highest;
        while (next_option(&at, end, &option)) {
                if (option.data[0] != OPTION_SACK || option.length < 10 || (option.length - 2) % 8 != 0)
                        continue;
                for (unsigned int right = 6; right < option.length; right += 8)
                        if (dp_tcp_after(read_word(option.data + right), highest))
                                highest = read_word(option.data + right);
                break;
        }
        return highest;
}

/* ---- one segment on its way through the machine ---- */

struct step {
        struct dp_tcp *tcp;
        const struct dp_tcp_segment *segment;
        const struct dp_tcp_settings *settings;
        struct dp_tcp_peer *sender, *receiver;
        unsigned int d;
        bool answering; /* against the direction of the first segment */
        enum dp_tcp_kind kind;
        uint8_t now;       /* column of the connection's state */
        uint8_t from, to;  /* columns of the transition that the segment makes */
        uint32_t end, ack; /* behind its last byte; acknowledged, as far as it counts */
        uint32_t sack;     /* the same, or beyond */
        uint32_t seq;
};

/* ---- windows ---- */

enum window {
        IN_WINDOW,
        DOUBTFUL, /* delayed, repeated, or a little too much: harmless; passes and changes no state */
        BEYOND,   /* above it: not of this connection */
};

/* A SYN tells where a side begins. Scaling is in force only if both sides offer it (RFC 7323 2.2). */
static void start_sender(struct step *s)
{
        struct dp_tcp_peer *sender = s->sender, *receiver = s->receiver;
        uint8_t options;

        sender->end = sender->max_end = s->end;
        sender->max_window = s->segment->window ? s->segment->window : 1;
        if (s->segment->option_length > 0) { /* without any, an earlier SYN's stand */
                read_syn_options(s->segment, &sender->scale, &options);
                sender->flags = (sender->flags & DP_TCP_PEER_LIBERAL) | options;
        }
        if (s->answering && !(sender->flags & receiver->flags & DP_TCP_PEER_SCALE))
                sender->scale = receiver->scale = 0;
}

/* The first of this side, in the middle of its conversation: believed. */
static void take_up_sender(struct step *s)
{
        struct dp_tcp_peer *sender = s->sender, *receiver = s->receiver;
        uint32_t window = (uint32_t)s->segment->window << sender->scale;

        sender->end = s->end;
        sender->max_window = window ? window : 1;
        sender->max_end = s->end + sender->max_window;
        if (receiver->max_window == 0)
                receiver->end = receiver->max_end = s->sack;
        else if (s->sack == receiver->end + 1)
                receiver->end++; /* it answers a keep-alive */
}

/* Learns of a side that is new, or begins anew. false: a SYN without ACK from the answering side, which has no window
 * to be checked against yet. */
static bool meet_sender(struct step *s)
{
        bool syn = s->segment->flags & DP_TCP_SYN, ack = s->segment->flags & DP_TCP_ACK;

        if (s->sender->max_window == 0) {
                if (!syn) {
                        take_up_sender(s);
                        return true;
                }
                start_sender(s);
                return ack;
        }
        if (syn && dp_tcp_after(s->end, s->sender->end) && (s->now == SS || s->now == SR)) {
                start_sender(s);
                return ack || !s->answering;
        }
        return true;
}

/* What the segment says of sequence numbers, where hosts say it in odd ways. */
static void read_numbers(struct step *s)
{
        const struct dp_tcp_segment *segment = s->segment;
        bool rst = segment->flags & DP_TCP_RST;

        if (!(segment->flags & DP_TCP_ACK) || (rst && segment->ack == 0))
                s->ack = s->sack = s->receiver->end; /* some stacks set ACK in an RST, and acknowledge nothing */
        if (rst && segment->seq == 0 && s->now == SS)
                s->seq = s->end = s->sender->end; /* it answers a SYN: RFC 9293 3.10.7.1 */
}

/* Van Rooij's four bounds. */
static enum window place_segment(const struct step *s)
{
        const struct dp_tcp_peer *sender = s->sender, *receiver = s->receiver;
        bool recent = receiver->max_window == 0 || dp_tcp_after(s->end, sender->end - receiver->max_window - 1);
        bool acks_recent = dp_tcp_after(s->sack, receiver->end - dp_tcp_ack_room(sender) - 1);
        bool acks_sent = dp_tcp_before(s->sack, receiver->end + 1);

        if (!dp_tcp_before(s->seq, sender->max_end + 1)) {
                uint32_t excess = s->end - sender->max_end + 1;
                if (receiver->max_window == 0 || !recent || !acks_recent || !acks_sent || excess > receiver->max_window)
                        return BEYOND;
                /* More than the receiver's window allows; its acknowledgement must not look as if it came from nowhere.
                 */
                s->sender->end = s->end;
                s->sender->flags |= DP_TCP_PEER_UNACKED;
                return DOUBTFUL;
        }
        if (!acks_sent)
                return BEYOND;
        return recent && acks_recent ? IN_WINDOW : DOUBTFUL;
}

static void move_windows(struct step *s)
{
        struct dp_tcp_peer *sender = s->sender, *receiver = s->receiver;
        uint32_t window = s->segment->window;

        if (!(s->segment->flags & DP_TCP_SYN))
                window <<= sender->scale;
        if (window + (s->sack - s->ack) > sender->max_window)
                sender->max_window = window + (s->sack - s->ack);
        if (dp_tcp_after(s->end, sender->end)) {
                sender->end = s->end;
                sender->flags |= DP_TCP_PEER_UNACKED;
        }
        if (s->segment->flags & DP_TCP_ACK) {
                if (!(sender->flags & DP_TCP_PEER_ACKED_ONCE) || dp_tcp_after(s->ack, sender->max_ack))
                        sender->max_ack = s->ack;
                sender->flags |= DP_TCP_PEER_ACKED_ONCE;
        }
        if (receiver->max_window != 0 && dp_tcp_after(s->end, sender->max_end))
                receiver->max_window +=
                        s->end - sender->max_end; /* it reached over the edge, so the window is larger */
        if (dp_tcp_after(s->sack + window, receiver->max_end - 1))
                receiver->max_end = s->sack + window + (window == 0); /* a probe of a closed window has a byte */
        if (s->ack == receiver->end)
                receiver->flags &= ~DP_TCP_PEER_UNACKED;
}

static void count_repeated(struct step *s)
{
        struct dp_tcp_last *last = &s->tcp->last;

        if (last->direction == s->d && last->seq == s->seq && last->ack == s->ack && last->end == s->end &&
            last->window == s->segment->window) {
                s->tcp->retrans += s->tcp->retrans < UINT8_MAX;
                return;
        }
        last->seq = s->seq;
        last->ack = s->ack;
        last->end = s->end;
        last->window = s->segment->window;
        s->tcp->retrans = 0;
}

static enum window check_window(struct step *s)
{
        enum window place;

        if (s->receiver->flags & DP_TCP_PEER_SACK)
                s->sack = highest_ack(s->segment);
        if (!meet_sender(s))
                return IN_WINDOW;
        read_numbers(s);
        place = place_segment(s);
        if (place != IN_WINDOW)
                return s->settings->liberal || s->sender->flags & DP_TCP_PEER_LIBERAL ? IN_WINDOW : place;
        move_windows(s);
        if (s->kind == DP_TCP_KIND_PLAIN)
                count_repeated(s);
        return IN_WINDOW;
}

/* ---- what the table cannot say ---- */

enum decision { CHECK_WINDOW, SKIP_WINDOW, LET_PASS, REFUSE, REOPEN };

/* We may have missed what led to this one, and the hosts may know better: it passes. What it says is noted, so that the
 * answer will tell whether it began a connection. */
static enum decision pass_unseen(struct step *s)
{
        struct dp_tcp *tcp = s->tcp;
        struct dp_tcp_last *last = &tcp->last;

        if (s->kind == DP_TCP_KIND_SYN_ACK && last->kind == DP_TCP_KIND_SYN && last->direction != s->d &&
            s->segment->ack == last->end) {
                /* The SYN that passed unseen is answered: the hosts agree on a new connection, and we follow. */
                s->from = SS;
                s->to = SR;
                *s->receiver = (struct dp_tcp_peer){
                        .end = last->end,
                        .max_end = last->end,
                        .max_window = last->window ? last->window : 1,
                        .scale = tcp->noted_scale,
                        .flags = tcp->noted_flags & (DP_TCP_PEER_SCALE | DP_TCP_PEER_SACK),
                };
                tcp->noted_flags &= ~DP_TCP_NOTED_CHALLENGE;
                *s->sender = (struct dp_tcp_peer){0};
                return CHECK_WINDOW;
        }
        last->kind = s->kind;
        last->direction = s->d;
        last->seq = s->segment->seq;
        last->end = s->end;
        last->window = s->segment->window;
        if (s->kind == DP_TCP_KIND_SYN && !s->answering) {
                read_syn_options(s->segment, &tcp->noted_scale, &tcp->noted_flags);
                if (s->now == LA)
                        tcp->noted_flags |= DP_TCP_NOTED_CHALLENGE;
        }
        if (s->kind == DP_TCP_KIND_PLAIN && s->answering && s->now == SS)
                last->ack = s->segment->ack; /* a challenge ACK, perhaps: its RST will begin there */
        return LET_PASS;
}

/* A SYN after the end: anew, if the old connection was closed in order or by the same side's RST. */
static enum decision check_reopening(struct step *s)
{
        const struct dp_tcp_last *last = &s->tcp->last;

        if (s->now < TW)
                return CHECK_WINDOW;
        if ((s->sender->flags | s->receiver->flags) & DP_TCP_PEER_CLOSES ||
            (last->direction == s->d && last->kind == DP_TCP_KIND_RST))
                return REOPEN;
        return pass_unseen(s);
}

static bool is_established(const struct step *s)
{
        return s->now == ES && s->tcp->flags & DP_TCP_ASSURED;
}

/* Does the RST begin where the other side expects the next byte, or go on from the same side's last segment? Others
 * keep an established connection as it is, though they pass: the host will ask with a challenge ACK (RFC 5961 3). */
static bool rst_is_exact(const struct step *s)
{
        const struct dp_tcp_last *last = &s->tcp->last;

        return s->segment->seq == s->receiver->max_ack ||
               (last->kind == DP_TCP_KIND_PLAIN && last->direction == s->d && s->segment->seq == last->end);
}

static enum decision check_rst(struct step *s)
{
        const struct dp_tcp_last *last = &s->tcp->last;
        uint32_t seq = s->segment->seq;

        if (s->now >= FW && s->now <= CL)
                return SKIP_WINDOW; /* closing: what we know may be of the connection before */
        if (s->receiver->flags & DP_TCP_PEER_ACKED_ONCE && last->kind != DP_TCP_KIND_SYN) {
                if (seq == 0 && !is_established(s))
                        return CHECK_WINDOW; /* an answer to a SYN */
                if (dp_tcp_before(seq, s->receiver->max_ack))
                        return REFUSE;
                if (!is_established(s) || rst_is_exact(s))
                        return CHECK_WINDOW;
                s->to = s->from;
        }
        /* It answers what passed unseen. */
        if (s->segment->ack == last->end &&
            ((s->tcp->flags & DP_TCP_REPLIED && last->kind == DP_TCP_KIND_SYN && last->direction != s->d) ||
             (!(s->tcp->flags & DP_TCP_ASSURED) && last->kind == DP_TCP_KIND_PLAIN)))
                return SKIP_WINDOW;
        bool last_answered = (last->direction == s->d) == s->answering;
        if (s->from == SS && last->kind == DP_TCP_KIND_PLAIN && last_answered && seq == last->ack)
                return SKIP_WINDOW;
        return CHECK_WINDOW;
}

static enum decision decide(struct step *s)
{
        struct dp_tcp *tcp = s->tcp;

        switch (s->to) {
        case SS:
                return check_reopening(s);
        case IG:
                return pass_unseen(s);
        case IV:
                return REFUSE;
        case TW:
                if (s->from == LA && s->kind == DP_TCP_KIND_PLAIN && tcp->last.direction != s->d &&
                    tcp->last.kind == DP_TCP_KIND_SYN && tcp->noted_flags & DP_TCP_NOTED_CHALLENGE) {
                        tcp->noted_flags &= ~DP_TCP_NOTED_CHALLENGE;
                        return LET_PASS;
                }
                return CHECK_WINDOW;
        case S2:
                tcp->noted_flags |= DP_TCP_NOTED_BOTH_OPEN;
                return CHECK_WINDOW;
        case SR:
                if (s->answering && s->kind == DP_TCP_KIND_PLAIN && tcp->noted_flags & DP_TCP_NOTED_BOTH_OPEN)
                        s->to = ES;
                return CHECK_WINDOW;
        case CL:
                return s->kind == DP_TCP_KIND_RST ? check_rst(s) : CHECK_WINDOW;
        default:
                return CHECK_WINDOW;
        }
}

/* ---- afterwards ---- */

/* The state whose timeout counts. */
static uint8_t choose_timeout(const struct step *s)
{
        const uint32_t *timeout_ms = s->settings->timeout_ms;
        const struct dp_tcp *tcp = s->tcp;
        uint8_t state = STATE(s->to);
        bool unacked = (s->sender->flags | s->receiver->flags) & DP_TCP_PEER_UNACKED;

        if (tcp->retrans >= s->settings->max_retrans && timeout_ms[state] > timeout_ms[SOCLE_SESSION_TCP_RETRANS])
                return SOCLE_SESSION_TCP_RETRANS;
        if (s->kind == DP_TCP_KIND_RST)
                return SOCLE_SESSION_TCP_CLOSE;
        if (unacked && timeout_ms[state] > timeout_ms[SOCLE_SESSION_TCP_UNACK])
                return SOCLE_SESSION_TCP_UNACK;
        if (tcp->last.window == 0 && timeout_ms[state] > timeout_ms[SOCLE_SESSION_TCP_RETRANS])
                return SOCLE_SESSION_TCP_RETRANS;
        return state;
}

/* It is in window: the transition is made. */
static enum dp_tcp_verdict accept(struct step *s, uint8_t *state, uint8_t *timeout_state)
{
        struct dp_tcp *tcp = s->tcp;
        const uint32_t *timeout_ms = s->settings->timeout_ms;
        bool again = s->now == SS && s->kind == DP_TCP_KIND_SYN;

        tcp->last.kind = s->kind;
        tcp->last.direction = s->d;
        if (s->from != s->to && s->to == FW)
                s->sender->flags |= DP_TCP_PEER_CLOSES;
        *state = STATE(s->to);
        if (!(tcp->flags & DP_TCP_REPLIED)) {
                if (s->kind == DP_TCP_KIND_RST)
                        return DP_TCP_DELETE;
                if (again) /* or who sends SYNs keeps it for ever */
                        return DP_TCP_IGNORE;
        } else if ((s->from == SR || s->from == ES) && s->to == ES) {
                tcp->flags |= DP_TCP_ASSURED;
        }
        *timeout_state = choose_timeout(s);
        if (!(tcp->flags & DP_TCP_REPLIED) && s->to == ES &&
            timeout_ms[*timeout_state] > timeout_ms[SOCLE_SESSION_TCP_UNACK])
                *timeout_state = SOCLE_SESSION_TCP_UNACK; /* picked up, and nobody has answered */
        return DP_TCP_ACCEPT;
}

/* A FIN or RST out of window, answered by another: the hosts have come to an end that we have missed. */
static enum dp_tcp_verdict refuse(struct step *s, uint8_t *timeout_state)
{
        struct dp_tcp_last *last = &s->tcp->last;
        const uint32_t *timeout_ms = s->settings->timeout_ms;

        if (!(s->tcp->flags & DP_TCP_ASSURED) || (s->kind != DP_TCP_KIND_RST && s->kind != DP_TCP_KIND_FIN))
                return DP_TCP_INVALID;
        if (last->direction == s->d || (last->kind != DP_TCP_KIND_FIN && last->kind != DP_TCP_KIND_RST)) {
                last->kind = s->kind;
                last->direction = s->d;
        } else if (timeout_ms[*timeout_state] > timeout_ms[SOCLE_SESSION_TCP_UNACK]) {
                *timeout_state = SOCLE_SESSION_TCP_UNACK;
        }
        return DP_TCP_INVALID;
}

static enum dp_tcp_verdict run(struct step *s, uint8_t *state, uint8_t *timeout_state)
{
        switch (decide(s)) {
        case REFUSE:
                return DP_TCP_INVALID;
        case REOPEN:
                return DP_TCP_REOPEN;
        case LET_PASS:
                return DP_TCP_IGNORE;
        case SKIP_WINDOW:
                return accept(s, state, timeout_state);
        case CHECK_WINDOW:
                break;
        }
        switch (check_window(s)) {
        case DOUBTFUL:
                return DP_TCP_IGNORE;
        case BEYOND:
                return refuse(s, timeout_state);
        default:
                return accept(s, state, timeout_state);
        }
}

static struct step make_step(struct dp_tcp *tcp, unsigned int d, bool answering, uint8_t now,
                             const struct dp_tcp_segment *segment, const struct dp_tcp_settings *settings)
{
        enum dp_tcp_kind kind = kind_of(segment->flags);

        return (struct step){
                .tcp = tcp,
                .segment = segment,
                .settings = settings,
                .sender = &tcp->peers[d],
                .receiver = &tcp->peers[!d],
                .d = d,
                .answering = answering,
                .kind = kind,
                .now = now,
                .from = now,
                .to = transitions[answering][kind][now],
                .seq = segment->seq,
                .end = dp_tcp_end(segment),
                .ack = segment->ack,
                .sack = segment->ack,
        };
}

/* ---- the interface ---- */

enum dp_tcp_verdict dp_tcp_begin(struct dp_tcp *tcp, unsigned int d, const struct dp_tcp_segment *segment,
                                 const struct dp_tcp_settings *settings, uint8_t *state, uint8_t *timeout_state)
{
        struct step s = make_step(tcp, d, false, NO, segment, settings);
        struct dp_tcp_peer *sender = s.sender;

        if (!flags_are_legal(segment->flags) || s.to == IV || (s.to == ES && !settings->loose))
                return DP_TCP_INVALID;
        *tcp = (struct dp_tcp){.last = {.direction = d, .kind = DP_TCP_KIND_NONE}};
        sender->end = sender->max_end = s.end;
        sender->max_window = segment->window ? segment->window : 1;
        if (s.to == SS) {
                read_syn_options(segment, &sender->scale, &sender->flags);
        } else {
                /* What was agreed on before is not known: SACK and scaling are taken for granted. */
                sender->max_end += sender->max_window;
                s.sender->flags = s.receiver->flags = DP_TCP_PEER_SACK | DP_TCP_PEER_LIBERAL;
        }
        return run(&s, state, timeout_state);
}

enum dp_tcp_verdict dp_tcp_track(struct dp_tcp *tcp, unsigned int d, unsigned int origin,
                                 const struct dp_tcp_segment *segment, const struct dp_tcp_settings *settings,
                                 uint8_t *state, uint8_t *timeout_state)
{
        struct step s = make_step(tcp, d, d != origin, COLUMN(*state), segment, settings);
        enum dp_tcp_verdict verdict;

        if (!flags_are_legal(segment->flags))
                return DP_TCP_INVALID;
        verdict = run(&s, state, timeout_state);
        if (s.answering && (verdict == DP_TCP_ACCEPT || verdict == DP_TCP_IGNORE))
                tcp->flags |= DP_TCP_REPLIED;
        return verdict;
}
