"""What security groups let through and what not, between kernel stacks: rules, answers, ICMP errors, groups as the other
end, changes under traffic. Each that is stopped is stopped by name. (Port security: test_dp_port_security.py.)"""

import contextlib
import socket
import time

import pytest
from scapy.all import ICMP, IP, TCP, UDP, Ether, ICMPv6DestUnreach, ICMPv6PacketTooBig, IPv6, Raw

import intent
from guest import tcp_transfer
from intent import address_group, rule, security_group
from netns import wait_until
from ping import Ping
from talk import BRIEF, PATIENT, Chatter, Echo, answers, dial, ping, tcp, udp

pytestmark = pytest.mark.netns

MAC = [intent.mac(i) for i in range(10)]
# What looks like the answer to something from before the switch started is not let in here.
STRICT = {"kind": "SessionSettings", "name": "node", "spec": {"pickup": 0}}


class Family:
    """IPv4 or IPv6: the addresses of guest number n, and rules of that family."""

    def __init__(self, version):
        self.version = version
        self.ethertype = f"IPv{version}"
        self.icmp, self.echo = ("icmp", 8) if version == 4 else ("ipv6-icmp", 128)
        self.layer = IP if version == 4 else IPv6

    def ip(self, number):
        return f"10.0.0.{number}" if self.version == 4 else f"fd00::{number}"

    def rule(self, direction, *arguments, **more):
        return rule(direction, *arguments, ethertype=self.ethertype, **more)

    def any(self, direction):
        return self.rule(direction)


@pytest.fixture(params=[4, 6], ids=["ipv4", "ipv6"])
def family(request):
    return Family(request.param)


class World:
    """Guests on network blue, each in groups or trusted (None)."""

    def __init__(self, node, lab):
        self.node, self.lab, self.guests = node, lab, {}

    def guest(self, number, groups=None, **more):
        """Made, or changed."""
        fresh = number not in self.guests
        if fresh:
            self.guests[number] = self.lab.guest(f"g{number}", MAC[number], [f"10.0.0.{number}", f"fd00::{number}"])
        guest = self.guests[number]
        secured = {} if groups is None else {"port_security": True, "security_groups": list(groups)}
        self.node.apply(intent.network("blue", vni=100), guest.port("blue", **secured, **more))
        return guest.up() if fresh else guest

    def group(self, name, *rules, **more):
        self.node.apply(security_group(name, *rules, **more))

    @contextlib.contextmanager
    def dropped(self, number, reason):
        """What happens within is dropped for this reason, at this guest's port."""
        name = self.guests[number].name
        before = self.node.drops(name, reason)
        yield
        wait_until(lambda: self.node.drops(name, reason) > before, 5,
                   f"drops at {name} as {reason}: {self.node.counters(name)['drops']}")

    @contextlib.contextmanager
    def stopped(self, number, reason):
        """The same, and what is tried within must say False: `with stopped(…) as tried: tried(tcp(…))`."""
        def tried(success):
            assert not success, "it got through"
        with self.dropped(number, reason):
            yield tried


@pytest.fixture
def world(one_node, lab):
    one_node.apply(STRICT)
    return World(one_node, lab)


# ---- nothing, unless it is allowed ----

@pytest.mark.parametrize("groups", [[], ["empty"]], ids=["no group", "a group without rules"])
def test_default_deny_both_ways(world, family, groups):
    world.group("empty")
    trusted, closed = world.guest(1), world.guest(2, groups)
    with Echo(trusted, 80), Echo(closed, 80):
        for ask in (lambda *a: tcp(*a, 80, BRIEF), lambda *a: udp(*a, 80, BRIEF), lambda *a: ping(*a, BRIEF)):
            with world.stopped(2, "sg_ingress") as tried:
                tried(ask(trusted, family.ip(2)))
            with world.stopped(2, "sg_egress") as tried:
                tried(ask(closed, family.ip(1)))
        # … and it was the groups that stopped it.
        world.guest(2)
        assert tcp(trusted, family.ip(2), 80) and tcp(closed, family.ip(1), 80)


