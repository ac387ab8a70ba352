/* See sctp.h. Every chunk of a packet makes a transition; a chunk that does not belong makes the whole packet invalid,
 * and then none of them has happened. */
#include "sctp.h"

enum chunk_type {
        DATA = 0,
        INIT = 1,
        INIT_ACK = 2,
        HEARTBEAT = 4,
        HEARTBEAT_ACK = 5,
        ABORT = 6,
        SHUTDOWN = 7,
        SHUTDOWN_ACK = 8,
        ERROR = 9,
        COOKIE_ECHO = 10,
        COOKIE_ACK = 11,
        SHUTDOWN_COMPLETE = 14,
        CHUNK_TYPES = 15, /* later ones mean nothing here */
};

#define COMMON_HEADER 12
#define CHUNK_HEADER  4
#define INIT_LENGTH   20 /* the fixed part of INIT and INIT ACK, chunk header included */
#define T_BIT         1  /* of ABORT and SHUTDOWN COMPLETE: the tag is the other direction's (RFC 9260 8.5.1) */

/* flags beside DP_SCTP_ASSURED */
#define SENT_INIT(d)       (2 << (d)) /* an INIT was seen in that direction, and no COOKIE ACK since */
#define HEARTBEAT_STRAY    (1 << 3)   /* a HEARTBEAT with an unknown tag passed; its answer will tell */
#define HEARTBEAT_STRAY_D1 (1 << 4)   /* in direction 1 */

/* ---- the table of states ---- */

/* Columns. All but the first are SOCLE_SESSION_SCTP_…, in their order. */
enum { NO, CL, CW, CE, ES, SS, SR, SA, HS, STATES, IV };

#define COLUMN(state) ((state)-SOCLE_SESSION_SCTP_CLOSED + CL)
#define STATE(column) ((column)-CL + SOCLE_SESSION_SCTP_CLOSED)
_Static_assert(STATE(HS) == SOCLE_SESSION_SCTP_HEARTBEAT_SENT && STATE(ES) == SOCLE_SESSION_SCTP_ESTABLISHED,
               "columns follow session_states.h");

/* clang-format off */
/* [the answering direction?][chunk][column]. Chunks without a row (DATA, SACK …) belong to any association and leave it
 * as it is. IV: invalid.
 *
 *      INIT          opens: it waits in CLOSED for its INIT ACK, so that a flood of them is soon forgotten. In an
 *                    association that lives: a restart, which its COOKIE ACK decides.
 *      HEARTBEAT     a further path of an association that began elsewhere (multi-homing); its answer establishes.
 *      SHUTDOWN ACK  may come when we know nothing: the SHUTDOWN COMPLETE shall find its way back.
 *      ERROR         answering a COOKIE ECHO: the cookie was stale, and all begins anew.
 *      ABORT         ends whatever there is; its tag was compared. */
