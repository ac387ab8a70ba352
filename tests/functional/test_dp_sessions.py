"""Sessions under a real switch: fragments in any order, tenants that take more than their share, daemons killed while
connections stand, ageing. (What rules allow is test_dp_security_groups.py's; protocol states are conntrack's.)"""

import itertools
import random
import socket
import threading

import pytest
from scapy.all import ICMP, IP, UDP, Ether, IPv6, Raw, fragment, fragment6
from scapy.layers.inet6 import IPv6ExtHdrFragment

import intent
from netns import wait_until
from node import wire

pytestmark = pytest.mark.netns

MAC = [intent.mac(i) for i in range(10)]
ADDRESSES = {4: ["10.0.0.1", "10.0.0.2"], 6: ["fd00::1", "fd00::2"]}


def group(name, *rules, **more):
    return {"kind": "SecurityGroup", "name": name, "spec": {"rules": list(rules), **more}}


def rule(direction, protocol=None, port=None, ethertype="IPv4", **more):
    ports = {} if port is None else {"port_range_min": port, "port_range_max": port}
    return {"direction": direction, "ethertype": ethertype, **({"protocol": protocol} if protocol else {}), **ports,
            **more}


OUT = group("out", rule("egress"), rule("egress", ethertype="IPv6"))
SERVER = group("server", *(rule("ingress", protocol, 5000, ethertype) for protocol in ("tcp", "udp")
                           for ethertype in ("IPv4", "IPv6")))


def sessions(node):
    return node.call("stats")["sessions"]


@pytest.fixture
def pair(one_node, lab):
    """g1 may send anything; g2 takes TCP and UDP on port 5000."""
    guests = [lab.guest(f"g{i}", MAC[i], [f"10.0.0.{i}", f"fd00::{i}"]) for i in (1, 2)]
    one_node.apply(OUT, SERVER, intent.network("blue", vni=100),
                   guests[0].port("blue", port_security=True, security_groups=["out"]),
                   guests[1].port("blue", port_security=True, security_groups=["server"]))
    for guest in guests:
        guest.up()
    return guests


# ---- fragments ----

# One each: a datagram that bears another's number within its lifetime shares its fate, as it has to.
IDENTIFICATIONS = itertools.count(1000)


def datagram(version, port, size=2000, number=None):
    """A UDP datagram of `size` bytes, in four pieces."""
    source, destination = ADDRESSES[version]
    number = next(IDENTIFICATIONS) if number is None else number
    ether = Ether(src=MAC[1], dst=MAC[2])
    payload = Raw(bytes(random.getrandbits(8) for _ in range(size)))
    if version == 4:
        packet = IP(src=source, dst=destination, id=number) / UDP(sport=4000, dport=port) / payload
        pieces = fragment(packet, fragsize=504)
    else:
        packet = (IPv6(src=source, dst=destination) / IPv6ExtHdrFragment(id=number) / UDP(sport=4000, dport=port)
                  / payload)
        pieces = fragment6(packet, 560)
    pieces = [bytes(ether / p) for p in pieces]
    assert len(pieces) == 4
    return pieces


@pytest.mark.parametrize("version", [4, 6])
def test_fragments_share_the_fate_of_the_first_in_any_order(one_node, pair, version):
    for order in itertools.permutations(range(4)):
        allowed, denied = datagram(version, 5000), datagram(version, 6000)
        with pair[0].raw() as source, pair[1].raw() as sink:
            for i in order:
                source.send(denied[i])
                source.send(allowed[i])
            arrived = sink.collect(4, 5, lambda f: f in allowed or f in denied)
            assert sorted(arrived) == sorted(allowed), f"order {order}"
            assert not sink.recv(0.02, lambda f: f in denied), f"order {order}"


@pytest.mark.parametrize("version", [4, 6])
def test_fragments_without_their_first_are_lost_and_counted(one_node, pair, version):
    before = one_node.drops("g1", "fragment_lost")
    pieces = datagram(version, 5000)
    with pair[0].raw() as source, pair[1].raw() as sink:
        for piece in pieces[1:]:
            source.send(piece)
        wait_until(lambda: one_node.drops("g1", "fragment_lost") == before + 3, 10, "all given up")
        source.send(pieces[0])  # too late for the others
        assert sink.recv(2, lambda f: f == pieces[0])
        assert not sink.recv(0.2, lambda f: f in pieces)


