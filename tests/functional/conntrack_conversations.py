"""Conversations written by hand, each with what must become of every packet: `drop` says which do not pass.

Sequence numbers are absolute. A is the one who may begin."""

import struct
from dataclasses import dataclass, field

from conntrack_oracle import A, B, NEIGHBOURS, Settings, checksum, ip, tcp_header
from conntrack_sctp import (ABORT, COOKIE_ACK, COOKIE_ECHO, DATA, ERROR, HEARTBEAT, HEARTBEAT_ACK, INIT,
                            INIT_ACK, NAMES, SACK, SHUTDOWN,
                            SHUTDOWN_ACK, SHUTDOWN_COMPLETE, T, UNKNOWN, chunk, init,
                            name_chunks, packet)

CLIENT, SERVER = 40000, 443


@dataclass
class Step:
    side: str
    data: bytes
    words: str
    drop: bool = False  # None: as Linux says


@dataclass
class Wait:
    seconds: float


@dataclass
class Conversation:
    name: str
    steps: list
    settings: Settings = field(default_factory=Settings)


def t(side, flags, seq, ack=0, win=1000, n=0, opt=b"", drop=False, offset=None, family=4, cut=None):
    """A TCP segment: `n` bytes of data, `offset` instead of the right data offset, `cut` bytes of it only."""
    ports = (CLIENT, SERVER) if side == A else (SERVER, CLIENT)
    segment = (tcp_header(*ports, flags, seq, ack, win, opt, offset) + bytes(n))[:cut]
    return Step(side, ip(side, 6, segment, family), f"{side} {flags} seq {seq} ack {ack} win {win} len {n}", drop)


def scale(bits):
    return b"\1\3\3" + bytes([bits])


def sack(*blocks):
    return b"\1\1" + bytes([5, 2 + 8 * len(blocks)]) + b"".join(struct.pack("!II", *block) for block in blocks)


SACK_OK, MSS, STAMP = b"\4\2\1\1", b"\2\4\x05\xb4", b"\1\1\x08\x0a" + bytes(8)


def opened(a_options=b"", b_options=b"", win=1000, b_win=1000, isn=100, b_isn=500, family=4):
    """A: next 101, B: next 501."""
    return [t(A, "S", isn, 0, win, opt=a_options, family=family),
            t(B, "SA", b_isn, isn + 1, b_win, opt=b_options, family=family),
            t(A, "A", isn + 1, b_isn + 1, win, family=family)]


ESTABLISHED = opened()
CLOSING = [*ESTABLISHED, t(A, "FA", 101, 501)]
WAYS = [  # into every state, and what A and B would send next
    ("SYN_SENT", ESTABLISHED[:1], 101, 500), ("SYN_RECV", ESTABLISHED[:2], 101, 501),
    ("ESTABLISHED", ESTABLISHED, 101, 501),
    ("FIN_WAIT", CLOSING, 102, 501), ("CLOSE_WAIT", [*CLOSING, t(B, "A", 501, 102)], 102, 501),
    ("LAST_ACK", [*CLOSING, t(B, "FA", 501, 102)], 102, 502),
    ("TIME_WAIT", [*CLOSING, t(B, "FA", 501, 102), t(A, "A", 102, 502)], 102, 502),
    ("CLOSE", [*ESTABLISHED, t(B, "R", 501)], 101, 501), ("SYN_SENT2", [t(A, "S", 100), t(B, "S", 500)], 101, 501),
]