def test_a_rule_is_of_one_family(world, family):
    other = Family(10 - family.version)
    world.group("web", family.rule("ingress", "tcp", 80), family.rule("ingress", family.icmp))
    client, server = world.guest(1), world.guest(2, ["web"])
    with Echo(server, 80):
        assert tcp(client, family.ip(2), 80) and ping(client, family.ip(2))
        with world.stopped(2, "sg_ingress") as tried:
            tried(tcp(client, other.ip(2), 80, BRIEF))
        with world.stopped(2, "sg_ingress") as tried:
            tried(ping(client, other.ip(2), BRIEF))


# ---- protocols, ports, types ----

def test_ingress_by_protocol_and_port(world, family):
    world.group("web", family.rule("ingress", "tcp", 80), family.rule("ingress", "udp", 5000, 5002))
    client, server = world.guest(1), world.guest(2, ["web"])
    with Echo(server, 80, 81, 4999, 5000, 5001, 5002, 5003):
        assert tcp(client, family.ip(2), 80)
        assert all(udp(client, family.ip(2), port) for port in (5000, 5001, 5002))
        for ask, port in ((tcp, 81), (udp, 80), (udp, 4999), (udp, 5003), (tcp, 5000)):
            with world.stopped(2, "sg_ingress") as tried:
                tried(ask(client, family.ip(2), port, BRIEF))
        with world.stopped(2, "sg_ingress") as tried:
            tried(ping(client, family.ip(2), BRIEF))


def test_egress_by_protocol_and_port(world, family):
    world.group("client", family.rule("egress", "tcp", 80), family.rule("egress", "udp"))
    client, server = world.guest(1, ["client"]), world.guest(2)
    with Echo(server, 80, 81):
        assert tcp(client, family.ip(2), 80) and udp(client, family.ip(2), 80) and udp(client, family.ip(2), 81)
        with world.stopped(1, "sg_egress") as tried:
            tried(tcp(client, family.ip(2), 81, BRIEF))
        with world.stopped(1, "sg_egress") as tried:
            tried(ping(client, family.ip(2), BRIEF))


def test_both_ends_must_allow_it(world, family):
    world.group("client", family.rule("egress", "tcp", 80, 81))
    world.group("server", family.rule("ingress", "tcp", 81, 82))
    client, server = world.guest(1, ["client"]), world.guest(2, ["server"])
    with Echo(server, 80, 81, 82):
        assert tcp(client, family.ip(2), 81)
        with world.stopped(2, "sg_ingress") as tried:
            tried(tcp(client, family.ip(2), 80, BRIEF))
        with world.stopped(1, "sg_egress") as tried:
            tried(tcp(client, family.ip(2), 82, BRIEF))


def test_icmp_by_type(world, family):
    """Another type of the same protocol lets no ping in; a code that a ping does not have neither."""
    client = world.guest(1)
    world.group("icmp", family.rule("ingress", family.icmp, family.echo, 0))
    server = world.guest(2, ["icmp"])
    assert ping(client, family.ip(2))
    for kind, code in ((family.echo, 1), (13 if family.version == 4 else 139, None)):
        world.group("icmp", family.rule("ingress", family.icmp, kind, code))
        with world.stopped(2, "sg_ingress") as tried:
            tried(ping(client, family.ip(2), BRIEF))
    world.group("icmp", family.rule("ingress", "icmp", family.echo))
    assert ping(client, family.ip(2)), "in IPv6 rules icmp means ipv6-icmp, as in Neutron"
    with world.stopped(2, "sg_egress") as tried:
        tried(ping(server, family.ip(1), BRIEF))


