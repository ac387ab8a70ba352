"""Writes the seeds of a fuzzer: for fuzz_path one frame of every sort that the path tells apart, for fuzz_flow one of
every sort that belongs to a conversation in its own way, for fuzz_guard what a guest may send and what it may not,
for fuzz_track
conversations. Usage: make_corpus.py path|flow|guard|track DIRECTORY"""

import re
import struct
import sys
from pathlib import Path

from scapy.all import (ARP, Dot1Q, Ether, ICMP, ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ND_NA,
                       ICMPv6MLReport, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_Redirect, ICMPv6ND_RS, ICMPv6NDOptDstLLAddr,
                       ICMPv6NDOptSrcLLAddr, ICMPv6PacketTooBig, IP, IPv6, IPv6ExtHdrDestOpt,
                       IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, Raw, SCTP, TCP, UDP, VXLAN)

MAC = "fa:16:3e:00:00:{:02x}".format
A, PLAIN, UNDERLAY, SECURED = 0, 2, 3, 0x80
CSUM, TCP_CSUM, V6, TSO = 1, 2, 4, 8


def seed(frame, port=A, flags=0, segment=0, l3=20, l4=20):
    return struct.pack("!BBHBBB", port, flags, segment, 14, l3, l4) + bytes(frame)


def outer(inner, vni=100, v6=False, tos=0, **udp):
    ip = IPv6(src="fd00:2::2", dst="fd00:2::1", tc=tos) if v6 else IP(src="192.0.2.2", dst="192.0.2.1", tos=tos)
    return Ether(src=MAC(0x80), dst=MAC(4)) / ip / UDP(sport=50000, dport=4789, **udp) / VXLAN(vni=vni, flags=8) / inner


def frames():
    for n in (2, 3, 9, 10, 99):
        eth = Ether(src=MAC(1), dst=MAC(n))
        ip4, ip6 = eth / IP(src="10.0.0.1", dst=f"10.0.0.{n}", flags="DF"), eth / IPv6(src="fd00::1", dst=f"fd00::{n}")
        yield seed(ip4 / UDP(sport=1, dport=2) / Raw(b"x" * 20))
        yield seed(ip4 / TCP() / Raw(b"y" * 3000), flags=CSUM | TCP_CSUM | TSO, segment=1000)
        yield seed(ip6 / TCP() / Raw(b"z" * 3000), flags=CSUM | TCP_CSUM | TSO | V6, segment=900, l3=40)
        yield seed(ip4 / TCP() / Raw(b"t" * 1500))
        yield seed(ip6 / UDP() / Raw(b"t" * 1500), flags=CSUM | V6, l3=40)
        yield seed(ip4 / ICMP() / Raw(b"i" * 1450))
        yield seed(ip6 / ICMPv6EchoRequest(data=b"e" * 1450))
    broadcast, group = "ff:ff:ff:ff:ff:ff", "33:33:ff:00:00:02"
    for ip in ("10.0.0.1", "10.0.0.2", "10.0.0.50"):
        yield seed(Ether(src=MAC(1), dst=broadcast) / ARP(op=1, hwsrc=MAC(1), psrc="10.0.0.1", pdst=ip))
    for target in ("fd00::1", "fd00::2", "fd00::50"):
        ns = IPv6(src="fd00::1", dst="ff02::1:ff00:2", hlim=255) / ICMPv6ND_NS(tgt=target)
        yield seed(Ether(src=MAC(1), dst=group) / ns / ICMPv6NDOptSrcLLAddr(lladdr=MAC(1)))
        yield seed(Ether(src=MAC(1), dst=group) / ns)
    yield seed(Ether(src=MAC(1), dst=broadcast) / IP(dst="255.255.255.255") / UDP(sport=68, dport=67) / Raw(b"d" * 300))
    yield seed(Ether(src=MAC(1), dst="01:80:c2:00:00:0e") / Raw(b"lldp"))
    yield seed(Ether(src=MAC(1), dst=MAC(9)) / Dot1Q(vlan=5) / IP(dst="10.0.0.9") / TCP() / Raw(b"v" * 1500))
    yield seed(Ether(src=MAC(1), dst=MAC(2)) / IPv6() / IPv6ExtHdrHopByHop() / SCTP())
    inner = Ether(src=MAC(9), dst=MAC(2)) / IP(src="10.0.0.9", dst="10.0.0.2") / UDP() / Raw(b"in")
    inner6 = Ether(src=MAC(9), dst=MAC(2)) / IPv6(src="fd00::9", dst="fd00::2") / TCP()
    for v6 in (False, True):
        for tos in (0, 1, 2, 3, 0xb8):
            yield seed(outer(inner, v6=v6, tos=tos), UNDERLAY)
            yield seed(outer(inner6, v6=v6, tos=tos), UNDERLAY)
        yield seed(outer(inner, v6=v6, vni=101), UNDERLAY)
        yield seed(outer(Ether(src=MAC(9), dst=broadcast) / ARP(psrc="10.0.0.9", pdst="10.0.0.2"), v6=v6), UNDERLAY)
    yield seed(Ether(src=MAC(0x80), dst=MAC(4)) / Dot1Q(vlan=7) / IP() / UDP(), UNDERLAY)
    yield seed(Ether(src=MAC(0x80), dst=broadcast) / ARP(op=1, psrc="192.0.2.2", pdst="192.0.2.1"), UNDERLAY)
    yield seed(Ether(src=MAC(0x80), dst=MAC(4)) / IP(src="192.0.2.2", dst="192.0.2.1") / ICMP(), UNDERLAY)
    yield seed(Ether(src=MAC(0x80),
    dst=MAC(4)) / IPv6(src="fd00:2::2", dst="fd00:2::1", hlim=255) / ICMPv6ND_NA(tgt="fd00:2::2"), UNDERLAY)
    yield seed(Ether(src=MAC(3), dst=MAC(1)) / IP(src="10.0.0.3", dst="10.0.0.1") / TCP(), PLAIN)
    for frame in flows():
        yield seed(frame, SECURED | A)
    yield seed(outer(inner), SECURED | UNDERLAY)
    yield seed(outer(inner6, v6=True), SECURED | UNDERLAY)