static const uint8_t transitions[2][CHUNK_TYPES][STATES] = {
        {                      /*  NO  CL  CW  CE  ES  SS  SR  SA  HS */
        [INIT]                  = {CL, CL, CW, CE, ES, CL, CL, SA, CW},
        [INIT_ACK]              = {CL, CL, CW, CE, ES, SS, SR, SA, CL},
        [ABORT]                 = {CL, CL, CL, CL, CL, CL, CL, CL, CL},
        [SHUTDOWN]              = {CL, CL, CW, CE, SS, SS, SR, SA, CL},
        [SHUTDOWN_ACK]          = {SA, CL, CW, CE, ES, SA, SA, SA, SA},
        [ERROR]                 = {CL, CL, CW, CE, ES, SS, SR, SA, CL},
        [COOKIE_ECHO]           = {CL, CL, CE, CE, ES, SS, SR, SA, CL},
        [COOKIE_ACK]            = {CL, CL, CW, ES, ES, SS, SR, SA, CL},
        [SHUTDOWN_COMPLETE]     = {CL, CL, CW, CE, ES, SS, SR, CL, CL},
        [HEARTBEAT]             = {HS, CL, CW, CE, ES, SS, SR, SA, HS},
        [HEARTBEAT_ACK]         = {CL, CL, CW, CE, ES, SS, SR, SA, HS},
        }, {                   /*  NO  CL  CW  CE  ES  SS  SR  SA  HS */
        [INIT]                  = {IV, CL, CW, CE, ES, SS, SR, SA, IV},
        [INIT_ACK]              = {IV, CW, CW, CE, ES, SS, SR, SA, IV},
        [ABORT]                 = {IV, CL, CL, CL, CL, CL, CL, CL, IV},
        [SHUTDOWN]              = {IV, CL, CW, CE, SR, SS, SR, SA, IV},
        [SHUTDOWN_ACK]          = {IV, CL, CW, CE, ES, SA, SA, SA, IV},
        [ERROR]                 = {IV, CL, CW, CL, ES, SS, SR, SA, IV},
        [COOKIE_ECHO]           = {IV, CL, CE, CE, ES, SS, SR, SA, IV},
        [COOKIE_ACK]            = {IV, CL, CW, ES, ES, SS, SR, SA, IV},
        [SHUTDOWN_COMPLETE]     = {IV, CL, CW, CE, ES, SS, SR, CL, IV},
        [HEARTBEAT]             = {IV, CL, CW, CE, ES, SS, SR, SA, HS},
        [HEARTBEAT_ACK]         = {IV, CL, CW, CE, ES, SS, SR, SA, ES},
        },
};
/* clang-format on */

static bool has_row(uint8_t type)
{
        return type < CHUNK_TYPES && transitions[0][type][ES] != NO;
}

/* ---- reading ---- */

struct packet {
        const uint8_t *data;
        uint32_t length;
        uint32_t tag;
        uint32_t types; /* a bit for each that is below CHUNK_TYPES */
};

struct chunk {
        const uint8_t *data;
        uint32_t at, next; /* offsets in the packet */
        uint32_t room;     /* bytes from its beginning to the packet's end */
        uint16_t length;   /* as it claims; 0 does not occur, but beyond `room` does */
        uint8_t type, flags;
};