def test_protocol_by_number(world, family):
    world.group("odd", family.rule("ingress", "253"))
    sender, receiver = world.guest(1), world.guest(2, ["odd"])

    def packet(protocol, word):
        ip = {"src": family.ip(1), "dst": family.ip(2), "proto" if family.version == 4 else "nh": protocol}
        return Ether(src=MAC[1], dst=MAC[2]) / family.layer(**ip) / Raw(word)

    with sender.raw() as out, receiver.raw() as at_receiver:
        with world.dropped(2, "sg_ingress"):
            out.send(packet(254, b"not-this-one"))
        out.send(packet(253, b"but-this-one"))
        assert at_receiver.recv(5, lambda f: b"but-this-one" in f)
        assert not at_receiver.recv(0.1, lambda f: b"not-this-one" in f)


# ---- answers, and errors about what is allowed ----

def test_answers_need_no_rule(world, family):
    """Megabytes come back to who may only send; nothing may be begun with it."""
    world.group("out", family.any("egress"))
    client, server = world.guest(1, ["out"]), world.guest(2)
    tcp_transfer(client, server, family.ip(2), megabytes=4)
    assert ping(client, family.ip(2))
    with Echo(server, 80), Echo(client, 80):
        assert udp(client, family.ip(2), 80)
        for ask in (tcp, udp):
            with world.stopped(1, "sg_ingress") as tried:
                tried(ask(server, family.ip(1), 80, BRIEF))
        with world.stopped(1, "sg_ingress") as tried:
            tried(ping(server, family.ip(1), BRIEF))


def test_port_unreachable_comes_back(world, family):
    world.group("out", family.rule("egress", "udp"))
    client = world.guest(1, ["out"])
    world.guest(2)
    with pytest.raises(ConnectionRefusedError):
        udp(client, family.ip(2), 9)


def unreachable(family, quoted):
    """From guest 2 to guest 1: port unreachable, about that packet."""
    error = ICMP(type=3, code=3) if family.version == 4 else ICMPv6DestUnreach(code=4)
    return (Ether(src=MAC[2], dst=MAC[1]) / family.layer(src=family.ip(2), dst=family.ip(1)) / error / quoted)


def too_big(family, quoted, mtu):
    error = ICMP(type=3, code=4, nexthopmtu=mtu) if family.version == 4 else ICMPv6PacketTooBig(mtu=mtu)
    return (Ether(src=MAC[2], dst=MAC[1]) / family.layer(src=family.ip(2), dst=family.ip(1)) / error / quoted)


def test_icmp_errors_only_about_what_was_sent(world, family):
    world.group("out", family.rule("egress", "udp"))
    client, far = world.guest(1, ["out"]), world.guest(2)
    sock = dial(client, socket.SOCK_DGRAM, family.ip(2), 5000, BRIEF)
    with sock, Echo(far, 5000), far.raw() as raw:
        assert answers(sock, PATIENT)

        def quoted(source_port):
            return family.layer(src=family.ip(1), dst=family.ip(2)) / UDP(sport=source_port, dport=5000) / Raw(b"x" * 32)
        mine = sock.getsockname()[1]
        other = mine - 1 if mine > 40000 else mine + 1
        with world.dropped(1, "sg_ingress"):
            raw.send(unreachable(family, quoted(other)))
        world.group("out", family.rule("egress", "udp"), family.rule("ingress", family.icmp))
        with world.dropped(2, "session_invalid"):
            raw.send(unreachable(family, quoted(other)))
        assert answers(sock, PATIENT), "an error about somebody else's packet reached the socket"
        raw.send(unreachable(family, quoted(mine)))
        with pytest.raises(ConnectionRefusedError):
            sock.settimeout(PATIENT)
            sock.recv(1)