TCP = [
    Conversation("handshake", opened()),
    Conversation("handshake, IPv6", opened(family=6) + [t(B, "PA", 501, 101, n=10, family=6),
            t(A, "A", 101, 511, family=6)]),
    Conversation("data both ways", [*opened(), t(A, "PA", 101, 501, n=100), t(B, "A", 501, 201),
                                    t(B, "PA", 501, 201, n=300), t(A, "A", 201, 801)]),
    Conversation("close in order", [*opened(), t(A, "FA", 101, 501), t(B, "A", 501, 102), t(B, "FA", 501, 102),
                                    t(A, "A", 102, 502)]),
    Conversation("close by B", [*opened(), t(B, "FA", 501, 101), t(A, "FA", 101, 502), t(B, "A", 502, 102)]),
    Conversation("half-close: B goes on sending", [
        *opened(), t(A, "FA", 101, 501), t(B, "A", 501, 102), t(B, "PA", 501, 102, n=500), t(A, "A", 102, 1001),
        t(B, "PA", 1001, 102, n=500), t(A, "A", 102, 1501), t(B, "FA", 1501, 102), t(A, "A", 102, 1502)]),
    Conversation("both close at once", [*opened(), t(A, "FA", 101, 501), t(B, "FA", 501, 101), t(A, "A", 102, 502),
                                        t(B, "A", 502, 102)]),
    Conversation("FIN with data, and again", [*opened(), t(A, "FPA", 101, 501, n=10), t(A, "FPA", 101, 501, n=10),
                                              t(B, "A", 501, 112)]),
    Conversation("SYN again and again", [t(A, "S", 100), t(A, "S", 100), t(A, "S", 100), t(B, "SA", 500, 101)]),
    Conversation("a SYN again does not prolong", [t(A, "S", 100), Wait(3), t(A, "S", 100)]),
    Conversation("SYN+ACK again", [t(A, "S", 100), t(B, "SA", 500, 101), t(B, "SA", 500, 101), t(A, "A", 101, 501),
                                   t(B, "SA", 500, 101)]),
    Conversation("a late SYN+ACK does not prolong", [*opened(), t(A, "FA", 101, 501), Wait(3), t(B, "SA", 500, 101)]),
    Conversation("SYN+ACK that acknowledges nothing we saw", [t(A, "S", 100), t(B, "SA", 500, 2101, drop=True),
                                                              t(B, "SA", 500, 101)]),
    Conversation("SYN with data (fast open)", [t(A, "S", 100, n=50), t(B, "SA", 500, 151), t(A, "A", 151, 501)]),
    Conversation("refused", [t(A, "S", 100), t(B, "RA", 0, 101), t(B, "A", 1, 101, drop=True)]),
    Conversation("refused with a wrong acknowledgement", [t(A, "S", 100), t(B, "RA", 0, 2101, drop=True),
                                                          t(B, "RA", 0, 101)]),
    Conversation("A takes its SYN back", [t(A, "S", 100), t(A, "R", 101), t(B, "SA", 500, 101, drop=True)]),
    Conversation("simultaneous open", [t(A, "S", 100), t(B, "S", 500), t(B, "SA", 500, 101), t(A, "SA", 100, 501),
                                       t(A, "A", 101, 501), t(B, "A", 501, 101), t(A, "PA", 101, 501, n=10)]),
    Conversation("simultaneous open, SYN+ACKs lost", [t(A, "S", 100), t(B, "S", 500), t(A, "A", 101, 501, drop=True),
                                                      t(A, "SA", 100, 501), t(B, "A", 501, 101), t(A, "A", 101, 501)]),

    # Windows.
    Conversation("up to the window's edge, and beyond", [
        *opened(win=1000, b_win=1000), t(A, "PA", 101, 501, n=1000), t(A, "PA", 1101, 501, n=1),
        t(A, "PA", 1103, 501, n=1), t(A, "PA", 100000, 501, n=1, drop=True)]),
    Conversation("a little more than the window, and its acknowledgement", [
        *opened(b_win=100), t(A, "PA", 101, 501, n=150), t(A, "PA", 251, 501, n=20), t(B, "A", 501, 271)]),
    Conversation("before the window: old data", [
        *opened(), t(A, "PA", 101, 501, n=100), t(B, "A", 501, 201), t(A, "PA", 101, 501, n=100),
        t(A, "A", -2000, 501)]),
    Conversation("what is old does not prolong", [*opened(), t(A, "FA", 101, 501), Wait(3), t(A, "A", -5000, 501)]),
    Conversation("acknowledgement of what was never sent", [*opened(), t(A, "A", 101, 502, drop=True),
                                                            t(A, "A", 101, 2000, drop=True), t(A, "A", 101, 501)]),
    Conversation("acknowledgement that is very old", [*opened(isn=200000, b_isn=300000),
                                                      t(A, "A", 200001, 300001 - 66000),
                                                      t(A, "A", 200001, 300001 - 66001)]),
    Conversation("window scaling", [
        *opened(scale(7), scale(2)), t(B, "A", 501, 101, win=1000), t(A, "PA", 101, 501, n=1400),
        t(A, "PA", 4101, 501, n=1), t(A, "PA", 9000, 501, n=1, drop=True), t(B, "PA", 501, 101, n=1400),
        t(B, "PA", 501 + 128000, 101, n=1), t(B, "PA", 501 + 300000, 101, n=1, drop=True)]),
    Conversation("window scaling offered by one side only", [
        *opened(scale(7)), t(A, "A", 101, 501, win=1000), t(B, "PA", 3000, 101, n=1, drop=True)]),
    Conversation("a scale beyond 14 is 14", [
        *opened(scale(255), scale(255), win=65535, b_win=65535), t(B, "A", 501, 101, win=65535),
        t(A, "A", (65535 << 14) + 101, 501), t(A, "A", (65535 << 15) + 101, 501, drop=True)]),
    Conversation("SYN's own window is not scaled", [
        t(A, "S", 100, win=1000, opt=scale(7)), t(B, "SA", 500, 101, win=1000, opt=scale(7)),
        t(B, "PA", 501, 101, n=999), t(B, "PA", 5000, 101, n=1, drop=True)]),
    Conversation("closed window and its probe", [
        *opened(), t(B, "A", 501, 101, win=0), t(A, "A", 101, 501, n=1), t(B, "A", 501, 101, win=0),
        t(A, "A", 101, 501, n=1), t(B, "A", 501, 102, win=1000), t(A, "PA", 102, 501, n=500)]),
    Conversation("keep-alive", [*opened(), t(A, "A", 100, 501), t(B, "A", 501, 101), t(A, "A", 100, 501),
                                t(B, "A", 501, 101)]),
    Conversation("SACK moves the window", [
        *opened(SACK_OK, SACK_OK), t(A, "PA", 101, 501, n=100), t(A, "PA", 301, 501, n=100),
        t(B, "A", 501, 201, opt=sack((301, 401))), t(A, "PA", 201, 501, n=100), t(B, "A", 501, 401)]),
    Conversation("SACK of what was never sent", [*opened(SACK_OK, SACK_OK), t(A, "PA", 101, 501, n=100),
                                                 t(B, "A", 501, 101, opt=sack((5000, 6000)), drop=True)]),
    Conversation("SACK that was not agreed on is not looked at", [
        *opened(), t(A, "PA", 101, 501, n=100), t(B, "A", 501, 101, opt=sack((5000, 6000)))]),
    Conversation("options that lie about their length", [
        *opened(SACK_OK, SACK_OK), t(B, "A", 501, 101, opt=b"\5\x0b" + bytes(9)),
        t(B, "A", 501, 101, opt=b"\5\xff" + bytes(10)),
        t(B, "A", 501, 101, opt=b"\5\0" + bytes(10)), t(B, "A", 501, 101, opt=b"\1\1\1\5")]),
    Conversation("timestamps", [*opened(MSS + STAMP, MSS + STAMP), t(A, "PA", 101, 501, n=10, opt=STAMP),
                                t(B, "A", 501, 111, opt=STAMP)]),
    Conversation("sequence numbers come round", [
        *opened(isn=0xFFFFFFF0, b_isn=0xFFFFFFFE), t(A, "PA", 0xFFFFFFF1, 0xFFFFFFFF, n=100),
        t(B, "A", 0xFFFFFFFF, 0x55), t(B, "PA", 0xFFFFFFFF, 0x55, n=100), t(A, "A", 0x55, 99),
        t(A, "PA", 0x55, 99, n=1000), t(A, "PA", 0x85E, 99, n=1, drop=True), t(A, "FA", 0x43D, 99)]),
    Conversation("no window check when liberal", [
        *opened(), t(A, "PA", 100000, 501, n=1), t(A, "A", 101, 5000), t(B, "PA", 90000, 101, n=1)],
        Settings(liberal=True)),

    # Timeouts that are not the state's.
    Conversation("retransmissions shorten the timeout", [
        *opened(), *[t(A, "PA", 101, 501, n=10)] * 6, t(B, "A", 501, 111), t(A, "A", 111, 501)]),
    Conversation("retransmissions, one allowed", [*opened(), *[t(A, "A", 101, 501)] * 4], Settings(max_retrans=1)),
    Conversation("unacknowledged data shortens it", [
        *opened(), t(A, "PA", 101, 501, n=10), t(B, "A", 501, 101), t(B, "A", 501, 111)]),
    Conversation("RETRANS and UNACK shorter than all states", [
        *opened(), *[t(A, "PA", 101, 501, n=10)] * 5, t(B, "A", 501, 111), t(A, "FA", 111, 501), t(B, "A", 501, 112)],
        Settings(timeouts={"tcp_retrans": 20, "tcp_unack": 25})),
    Conversation("FIN and RST out of window, both ways: it is over", [
        *opened(), t(A, "FA", 900000, 501, drop=True), t(B, "RA", 900000, 900001, drop=True), t(A, "A", 101, 501)]),

    # RFC 5961 and its kin.
    Conversation("blind SYN in an established connection, challenged", [
        *opened(), t(A, "S", 900000), t(B, "A", 501, 101), t(A, "PA", 101, 501, n=10)]),
    Conversation("blind SYN, challenged, and the reset of who really rebooted", [
        *opened(), t(A, "S", 900000), t(B, "A", 501, 101), t(A, "R", 101), t(A, "S", 900000),
        t(B, "SA", 7000, 900001)]),
    Conversation("blind SYN from B", [*opened(), t(B, "S", 900000, drop=True), t(A, "PA", 101, 501, n=10)]),
    Conversation("SYN in an established connection that B accepts after all", [
        *opened(), t(A, "S", 900000, opt=scale(3)), t(B, "SA", 7000, 900001, opt=scale(3)), t(A, "A", 900001, 7001),
        t(B, "PA", 7001, 900001, n=10), t(A, "A", 900001, 7011)]),
    Conversation("SYN in an established connection that B refuses", [
        *opened(), t(A, "S", 900000), t(B, "RA", 0, 900001), t(A, "A", 101, 501)]),
    Conversation("SYN that passed, reset by a guess", [*opened(), t(A, "S", 900000), t(B, "RA", 0, 900002, drop=True),
                                                       t(A, "PA", 101, 501, n=10)]),
    Conversation("challenge ACK to a SYN in SYN_SENT, and its RST", [t(A, "S", 900000), t(B, "A", 501, 101),
            t(A, "R", 101),
                                                                     t(A, "S", 900000), t(B, "SA", 7000, 900001)]),
    Conversation("challenge ACK in LAST_ACK is not the last ACK", [
        *opened(), t(B, "FA", 501, 101), t(A, "FA", 101, 502), t(A, "S", 900000), t(B, "A", 502, 101),
        t(B, "A", 502, 102)]),
    Conversation("RST exactly where it should be", [*opened(), t(A, "PA", 101, 501, n=10), t(B, "A", 501, 111),
                                                    t(A, "R", 111), t(A, "A", 111, 501)]),
    Conversation("RST in the window but not exact: the state stays", [
        *opened(), t(B, "A", 501, 101), t(A, "R", 300), t(B, "A", 501, 101), t(A, "PA", 101, 501, n=10)]),
    Conversation("RST below what was acknowledged", [*opened(), t(A, "PA", 101, 501, n=10), t(B, "A", 501, 111),
                                                     t(A, "R", 105, drop=True), t(A, "R", 0, drop=True)]),
    Conversation("RST beyond the window", [*opened(), t(B, "R", 900000, drop=True), t(A, "PA", 101, 501, n=10)]),
    Conversation("RST behind the same side's last data", [*opened(), t(A, "PA", 101, 501, n=10), t(A, "R", 111),
                                                          t(B, "A", 501, 111)]),
    Conversation("RST of a closing connection", [*opened(), t(A, "FA", 101, 501), t(B, "R", 0x12345678)]),
    Conversation("RST+ACK with an acknowledgement of 0", [*opened(), t(B, "RA", 501, 0)]),

    # After the end.
    Conversation("TIME_WAIT: a new connection on the same ports", [
        *opened(), t(A, "FA", 101, 501), t(B, "FA", 501, 102), t(A, "A", 102, 502), *opened(isn=70000, b_isn=90000)]),
    Conversation("TIME_WAIT: late segments", [
        *opened(), t(A, "FA", 101, 501), t(B, "FA", 501, 102), t(A, "A", 102, 502), t(B, "FA", 501, 102),
        t(A, "A", 102, 502),
        t(A, "FA", 101, 501)]),
    Conversation("TIME_WAIT: B may not begin the next one", [
        *opened(), t(A, "FA", 101, 501), t(B, "FA", 501, 102), t(A, "A", 102, 502), t(B, "S", 70000, drop=True)]),
    Conversation("CLOSE by A's RST: A begins anew", [*opened(), t(A, "R", 101), *opened(isn=70000, b_isn=90000)]),
    Conversation("CLOSE by B's RST: A's SYN waits for its answer", [
        *opened(), t(B, "R", 501), t(A, "S", 70000), t(B, "SA", 90000, 70001), t(A, "A", 70001, 90001)]),
    Conversation("SYN while closing", [*opened(), t(A, "FA", 101, 501), t(A, "S", 70000), t(B, "A", 501, 102)]),

    # Begun before we looked.
    Conversation("picked up by data", [t(A, "PA", 5000, 9000, n=10), t(B, "A", 9000, 5010),
            t(A, "PA", 5010, 9000, n=10),
                                       t(B, "PA", 123456, 5020, n=10), t(A, "A", 999999, 77)]),
    Conversation("picked up, near its numbers", [t(A, "A", 5000, 0xFFFFFFF0), t(B, "A", 0xFFFFFFF0, 5000),
            t(A, "FA", 5000, 0xFFFFFFF0),
                                                 t(B, "FA", 0xFFFFFFF0, 5001), t(A, "A", 5001, 0xFFFFFFF1)]),
    Conversation("picked up, no answer", [t(A, "A", 5000, 9000), t(A, "A", 5000, 9000), t(A, "A", 5001, 9000)]),
    Conversation("not picked up when strict", [t(A, "A", 5000, 9000, drop=True), t(A, "PA", 5000, 9000, n=1, drop=True),
                                               t(A, "S", 100), t(B, "SA", 500, 101)], Settings(loose=False)),
    Conversation("B is not picked up", [t(B, "A", 5000, 9000, drop=True)]),
    Conversation("neither FIN, RST nor SYN+ACK begin anything", [
        t(A, "FA", 100, 1, drop=True), t(A, "R", 100, drop=True), t(A, "RA", 100, 1, drop=True),
        t(A, "SA", 100, 1, drop=True)]),
    Conversation("B may not begin", [t(B, "S", 100, drop=True), t(B, "SA", 100, 1, drop=True),
            t(B, "R", 100, drop=True)]),
    Conversation("A may not go on before the SYN+ACK", [t(A, "S", 100), t(A, "A", 101, 501, drop=True),
                                                        t(A, "FA", 101, 501, drop=True),
                                                        t(B, "FA", 500, 101, drop=True)]),

    # Corners.
    Conversation("a SYN without options leaves an earlier one's in force", [
        t(A, "S", 100, opt=SACK_OK), t(B, "A", 900, 1), t(A, "S", 200), t(B, "SA", 500, 201, opt=SACK_OK),
        t(A, "A", 201, 501), t(B, "A", 501, 201, opt=sack((5000, 6000)), drop=True)]),
    Conversation("a SYN with other options puts them in force", [
        t(A, "S", 100, opt=SACK_OK), t(B, "A", 900, 1), t(A, "S", 200, opt=MSS), t(B, "SA", 500, 201, opt=SACK_OK),
        t(A, "A", 201, 501), t(B, "A", 501, 201, opt=sack((5000, 6000)))]),
    Conversation("options that end with the header", [
        *opened(MSS + b"\1\1\4\2", MSS + b"\1\1\4\2"), t(B, "A", 501, 101, opt=sack((5000, 6000)), drop=True)]),
    Conversation("SACK widens what the receiver may take", [
        *opened(SACK_OK, SACK_OK, win=100, b_win=100), t(A, "PA", 101, 501, n=50), t(A, "PA", 161, 501, n=40),
        t(B, "A", 501, 151, win=100, opt=sack((161, 201))), t(B, "A", 501, 201, win=100), t(A, "A", 60, 501),
        t(A, "A", 100, 501), t(A, "A", 51, 501), t(A, "A", 49, 501)]),
    Conversation("picked up by a keep-alive", [t(A, "A", 5000, 9000), t(B, "A", 9000, 5001),
                                               t(A, "A", 5001, 9000, n=1)]),
    Conversation("the other way round, the RST to a challenge ACK", [t(A, "S", 900000), t(B, "A", 501, 101),
                                                                     t(B, "R", 101), t(A, "S", 1000000)]),
    Conversation("RST by A that does not fit the challenge", [t(A, "S", 900000), t(B, "A", 501, 101), t(A, "R", 102)]),
    Conversation("SYN+ACK in LAST_ACK is no unseen SYN", [
        *opened(), t(B, "FA", 501, 101), t(A, "FA", 101, 502), t(B, "SA", 500, 101), t(B, "A", 502, 102)]),
    *[Conversation(f"{name}: {flags} from {side}", [*way, t(side, flags, *numbers, drop=None)])
      for name, way, a, b in WAYS for side, numbers in ((A, (a, b)), (B, (b, a)))
      for flags in ("S", "SA", "FA", "A", "R", "RA")],

    # Not of this world.
    *[Conversation(f"flags {flags or 'none'}", [t(A, flags, 100, drop=True), *opened(),
            t(A, flags, 101, 501, drop=True),
                                                t(B, flags, 501, 101, drop=True), t(A, "PA", 101, 501, n=1)])
      for flags in ("", "F", "SF", "SR", "SFA", "FRA", "FPU", "SRA", "P", "U", "SFRPAU", "RU", "SAU")],
    *[Conversation(f"flags {flags}", [t(A, "S", 100), t(B, "SA", 500, 101), t(A, flags, 101, 501)])
      for flags in ("A", "AU", "PA", "PAU", "FA", "FAU", "AE", "AEC")],
    *[Conversation(f"flags {flags}", [t(A, flags, 100), t(B, "SA", 500, 101)]) for flags in ("S", "SU", "SP", "SEC")],
    Conversation("data offsets that cannot be", [t(A, "S", 100, offset=4, drop=True),
            t(A, "S", 100, offset=6, drop=True),
                                                 *opened(), t(A, "A", 101, 501, offset=15, drop=True),
                                                 t(A, "A", 101, 501, offset=0, drop=True)]),
    Conversation("half a header", [*opened(), t(A, "A", 101, 501, cut=19, drop=True),
            t(A, "A", 101, 501, cut=8, drop=True)]),
]