def flows():
    eth, ip4, ip6 = Ether(src=MAC(1), dst=MAC(2)), IP(src="10.0.0.1", dst="10.0.0.2"),
    IPv6(src="fd00::1", dst="fd00::2")
    for ip in (ip4, ip6):
        for transport in (UDP(sport=1, dport=2), TCP(sport=1, dport=2), SCTP(sport=1, dport=2), Raw(b"?" * 20)):
            yield eth / ip / transport / Raw(b"x" * 8)
            back4, back6 = IP(src="10.0.0.2", dst="10.0.0.1"), IPv6(src="fd00::2", dst="fd00::1")
            yield eth / back4 / ICMP(type=3, code=3) / ip / transport
            yield eth / back6 / ICMPv6DestUnreach() / ip / transport
            yield eth / back6 / ICMPv6PacketTooBig() / ip / transport
    for kind in (8, 0, 13, 14, 5):
        yield eth / ip4 / ICMP(type=kind, id=7)
        yield eth / ip4 / ICMP(type=11) / ip4 / ICMP(type=kind, id=7)
    yield eth / ip6 / ICMPv6EchoRequest(id=7)
    yield eth / ip6 / ICMPv6EchoReply(id=7)
    yield eth / IP(src="10.0.0.1", dst="10.0.0.2", options=b"\x01\x01\x01\x00") / UDP()
    for first, more in ((0, 1), (1, 1), (2, 1), (3, 0)):
        yield eth / IP(src="10.0.0.1", dst="10.0.0.2", id=9, frag=first, flags=more, proto=17) / Raw(b"f" * 24)
        yield eth / ip6 / IPv6ExtHdrFragment(offset=first, m=more, id=9, nh=17) / Raw(b"f" * 24)
    yield eth / ip6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / IPv6ExtHdrFragment(m=0) / UDP()
    yield eth / Dot1Q(vlan=5) / ip4 / UDP()


