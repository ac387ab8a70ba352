"""SCTP packets (RFC 9260) as bytes, and associations from a seed: proper ones, with stray chunks and tags of every
sort."""

import random
import struct

from conntrack_oracle import A, B, ip

CLIENT, SERVER = 36412, 3868
DATA, INIT, INIT_ACK, SACK, HEARTBEAT, HEARTBEAT_ACK, ABORT, SHUTDOWN, SHUTDOWN_ACK, ERROR, COOKIE_ECHO, COOKIE_ACK = \
    range(12)
SHUTDOWN_COMPLETE, UNKNOWN = 14, 0x81
NAMES = dict(zip([*range(12), SHUTDOWN_COMPLETE, UNKNOWN],
                 ["DATA", "INIT", "INIT ACK", "SACK", "HEARTBEAT", "HEARTBEAT ACK", "ABORT", "SHUTDOWN",
                 "SHUTDOWN ACK", "ERROR",
                  "COOKIE ECHO", "COOKIE ACK", "SHUTDOWN COMPLETE", "unknown"]))
T = 1


def chunk(kind, flags=0, body=b"", length=None):
    return struct.pack("!BBH", kind, flags, 4 + len(body) if length is None else length) + body + bytes(-len(body) % 4)


def init(tag, kind=INIT):
    return chunk(kind, 0, struct.pack("!IIHHI", tag, 65536, 10, 10, 1))


def body(kind):
    return {DATA: b"\0" * 13, SACK: bytes(12), HEARTBEAT: b"\0\1\0\10abcd", HEARTBEAT_ACK: b"\0\1\0\10abcd",
            SHUTDOWN: bytes(4), ERROR: b"\0\1\0\4", COOKIE_ECHO: b"cookie" * 2}.get(kind, b"")


def packet(side, tag, *chunks, family=4):
    """A kind, or bytes, for each chunk."""
    source, destination = (CLIENT, SERVER) if side == A else (SERVER, CLIENT)
    data = b"".join(chunk(c, 0, body(c)) if isinstance(c, int) else c for c in chunks)
    return ip(side, 132, struct.pack("!HHII", source, destination, tag, 0) + data, family)


def name_chunks(given):
    """Kinds and bytes, as packet() takes them, in words."""
    return " ".join(NAMES[c] if isinstance(c, int) else f"{NAMES[c[0]]} {c.hex()}" for c in given)


def chunks(data):
    """(type, flags, body) of each chunk of an SCTP packet, as far as it goes."""
    at = 12
    while at + 4 <= len(data):
        kind, flags, length = struct.unpack_from("!BBH", data, at)
        yield kind, flags, data[at + 4:at + length]
        at += max(4, (length + 3) & ~3)


class Association:
    """Yields (side, packet, words)."""

    def __init__(self, seed, length=30, family=4):
        self.rng = random.Random(seed)
        self.length, self.family = length, family
        self.tags = {A: self.rng.randint(1, 2**32 - 1), B: self.rng.randint(1, 2**32 - 1)}  # expected by its owner

    def send(self, side, tag, *chunks):
        known = {self.tags[A]: "of A", self.tags[B]: "of B", 0: "none"}
        return side, packet(side, tag, *chunks, family=self.family), f"{side} tag {known.get(tag, 'other')}: {name_chunks(chunks)}"

    def any_chunk(self, side):
        rng = self.rng
        kind = rng.choice([DATA, INIT, INIT_ACK, SACK, HEARTBEAT, HEARTBEAT_ACK, ABORT, SHUTDOWN, SHUTDOWN_ACK, ERROR,
                           COOKIE_ECHO, COOKIE_ACK, SHUTDOWN_COMPLETE, UNKNOWN])
        if kind in (INIT, INIT_ACK):
            tag = self.tags[side] if rng.random() < 0.7 else rng.randint(0, 2**32 - 1)
            whole = init(tag, kind)
            return whole if rng.random() < 0.95 else whole[:rng.randrange(4, 20, 4)]
        if kind in (ABORT, SHUTDOWN_COMPLETE):
            return chunk(kind, rng.choice([0, 0, T]))
        if rng.random() < 0.03:
            return chunk(kind, 0, body(kind), rng.choice([0, 1, 3, 5, 60, 65535]))
        return kind

    def stray(self, side):
        rng = self.rng
        other = B if side == A else A
        tag = rng.choice([self.tags[other]] * 6 + [self.tags[side], 0, 0, rng.randint(1, 2**32 - 1)])
        return self.send(side, tag, *[self.any_chunk(side) for _ in range(rng.choice([1, 1, 1, 1, 2, 3]))])

    def proper(self):
        """An association's life, each step an invitation to something stray."""
        a, b = self.tags[A], self.tags[B]
        yield self.send(A, 0, init(a))
        if self.rng.random() < 0.2:
            yield self.send(B, 0, init(b))
        yield self.send(B, a, init(b, INIT_ACK))
        yield self.send(A, b, COOKIE_ECHO, DATA)
        yield self.send(B, a, COOKIE_ACK, SACK)
        for _ in range(self.rng.randrange(4)):
            side, tag = self.rng.choice([(A, b), (B, a)])
            yield self.send(side, tag, self.rng.choice([DATA, SACK, HEARTBEAT, HEARTBEAT_ACK, UNKNOWN]))
        first, tag, second, back = self.rng.choice([(A, b, B, a), (B, a, A, b)])
        yield self.send(first, tag, SHUTDOWN)
        yield self.send(second, back, SHUTDOWN_ACK)
        yield self.send(first, tag, SHUTDOWN_COMPLETE)

    def __iter__(self):
        rng = self.rng
        strayness = rng.choice([0.05, 0.3, 0.6])
        sent = 0
        life = iter(self.proper()) if rng.random() < 0.85 else iter(())
        while sent < self.length:
            step = None
            if rng.random() >= strayness:
                step = next(life, None)
                if step is None:
                    if rng.random() < 0.3:  # a restart, on the same ports
                        self.tags[A], self.tags[B] = rng.randint(1, 2**32 - 1), rng.randint(1, 2**32 - 1)
                    life = iter(self.proper())
                    continue
            yield step or self.stray(rng.choice([A, B]))
            sent += 1
