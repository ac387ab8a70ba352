"""Connections from a seed: two hosts who mostly do as they should, and now and then what an attacker, a confused stack
or a lossy path would make of it: near every edge that a tracker may have."""

import random
import struct

from conntrack_oracle import A, B, ip, tcp_header

CLIENT, SERVER = 1234, 80
ODD_FLAGS = ["", "SF", "SR", "FRA", "F", "SAF", "P", "U", "SU", "FAU", "AU", "SAU", "SRA", "RU", "FPU", "ECSA", "ECS",
        "SAEC"]


def other(side):
    return B if side == A else A


class Host:
    def __init__(self, rng):
        self.next = rng.choice([0, 1, 1000, 0x7FFFFFF0, 0xFFFFFFF0, 0xFFFFFFFF, rng.getrandbits(32)])
        self.first = self.next
        self.window = 1000
        self.scale = None
        self.acked = 0  # what it acknowledged last


def syn_options(rng):
    options = b""
    if rng.random() < 0.6:
        options += b"\2\4\x05\xb4"
    if rng.random() < 0.6:
        options += b"\1\3\3" + bytes([rng.choice([0, 2, 7, 14, 15, 255])])
    if rng.random() < 0.6:
        options += b"\4\2\1\1"
    if rng.random() < 0.05:
        options += rng.choice([b"\3\2", b"\5\0", b"\x1e\xff\0", b"\0\3\3\7", b"\3\4\7\7"])
    return options


def other_options(rng, ack, peer):
    kind = rng.random()
    if kind < 0.6:
        return b""
    if kind < 0.75:
        return b"\1\1\x08\x0a" + rng.randbytes(8)
    left = peer.next + rng.choice([-2000, -100, -1, 0, 1, 100, peer.window])
    blocks = struct.pack("!II", left & 0xFFFFFFFF, (left + rng.choice([1, 10, 100])) & 0xFFFFFFFF)
    if kind > 0.95:
        blocks += struct.pack("!II", ack & 0xFFFFFFFF, (ack + 10) & 0xFFFFFFFF)
    head = b"\1\1" if kind < 0.9 else b"\1\1\x08\x0a" + rng.randbytes(8) + b"\1\1"
    return head + bytes([5, len(blocks) + 2 - (kind > 0.985)]) + blocks


class Connection:
    """Yields (side, packet, words)."""

    def __init__(self, seed, length=40, family=4):
        self.rng = random.Random(seed)
        self.length, self.family = length, family
        self.hosts = {A: Host(self.rng), B: Host(self.rng)}
        self.sent = []

    def segment(self, side, flags, seq, ack, window, options=b"", size=0):
        ports = (CLIENT, SERVER) if side == A else (SERVER, CLIENT)
        seq, ack = seq & 0xFFFFFFFF, ack & 0xFFFFFFFF
        header = tcp_header(*ports, flags, seq, ack, window, options)
        me, peer = self.hosts[side], self.hosts[other(side)]
        words = f"{side} {flags or '-':3} seq {self.near(me, seq)} ack {self.near(peer, ack)} win {window} " \
                f"len {size} {options.hex()}"
        packet = (side, ip(side, 6, header + bytes(size), self.family), words)
        self.sent.append(packet)
        return packet

    @staticmethod
    def near(host, number):
        distance = (number - host.first) & 0xFFFFFFFF
        return str(distance - (1 << 32) if distance >> 31 else distance)

    def handshake(self):
        rng, a, b = self.rng, self.hosts[A], self.hosts[B]
        for host in a, b:
            host.window = rng.choice([0, 1, 100, 1000, 8000, 65535])
        offered = syn_options(rng)
        yield self.segment(A, "S", a.next, 0, a.window, offered)
        a.next += 1
        yield self.segment(B, "SA", b.next, a.next, b.window, syn_options(rng) if rng.random() < 0.8 else b"")
        b.next += 1
        yield self.segment(A, "A", a.next, b.next, a.window)

    def proper(self, side):
        rng, me, peer = self.rng, self.hosts[side], self.hosts[other(side)]
        flags = rng.choices(["A", "PA", "FA", "RA", "R", "S", "SA"], [50, 30, 6, 1, 1, 2, 1])[0]
        size = rng.choice([0, 0, 1, 10, 100, 1000]) if "S" not in flags and "R" not in flags else 0
        if rng.random() < 0.3:
            me.window = rng.choice([0, 1, 10, 1000, 30000, 65535])
        options = syn_options(rng) if "S" in flags else other_options(rng, peer.next, peer)
        ack = peer.next - rng.choice([0, 0, 0, 0, 1, 10, 100]) if "A" in flags else 0
        packet = self.segment(side, flags, me.next, ack, me.window, options, size)
        me.next += size + ("F" in flags) + ("S" in flags)
        me.acked = ack
        return packet

    def odd(self, side):
        rng, me, peer = self.rng, self.hosts[side], self.hosts[other(side)]
        window = peer.window << rng.choice([0, 0, 2, 7, 14])
        flags = rng.choice(ODD_FLAGS) if rng.random() < 0.2 else \
            rng.choices(["A", "PA", "FA", "RA", "R", "S", "SA"], [8, 4, 3, 4, 6, 4, 3])[0]
        seq = me.next + rng.choice([0, 0, 1, -1, 2, window, window - 1, window + 1, window + 2, -window, -window - 1,
                -me.window,
                                    -66000, -2000, 70000, 1 << 31, rng.randint(-200000, 200000)])
        if rng.random() < 0.25:
            seq = rng.choice([0, peer.acked, peer.acked + 1, peer.acked - 1, me.first, me.first + 1])
        ack = peer.next + rng.choice([0, 0, 0, 1, -1, -65999, -66000, -66001, -66002, -70000, 66000, -peer.window,
                me.window,
                                      1 << 31, rng.randint(-200000, 200000)])
        if rng.random() < 0.1:
            ack = rng.choice([0, peer.first, peer.first + 1])
        size = rng.choice([0, 0, 0, 1, 100, 1000])
        options = syn_options(rng) if "S" in flags else other_options(rng, ack, peer)
        packet = self.segment(side, flags, seq, ack, rng.choice([0, me.window, 65535, 1]), options, size)
        if rng.random() < 0.3 and "R" not in flags:
            me.next = seq + size + ("F" in flags) + ("S" in flags)
        return packet

    def __iter__(self):
        rng = self.rng
        start = rng.random()
        if start < 0.75:
            yield from self.handshake()
        elif start < 0.85:
            yield self.segment(A, "S", self.hosts[A].next, 0, 1000, syn_options(rng))
            self.hosts[A].next += 1
        oddness = rng.choice([0.02, 0.1, 0.3, 0.6])
        while len(self.sent) < self.length:
            side = rng.choice([A, B])
            kind = rng.random()
            if kind < oddness:
                yield self.odd(side)
            elif kind < oddness + 0.08 and self.sent:
                again = rng.choice(self.sent[-4:])
                self.sent.append(again)
                yield again
            else:
                yield self.proper(side)
