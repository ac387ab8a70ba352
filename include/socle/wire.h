/* The wire between socled and socle-dataplane: all that the two programs know of each other.
 *
 * A SOCK_SEQPACKET unix socket; the dataplane listens, socled connects. Both ends run on one host and are usually of
 * one build, so records are plain C structs in host byte order; WIRE_VERSION is checked before anything else.
 * A datagram holds one or more records back to back, at most WIRE_DATAGRAM_MAX bytes.
 *
 *      socled                                   dataplane
 *      HELLO                                ->
 *                                           <-  HELLO (its version; on a mismatch it closes)
 *      BEGIN(generation, full) upserts… deletes… COMMIT
 *                                           ->
 *                                           <-  RESULT for each record that could not be put into force
 *                                           <-  COMMITTED(generation, counts)
 *                                           <-  PORT_STATE, UNDERLAY_STATE, PEER_STATE, whenever they change (all of
 *                                               them once after the first COMMITTED of a connection)
 *      STATS_GET                            ->
 *                                           <-  PORT_STATS…, WORKER_STATS…, NETWORK_STATS…, NODE_STATS…, SESSION_STATS,
 *                                               STATS_END
 *      SESSIONS_GET                         ->
 *                                           <-  SESSION…, SESSIONS_END
 *      TRACE                                ->
 *                                           <-  TRACE_STEP…, TRACE_END
 *      CAPTURE_START                        ->
 *                                           <-  CAPTURED (and, live, TRACE_STEP…, TRACE_END) …, CAPTURE_END: at its
 * bounds, or after CAPTURE_STOP                         ->
 *
 * A full generation is the whole truth: what equals the record in force is adopted untouched, what is not mentioned
 * is swept. Nothing takes effect before COMMIT; a connection lost before that leaves no trace. Within a generation
 * the order of records does not matter.
 *
 * A record's key is its bytes right behind the header (wire_type_info.key_size of them); unused bytes are zero, so
 * that records compare by memcmp. IP addresses are 16 bytes, IPv4 as v4-mapped (RFC 4291 2.5.5.2). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "socle/drop.h"
#include "socle/session_states.h"

#define WIRE_VERSION      2
#define WIRE_DATAGRAM_MAX 32768
#define WIRE_NAME_SIZE    64  /* object names, NUL included */
#define WIRE_PATH_SIZE    108 /* as sockaddr_un.sun_path */
#define WIRE_TEXT_SIZE    192

enum wire_type {
        WIRE_NONE,
        WIRE_HELLO,
        /* the transaction */
        WIRE_BEGIN,
        WIRE_DELETE,
        WIRE_COMMIT,
        WIRE_RESULT,
        WIRE_COMMITTED,
        /* objects in force; keyed */
        WIRE_UNDERLAY,
        WIRE_NETWORK,
        WIRE_PORT,
        WIRE_PEER,
        WIRE_FDB,
        WIRE_NEIGH,
        WIRE_FLOOD,
        WIRE_SECURITY_GROUP,
        WIRE_RULE,
        WIRE_ADDRESS_GROUP,
        WIRE_MEMBER,
        WIRE_PORT_GROUP,
        WIRE_ALLOWED,
        WIRE_SESSION_SETTINGS,
        /* events */
        WIRE_PORT_STATE,
        WIRE_UNDERLAY_STATE,
        WIRE_PEER_STATE,
        /* counters */
        WIRE_STATS_GET,
        WIRE_PORT_STATS,
        WIRE_WORKER_STATS,
        WIRE_NETWORK_STATS,
        WIRE_STATS_END,
        WIRE_NODE_STATS,
        WIRE_SESSION_STATS,
        /* sessions: list, count, kill */
        WIRE_SESSIONS_GET,
        WIRE_SESSION,
        WIRE_SESSIONS_END,
        /* what would become of a packet; what became of packets */
        WIRE_TRACE,
        WIRE_TRACE_STEP,
        WIRE_TRACE_END,
        WIRE_CAPTURE_START,
        WIRE_CAPTURE_STOP,
        WIRE_CAPTURED,
        WIRE_CAPTURE_END,
        WIRE_TYPE_COUNT
};