def test_fragments_that_wait_are_bounded(one_node, pair, lab):
    """One guest cannot fill the place where they wait: what is over its share is dropped by name, others' still fit."""
    third = lab.guest("g3", MAC[3], ["10.0.0.3"])
    one_node.apply(third.port("blue", port_security=True, security_groups=["out"]))
    third.up(silent=True)
    before = one_node.drops("g1", "fragment_full")
    with pair[0].raw() as source, third.raw() as other, pair[1].raw() as sink:
        for number in range(300):
            source.send(datagram(4, 5000, number=number)[1])
        wait_until(lambda: one_node.drops("g1", "fragment_full") > before, 5, "its share is used up")
        pieces = [bytes(Ether(src=MAC[3], dst=MAC[2]) / p) for p in
                  fragment(IP(src="10.0.0.3", dst="10.0.0.2", id=7) / UDP(sport=1, dport=5000) / Raw(b"z" * 900), 504)]
        for piece in reversed(pieces):
            other.send(piece)
        assert sorted(sink.collect(len(pieces), 3, lambda f: f in pieces)) == sorted(pieces)


def test_a_fragment_that_overwrites_the_header_is_dropped(one_node, pair):
    before = one_node.drops("g1", "fragment_bad")
    overlap = Ether(src=MAC[1], dst=MAC[2]) / IP(src="10.0.0.1", dst="10.0.0.2", frag=1, proto=6) / Raw(b"o" * 40)
    tiny = Ether(src=MAC[1], dst=MAC[2]) / IP(src="10.0.0.1", dst="10.0.0.2", flags="MF", proto=6) / Raw(b"t" * 8)
    with pair[0].raw() as source:
        source.send(bytes(overlap))
        source.send(bytes(tiny))
    wait_until(lambda: one_node.drops("g1", "fragment_bad") == before + 2, 5, "both dropped")


# ---- shares ----

def flood(guest, mac, ip, count, start=0):
    """Datagrams to port 5000 from `count` different ports and addresses' worth of sessions."""
    with guest.raw() as raw:
        for i in range(start, start + count):
            raw.send(bytes(Ether(src=mac, dst=MAC[2]) / IP(src=ip, dst="10.0.0.2")
                           / UDP(sport=1024 + i % 60000, dport=5000)))


def test_session_limit_of_a_port(one_node, pair):
    one_node.apply(pair[0].port("blue", port_security=True, security_groups=["out"], session_limit=50))
    before = one_node.drops("g1", "session_limit")
    live = sessions(one_node)["live"]
    flood(pair[0], MAC[1], "10.0.0.1", 80)
    wait_until(lambda: one_node.drops("g1", "session_limit") == before + 30, 5, "those over the limit are dropped")
    wait_until(lambda: sessions(one_node)["live"] <= live + 50, 5)
    one_node.apply(pair[0].port("blue", port_security=True, security_groups=["out"]))
    flood(pair[0], MAC[1], "10.0.0.1", 80)
    assert one_node.drops("g1", "session_limit") == before + 30


def test_session_rate_of_a_port(one_node, pair):
    one_node.apply(pair[0].port("blue", port_security=True, security_groups=["out"], session_rate_limit=100))
    before = one_node.drops("g1", "session_rate")
    flood(pair[0], MAC[1], "10.0.0.1", 2000, start=2000)
    wait_until(lambda: one_node.drops("g1", "session_rate") > before, 5, "it is too fast")


@pytest.fixture(scope="module")
def small_node(module_lab):
    """A node with room for few sessions."""
    node = module_lab.node("small", options=("--no-huge", "--sessions", "2048"))
    wire(node, module_lab.space("far-small"))
    node.start()
    node.apply(intent.underlay())
    return node


def test_one_tenant_fills_the_table_and_another_goes_on(small_node, lab):
    """Half-open sessions give way to new ones, the oldest first; those of the well-behaved stay."""
    noisy, target, client, server = (lab.guest(name, MAC[i], [f"10.0.0.{i}"]) for i, name in
                                     ((1, "noisy"), (2, "target"), (3, "client"), (4, "server")))
    small_node.apply(OUT, SERVER, intent.network("red", vni=1), intent.network("blue", vni=2),
                     noisy.port("red", port_security=True, security_groups=["out"]),
                     target.port("red", port_security=True, security_groups=["server"]),
                     client.port("blue", port_security=True, security_groups=["out"]),
                     server.port("blue", port_security=True, security_groups=["server"]))
    for guest in (noisy, target, client, server):
        guest.up(silent=True)
    with Conversation(client, server, "10.0.0.4") as standing:
        for turn in range(3):
            flood(noisy, MAC[1], "10.0.0.1", 3000, start=turn * 3000)
            standing.talk()
            with Conversation(client, server, "10.0.0.4") as fresh:
                fresh.talk()
        figures = sessions(small_node)
        assert figures["evicted"] > 0 and figures["live"] <= 2048, figures


# ---- conversations that stand ----