def test_path_mtu_reaches_the_sender(world, family):
    """A next hop's word about its MTU, which the kernel believes only about a packet it has sent."""
    world.group("out", family.rule("egress", "udp"))
    client, far = world.guest(1, ["out"]), world.guest(2)
    sock = dial(client, socket.SOCK_DGRAM, family.ip(2), 5000, BRIEF)
    level, option = (socket.IPPROTO_IP, 14) if family.version == 4 else (socket.IPPROTO_IPV6, 24)  # IP_MTU, IPV6_MTU
    with sock, Echo(far, 5000), far.raw() as raw:
        assert answers(sock, PATIENT)
        assert sock.getsockopt(level, option) > 1300
        quoted = (family.layer(src=family.ip(1), dst=family.ip(2), **({"flags": "DF"} if family.version == 4 else {}))
                  / UDP(sport=sock.getsockname()[1], dport=5000) / Raw(b"x" * 32))
        raw.send(too_big(family, quoted, 1300))
        wait_until(lambda: sock.getsockopt(level, option) == 1300, 5, "the path's MTU is known")


def test_tcp_through_a_smaller_mtu(world, family):
    """The switch's own word about a port with a smaller MTU reaches a guest that may get nothing else."""
    world.group("out", family.any("egress"))
    tcp_transfer(world.guest(1, ["out"]), world.guest(2, mtu=1300), family.ip(2), megabytes=2)


# ---- stateless groups ----

def test_stateless_answers_need_their_own_rules(world, family):
    world.group("web", family.rule("ingress", "tcp", 80), stateful=False)
    client, server = world.guest(1), world.guest(2, ["web"])
    with Echo(server, 80):
        with world.stopped(2, "sg_egress") as tried:
            tried(tcp(client, family.ip(2), 80, BRIEF))
        world.group("web", family.rule("ingress", "tcp", 80), family.rule("egress", "tcp", 1024, 65535), stateful=False)
        assert tcp(client, family.ip(2), 80)
        with world.stopped(2, "sg_ingress") as tried:
            tried(udp(client, family.ip(2), 80, BRIEF))


def test_stateless_knows_no_state(world, family):
    """A segment out of nowhere passes where the rules allow it, and does not where sessions are kept."""
    world.group("web", family.rule("ingress", "tcp", 80), family.rule("egress", "tcp"), stateful=False)
    sender, receiver = world.guest(1), world.guest(2, ["web"])

    def segment(word):
        return (Ether(src=MAC[1], dst=MAC[2]) / family.layer(src=family.ip(1), dst=family.ip(2))
                / TCP(sport=4000, dport=80, flags="SA", seq=1, ack=1) / Raw(word))
    with sender.raw() as out, receiver.raw() as at_receiver:
        out.send(segment(b"stateless"))
        assert at_receiver.recv(5, lambda f: b"stateless" in f)
        world.group("web", family.rule("ingress", "tcp", 80), family.rule("egress", "tcp"))
        with world.dropped(1, "session_invalid"):
            out.send(segment(b"stateful"))
        assert not at_receiver.recv(0.1, lambda f: b"stateful" in f)


# ---- the other end ----

def test_remote_prefix(world, family):
    exact = family.ip(1) + ("/32" if family.version == 4 else "/128")
    world.group("web", family.rule("ingress", "tcp", 80, remote_ip_prefix=exact))
    friend, stranger, server = world.guest(1), world.guest(3), world.guest(2, ["web"])
    with Echo(server, 80):
        assert tcp(friend, family.ip(2), 80)
        with world.stopped(2, "sg_ingress") as tried:
            tried(tcp(stranger, family.ip(2), 80, BRIEF))
        wider = "10.0.0.0/30" if family.version == 4 else "fd00::/126"
        world.group("web", family.rule("ingress", "tcp", 80, remote_ip_prefix=wider))
        assert tcp(stranger, family.ip(2), 80)


def test_remote_group(world, family):
    """Who joins may at once, who leaves may no longer; the group of the rule does not change."""
    world.group("clients", family.any("egress"))
    world.group("others", family.any("egress"))
    world.group("web", family.rule("ingress", "tcp", 80, remote_group="clients"))
    friend, stranger, server = world.guest(1, ["clients"]), world.guest(3, ["others"]), world.guest(2, ["web"])
    with Echo(server, 80):
        assert tcp(friend, family.ip(2), 80)
        with world.stopped(2, "sg_ingress") as tried:
            tried(tcp(stranger, family.ip(2), 80, BRIEF))
        world.guest(3, ["others", "clients"])
        assert tcp(stranger, family.ip(2), 80)
        world.guest(1, ["others"])
        with world.stopped(2, "sg_ingress") as tried:
            tried(tcp(friend, family.ip(2), 80, BRIEF))