struct wire_header {
        uint16_t type;   /* enum wire_type */
        uint16_t length; /* of the record with this header, bytes; a multiple of 8 */
        uint32_t reserved;
};

struct wire_hello {
        struct wire_header header;
        uint32_t version; /* WIRE_VERSION */
        uint32_t pid;
        uint64_t generation; /* dataplane: of the last commit; 0: none since its start */
        uint64_t started_ns; /* CLOCK_BOOTTIME of the sender's start */
        uint32_t workers;    /* dataplane: number of worker threads */
        uint32_t hugepages;  /* dataplane: 1 when on huge pages */
        char software[WIRE_NAME_SIZE];
};

struct wire_begin {
        struct wire_header header;
        uint64_t generation; /* socled's revision */
        uint32_t full;       /* 1: what is not upserted is swept */
        uint32_t reserved;
};

#define WIRE_KEY_MAX 32

struct wire_delete {
        struct wire_header header;
        uint32_t type; /* of the record to delete */
        uint32_t reserved;
        uint8_t key[WIRE_KEY_MAX]; /* its key, zero-padded */
};

struct wire_commit {
        struct wire_header header;
        uint64_t generation;
};

struct wire_result {
        struct wire_header header;
        uint64_t generation;
        uint32_t type; /* the record it speaks of */
        int32_t error; /* positive errno */
        uint8_t key[WIRE_KEY_MAX];
        char text[WIRE_TEXT_SIZE]; /* for people: what failed and what would be right */
};

struct wire_committed {
        struct wire_header header;
        uint64_t generation;
        uint32_t adopted; /* records equal to those in force */
        uint32_t added, changed, removed;
        uint32_t failed; /* RESULTs sent for this generation */
        uint32_t reserved;
        uint64_t took_ns; /* from COMMIT's arrival until in force on every worker */
};

/* ---- objects ---- */

enum wire_device {
        WIRE_DEVICE_PCI = 1,
        WIRE_DEVICE_AF_PACKET,
        WIRE_DEVICE_AF_XDP,
        WIRE_DEVICE_TAP,
        WIRE_DEVICE_VHOST_USER
};

/* What a port or an underlay is attached to. */
struct wire_attachment {
        uint32_t device;           /* enum wire_device */
        uint32_t queues;           /* queue pairs, 1 … 16 */
        uint64_t workers;          /* mask of workers that may serve the receive queues; 0: the dataplane chooses */
        char name[32];             /* PCI address; kernel interface; tap's name; vhost-user: unused */
        char path[WIRE_PATH_SIZE]; /* vhost-user: the socket QEMU listens on; tap: the netns (name, or path with a '/';
                                      empty: the dataplane's) */
        uint32_t reserved;
};

struct wire_underlay {
        struct wire_header header;
        uint32_t id; /* key */
        uint32_t mtu;
        struct wire_attachment attachment;
        uint8_t vtep4[16], vtep6[16];       /* local VTEP addresses; all zero: none */
        uint8_t gateway4[16], gateway6[16]; /* next hop for VTEPs off-link; all zero: none */
        uint8_t prefix4, prefix6;           /* bits: what is on-link */
        uint8_t ttl;                        /* outer TTL or hop limit */
        uint8_t dscp;                       /* 0 … 63; 255: that of the inner packet */
        uint16_t udp_port;
        uint16_t reserved;
        char name[WIRE_NAME_SIZE];
};

enum wire_encapsulation { WIRE_ENCAP_VXLAN = 1, WIRE_ENCAP_VLAN };