def guarded():
    broadcast, link_local, nobody = "ff:ff:ff:ff:ff:ff", "fe80::f816:3eff:fe00:1", "::"
    for mac, ip4, ip6 in ((1, "10.0.0.1", "fd00::1"), (1, "10.0.0.11", link_local), (2, "10.2.3.4", "fd02::9"),
                          (1, "10.0.0.2", "fd00::2"), (3, "10.0.0.1", "fd00::1"), (1, "0.0.0.0", nobody)):
        eth = Ether(src=MAC(mac), dst=broadcast)
        for operation in (1, 2):
            yield eth / ARP(op=operation, hwsrc=MAC(mac), psrc=ip4, pdst="10.0.0.9")
        yield eth / ARP(op=3, hwsrc=MAC(mac), psrc="0.0.0.0")
        yield Ether(src=MAC(mac), dst=broadcast, type=0x8035) / ARP(op=3, hwsrc=MAC(mac), psrc="0.0.0.0")
        for ports in ((68, 67), (67, 68), (1, 2)):
            yield eth / IP(src=ip4, dst="10.0.0.9") / UDP(sport=ports[0], dport=ports[1])
            yield eth / IP(src=ip4, dst="10.0.0.9", flags=1) / UDP(sport=ports[0], dport=ports[1])
            yield eth / IP(src=ip4, dst="10.0.0.9", options=b"\1\1\1\0") / UDP(sport=ports[0], dport=ports[1])
        yield eth / IP(src=ip4, dst="10.0.0.9", frag=3) / Raw(b"\0\x43\0\x44" * 4)
        yield eth / IP(src=ip4, dst="10.0.0.9") / TCP()
        yield eth / IPv6(src=f"::ffff:{ip4}", dst="ff02::1") / TCP()
        ip = IPv6(src=ip6, dst="ff02::1", hlim=255)
        for ports in ((546, 547), (547, 546), (1, 2)):
            yield eth / ip / UDP(sport=ports[0], dport=ports[1])
        yield eth / ip / TCP()
        for message in (ICMPv6ND_NS(tgt="fd00::2") / ICMPv6NDOptSrcLLAddr(lladdr=MAC(mac)),
                        ICMPv6ND_NA(tgt=ip6) / ICMPv6NDOptDstLLAddr(lladdr=MAC(mac)), ICMPv6ND_RS(), ICMPv6ND_RA(),
                        ICMPv6ND_Redirect(), ICMPv6MLReport(), ICMPv6EchoRequest()):
            yield eth / ip / message
            yield eth / ip / IPv6ExtHdrHopByHop() / message
            yield eth / ip / IPv6ExtHdrDestOpt() / IPv6ExtHdrFragment(m=1) / IPv6ExtHdrDestOpt() / message
            yield eth / ip / IPv6ExtHdrFragment() / message


def tracked():
    """Conversations for fuzz_track: those that are played to Linux too."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "functional"))
    from conntrack_conversations import SCTP as associations, TCP as connections, Wait

    for conversation in (c for c in connections if not re.search(": .* from [AB]$", c.name)):
        records = b""
        for step in conversation.steps:
            if isinstance(step, Wait) or step.data[0] >> 4 != 4 or len(step.data) < 40:
                continue
            segment = step.data[20:]
            seq, ack, offset, flags, window = struct.unpack_from("!4xIIBBH", segment)
            options = segment[20:offset >> 2]
            size = max(0, len(segment) - (offset >> 2))
            records += struct.pack("!BBHIIH", 128 * (step.side == "B") + len(options),
            flags, window, seq, ack, size) + options
        settings = conversation.settings
        yield bytes([2 * (not settings.loose) + 4 * settings.liberal + 8 * bool(settings.timeouts)]) + records
    for conversation in (a for a in associations if not re.search(": .* from [AB]$", a.name)):
        packets = [(s.side, s.data[20:]) for s in conversation.steps if not isinstance(s, Wait) and s.data[0] >> 4 == 4]
        yield b"\1" + b"".join(struct.pack("!BH", 128 * (side == "B"), len(data)) + data for side, data in packets)


SORTS = {"path": frames, "flow": flows, "guard": guarded, "track": tracked}
for number, data in enumerate(SORTS[sys.argv[1]]()):
    (Path(sys.argv[2]) / f"{number:03}").write_bytes(bytes(data))