static uint32_t read_word(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool chunk_at(const struct packet *packet, uint32_t at, struct chunk *ret)
{
        const uint8_t *p = packet->data + at;

        if (at >= packet->length || packet->length - at < CHUNK_HEADER)
                return false;
        *ret = (struct chunk){.data = p,
                              .at = at,
                              .room = packet->length - at,
                              .length = p[2] << 8 | p[3],
                              .type = p[0],
                              .flags = p[1]};
        ret->next = at + ((ret->length + 3u) & ~3u);
        return true;
}

#define FOR_EACH_CHUNK(packet, chunk)                                                                                  \
        for (uint32_t at_ = COMMON_HEADER; chunk_at(packet, at_, chunk); at_ = (chunk)->next)

static bool stands_alone(uint8_t type)
{
        return type == INIT || type == INIT_ACK || type == SHUTDOWN_COMPLETE;
}

/* RFC 9260 6.10: what must be first is first, what must be alone is alone. */
static bool read_packet(const uint8_t *data, uint32_t length, struct packet *ret)
{
        unsigned int count = 0;
        bool alone = false;
        struct chunk chunk;

        if (length < COMMON_HEADER)
                return false;
        *ret = (struct packet){.data = data, .length = length, .tag = read_word(data + 4)};
        FOR_EACH_CHUNK(ret, &chunk)
        {
                alone |= stands_alone(chunk.type);
                if (chunk.length == 0 ||
                    (count > 0 && (alone || chunk.type == COOKIE_ACK || chunk.type == COOKIE_ECHO)))
                        return false;
                if (chunk.type < CHUNK_TYPES)
                        ret->types |= 1u << chunk.type;
                count++;
        }
        return count > 0;
}

static bool has_any(const struct packet *packet, uint32_t types)
{
        return packet->types & types;
}

#define BIT(type) (1u << (type))

/* ---- verification tags ---- */

struct step {
        struct dp_sctp *sctp;
        const struct packet *packet;
        unsigned int d;
        bool answering; /* against the direction of the first packet */
        bool ignore;    /* the packet passes, and the session lives no longer for it */
        uint8_t state;  /* column */
};

enum belonging { BELONGS, STRAY, FOREIGN };

static enum belonging belongs(bool it_does)
{
        return it_does ? BELONGS : FOREIGN;
}

static bool tag_fits(const struct step *s, const struct chunk *chunk)
{
        return s->packet->tag == s->sctp->tags[chunk->flags & T_BIT ? !s->d : s->d];
}

/* Paths are probed with HEARTBEATs. With an unknown tag (the association was restarted out of our sight) one passes,
 * and if it is answered with such a tag too, both are believed. Alone, that is: not as an envelope for data. */
static enum belonging check_heartbeat(struct step *s, bool ack)
{
        struct dp_sctp *sctp = s->sctp;
        bool stray = sctp->flags & HEARTBEAT_STRAY;
        unsigned int stray_d = !!(sctp->flags & HEARTBEAT_STRAY_D1);

        if (sctp->tags[s->d] == 0) {
                sctp->tags[s->d] = s->packet->tag;
                return BELONGS;
        }
        if (s->packet->tag == sctp->tags[s->d]) {
                sctp->flags &= ~HEARTBEAT_STRAY;
                return BELONGS;
        }
        if (has_any(s->packet, BIT(DATA)) || s->ignore || (ack && (!stray || stray_d == s->d)))
                return FOREIGN;
        sctp->flags &= ~(HEARTBEAT_STRAY | HEARTBEAT_STRAY_D1);
        if (ack) {
                sctp->tags[s->d] = s->packet->tag;
                sctp->tags[!s->d] = 0;
                return BELONGS;
        }
        sctp->flags |= HEARTBEAT_STRAY | (s->d ? HEARTBEAT_STRAY_D1 : 0);
        return STRAY;
}

/* RFC 9260 8.5.1: the chunks that have a rule of their own. */
static enum belonging check_tag(struct step *s, const struct chunk *chunk)
{
        switch (chunk->type) {
        case INIT:
                return belongs(s->packet->tag == 0);
        case ABORT:
        case SHUTDOWN_COMPLETE:
                return belongs(tag_fits(s, chunk));
        case COOKIE_ECHO:
                return belongs(s->packet->tag == s->sctp->tags[s->d]);
        case HEARTBEAT:
        case HEARTBEAT_ACK:
                return check_heartbeat(s, chunk->type == HEARTBEAT_ACK);
        default:
                return BELONGS;
        }
}

/* INIT and INIT ACK tell the tag of what will come the other way. Both sides may send an INIT at once (RFC 9260 5.2.1):
 * an INIT ACK must then not disown the tag of its own side's INIT. */
static bool note_tag(struct step *s, const struct chunk *chunk)
{
        struct dp_sctp *sctp = s->sctp;
        bool ours = sctp->flags & SENT_INIT(s->d), theirs = sctp->flags & SENT_INIT(!s->d);
        uint32_t tag, before = sctp->tags[!s->d];

        if (chunk->room < INIT_LENGTH)
                return false;
        tag = read_word(chunk->data + CHUNK_HEADER);
        if (chunk->type == INIT && tag != before) { /* one that only repeats what is known changes nothing */
                if (ours && theirs)
                        sctp->flags &= ~SENT_INIT(!s->d);
                sctp->flags |= SENT_INIT(s->d);
        } else if (chunk->type == INIT_ACK && tag != before && ((!theirs && before != 0) || (ours && theirs))) {
                return false;
        }
        sctp->tags[!s->d] = tag;
        return true;
}

/* ---- transitions ---- */

static bool take_chunk(struct step *s, const struct chunk *chunk)
{
        uint8_t next = s->state;

        switch (check_tag(s, chunk)) {
        case FOREIGN:
                return false;
        case STRAY:
                s->ignore = true;
                return true;
        case BELONGS:
                break;
        }
        if (has_row(chunk->type))
                next = transitions[s->answering][chunk->type][s->state];
        if (next == IV)
                return false;
        if ((chunk->type == INIT || chunk->type == INIT_ACK) && !note_tag(s, chunk))
                return false;
        if (chunk->type == COOKIE_ACK)
                s->sctp->flags &= ~(SENT_INIT(0) | SENT_INIT(1));
        if (chunk->type == INIT && next == CL && s->state == CL)
                s->ignore = true; /* or who sends INITs keeps it for ever */
        if (next == ES && s->state != ES)
                s->sctp->flags |= DP_SCTP_ASSURED;
        s->state = next;
        return true;
}

static enum dp_sctp_verdict take_packet(struct step *s, struct dp_sctp *sctp, uint8_t *state)
{
        struct dp_sctp changed = *sctp;
        struct chunk chunk;

        s->sctp = &changed;
        FOR_EACH_CHUNK(s->packet, &chunk)
        {
                if (!take_chunk(s, &chunk))
                        return DP_SCTP_INVALID;
        }
        *sctp = changed;
        *state = STATE(s->state);
        return s->ignore ? DP_SCTP_IGNORE : DP_SCTP_ACCEPT;
}

/* ---- the interface ---- */

/* What the first packet's chunks make us expect. */
static bool expect(struct dp_sctp *sctp, unsigned int d, const struct packet *packet)
{
        struct chunk chunk;

        FOR_EACH_CHUNK(packet, &chunk)
        {
                if (!has_row(chunk.type) || (chunk.type == INIT && (packet->tag != 0 || chunk.room < INIT_LENGTH)))
                        return false;
                if (chunk.type == INIT) {
                        sctp->tags[!d] = read_word(chunk.data + CHUNK_HEADER);
                        sctp->flags |= SENT_INIT(d);
                } else if (chunk.type == HEARTBEAT)
                        sctp->tags[d] = packet->tag;
                else if (chunk.type == SHUTDOWN_ACK)
                        sctp->tags[!d] = packet->tag; /* the SHUTDOWN COMPLETE carries it back; nothing else begun so is
                                                         known yet */
        }
        return true;
}

/* Packets with any of these have rules of their own; all others carry the tag that their direction is known by. */
static bool tag_is_known(const struct dp_sctp *sctp, unsigned int d, const struct packet *packet)
{
        const uint32_t own_rules = BIT(INIT) | BIT(ABORT) | BIT(SHUTDOWN_COMPLETE) | BIT(COOKIE_ECHO) |
                                   BIT(SHUTDOWN_ACK) | BIT(HEARTBEAT) | BIT(HEARTBEAT_ACK);

        return has_any(packet, own_rules) || packet->tag == sctp->tags[d];
}

enum dp_sctp_verdict dp_sctp_begin(struct dp_sctp *sctp, unsigned int d, const uint8_t *packet, uint32_t length,
                                   uint8_t *state)
{
        struct dp_sctp fresh = {0};
        struct packet read;

        if (!read_packet(packet, length, &read) ||
            has_any(&read, BIT(ABORT) | BIT(SHUTDOWN_COMPLETE) | BIT(COOKIE_ACK)) || !expect(&fresh, d, &read) ||
            !tag_is_known(&fresh, d, &read))
                return DP_SCTP_INVALID;
        struct step s = {.packet = &read, .d = d, .state = NO};
        *sctp = fresh;
        return take_packet(&s, sctp, state);
}

enum dp_sctp_verdict dp_sctp_track(struct dp_sctp *sctp, unsigned int d, unsigned int origin, const uint8_t *packet,
                                   uint32_t length, uint8_t *state)
{
        struct packet read;

        if (!read_packet(packet, length, &read) || !tag_is_known(sctp, d, &read))
                return DP_SCTP_INVALID;
        struct step s = {.packet = &read, .d = d, .answering = d != origin, .state = COLUMN(*state)};
        return take_packet(&s, sctp, state);
}