struct wire_network {
        struct wire_header header;
        uint32_t id;            /* key */
        uint32_t underlay;      /* its id */
        uint32_t encapsulation; /* enum wire_encapsulation */
        uint32_t tag;           /* VNI 1 … 16777215, or VLAN 0 (untagged) … 4094 */
        uint32_t mtu;           /* of the tenants' IP packets */
        uint32_t flood;         /* 1: learn sources, flood unknown destinations */
        uint32_t learn_max;     /* learned MACs at most */
        uint32_t learn_age_s;   /* until an idle learned MAC is forgotten */
        char name[WIRE_NAME_SIZE];
};

struct wire_port {
        struct wire_header header;
        uint32_t id;      /* key */
        uint32_t network; /* its id */
        struct wire_attachment attachment;
        uint32_t mtu; /* of the guest's IP packets */
        uint8_t mac[6];
        uint8_t admin_up;
        uint8_t port_security;  /* 1: security groups and anti-spoofing; all its addresses come as ALLOWED records */
        uint32_t session_limit; /* sessions at most that this port began; 0: no limit of its own */
        uint32_t session_rate_limit; /* sessions begun a second; 0: no limit */
        char name[WIRE_NAME_SIZE];
};

/* A remote VTEP. */
struct wire_peer {
        struct wire_header header;
        uint32_t id;       /* key */
        uint32_t underlay; /* its id */
        uint8_t vtep[16];
        char name[WIRE_NAME_SIZE];
};

/* Where a remote MAC lives. (A local port's MAC follows from its PORT record, and wins over this.) */
struct wire_fdb {
        struct wire_header header;
        uint32_t network; /* key */
        uint8_t mac[6];   /* key */
        uint8_t zero[6];  /* key */
        uint32_t peer;
        uint32_t reserved;
};

enum wire_origin { WIRE_ORIGIN_LOCAL = 1, WIRE_ORIGIN_REMOTE };

/* What ARP/ND for an address is answered with. Local (a port's fixed address) wins over remote (a peer's). */
struct wire_neigh {
        struct wire_header header;
        uint32_t network; /* key */
        uint32_t origin;  /* key; enum wire_origin */
        uint8_t ip[16];   /* key */
        uint8_t mac[6];
        uint8_t reserved[2];
};

/* Broadcast, multicast and flooded frames of the network also go to this peer. */
struct wire_flood {
        struct wire_header header;
        uint32_t network; /* key */
        uint32_t peer;    /* key */
};

/* ---- policy ---- */

struct wire_security_group {
        struct wire_header header;
        uint32_t id;       /* key */
        uint32_t stateful; /* 0: its rules match packet by packet, answers need their own */
        char name[WIRE_NAME_SIZE];
};

enum wire_direction { WIRE_INGRESS = 1, WIRE_EGRESS }; /* to the guest; from it */
enum wire_remote { WIRE_REMOTE_ANY, WIRE_REMOTE_CIDR, WIRE_REMOTE_SET };

#define WIRE_PROTOCOL_ANY 256

/* What a security group allows. */
struct wire_rule {
        struct wire_header header;
        uint32_t group;    /* key */
        uint32_t number;   /* key: its place in the group's list, from 0 */
        uint8_t direction; /* enum wire_direction */
        uint8_t family;    /* 4 or 6 */
        uint8_t remote;    /* enum wire_remote */
        uint8_t prefix;    /* CIDR: bits of `ip`; of IPv4 those of the mapped form, 96 … 128 */
        uint16_t protocol; /* IANA's number, or WIRE_PROTOCOL_ANY */
        /* Destination ports; of ICMP type << 8 | code; what has neither: 0 … 65535. */
        uint16_t first, last;
        uint16_t reserved;
        uint32_t remote_set; /* SET: the id of the security group or address group whose members it speaks of */
        uint8_t ip[16];
};

struct wire_address_group {
        struct wire_header header;
        uint32_t id; /* key */
        uint32_t reserved;
        char name[WIRE_NAME_SIZE];
};

