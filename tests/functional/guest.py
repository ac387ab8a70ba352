"""A guest: a network namespace whose eth0 is a tap port of a node, with the kernel's own network stack.

And `Raw`: frames sent to and received from any interface, as bytes, past that stack."""

import hashlib
import os
import select
import socket
import struct
import threading
import time

import intent
from netns import Namespace, ipv6, wait_until

ETH_P_ALL = 0x0003
PACKET_OUTGOING = 4
SO_RCVBUFFORCE = 33
SOL_PACKET, PACKET_AUXDATA, PACKET_VNET_HDR = 263, 8, 15
TP_STATUS_VLAN_VALID = 1 << 4
VNET = struct.Struct("=BBHHHH")  # virtio-net header: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset
NEEDS_CSUM = 1


def internet_checksum(data):
    """RFC 1071."""
    data = bytes(data) + b"\0" * (len(data) & 1)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Raw:
    """An AF_PACKET socket on an interface: `send` puts a frame out of it, `recv` returns frames that came in.

    On virtual wires the kernel passes checksums on unfinished, as work for a network card: we finish them as one would.
    What the card would still have to segment comes as it is."""

    def __init__(self, namespace, interface="eth0"):
        self.socket = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        with namespace.entered():
            self.socket.bind((interface, ETH_P_ALL))

    def send(self, frame):
        self.socket.send(bytes(VNET.size) + bytes(frame))

    def recv(self, timeout=2.0, match=lambda frame: True):
        """The next incoming frame that matches, or None."""
        end = time.monotonic() + timeout
        while True:
            left = end - time.monotonic()
            if left < 0 or not select.select([self.socket], [], [], left)[0]:
                return None
            frame, auxiliary, _, address = self.socket.recvmsg(70000, 64)
            frame = self._tagged(self._finished(frame), auxiliary)
            if address[2] != PACKET_OUTGOING and match(frame):
                return frame

    @staticmethod
    def _finished(data):
        """Takes the virtio-net header off, and does what it asks for."""
        flags, _, _, _, start, offset = VNET.unpack_from(data)
        frame = bytearray(data[VNET.size:])
        if flags & NEEDS_CSUM:
            at = start + offset
            frame[at:at + 2] = internet_checksum(frame[start:]).to_bytes(2, "big")
        return bytes(frame)

    @staticmethod
    def _tagged(frame, auxiliary):
        """Puts the VLAN tag back in, which the kernel takes off before a packet socket sees the frame."""
        for level, kind, data in auxiliary:
            if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
                status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", data[:20])
                if status & TP_STATUS_VLAN_VALID:
                    return frame[:12] + struct.pack("!HH", tpid or 0x8100, tci) + frame[12:]
        return frame

    def collect(self, count, timeout=5.0, match=lambda frame: True):
        """Incoming frames that match: until there are `count`, or the time is over."""
        frames, end = [], time.monotonic() + timeout
        while len(frames) < count:
            frame = self.recv(max(0, end - time.monotonic()), match)
            if frame is None:
                break
            frames.append(frame)
        return frames

    def drain(self):
        while self.recv(0):
            pass

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Host:
    """Whoever has a namespace with an address in it."""

    namespace = None
    name = "?"

    def ping(self, address, count=3, size=56, interval=0.05, wait=2, more=()):
        """How many came back, and ping's words."""
        out = self.namespace.run("ping", "-n", "-c", count, "-i", interval, "-W", wait, "-s", size, *more, address,
                                 check=False)
        return out.count(" bytes from "), out

    def reaches(self, address, **options):
        received, out = self.ping(address, **options)
        assert received == options.get("count", 3), f"{self.name} -> {address}:\n{out}"

    def unreachable(self, address):
        received, out = self.ping(address, count=2, wait=1)
        assert received == 0, f"{self.name} -> {address} went through:\n{out}"


class Guest(Host):
    def __init__(self, name, mac, ips=()):
        self.name, self.mac, self.ips = name, mac, list(ips)
        self.namespace = Namespace(name)

    def port(self, network, queues=1, fixed_ips=None, **more):
        attachment = {"tap": {"name": "eth0", "netns": self.namespace.name, "queues": queues}}
        return intent.port(self.name, network, self.mac, self.ips if fixed_ips is None else fixed_ips,
                           attachment=attachment, **more)

    def up(self, silent=False):
        """Sets eth0 up with our addresses. silent: no IPv6, so that not one frame leaves by itself."""
        wait_until(lambda: "eth0" in self.namespace.ip("link", "show"), 10, f"{self.name} has an eth0")
        if silent:
            ipv6(self.namespace, "eth0", False)
        self.namespace.ip("link", "set", "eth0", "up")
        for ip in self.ips:
            if ":" not in ip:
                self.namespace.ip("addr", "replace", f"{ip}/24", "dev", "eth0")
            elif not silent:
                self.namespace.ip("addr", "replace", f"{ip}/64", "dev", "eth0", "nodad")
        return self

    def raw(self):
        return Raw(self.namespace)

    def delete(self):
        self.namespace.delete()


def tcp_transfer(client, server, address, megabytes=8, port=9000):
    """Sends random bytes both ways at once over TCP between two guests, and compares what arrived.

    Returns the bytes a way. AssertionError when they differ or do not arrive within a minute."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = server.namespace.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen()
    listener.settimeout(20)
    connection = client.namespace.socket(family, socket.SOCK_STREAM)
    connection.settimeout(60)
    connection.connect((address, port))
    accepted, _ = listener.accept()
    accepted.settimeout(60)
    block = os.urandom(1 << 20)
    digests, errors = {}, []

    def send(name, sock):
        try:
            digest = hashlib.sha256()
            for i in range(megabytes):
                data = struct.pack("!I", i) + block[4:]
                digest.update(data)
                sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            digests[name, "sent"] = digest.digest()
        except OSError as e:
            errors.append(f"{name} sending: {e}")

    def receive(name, sock):
        try:
            digest = hashlib.sha256()
            while data := sock.recv(1 << 18):
                digest.update(data)
            digests[name, "received"] = digest.digest()
        except OSError as e:
            errors.append(f"{name} receiving: {e}")

    work = [(send, "forth", connection), (receive, "forth", accepted),
            (send, "back", accepted), (receive, "back", connection)]
    threads = [threading.Thread(target=f, args=(n, s)) for f, n, s in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for sock in (listener, connection, accepted):
        sock.close()
    assert not errors, errors
    for way in ("forth", "back"):
        assert digests[way, "sent"] == digests[way, "received"], f"{way}: the bytes differ"
    return megabytes << 20