# ---- SCTP ----

TAG_A, TAG_B = 0xA1, 0xB2


def s(side, tag, *chunks, drop=False, family=4):
    return Step(side, packet(side, tag, *chunks, family=family), f"{side} tag {tag:#x} {name_chunks(chunks)}", drop)


ASSOCIATED = [s(A, 0, init(TAG_A)), s(B, TAG_A, init(TAG_B, INIT_ACK)), s(A, TAG_B, COOKIE_ECHO),
        s(B, TAG_A, COOKIE_ACK)]

SCTP = [
    Conversation("association", [*ASSOCIATED, s(A, TAG_B, DATA), s(B, TAG_A, SACK)]),
    Conversation("association, IPv6", [s(A, 0, init(TAG_A), family=6), s(B, TAG_A, init(TAG_B, INIT_ACK), family=6),
                                       s(A, TAG_B, COOKIE_ECHO, DATA, family=6),
                                       s(B, TAG_A, COOKIE_ACK, SACK, family=6)]),
    Conversation("shutdown by A", [*ASSOCIATED, s(A, TAG_B, SHUTDOWN), s(B, TAG_A, SHUTDOWN_ACK),
                                   s(A, TAG_B, SHUTDOWN_COMPLETE)]),
    Conversation("shutdown by B", [*ASSOCIATED, s(B, TAG_A, SHUTDOWN), s(A, TAG_B, SHUTDOWN_ACK),
                                   s(B, TAG_A, SHUTDOWN_COMPLETE)]),
    Conversation("wrong tags", [*ASSOCIATED, s(A, TAG_A, DATA, drop=True), s(B, TAG_B, DATA, drop=True),
                                s(A, 0, DATA, drop=True), s(A, 77, SHUTDOWN, drop=True), s(A, TAG_B, DATA)]),
    Conversation("ABORT", [*ASSOCIATED, s(B, TAG_B, ABORT, drop=True), s(B, 77, ABORT, drop=True), s(B, TAG_A, ABORT)]),
    Conversation("ABORT with the T bit carries the other's tag", [
        *ASSOCIATED, s(B, TAG_A, chunk(ABORT, T), drop=True), s(B, TAG_B, chunk(ABORT, T))]),
    Conversation("SHUTDOWN COMPLETE with the T bit", [
        *ASSOCIATED, s(A, TAG_B, SHUTDOWN), s(B, TAG_A, SHUTDOWN_ACK), s(A, TAG_B, chunk(SHUTDOWN_COMPLETE, T),
        drop=True),
        s(A, TAG_A, chunk(SHUTDOWN_COMPLETE, T))]),
    Conversation("INIT answered by ABORT", [s(A, 0, init(TAG_A)), s(B, TAG_A, ABORT)]),
    Conversation("INIT with a tag", [s(A, 5, init(TAG_A), drop=True)]),
    Conversation("INIT again does not prolong", [s(A, 0, init(TAG_A)), Wait(3), s(A, 0, init(TAG_A))]),
    Conversation("INITs cross", [s(A, 0, init(TAG_A)), s(B, 0, init(TAG_B)), s(B, TAG_A, init(TAG_B, INIT_ACK)),
                                 s(A, TAG_B, init(TAG_A, INIT_ACK)), s(A, TAG_B, COOKIE_ECHO),
                                 s(B, TAG_A, COOKIE_ACK)]),
    Conversation("INITs cross, and an INIT ACK disowns its INIT", [
        s(A, 0, init(TAG_A)), s(B, 0, init(TAG_B)), s(B, TAG_A, init(TAG_B + 1, INIT_ACK), drop=True)]),
    Conversation("INITs cross, and A's comes again with another tag", [
        s(A, 0, init(TAG_A)), s(B, 0, init(TAG_B)), s(A, 0, init(TAG_A + 1)), s(B, TAG_A + 1, init(TAG_B + 1, INIT_ACK)),
        s(A, TAG_B + 1, COOKIE_ECHO)]),
    Conversation("nobody's INIT ACK", [s(A, TAG_B, init(TAG_A, INIT_ACK), drop=True),
                                       s(A, 0, init(TAG_A, INIT_ACK)), s(B, TAG_A, DATA)]),
    Conversation("INIT ACK without an INIT", [*ASSOCIATED, s(B, TAG_A, init(77, INIT_ACK), drop=True),
            s(A, TAG_B, DATA)]),
    Conversation("restart", [*ASSOCIATED, s(A, 0, init(TAG_A + 1)), s(B, TAG_A + 1, init(TAG_B + 1, INIT_ACK)),
                             s(A, TAG_B + 1, COOKIE_ECHO), s(B, TAG_A + 1, COOKIE_ACK), s(A, TAG_B + 1, DATA)]),
    Conversation("restart after the end", [
        *ASSOCIATED, s(A, TAG_B, SHUTDOWN), s(B, TAG_A, SHUTDOWN_ACK), s(A, TAG_B, SHUTDOWN_COMPLETE),
        s(A, 0, init(0xC3)), s(B, 0xC3, init(0xD4, INIT_ACK)), s(A, 0xD4, COOKIE_ECHO), s(B, 0xC3, COOKIE_ACK)]),
    Conversation("stale cookie", [s(A, 0, init(TAG_A)), s(B, TAG_A, init(TAG_B, INIT_ACK)), s(A, TAG_B, COOKIE_ECHO),
                                  s(B, TAG_A, ERROR), s(A, 0, init(TAG_A + 1))]),
    Conversation("heartbeats on a further path", [s(A, TAG_B, HEARTBEAT), s(B, TAG_A, HEARTBEAT_ACK), s(A, TAG_B, DATA),
                                                  s(B, TAG_A, SACK)]),
    Conversation("heartbeats after a restart out of sight", [
        s(A, TAG_B, HEARTBEAT), s(B, TAG_A, HEARTBEAT_ACK), s(A, 77, HEARTBEAT), s(B, 78, HEARTBEAT_ACK),
        s(B, 78, DATA),
        s(A, 77, HEARTBEAT), s(A, 77, DATA)]),
    Conversation("heartbeats as an envelope", [*ASSOCIATED, s(A, 77, HEARTBEAT, DATA, drop=True),
                                               s(B, 77, HEARTBEAT_ACK, drop=True)]),
    Conversation("what may not begin", [s(A, 5, c, drop=True) for c in
                                        (DATA, SACK, ABORT, COOKIE_ECHO, COOKIE_ACK, SHUTDOWN, SHUTDOWN_COMPLETE,
                                        ERROR)]),
    Conversation("association: B may not begin", [s(B, 0, init(TAG_B), drop=True), s(B, TAG_A, HEARTBEAT, drop=True)]),
    Conversation("SHUTDOWN ACK of what we never saw", [s(A, TAG_B, SHUTDOWN_ACK), s(B, TAG_B, SHUTDOWN_COMPLETE)]),
    Conversation("chunks that must be alone or first", [
        *ASSOCIATED, s(A, 0, init(TAG_A), DATA, drop=True), s(B, TAG_A, SACK, COOKIE_ACK, drop=True),
        s(A, TAG_B, SHUTDOWN_COMPLETE, DATA, drop=True), s(A, TAG_B, DATA, init(TAG_A), drop=True)]),
    Conversation("chunks before one that does not belong", [
        *ASSOCIATED, s(A, 77, SHUTDOWN, chunk(ABORT, 0), drop=True), s(A, TAG_B, DATA)]),
    Conversation("lengths that cannot be", [
        *ASSOCIATED, s(A, TAG_B, chunk(DATA, 0, b"", 0), drop=True), s(A, TAG_B, chunk(DATA, 0, b"", 3)),
        s(A, TAG_B, chunk(DATA, 0, b"", 60000)), s(A, 0, init(TAG_A)[:8], drop=True), s(A, TAG_B, drop=True)]),
    Conversation("unknown chunks", [*ASSOCIATED, s(A, TAG_B, UNKNOWN), s(A, 5, UNKNOWN, drop=True)]),
    *[Conversation(f"{name}: {NAMES[c]} from {side}", [
        *way, s(side, 0 if c == INIT else tag, init(own, c) if c in (INIT, INIT_ACK) else c,
                drop=None)])
      for name, way in (("closed", ASSOCIATED[:1]), ("cookie wait", ASSOCIATED[:2]), ("cookie echoed", ASSOCIATED[:3]),
                        ("established", ASSOCIATED), ("shutdown sent", [*ASSOCIATED, s(A, TAG_B, SHUTDOWN)]),
                        ("heartbeat sent", [s(A, TAG_B, HEARTBEAT)]),
                        ("shutdown received", [*ASSOCIATED, s(B, TAG_A, SHUTDOWN)]),
                        ("shutdown acknowledged", [*ASSOCIATED, s(A, TAG_B, SHUTDOWN), s(B, TAG_A, SHUTDOWN_ACK)]))
      for side, tag, own in ((A, TAG_B, TAG_A), (B, TAG_A, TAG_B)) for c in NAMES],
]