/* An address (or prefix) is a member of a security group or an address group. Several owners may say so. */
struct wire_member {
        struct wire_header header;
        uint32_t set;    /* key: id of the group */
        uint32_t owner;  /* key: id of the object that says so: a port, or the group itself */
        uint32_t prefix; /* key: bits of `ip`, 1 … 128 */
        uint32_t zero;   /* key */
        uint8_t ip[16];  /* key */
};

/* A port is in a security group. */
struct wire_port_group {
        struct wire_header header;
        uint32_t port;  /* key */
        uint32_t group; /* key */
};

/* A source address that a port with port security may use with this MAC: its fixed IPs and its allowed address pairs.
 */
struct wire_allowed {
        struct wire_header header;
        uint32_t port;   /* key */
        uint16_t prefix; /* key: bits of `ip`; of IPv4 those of the mapped form */
        uint8_t mac[6];  /* key */
        uint8_t ip[16];  /* key */
        uint32_t zero;   /* key */
};

/* How sessions are tracked; one object. Without it: the defaults of session_states.h, loose, pick-up 120 s. */
struct wire_session_settings {
        struct wire_header header;
        uint32_t id;          /* key */
        uint32_t tcp_loose;   /* 1: a session may begin in the middle of a TCP connection (nf_conntrack_tcp_loose) */
        uint32_t tcp_liberal; /* 1: segments outside the window pass, but for RSTs (nf_conntrack_tcp_be_liberal) */
        uint32_t tcp_max_retrans; /* nf_conntrack_tcp_max_retrans */
        uint32_t pickup_s; /* after the dataplane's start, established connections whose answer comes first are taken
                              up again, this long; 0: never */
        uint32_t reserved;
        uint32_t timeout_ms[SOCLE_SESSION_STATE_COUNT];
};

/* ---- events ---- */

struct wire_port_state {
        struct wire_header header;
        uint32_t id;
        uint8_t link;      /* 1: frames can pass */
        uint8_t connected; /* vhost-user: a guest is connected; others: the device is there */
        uint16_t queues;   /* queue pairs in use */
        uint64_t features; /* virtio features negotiated; 0 where there are none */
        uint32_t error;    /* errno of the last failure to attach; 0: none */
        uint32_t reserved;
        char text[WIRE_TEXT_SIZE]; /* the failure in words */
};

struct wire_underlay_state {
        struct wire_header header;
        uint32_t id;
        uint8_t link;
        uint8_t mac[6];
        uint8_t reserved;
        uint32_t error;
        char text[WIRE_TEXT_SIZE];
};

struct wire_peer_state {
        struct wire_header header;
        uint32_t id;
        uint8_t reachable; /* 1: the next hop is resolved */
        uint8_t mac[6];    /* of the next hop */
        uint8_t reserved[5];
};

/* ---- counters; since the dataplane's start, monotonic ---- */

struct wire_stats_get {
        struct wire_header header;
        uint64_t cookie; /* comes back in STATS_END */
};

struct wire_port_stats {
        struct wire_header header;
        uint32_t id;          /* of the port, or of the underlay */
        uint32_t is_underlay; /* 1: an underlay */
        /* rx: from the guest or the wire; tx: to it. Frames and bytes as on the virtio queue or wire, without FCS. */
        uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
        uint64_t drops[SOCLE_DROP_COUNT]; /* by reason; counted at the port a frame came from, or, where its egress
                                             refused it, at the egress */
};

struct wire_worker_stats {
        struct wire_header header;
        uint32_t index;
        uint32_t cpu;     /* the CPU it last ran on */
        uint64_t busy_ns; /* spent on bursts that held packets */
        uint64_t poll_ns; /* spent on empty polls */
        uint64_t sleep_ns;
        uint64_t wakeups;
        uint64_t packets;
        uint32_t queues; /* receive queues it serves */
        uint32_t numa_node;
        uint64_t drops[SOCLE_DROP_COUNT]; /* by reason, of all ports, those since removed included */
};

