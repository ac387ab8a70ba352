"""The far end of an underlay, played by the test: builds and takes apart VXLAN packets byte by byte.

The namespace's kernel owns the addresses, and so answers ARP and ND; a bound UDP socket keeps it from answering our
VXLAN with ICMP port unreachable."""

import socket

from scapy.all import IP, UDP, Ether, IPv6
from scapy.layers.vxlan import VXLAN

from guest import Raw
from netns import ipv6, wait_until

OURS4, OURS6 = "192.0.2.1", "fd00:2::1"
THEIRS4, THEIRS6 = "192.0.2.2", "fd00:2::2"


class FarVtep:
    def __init__(self, space, node, interface="underlay0"):
        self.space, self.node = space, node
        self.mac = space.mac(interface)
        self.node_mac = wait_until(lambda: node.status("Underlay", "physnet0").get("mac_address"))
        ipv6(space, interface, True)
        space.ip("addr", "replace", f"{THEIRS4}/24", "dev", interface)
        space.ip("addr", "replace", f"{THEIRS6}/64", "dev", interface, "nodad")
        self.sinks = []
        for family in (socket.AF_INET, socket.AF_INET6):
            sink = space.socket(family, socket.SOCK_DGRAM)
            if family == socket.AF_INET6:
                sink.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sink.bind(("", 4789))
            self.sinks.append(sink)
        self.raw = Raw(space, interface)

    def outer(self, family=4, source=None, sport=50000, **ip):
        """Ethernet, IP and UDP of a packet to the node; `ip` sets fields of the IP header."""
        if family == 4:
            header = IP(src=source or THEIRS4, dst=OURS4, **ip)
        else:
            header = IPv6(src=source or THEIRS6, dst=OURS6, **ip)
        udp = UDP(sport=sport, dport=4789, chksum=0) if family == 4 else UDP(sport=sport, dport=4789)
        return Ether(src=self.mac, dst=self.node_mac) / header / udp

    def send(self, inner, vni, family=4, **outer):
        self.raw.send(self.outer(family, **outer) / VXLAN(vni=vni, flags=8) / inner)

    def recv(self, payload, timeout=2.0):
        """The next VXLAN packet whose bytes have `payload` in them, or None."""
        frame = self.raw.recv(timeout, lambda f: payload in f and Ether(f).haslayer(VXLAN))
        return frame and Ether(frame)

    def close(self):
        self.raw.close()
        for sink in self.sinks:
            sink.close()