# ---- UDP, ICMP, others ----

def u(side, n=10, drop=False, family=4, length=None, port=53, protocol=17):
    ports = (CLIENT, port) if side == A else (port, CLIENT)
    return Step(side, ip(side, protocol, struct.pack("!HHHH", *ports, 8 + n if length is None else length,
    protocol == 136) +
                         bytes(n), family),
                f"{side} protocol {protocol} len {n}", drop)


def i(side, kind, code=0, ident=7, rest=b"\0\1payload", drop=False, family=4, source=None, destination=None):
    """ICMP; checksummed, since the kernel may look."""
    data = struct.pack("!BBHH", kind, code, 0, ident) + rest
    data = data[:2] + struct.pack("!H", checksum(data)) + data[4:] if family == 4 else data
    return Step(side, readdress(ip(side, 1 if family == 4 else 58, data, family), source, destination),
                f"{side} icmp {kind}/{code} from {source or 'itself'} to {destination or 'the other'}", drop)


def readdress(whole, source, destination):
    """IPv4 with other addresses."""
    if not (source or destination):
        return whole
    header = bytearray(whole[:20])
    for at, address in ((12, source), (16, destination)):
        if address:
            header[at:at + 4] = bytes(map(int, address.split(".")))
    header[10:12] = b"\0\0"
    header[10:12] = struct.pack("!H", checksum(bytes(header)))
    return bytes(header) + whole[20:]