struct wire_network_stats {
        struct wire_header header;
        uint32_t id;
        uint32_t learned;    /* MACs in the table now */
        uint64_t learn_full; /* sources not learned because of learn_max */
};

/* A graph node on one worker. Of `rx`: the rounds that found packets, not those that polled in vain. */
struct wire_node_stats {
        struct wire_header header;
        uint32_t worker;
        uint32_t reserved;
        uint64_t calls, packets, cycles; /* cycles: of the TSC, spent in the node, in device calls too */
        uint64_t io_cycles;              /* of these, inside the devices' receive and transmit functions */
        char name[WIRE_NAME_SIZE];
};

struct wire_session_stats {
        struct wire_header header;
        uint32_t capacity, live;                         /* sessions */
        uint64_t created, expired, evicted, cut, killed; /* evicted: embryonic ones that gave way when the table was
                                                            full; cut: no longer allowed by the policy */
        uint64_t reevaluated;                            /* looked at again because the policy had changed */
        uint64_t memory_bytes;
        uint64_t tsc_hz;
        uint32_t by_state[SOCLE_SESSION_STATE_COUNT]; /* as of the last walk over the table, a second old at most */
};

struct wire_stats_end {
        struct wire_header header;
        uint64_t cookie;
};

/* ---- sessions ---- */

enum wire_sessions_action { WIRE_SESSIONS_LIST = 1, WIRE_SESSIONS_COUNT, WIRE_SESSIONS_KILL };

/* Which sessions: all that match every condition that is set. */
struct wire_sessions_get {
        struct wire_header header;
        uint64_t cookie;
        uint32_t action;   /* enum wire_sessions_action */
        uint32_t limit;    /* LIST: this many at most; 0: all */
        uint32_t port;     /* either end is this port; 0: any */
        uint32_t network;  /* 0: any */
        uint8_t ip[16];    /* either end is within this prefix; all zero with prefix 0: any */
        uint16_t prefix;   /* bits of the (mapped) address */
        uint16_t protocol; /* IANA's number, or WIRE_PROTOCOL_ANY */
        uint16_t l4_port;  /* either end's; 0: any */
        uint8_t state;     /* enum socle_session_state + 1; 0: any */
        uint8_t family;    /* 4, 6; 0: any */
};

struct wire_session {
        struct wire_header header;
        uint64_t cookie;
        uint32_t network;
        uint32_t ports[2];   /* ids: of the initiator, of the responder; 0: remote */
        uint32_t peers[2];   /* ids, where the end is behind a tunnel; 0: it is not */
        uint8_t ip[2][16];   /* initiator, responder */
        uint16_t l4_port[2]; /* ICMP queries: identifier, type */
        uint8_t protocol, family, state, reserved;
        uint64_t packets[2], bytes[2]; /* sent by the initiator, by the responder */
        uint64_t age_ms;
        uint64_t idle_ms, expires_ms;
        uint32_t reply_allowed; /* 0: a stateless group's; answers are judged by their own rules */
        uint32_t reserved2;
};

struct wire_sessions_end {
        struct wire_header header;
        uint64_t cookie;
        uint64_t matched; /* of which at most `limit` were sent; killed, with KILL */
};

/* ---- trace and capture ---- */

#define WIRE_FRAME_MAX 9216

struct wire_trace {
        struct wire_header header;
        uint64_t cookie;
        uint32_t port; /* id of the port or underlay it comes from */
        uint32_t is_underlay;
        uint32_t length; /* of the frame */
        uint32_t reserved;
        uint8_t frame[2048];
};

