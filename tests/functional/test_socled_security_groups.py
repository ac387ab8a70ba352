"""Security groups, address groups, port security and session settings through socled: what the dataplane is told, what it
is spared, what is refused and in which words."""

import struct
import time

import pytest
from intent import address_group, rule, security_group
from socled_dataplane import PORT, SESSION_STATES, TYPES, FakeDataplane
from socled_fixture import *  # noqa: F403
from socled_fixture import host, network, peer, port, underlay

GROUP, RULE, ADDRESSES, MEMBER, PORT_GROUP, ALLOWED, SETTINGS = [TYPES[name] for name in (
    "SECURITY_GROUP RULE ADDRESS_GROUP MEMBER PORT_GROUP ALLOWED SESSION_SETTINGS").split()]
WORLD = [underlay(), network()]
MEMBERS = 10000


@pytest.fixture
def pair(socled):
    """socled and its dataplane, connected, with a network; and a client."""
    with FakeDataplane(socled.dataplane) as dataplane:
        socled.start()
        with socled.connect() as rpc:
            dataplane.wait_for(lambda d: d.generations)
            rpc.apply(*WORLD, wait=60)
            yield rpc, dataplane


def secured(name, number, *groups, **spec):
    return port(name, number, port_security=True, security_groups=list(groups), **spec)


def identity(rpc, kind, name):
    return rpc.call("get", kind=kind, name=name)["objects"][0]["id"]


def sent(dataplane):
    """The kinds of records in the last generation: (upserted, deleted)."""
    last = dataplane.generations[-1]
    assert not last.full
    return sorted(kind for kind, _ in last.upserts), sorted(kind for kind, _ in last.deletes)


def key(*numbers):
    return struct.pack(f"={len(numbers)}I", *numbers)


def member_key(set_id, owner, prefix, address):
    return key(set_id, owner, prefix, 0) + bytes(10) + b"\xff\xff" + bytes(address)


def test_a_port_in_a_group(pair):
    rpc, dataplane = pair
    rpc.apply(security_group("web", rule("ingress", "tcp", 443, remote_group="web")), secured("vm1", 1, "web"), wait=60)
    web, vm1 = identity(rpc, "SecurityGroup", "web"), identity(rpc, "Port", "vm1")
    assert list(dataplane.of(GROUP)) == [key(web)] and list(dataplane.of(RULE)) == [key(web, 0)]
    assert list(dataplane.of(PORT_GROUP)) == [key(vm1, web)]
    assert list(dataplane.of(MEMBER)) == [member_key(web, vm1, 128, (10, 0, 0, 1))]
    assert [k[:4] for k in dataplane.of(ALLOWED)] == [key(vm1)]
    (body,) = dataplane.of(RULE).values()
    direction, family, remote, prefix, protocol, first, last, _, remote_set = struct.unpack_from("=4B4HI", body, 8)
    assert (direction, family, remote, prefix, protocol, first, last, remote_set) == (1, 4, 2, 0, 6, 443, 443, web)
    assert rpc.call("get", kind="SecurityGroup", name="web")["objects"][0]["status"] == {"state": "active"}

    rpc.apply(secured("vm1", 1), wait=60)
    assert sent(dataplane) == ([], sorted([MEMBER, PORT_GROUP]))
    rpc.call("delete", objects=[{"kind": "SecurityGroup", "name": "web"}], wait=60)
    assert sent(dataplane) == ([], sorted([GROUP, RULE]))


def test_the_default_is_a_port_that_is_closed(pair):
    rpc, dataplane = pair
    closed = port("vm1", 1, attachment={"tap": {"name": "t1"}})
    del closed["spec"]["port_security"]
    rpc.apply(closed, port("vm2", 2, attachment={"tap": {"name": "t2"}}), wait=60)
    spec = rpc.call("get", kind="Port", name="vm1")["objects"][0]["spec"]
    assert spec["port_security"] is True and spec["security_groups"] == []
    # In front of the name there are the MAC, admin_up, port_security and two limits: see struct wire_port.
    flags = {number: body[body.index(b"vm") - 9] for number, body in dataplane.of(PORT).items()}
    assert flags == {key(identity(rpc, "Port", "vm1")): 1, key(identity(rpc, "Port", "vm2")): 0}


def test_a_change_of_a_rule_touches_no_port(pair):
    rpc, dataplane = pair
    rpc.apply(security_group("web", rule("ingress", "tcp", 80), rule("egress")),
              *[secured(f"vm{i}", i, "web") for i in range(50)], wait=60)
    while any(o["status"]["state"] != "up" for o in rpc.call("get", kind="Port")["objects"]):
        time.sleep(0.01)
    rpc.call("watch", kinds=["Port"])
    rpc.events_until(lambda e: e["type"] == "synced")
    rpc.apply(security_group("web", rule("ingress", "tcp", 81), rule("egress")), wait=60)
    assert sent(dataplane) == ([RULE], [])
    rpc.apply(security_group("web", rule("ingress", "tcp", 81)), wait=60)
    assert sent(dataplane) == ([], [RULE])
    rpc.apply(secured("vm50", 50, "web"), wait=60)
    assert sent(dataplane)[0].count(MEMBER) == 1 and sent(dataplane)[0].count(PORT) == 1
    changed = {e["name"] for e in rpc.events_until(lambda e: e.get("name") == "vm50") if "name" in e}
    assert changed == {"vm50"}, "the others' statuses did not even flicker"