class Conversation:
    """A TCP connection between two guests to port 5000, with an echo at the far end."""

    def __init__(self, client, server, address, port=5000):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = server.namespace.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen()
        self.near = client.namespace.socket(family, socket.SOCK_STREAM)
        self.near.settimeout(20)
        try:
            self.near.connect((address, port))
        except OSError:
            self.close()
            raise
        self.far, _ = self.listener.accept()
        self.far.settimeout(20)
        self.listener.close()

    def talk(self, size=100000):
        """Bytes there and back."""
        data = random.randbytes(size)
        sender = threading.Thread(target=self.near.sendall, args=(data,))
        sender.start()
        assert self._read(self.far, size) == data
        sender.join()
        self.far.sendall(data[:1000])
        assert self._read(self.near, 1000) == data[:1000]

    @staticmethod
    def _read(sock, size):
        data = b""
        while len(data) < size:
            part = sock.recv(size - len(data))
            assert part, "the connection ended"
            data += part
        return data

    def close(self):
        for end in ("listener", "near", "far"):
            if hasattr(self, end):
                getattr(self, end).close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@pytest.mark.parametrize("version", [4, 6])
def test_socled_killed_under_a_connection(one_node, pair, version):
    with Conversation(*pair, ADDRESSES[version][1]) as conversation:
        one_node.socled.kill()
        conversation.talk()
        one_node.start_socled()
        one_node.wait_connected()
        one_node.wait_in_force()
        conversation.talk()


@pytest.mark.parametrize("version", [4, 6])
def test_dataplane_killed_under_a_connection(one_node, pair, version):
    """It comes back without a session, and takes the connection up again, whichever side speaks first."""
    for first in ("near", "far"):
        with Conversation(*pair, ADDRESSES[version][1]) as conversation:
            conversation.talk(1000)
            one_node.dataplane.kill()
            one_node.dataplane.start()
            one_node.wait_connected()
            one_node.wait_in_force()
            if first == "far":
                conversation.far.sendall(b"are you there?")
                assert conversation.near.recv(100) == b"are you there?"
            conversation.talk()


def test_no_pick_up_when_told_so(one_node, pair):
    settings = {"kind": "SessionSettings", "name": "sessions", "spec": {"tcp_loose": False, "pickup": 0}}
    one_node.apply(settings)
    with Conversation(*pair, "10.0.0.2") as conversation:
        conversation.talk(1000)
        one_node.dataplane.kill()
        one_node.dataplane.start()
        one_node.wait_connected()
        one_node.wait_in_force()
        before = one_node.drops("g1", "session_invalid")
        conversation.near.sendall(b"lost")
        wait_until(lambda: one_node.drops("g1", "session_invalid") > before, 10, "in the middle of nothing we know of")


def test_both_killed_under_a_connection(one_node, pair):
    with Conversation(*pair, "10.0.0.2") as conversation:
        conversation.talk(1000)
        one_node.dataplane.kill()
        one_node.socled.kill()
        one_node.dataplane.start()
        one_node.start_socled()
        one_node.wait_connected()
        one_node.wait_in_force()
        conversation.talk()


# ---- ageing ----

def test_idle_sessions_go_after_their_timeout(one_node, pair):
    settings = {"kind": "SessionSettings", "name": "sessions", "spec": {"timeouts": {"udp": 1}}}
    one_node.apply(settings)
    expired = sessions(one_node)["expired"]
    flood(pair[0], MAC[1], "10.0.0.1", 100, start=30000)
    wait_until(lambda: sessions(one_node)["expired"] >= expired + 100, 15, "they are taken away")


def test_an_answer_after_the_timeout_is_no_answer(one_node, pair):
    """Though nobody has taken the entry away yet: the timeout counts, not the sweep."""
    one_node.apply({"kind": "SessionSettings", "name": "sessions", "spec": {"timeouts": {"udp": 1}}})
    client = pair[0].namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server = pair[1].namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(2)
    server.settimeout(5)
    server.bind(("10.0.0.2", 5000))
    client.sendto(b"question", ("10.0.0.2", 5000))
    _, address = server.recvfrom(100)
    server.sendto(b"answer", address)
    assert client.recv(100) == b"answer"
    wait_until(lambda: sessions(one_node)["by_state"].get("udp", 0) == 0, 15)


# ---- errors ----

def test_errors_pass_to_who_asked_for_them_alone(one_node, pair):
    """A port unreachable about a session's datagram passes; about anything else it is dropped."""
    client = pair[0].namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect(("10.0.0.2", 5000))
    client.settimeout(3)
    client.send(b"to a closed port")
    with pytest.raises(ConnectionRefusedError):
        client.recv(100)
    quoted = IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=777, dport=778)
    error = Ether(src=MAC[2], dst=MAC[1]) / IP(src="10.0.0.2", dst="10.0.0.1") / ICMP(type=3, code=3) / quoted
    with pair[0].raw() as near, pair[1].raw() as far:
        far.send(bytes(error))
        assert not near.recv(0.3, lambda f: bytes(quoted)[:20] in f)