enum wire_stage {
        WIRE_STAGE_RECEIVE = 1, /* port, admin state, headers; the underlay: tunnel, VNI */
        WIRE_STAGE_SESSION,     /* the look-up */
        WIRE_STAGE_GUARD,       /* port security */
        WIRE_STAGE_FORWARD,     /* who has the destination MAC */
        WIRE_STAGE_EGRESS,      /* the sending port's security groups */
        WIRE_STAGE_INGRESS,     /* the receiving port's */
        WIRE_STAGE_TRACK,       /* may the packet begin a session, or is it valid in its session */
        WIRE_STAGE_ANSWER,      /* ARP/ND answered in place, ICMP too big */
        WIRE_STAGE_OUTPUT,      /* the way out: port, tunnel, wire */
};

struct wire_trace_step {
        struct wire_header header;
        uint64_t cookie;
        uint64_t packet;         /* live: counts packets; else 0 */
        uint32_t stage;          /* enum wire_stage */
        uint32_t object_type;    /* enum wire_type of the object that says so; WIRE_NONE: none */
        uint32_t object, number; /* its id; a rule: its group's id and its number */
        uint32_t pass;           /* 0: ends here, dropped; 1: goes on */
        uint32_t drop;           /* enum socle_drop when dropped; SOCLE_DROP_COUNT: not */
        char text[WIRE_TEXT_SIZE];
};

struct wire_trace_end {
        struct wire_header header;
        uint64_t cookie;
        uint64_t packet;
        uint32_t delivered; /* 1: sent to at least one place, or answered */
        uint32_t drop;      /* enum socle_drop; SOCLE_DROP_COUNT: not dropped */
};

enum wire_capture_mode { WIRE_CAPTURE_PORT = 1, WIRE_CAPTURE_DROPS, WIRE_CAPTURE_TRACE };

/* One capture at a time is named by its cookie; several may run. */
struct wire_capture_start {
        struct wire_header header;
        uint64_t cookie;
        uint32_t mode; /* enum wire_capture_mode: all of a port, both ways; drops only; packets with what became of them
                        */
        uint32_t port; /* id of a port or underlay; 0 (DROPS): all */
        uint32_t is_underlay;
        uint32_t snap_length; /* bytes of a frame at most, 64 … WIRE_FRAME_MAX */
        uint32_t max_packets; /* ends after them; 1 … */
        uint32_t seconds;     /* ends after them; 1 … */
        /* Only packets of this flow, in either direction; family 0: all. Protocol 0 and ports 0: any. */
        uint8_t family, protocol;
        uint16_t l4_port[2];
        uint8_t ip[2][16]; /* all zero: any */
        uint32_t reserved;
};

struct wire_capture_stop {
        struct wire_header header;
        uint64_t cookie;
};

enum wire_captured_how { WIRE_CAPTURED_RX = 1, WIRE_CAPTURED_TX, WIRE_CAPTURED_DROP };

/* Of variable length: `captured` bytes follow, then zeroes up to a multiple of 8. */
struct wire_captured {
        struct wire_header header;
        uint64_t cookie;
        uint64_t packet;  /* live traces: which one; of its steps, and of what is sent or dropped of it afterwards */
        uint64_t time_ns; /* CLOCK_REALTIME */
        uint32_t port;    /* id */
        uint32_t is_underlay;
        uint32_t how;              /* enum wire_captured_how */
        uint32_t drop;             /* enum socle_drop when dropped */
        uint32_t length, captured; /* bytes: of the frame, of what is here */
        uint8_t frame[];
};

struct wire_capture_end {
        struct wire_header header;
        uint64_t cookie;
        uint64_t packets, missed; /* captured; not, since they came too fast */
        uint32_t error;           /* errno; 0: none */
        uint32_t reserved;
        char text[WIRE_TEXT_SIZE];
};

/* ---- codec ---- */

struct wire_type_info {
        const char *name;
        uint16_t size;     /* of the record, bytes */
        uint16_t key_size; /* 0: not an object */
        bool variable;     /* `size` is the least; bytes may follow, up to WIRE_FRAME_MAX */
};