def test_address_group(pair):
    rpc, dataplane = pair
    rpc.apply(address_group("dns", "10.0.0.53", "fd00::/64"),
              security_group("web", rule("egress", "udp", 53, remote_address_group="dns")), wait=60)
    dns = identity(rpc, "AddressGroup", "dns")
    assert [k[:12] for k in dataplane.of(MEMBER)] == [key(dns, dns, 128), key(dns, dns, 64)]
    rpc.apply(address_group("dns", "10.0.0.53", "10.0.0.54"), wait=60)
    assert sent(dataplane) == ([MEMBER], [MEMBER])
    error = rpc.error("delete", objects=[{"kind": "AddressGroup", "name": "dns"}])
    assert "in use by SecurityGroup web" in str(error)


def test_members_behind_a_peer(pair):
    rpc, dataplane = pair
    there = host(2) | {"security_groups": ["web"]}
    rpc.apply(security_group("web"), peer("node2", 2, [host(1), there]), wait=60)
    web, node2 = identity(rpc, "SecurityGroup", "web"), identity(rpc, "Peer", "node2")
    assert list(dataplane.of(MEMBER)) == [member_key(web, node2, 128, (11, 0, 0, 2))]
    rpc.apply(peer("node2", 2, [host(1), host(2)]), wait=60)
    assert sent(dataplane) == ([], [MEMBER])


def test_the_same_address_in_two_networks_is_a_member_until_the_last_is_gone(pair):
    rpc, dataplane = pair
    there = host(2) | {"security_groups": ["web"]}
    rpc.apply(network("red", 101), security_group("web"), peer("node2", 2, [there], ("blue", "red")), wait=60)
    assert len(dataplane.of(MEMBER)) == 1
    rpc.apply(peer("node2", 2, [there], ("red",)), wait=60)
    assert len(dataplane.of(MEMBER)) == 1
    rpc.apply(peer("node2", 2, [], ("red",)), wait=60)
    assert len(dataplane.of(MEMBER)) == 0


def test_session_settings(pair):
    rpc, dataplane = pair
    settings = {"kind": "SessionSettings", "name": "node", "spec": {"tcp_loose": False, "timeouts": {"udp_stream": 7}}}
    rpc.apply(settings, wait=60)
    (body,) = dataplane.of(SETTINGS).values()
    loose, liberal, retransmissions, pickup, _, *timeouts = struct.unpack_from(f"=5I{len(SESSION_STATES)}I", body, 4)
    assert (loose, liberal, retransmissions, pickup) == (0, 0, 3, 120)
    assert timeouts[SESSION_STATES.index("udp_stream")] == 7000
    assert timeouts[SESSION_STATES.index("tcp_established")] == 432000 * 1000
    error = rpc.error("apply", objects=[{"kind": "SessionSettings", "name": "other", "spec": {}}])
    assert "session tracking of this node belongs to SessionSettings node already" in str(error)
    rpc.call("delete", objects=[{"kind": "SessionSettings", "name": "node"}], wait=60)
    assert sent(dataplane) == ([], [SETTINGS])


@pytest.mark.parametrize("what, pointer, words", [
    (security_group("g", rule("ingress"), rule("egress", "icmp", 256)), "/spec/rules/1/port_range_min", "ICMP type"),
    (security_group("g", rule("ingress", remote_group="nobody")), "/spec/rules/0/remote_group", "no SecurityGroup nobody"),
    (secured("vm1", 1, "nobody"), "/spec/security_groups/0", "no SecurityGroup nobody"),
    (port("vm1", 1, security_groups=["web"]), "/spec/security_groups", "without port_security"),
    (secured("vm1", 1, allowed_address_pairs=[{"ip_address": "10.0.0.0/40"}]), "/spec/allowed_address_pairs/0/ip_address",
     "10.0.0.0/40"),
])
def test_refused(pair, what, pointer, words):
    rpc, _ = pair
    rpc.apply(security_group("web"))
    (complaint,) = rpc.error("apply", objects=[what])["data"]["errors"]
    assert (complaint["kind"], complaint["name"], complaint["pointer"]) == (what["kind"], what["name"], pointer)
    assert words in complaint["message"]


@pytest.mark.large
def test_ten_thousand_members(pair):
    """Whether they are ports here or hosts of a peer: one that joins, and a rule that changes, is one record each."""
    rpc, dataplane = pair
    there = [host(i) | {"security_groups": ["web"]} for i in range(MEMBERS // 2)]
    rpc.apply(security_group("web", rule("ingress", remote_group="web")), peer("node2", 2, there),
              *[secured(f"vm{i}", i, "web") for i in range(MEMBERS // 2)], wait=60)
    assert len(dataplane.of(MEMBER)) == MEMBERS
    rpc.apply(security_group("web", rule("ingress", "tcp", remote_group="web")), wait=60)
    assert sent(dataplane) == ([RULE], [])
    rpc.apply(secured("new", MEMBERS, "web"), wait=60)
    assert sent(dataplane)[0].count(MEMBER) == 1 and not sent(dataplane)[1]
    rpc.apply(peer("node2", 2, there + [host(MEMBERS) | {"security_groups": ["web"]}]), wait=60)
    assert sent(dataplane)[0].count(MEMBER) == 1 and not sent(dataplane)[1]