def test_own_group_as_the_remote(world, family):
    world.group("us", family.any("egress"), family.rule("ingress", remote_group="us"))
    one, two, stranger = world.guest(1, ["us"]), world.guest(2, ["us"]), world.guest(3)
    with Echo(one, 80), Echo(two, 80):
        assert tcp(one, family.ip(2), 80) and tcp(two, family.ip(1), 80) and ping(one, family.ip(2))
        with world.stopped(2, "sg_ingress") as tried:
            tried(tcp(stranger, family.ip(2), 80, BRIEF))


def test_egress_to_a_group(world, family):
    world.group("db")
    world.group("web", family.rule("egress", "tcp", remote_group="db"))
    client = world.guest(1, ["web"])
    world.group("db", family.rule("ingress", "tcp", remote_group="web"))
    database, other = world.guest(2, ["db"]), world.guest(3)
    with Echo(database, 80), Echo(other, 80):
        assert tcp(client, family.ip(2), 80)
        with world.stopped(1, "sg_egress") as tried:
            tried(tcp(client, family.ip(3), 80, BRIEF))


def test_remote_address_group(world, family):
    world.node.apply(address_group("friends", family.ip(1)))
    world.group("web", family.rule("ingress", "tcp", 80, remote_address_group="friends"))
    friend, stranger, server = world.guest(1), world.guest(3), world.guest(2, ["web"])
    with Echo(server, 80):
        assert tcp(friend, family.ip(2), 80)
        with world.stopped(2, "sg_ingress") as tried:
            tried(tcp(stranger, family.ip(2), 80, BRIEF))
        world.node.apply(address_group("friends", "10.0.0.2/31" if family.version == 4 else "fd00::2/127"))
        assert tcp(stranger, family.ip(2), 80)
        with world.stopped(2, "sg_ingress") as tried:
            tried(tcp(friend, family.ip(2), 80, BRIEF))


def test_all_of_ipv6_is_not_all_of_ipv4(world, family):
    """An address group with ::/0 in it and a rule of each family."""
    world.node.apply(address_group("all", "::/0" if family.version == 6 else "0.0.0.0/0"))
    other = Family(10 - family.version)
    world.group("web", family.rule("ingress", "tcp", 80, remote_address_group="all"),
                other.rule("ingress", "tcp", 80, remote_address_group="all"))
    client, server = world.guest(1), world.guest(2, ["web"])
    with Echo(server, 80):
        assert tcp(client, family.ip(2), 80)
        with world.stopped(2, "sg_ingress") as tried:
            tried(tcp(client, other.ip(2), 80, BRIEF))


def test_several_groups(world, family):
    """What one of them allows is allowed; a stateless one beside takes nothing away."""
    world.group("web", family.rule("ingress", "tcp", 80))
    world.group("names", family.rule("ingress", "udp", 53), stateful=False)
    client, server = world.guest(1), world.guest(2, ["web", "names"])
    with Echo(server, 53, 80):
        assert tcp(client, family.ip(2), 80)
        with world.stopped(2, "sg_egress") as tried:
            tried(udp(client, family.ip(2), 53, BRIEF))
        with world.stopped(2, "sg_ingress") as tried:
            tried(tcp(client, family.ip(2), 53, BRIEF))
        world.guest(2, ["names"])
        with world.stopped(2, "sg_ingress") as tried:
            tried(tcp(client, family.ip(2), 80, BRIEF))