/* Indexed by enum wire_type. */
extern const struct wire_type_info wire_type_info[WIRE_TYPE_COUNT];

#define WIRE_ASSERT_SIZE(s) _Static_assert(sizeof(struct s) % 8 == 0, #s " must be a multiple of 8 bytes")
WIRE_ASSERT_SIZE(wire_hello);
WIRE_ASSERT_SIZE(wire_delete);
WIRE_ASSERT_SIZE(wire_result);
WIRE_ASSERT_SIZE(wire_committed);
WIRE_ASSERT_SIZE(wire_underlay);
WIRE_ASSERT_SIZE(wire_network);
WIRE_ASSERT_SIZE(wire_port);
WIRE_ASSERT_SIZE(wire_peer);
WIRE_ASSERT_SIZE(wire_fdb);
WIRE_ASSERT_SIZE(wire_neigh);
WIRE_ASSERT_SIZE(wire_flood);
WIRE_ASSERT_SIZE(wire_security_group);
WIRE_ASSERT_SIZE(wire_rule);
WIRE_ASSERT_SIZE(wire_address_group);
WIRE_ASSERT_SIZE(wire_member);
WIRE_ASSERT_SIZE(wire_port_group);
WIRE_ASSERT_SIZE(wire_allowed);
WIRE_ASSERT_SIZE(wire_session_settings);
WIRE_ASSERT_SIZE(wire_port_state);
WIRE_ASSERT_SIZE(wire_underlay_state);
WIRE_ASSERT_SIZE(wire_peer_state);
WIRE_ASSERT_SIZE(wire_port_stats);
WIRE_ASSERT_SIZE(wire_worker_stats);
WIRE_ASSERT_SIZE(wire_network_stats);
WIRE_ASSERT_SIZE(wire_node_stats);
WIRE_ASSERT_SIZE(wire_session_stats);
WIRE_ASSERT_SIZE(wire_sessions_get);
WIRE_ASSERT_SIZE(wire_session);
WIRE_ASSERT_SIZE(wire_trace);
WIRE_ASSERT_SIZE(wire_trace_step);
WIRE_ASSERT_SIZE(wire_trace_end);
WIRE_ASSERT_SIZE(wire_capture_start);
WIRE_ASSERT_SIZE(wire_captured);
WIRE_ASSERT_SIZE(wire_capture_end);

/* Zeroes a record and sets its header: `struct wire_port p; wire_init(&p, WIRE_PORT);` */
void wire_init(void *record, enum wire_type type);

/* The key of an object's record: wire_type_info[type].key_size bytes. */
static inline const uint8_t *wire_key(const struct wire_header *record)
{
        return (const uint8_t *)(record + 1);
}

/* Takes the next record of a datagram. *offset starts at 0.
 * Returns 1 and the record (valid while the datagram is), 0 at the end, or -EBADMSG when the datagram is not
 * well-formed: unknown type, a length that is not the type's, a string without its NUL. `datagram` is 8-aligned. */
int wire_next(const void *datagram, size_t size, size_t *offset, const struct wire_header **ret);

/* Gathers records into datagrams and sends each when full. One writer has one destination. */
struct wire_writer {
        /* Sends one datagram; 0 or -errno (kept, and returned by every later call). */
        int (*send)(void *user, const void *datagram, size_t size);
        void *user;
        int error;
        size_t used;
        uint64_t buffer[WIRE_DATAGRAM_MAX / 8];
};

int wire_put(struct wire_writer *writer, const void *record);
int wire_flush(struct wire_writer *writer);

/* IPv4 as v4-mapped? */
static inline bool wire_ip_is_v4(const uint8_t ip[16])
{
        static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
        return __builtin_memcmp(ip, prefix, sizeof(prefix)) == 0;
}

static inline bool wire_ip_is_unset(const uint8_t ip[16])
{
        static const uint8_t zero[16];
        return __builtin_memcmp(ip, zero, sizeof(zero)) == 0;
}
