"""The same packets through Linux' connection tracking and through ours: two oracles with one interface.

A opens conversations to B; B may not begin any. An oracle is asked packet by packet and answers with an `Answer`.

Linux routes between two veths in a namespace of its own, with nftables rules on the forwarded packets. Ours is
`oracle-path`: the dataplane's graph without a machine around it, A a port with port security, B one without."""

import ctypes
import os
import re
import shutil
import socket
import struct
import subprocess
import time
from dataclasses import dataclass

from guest import Raw
from netns import Namespace, run, veth

A, B = "A", "B"
ADDRESSES = {4: {A: "10.1.0.2", B: "10.2.0.2"}, 6: {A: "fd01::2", B: "fd02::2"}}
NEIGHBOURS = {A: "10.1.0.3", B: "10.2.0.3"}  # somebody else on their side
MARKER = 253  # an IP protocol for experiments (RFC 3692): says that what was sent before it has come through
FLAGS = {"U": 0x20, "A": 0x10, "P": 8, "R": 4, "S": 2, "F": 1, "E": 0x40, "C": 0x80}

# Seconds. Apart from each other, so that the time left tells which one counts, and in nf_conntrack's order of sizes.
TIMEOUTS = {
    "tcp_syn_sent": 125, "tcp_syn_recv": 62, "tcp_established": 432000, "tcp_fin_wait": 115, "tcp_close_wait": 55,
    "tcp_last_ack": 30, "tcp_time_wait": 135, "tcp_close": 10, "tcp_syn_sent2": 120, "tcp_retrans": 300,
    "tcp_unack": 310, "udp": 40, "udp_stream": 150, "icmp": 35, "generic": 600,
    "sctp_closed": 20, "sctp_cookie_wait": 42, "sctp_cookie_echoed": 48, "sctp_established": 210,
    "sctp_shutdown_sent": 70, "sctp_shutdown_recd": 80, "sctp_shutdown_ack_sent": 90, "sctp_heartbeat_sent": 100,
}
SYSCTLS = {"tcp_retrans": "tcp_timeout_max_retrans", "tcp_unack": "tcp_timeout_unacknowledged", "udp": "udp_timeout",
           "udp_stream": "udp_timeout_stream", "icmp": "icmp_timeout", "generic": "generic_timeout"}


@dataclass
class Settings:
    loose: bool = True
    liberal: bool = False
    max_retrans: int = 3
    timeouts: dict = None

    def all_timeouts(self):
        return {**TIMEOUTS, **(self.timeouts or {})}


@dataclass
class Answer:
    """`state` is None when there is no session; seconds: until it ends. Comparable across oracles."""
    passed: bool
    state: str = None
    seconds: float = None
    replied: bool = False
    assured: bool = False
    reason: str = ""

    def __str__(self):
        session = ""
        if self.state:
            flags = ("r" if self.replied else "-") + ("a" if self.assured else "-")
            session = f" {self.state.removeprefix('tcp_')} {self.seconds:.0f} {flags}"
        return ("pass" if self.passed else "DROP") + session

    def same(self, other, slack=0):
        """`slack`: seconds that went by while they were asked."""
        if (self.passed, self.state, self.replied, self.assured) != \
                (other.passed, other.state, other.replied, other.assured):
            return False
        return self.seconds is None or abs(self.seconds - other.seconds) <= 1.5 + slack


# ---- packets ----

def checksum(data):
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def ip(side, protocol, payload, family=4, ident=0):
    source, destination = ADDRESSES[family][side], ADDRESSES[family][B if side == A else A]
    if family == 6:
        return struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) + \
            socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, destination) + payload
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, 0x4000, 64, protocol, 0,
                         socket.inet_aton(source), socket.inet_aton(destination))
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def tcp_header(source, destination, flags, seq=0, ack=0, window=0, options=b"", data_offset=None):
    """Checksum 0: neither side looks (nf_conntrack_checksum is off)."""
    options += b"\0" * (-len(options) % 4)
    if isinstance(flags, str):
        flags = sum(FLAGS[f] for f in flags)
    offset = 5 + len(options) // 4 if data_offset is None else data_offset
    return struct.pack("!HHIIBBHHH", source, destination, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, offset << 4, flags,
                       window, 0, 0) + options


# ---- ours ----

class Ours:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.began = time.monotonic()  # of its clock

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"oracle-path ended at: {line}"
        return answer.split()

    def begin(self, settings):
        self.ask("clear")
        self.ask(f"settings {settings.loose:d} {settings.liberal:d} {settings.max_retrans}")
        for state, seconds in settings.all_timeouts().items():
            self.ask(f"timeout {state} {min(seconds * 1000, 2**31 - 1)}")

    def send(self, side, packet, now=None):
        at = int(((now or time.monotonic()) - self.began) * 1000) + 1000
        reason, *session = self.ask(f"{side} {at} {packet.hex()}")
        answer = Answer(reason == "pass", reason=reason)
        if session:
            answer.state, answer.seconds = session[0], int(session[1]) / 1000
            answer.replied, answer.assured = session[2] == "1", session[3] == "1"
        return answer

    def close(self):
        self.process.stdin.close()
        status = self.process.wait(10)
        self.process.stdout.close()
        assert status == 0, f"oracle-path ended with status {status}"


# ---- Linux ----

RULES = """
table inet oracle {
    chain early { type filter hook prerouting priority raw; policy accept;
        meta l4proto %d notrack
    }
    chain forward { type filter hook forward priority filter; policy drop;
        meta l4proto %d accept
        ct state invalid drop
        ct state established,related accept
        iifname "side-a" ct state new accept
    }
}
"""

NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE = 1, 2


def linux_lacks():
    """Why Linux cannot be asked here; None: it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not shutil.which("nft"):
        return "nft is not installed (package nftables)"
    space = Namespace("probe")
    try:
        done = space.popen("nft", "-f", "-", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        done.communicate((RULES % (MARKER, MARKER)).encode())
        if done.returncode:
            return "this kernel has no nftables with connection tracking (CONFIG_NFT_CT)"
        if not os.path.exists("/proc/sys/net/netfilter/nf_conntrack_max") or \
                not os.path.exists("/proc/net/nf_conntrack"):
            return "this kernel does not show its connections (CONFIG_NF_CONNTRACK_PROCFS)"
    finally:
        space.delete()
    return None


class Linux:
    def __init__(self):
        self.spaces = []
        self.router, self.ends = self.space("router"), {A: self.space("a"), B: self.space("b")}
        for side, name, net in ((A, "side-a", 1), (B, "side-b", 2)):
            veth(self.router, name, self.ends[side], "eth0", 9000)
            self.router.run("sh", "-c", f"echo 0 > /proc/sys/net/ipv6/conf/{name}/disable_ipv6")
            self.router.ip("addr", "add", f"10.{net}.0.1/24", "dev", name)
            self.router.ip("addr", "add", f"fd0{net}::1/64", "dev", name, "nodad")
            mac = self.ends[side].mac("eth0")
            for address in ADDRESSES[4][side], ADDRESSES[6][side], NEIGHBOURS[side]:
                self.router.ip("neigh", "add", address, "lladdr", mac, "nud", "permanent", "dev", name)
        for knob in ("ipv4/ip_forward=1", "ipv6/conf/all/forwarding=1", "netfilter/nf_conntrack_checksum=0"):
            self.sysctl(*knob.split("="))
        rules = self.router.popen("nft", "-f", "-", stdin=subprocess.PIPE)
        rules.communicate((RULES % (MARKER, MARKER)).encode())
        assert rules.returncode == 0
        self.raw = {side: Raw(end) for side, end in self.ends.items()}
        self.ethernet = {side: bytes.fromhex(self.router.mac(f"side-{side.lower()}").replace(":", "") +
                                             self.ends[side].mac("eth0").replace(":", "")) for side in (A, B)}
        self.netlink = self.router.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
        with self.router.entered():
            self.table = os.open("/proc/thread-self/net/nf_conntrack", os.O_RDONLY)

    def space(self, name):
        self.spaces.append(Namespace(name))
        return self.spaces[-1]

    def sysctl(self, path, value):
        with self.router.entered():
            with open(f"/proc/sys/net/{path}", "w") as knob:
                knob.write(str(value))

    def flush(self):
        length, request, ack = 20, 1, 4
        message = struct.pack("=IHHII", length, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, request | ack, 1, 0)
        self.netlink.send(message + struct.pack("!BBH", socket.AF_UNSPEC, 0, 0))
        error = struct.unpack_from("=i", self.netlink.recv(4096), 16)[0]
        assert error == 0, f"flushing connections: {os.strerror(-error)}"

    def begin(self, settings):
        self.flush()
        knobs = {"tcp_loose": settings.loose, "tcp_be_liberal": settings.liberal,
                 "tcp_max_retrans": settings.max_retrans}
        for state, seconds in settings.all_timeouts().items():
            default = re.sub("^(tcp|sctp)_", r"\1_timeout_", state)
            if state != "tcp_syn_sent2":  # it has no knob: two minutes
                knobs[SYSCTLS.get(state, default)] = seconds
        knobs["icmpv6_timeout"] = knobs["icmp_timeout"]
        for name, value in knobs.items():
            self.sysctl(f"netfilter/nf_conntrack_{name}", int(value))

    def send(self, side, packet):
        ethertype = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"
        marker = ip(side, MARKER, b"")
        other = self.raw[B if side == A else A]
        self.raw[side].send(self.ethernet[side] + ethertype + packet)
        self.raw[side].send(self.ethernet[side] + b"\x08\x00" + marker)
        came = []
        while True:
            frame = other.recv(5)
            assert frame, "not even the marker came through"
            if frame[12:14] == b"\x08\x00" and frame[23] == MARKER:
                break
            came.append(frame)
        answer = Answer(any(f[12:14] == ethertype and self.is_same(f[14:], packet) for f in came))
        self.look(packet, answer)
        return answer

    @staticmethod
    def is_same(received, sent):
        """But for the hop count and the header's checksum."""
        if sent[0] >> 4 == 6:
            return received[8:8 + len(sent) - 8] == sent[8:]
        return received[12:len(sent)] == sent[12:]

    def look(self, packet, answer):
        """The connection's entry: conversations are had one at a time."""
        os.lseek(self.table, 0, os.SEEK_SET)
        lines = os.read(self.table, 65536).decode().splitlines()
        for line in lines:
            fields = line.split()
            answer.state, answer.seconds = self.state(fields), int(fields[4]) + 0.5
            answer.replied, answer.assured = "[UNREPLIED]" not in fields, "[ASSURED]" in fields

    @staticmethod
    def state(fields):
        protocol = {"icmpv6": "icmp", "unknown": "generic", "udplite": "udp"}.get(fields[2], fields[2])
        return f"{protocol}_{fields[5].lower()}" if protocol in ("tcp", "sctp") else protocol

    def close(self):
        os.close(self.table)
        self.netlink.close()
        for raw in self.raw.values():
            raw.close()
        for space in self.spaces:
            space.delete()