def error(side, about, kind=3, code=3, n=28, **more):
    """An ICMP error from that side about a packet of the other."""
    return i(side, kind, code, 0, b"\0\0" + about.data[:n if more.get("family", 4) == 4 else n + 20], **more)


OTHERS = [
    Conversation("UDP", [u(A), u(B), u(A), u(B)]),
    Conversation("UDP for longer than two seconds", [u(A), u(B), Wait(3), u(A), u(B)]),
    Conversation("UDP, IPv6", [u(A, family=6), u(B, family=6)]),
    Conversation("UDP: B may not begin", [u(B, drop=True)]),
    Conversation("UDP: another port of B is another conversation", [u(A), u(B, port=54, drop=True)]),
    Conversation("UDP-Lite", [u(A, protocol=136, length=0), u(B, protocol=136, length=0)]),
    Conversation("ping", [i(A, 8), i(B, 0), i(A, 8), i(B, 0)]),
    Conversation("ping: the answer alone", [i(B, 0, drop=True), i(A, 0, drop=True)]),
    Conversation("ping: B may not begin", [i(B, 8, drop=True)]),
    Conversation("ping: another identifier's answer", [i(A, 8), i(B, 0, ident=8, drop=True), i(B, 0)]),
    Conversation("ping: A answers itself", [i(A, 8), i(A, 0, drop=True)]),
    Conversation("ping: B may not ask with A's identifier", [i(A, 8), i(B, 8, drop=True), i(B, 0), i(B, 8, drop=True)]),
    Conversation("timestamp", [i(A, 13), i(B, 14)]),
    Conversation("information", [i(A, 15), i(B, 16)]),
    Conversation("address mask", [i(A, 17), i(B, 18)]),
    Conversation("another query's answer", [i(A, 8), i(B, 14, drop=True)]),
    Conversation("ICMP that is neither query nor error", [i(A, 9, drop=True), i(A, 10, drop=True),
            i(A, 30, drop=True)]),
    Conversation("ping, IPv6", [i(A, 128, family=6), i(B, 129, family=6)]),
    Conversation("ping, IPv6: the answer alone", [i(B, 129, family=6, drop=True)]),
    Conversation("error about UDP", [u(A), error(B, u(A)), u(A)]),
    Conversation("error about UDP, from a router", [u(A), error(B, u(A), 11, 0, source=NEIGHBOURS[B])]),
    Conversation("error about an answer", [u(A), u(B), error(A, u(B))]),
    Conversation("error about TCP", [*opened(), error(B, t(A, "A", 101, 501), 3, 4)]),
    Conversation("error about an unanswered SYN", [t(A, "S", 100), error(B, t(A, "S", 100))]),
    Conversation("error about SCTP", [*ASSOCIATED, error(B, s(A, TAG_B, DATA))]),
    Conversation("error about a ping", [i(A, 8), error(B, i(A, 8), 11, 0)]),
    Conversation("error about nothing", [error(B, u(A), drop=True), error(A, u(B), drop=True)]),
    Conversation("error about another port", [u(A), error(B, u(A, port=54), drop=True)]),
    Conversation("error about what the other side never sent", [u(A), error(B, u(B), drop=True)]),
    Conversation("error to somebody else", [u(A), error(B, u(A), destination=NEIGHBOURS[A], drop=True)]),
    Conversation("error with half a quote", [u(A), error(B, u(A), n=20, drop=True), error(B, u(A), n=10, drop=True)]),
    Conversation("parameter problem", [u(A), error(B, u(A), 12, 0)]),
    Conversation("source quench", [u(A), error(B, u(A), 4, 0, drop=True)]),
    Conversation("redirect", [u(A), error(B, u(A), 5, 1, drop=True)]),
    Conversation("error, IPv6", [u(A, family=6), error(B, u(A, family=6), 1, 4, family=6),
                                 error(B, u(A, family=6), 2, 0, family=6)]),
    Conversation("error about nothing, IPv6", [error(B, u(A, family=6), 1, 4, family=6, drop=True)]),
    Conversation("another protocol, by addresses alone", [Step(A, ip(A, 99, b"x" * 20), "A 99"),
                                                          Step(B, ip(B, 99, b"y" * 20), "B 99")]),
    Conversation("another protocol: B may not begin", [Step(B, ip(B, 99, b"x" * 20), "B 99", True)]),
]