def test_broadcast_asks_each_receiver(world):
    world.group("news", rule("ingress", "udp", 5000))
    sender, reader, deaf = world.guest(1), world.guest(2, ["news"]), world.guest(3, [])

    def news(port, word):
        return (Ether(src=MAC[1], dst="ff:ff:ff:ff:ff:ff") / IP(src="10.0.0.1", dst="10.0.0.255")
                / UDP(sport=1, dport=port) / Raw(word))
    with sender.raw() as out, reader.raw() as at_reader, deaf.raw() as at_deaf:
        with world.dropped(3, "sg_ingress"):
            out.send(news(5000, b"extra-extra"))
        assert at_reader.recv(5, lambda f: b"extra-extra" in f)
        with world.dropped(2, "sg_ingress"):
            out.send(news(5001, b"gossip"))
        assert not at_reader.recv(0.1, lambda f: b"gossip" in f)
        assert not at_deaf.recv(0.1, lambda f: b"extra-extra" in f or b"gossip" in f)


# ---- changes under traffic ----

def test_a_change_cuts_one_and_leaves_the_other(world, family):
    world.group("web", family.rule("ingress", "tcp", 80), family.rule("ingress", "tcp", 81))
    client, server = world.guest(1), world.guest(2, ["web"])
    with Echo(server, 80, 81), Chatter(client, family.ip(2), 80) as stays, Chatter(client, family.ip(2), 81) as goes:
        stays.goes_on(), goes.goes_on()
        with world.dropped(2, "sg_ingress"):
            world.group("web", family.rule("ingress", "tcp", 80))
        heard = goes.heard
        stays.goes_on(200)
        assert goes.heard <= heard + 1, "it was let through after the change was in force"
        # Allowed again it goes on where it was: TCP sends again what was lost.
        world.group("web", family.rule("ingress", "tcp", 80), family.rule("ingress", "tcp", 81))
        goes.goes_on()
        stays.goes_on()


def test_leaving_a_group_cuts(world, family):
    """The same by way of the port: out of its group, then the member out of the remote group."""
    world.group("clients", family.any("egress"))
    world.group("web", family.rule("ingress", "tcp", 80, remote_group="clients"))
    world.group("other", family.any("egress"))
    client, server = world.guest(1, ["clients"]), world.guest(2, ["web"])
    with Echo(server, 80), Chatter(client, family.ip(2), 80) as chatter:
        for number, without, back in ((2, [], ["web"]), (1, ["other"], ["clients"])):
            chatter.goes_on()
            with world.dropped(2, "sg_ingress"):
                world.guest(number, without)
            heard = chatter.heard
            assert not tcp(client, family.ip(2), 80, BRIEF)
            assert chatter.heard <= heard + 1
            world.guest(number, back)
        chatter.goes_on()


def test_changes_cost_what_is_allowed_nothing(world, family):
    """Rules, members and ports come and go; not one ping of the session that stays allowed is lost."""
    world.group("web", family.rule("ingress", family.icmp))
    world.node.apply(address_group("addresses"))
    client = world.guest(1)
    world.guest(2, ["web"])
    assert ping(client, family.ip(2))
    with Ping(client, family.ip(2), count=400) as pings:
        for turn in range(12):
            world.group("web", family.rule("ingress", family.icmp), *(family.rule("ingress", "tcp", 1 + i)
                                                                      for i in range(turn)))
            world.node.apply(address_group("addresses", *(f"10.{turn}.{i}.0/24" for i in range(50))))
            world.guest(2, ["web"], session_limit=100 + turn)
    assert pings.lost == 0, pings.out


# ---- a node's worth of it ----

GROUPS, RULES, MEMBERS, MEMORY = 1000, 10, 10000, 64 << 20


def resident(node):
    status = open(f"/proc/{node.dataplane.pid}/status").read()
    return int(status.split("VmRSS:")[1].split()[0]) << 10


@pytest.mark.large
def test_a_thousand_groups_of_ten_rules_and_ten_members(one_node, lab, capsys):
    """All of it is in force within its memory; a rule that changes is one record, and the next packet honours it."""
    def big(number, port=8000):
        return security_group(f"group{number}", rule("ingress", "tcp", port, remote_group=f"group{(number + 1) % GROUPS}"),
                              *(rule("ingress", "udp", 1000 + i, remote_ip_prefix=f"10.{i}.{number % 256}.0/24")
                                for i in range(RULES - 2)), rule("egress"))
    world = World(one_node, lab)
    hosts = [(intent.mac(100 + i), [f"10.100.{i >> 8}.{i & 255}"], [f"group{i % GROUPS}"]) for i in range(MEMBERS - 2)]
    before = resident(one_node)
    one_node.apply(STRICT, intent.network("blue", vni=100), *map(big, range(GROUPS)),
                   intent.peer("far", "192.0.2.99", blue=hosts))
    client, server = world.guest(1, ["group1"]), world.guest(2, ["group0"])
    taken = resident(one_node) - before
    assert taken < MEMORY, f"{taken >> 20} MiB for the policy"
    with Echo(server, 8000, 8001):
        assert tcp(client, "10.0.0.2", 8000)
        with world.stopped(2, "sg_ingress") as tried:
            tried(tcp(client, "10.0.0.2", 8001, BRIEF))
        start = time.monotonic()
        one_node.apply(big(0, 8001))
        took = time.monotonic() - start
        commit = one_node.call("info")["dataplane"]["last_commit"]
        assert (commit["added"], commit["changed"], commit["removed"]) == (0, 1, 0)
        assert tcp(client, "10.0.0.2", 8001)
        with world.stopped(2, "sg_ingress") as tried:
            tried(tcp(client, "10.0.0.2", 8000, BRIEF))
    with capsys.disabled():
        print(f"\n{GROUPS} groups, {GROUPS * RULES} rules, {MEMBERS} members: {taken / (1 << 20):.1f} MiB; "
              f"a changed rule in force after {took * 1e3:.1f} ms, {commit['took_ms']:.2f} of them the dataplane's")


# ---- across nodes ----

def test_remote_group_behind_a_peer(two_nodes, lab, family):
    """A group whose members are on both nodes: each node knows the other's by what its Peer says."""
    first, second, vteps = two_nodes
    guests = {n: lab.guest(f"g{n}", MAC[n], [f"10.0.0.{n}", f"fd00::{n}"]) for n in (1, 2, 3)}
    groups = [security_group("clients", family.any("egress")), security_group("others", family.any("egress")),
              security_group("web", family.rule("ingress", "tcp", 80, remote_group="clients"))]

    def hosts(*members):
        return [(MAC[n], guests[n].ips, in_groups) for n, in_groups in members]
    first.apply(STRICT, *groups, intent.network("blue", vni=100),
                guests[1].port("blue", port_security=True, security_groups=["clients"]),
                guests[3].port("blue", port_security=True, security_groups=["others"]),
                intent.peer("n2", vteps[1], blue=hosts((2, ["web"]))))
    second.apply(STRICT, *groups, intent.network("blue", vni=100),
                 guests[2].port("blue", port_security=True, security_groups=["web"]),
                 intent.peer("n1", vteps[0], blue=hosts((1, ["clients"]), (3, ["others"]))))
    first.wait_peers(), second.wait_peers()
    for guest in guests.values():
        guest.up()
    with Echo(guests[2], 80), Chatter(guests[1], family.ip(2), 80) as chatter:
        chatter.goes_on()
        before = second.drops("g2", "sg_ingress")
        assert not tcp(guests[3], family.ip(2), 80, BRIEF)
        assert second.drops("g2", "sg_ingress") > before
        # They change places.
        second.apply(intent.peer("n1", vteps[0], blue=hosts((1, ["others"]), (3, ["clients"]))))
        assert tcp(guests[3], family.ip(2), 80)
        heard = chatter.heard
        assert not tcp(guests[1], family.ip(2), 80, BRIEF)
        assert chatter.heard <= heard + 1, "the session that was there is cut too"
