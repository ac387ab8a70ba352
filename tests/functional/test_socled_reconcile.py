"""What socled tells the dataplane, and what it makes of a dataplane that fails in every way it can. The other end is a
real SOCK_SEQPACKET server which misbehaves on demand, see socled_dataplane.py."""

import errno
import struct

import pytest
from socled_dataplane import FDB, FLOOD, NEIGH, NETWORK, PEER, PORT, UNDERLAY, VERSION, FakeDataplane, record
from socled_fixture import *  # noqa: F403
from socled_fixture import host, memory, network, peer, port, underlay

GOOD = [underlay(), network(), port("vm1", 1), peer("node2", 2, [host(1), host(2)])]


def identity(rpc, kind, name):
    return rpc.call("get", kind=kind, name=name)["objects"][0]["id"]


def state(rpc, kind, name):
    return rpc.call("get", kind=kind, name=name)["objects"][0]["status"]


def key(number):
    return struct.pack("=I", number)


@pytest.fixture
def dataplane(socled):
    with FakeDataplane(socled.dataplane) as fake:
        yield fake


@pytest.fixture
def pair(socled, dataplane):
    """socled and its dataplane, connected; and a client."""
    socled.start()
    with socled.connect() as rpc:
        dataplane.wait_for(lambda d: d.generations)
        yield rpc, dataplane


def test_the_first_generation_is_full(socled, dataplane):
    dataplane.close()
    socled.start()
    with socled.connect() as rpc:
        rpc.apply(*GOOD)
        assert state(rpc, "Port", "vm1") == {"state": "pending"}
        assert rpc.call("info")["dataplane"]["state"] == "connecting"
        with FakeDataplane(socled.dataplane) as fake:
            fake.wait_for(lambda d: d.generations)
            generation = fake.generations[0]
            assert generation.full and generation.number == 1 and not generation.deletes
            counts = {kind: len(fake.of(kind)) for kind in (UNDERLAY, NETWORK, PORT, PEER, FDB, NEIGH, FLOOD)}
            assert counts == {UNDERLAY: 1, NETWORK: 1, PORT: 1, PEER: 1, FDB: 2, NEIGH: 3, FLOOD: 1}
            assert fake.greetings[0] == (VERSION, socled.process.pid)
            assert rpc.apply(*GOOD, wait=60)["in_force"] is True
            info = rpc.call("info")["dataplane"]
            assert info["state"] == "connected" and info["in_force_revision"] == 1 and info["workers"] == 2
            assert info["last_commit"]["failed"] == 0


def test_wait_until_in_force_and_statuses(pair):
    rpc, dataplane = pair
    answer = rpc.apply(*GOOD, wait=60)
    assert answer["in_force"] is True and "failures" not in answer
    assert len(dataplane.of(PORT)) == 1
    assert state(rpc, "Network", "blue") == {"state": "active"}
    assert state(rpc, "Peer", "node2") == {"state": "unresolved"}
    assert state(rpc, "Underlay", "physnet0")["state"] == "down"
    rpc.call("watch", kinds=["Port"])
    rpc.events_until(lambda e: e.get("name") == "vm1" and (e.get("object") or {}).get("status", {}).get("state") == "up")
    status = state(rpc, "Port", "vm1")
    assert status == {"state": "up", "link": True, "connected": True, "queues": 1, "features": 0x8000}


def test_a_change_sends_only_what_changed(pair):
    rpc, dataplane = pair
    rpc.apply(*GOOD, *[port(f"vm{i}", i) for i in range(10, 60)], wait=60)

    rpc.apply(port("vm10", 10, admin_state_up=False), wait=60)
    last = dataplane.generations[-1]
    assert not last.full and list(last.upserts) == [(PORT, key(identity(rpc, "Port", "vm10")))] and not last.deletes

    rpc.apply(network(flood=True), wait=60)
    last = dataplane.generations[-1]
    assert [kind for kind, _ in last.upserts] == [NETWORK] and not last.deletes

    rpc.apply(peer("node2", 2, [host(1), host(3)]), wait=60)
    last = dataplane.generations[-1]
    assert sorted(kind for kind, _ in last.upserts) == [FDB, NEIGH]
    assert sorted(kind for kind, _ in last.deletes) == [FDB, NEIGH]

    rpc.call("delete", objects=[{"kind": "Port", "name": "vm11"}], wait=60)
    last = dataplane.generations[-1]
    assert not last.upserts and sorted(kind for kind, _ in last.deletes) == [PORT, NEIGH]


def test_referrers_of_what_changed_are_recompiled(pair):
    """The default MTU of a Network follows its Underlay's, and a Port's its Network's."""
    rpc, dataplane = pair
    rpc.apply(*GOOD, wait=60)
    rpc.apply(underlay(mtu=1600), wait=60)
    last = dataplane.generations[-1]
    assert {kind for kind, _ in last.upserts} == {UNDERLAY, NETWORK, PORT} and not last.deletes
    assert struct.unpack_from("=IIIII", next(iter(dataplane.of(NETWORK).values())))[4] == 1550


def test_a_host_that_moves_between_peers_is_one_upsert(pair):
    rpc, dataplane = pair
    rpc.apply(underlay(), network(), peer("node2", 2, [host(1), host(2)]), peer("node3", 3, [host(3)]), wait=60)
    rpc.apply(peer("node2", 2, [host(1)]), peer("node3", 3, [host(2), host(3)]), wait=60)
    last = dataplane.generations[-1]
    assert [kind for kind, _ in last.upserts] == [FDB] and not last.deletes
    moved = struct.unpack_from("=I12xI", last.upserts[next(iter(last.upserts))])
    assert moved[1] == identity(rpc, "Peer", "node3")


def test_changes_during_a_generation_go_together_as_the_next(pair):
    rpc, dataplane = pair
    rpc.apply(underlay(), network(), wait=60)
    before = len(dataplane.generations)
    dataplane.reading = False
    for i in range(200):
        rpc.apply(port(f"vm{i}", i))
    rpc.call("delete", objects=[{"kind": "Port", "name": f"vm{i}"} for i in range(100)])
    dataplane.reading = True
    assert rpc.apply(port("vm200", 200), wait=60)["in_force"] is True
    assert len(dataplane.of(PORT)) == 101
    assert len(dataplane.generations) - before <= 8, "200 changes did not gather"
    assert rpc.call("info")["dataplane"]["in_force_revision"] == rpc.call("info")["revision"]


@pytest.mark.parametrize("how", ["hang up", "garbage", "wrong record", "wrong generation", "truncated"])
def test_a_dataplane_that_fails_in_mid_commit(pair, how):
    rpc, dataplane = pair
    rpc.apply(*GOOD, wait=60)
    garbage = {"garbage": b"\xff" * 64, "wrong record": record(2, bytes(16)),
               "wrong generation": record(6, struct.pack("=Q", 12345) + bytes(32)),
               "truncated": record(6, bytes(40))[:20]}
    connections = dataplane.connections
    if how == "hang up":
        dataplane.hang_up = 3
    else:
        dataplane.garbage = garbage[how]
    answer = rpc.apply(port("vm2", 2), wait=0.3)
    assert answer["revision"] == 2
    dataplane.wait_for(lambda d: d.connections >= connections + 2)
    dataplane.garbage = None
    assert rpc.apply(port("vm2", 2), wait=60)["in_force"] is True
    assert dataplane.generations[-1].full and len(dataplane.of(PORT)) == 2


def test_another_version(socled, dataplane):
    dataplane.version = 99
    socled.start()
    with socled.connect() as rpc:
        dataplane.wait_for(lambda d: d.connections >= 2)
        answer = rpc.apply(*GOOD, wait=0.1)
        assert answer["in_force"] is False and answer["counts"]["added"] == 4
        info = rpc.call("info")["dataplane"]
        assert info["state"] == "incompatible" and info["wire_version"] == 99
        assert rpc.error("stats")["code"] == -32010
        assert "99" in socled.log.read_text()
        dataplane.version = VERSION
        assert rpc.apply(port("vm2", 2), wait=60)["in_force"] is True
        assert rpc.call("info")["dataplane"]["state"] == "connected"


@pytest.mark.parametrize("how", ["greet", "commit", "reading"])
def test_a_dataplane_that_never_answers(socled, dataplane, how):
    setattr(dataplane, how, False)
    socled.start()
    with socled.connect() as rpc:
        dataplane.wait_for(lambda d: d.connections)
        for i in range(100):
            rpc.apply(underlay(), network(), port(f"vm{i}", i))
        assert rpc.apply(port("vm0", 0), wait=0.2)["in_force"] is False
        assert state(rpc, "Port", "vm1") == {"state": "pending"}
        assert memory(rpc) < 100 << 20
        setattr(dataplane, how, True)
        if how == "commit":  # it forgot one COMMIT for good: it starts anew
            dataplane.connection.shutdown(2)
        assert rpc.apply(port("vm0", 0), wait=60)["in_force"] is True
        assert len(dataplane.of(PORT)) == 100


def test_memory_stays_bounded_while_the_dataplane_is_wedged(socled, dataplane):
    socled.start()
    with socled.connect() as rpc:
        rpc.apply(underlay(), network(), wait=60)
        dataplane.reading = False
        hosts = [host(i) for i in range(5000)]
        rpc.apply(peer("node2", 2, hosts))
        first = None
        for i in range(60):
            hosts[i] = host(10000 + i)
            rpc.apply(peer("node2", 2, hosts))
            if i == 10:
                first = memory(rpc)
        assert memory(rpc) < first + (16 << 20)
        dataplane.reading = True
        assert rpc.apply(network(), wait=60)["in_force"] is True
        assert len(dataplane.of(FDB)) == 5000


def test_what_the_dataplane_cannot_do_is_told_and_tried_again(pair):
    rpc, dataplane = pair
    rpc.apply(underlay(), network(), wait=60)
    number = rpc.apply(port("vm0", 0), wait=60) and identity(rpc, "Port", "vm0")
    dataplane.fail = {(PORT, key(number + 1)): (errno.ENOENT, b"no network namespace guest1")}
    answer = rpc.apply(port("vm1", 1), port("vm2", 2), wait=60)
    assert answer["in_force"] is True
    assert answer["failures"] == [{"kind": "Port", "name": "vm1", "message": "no network namespace guest1"}]
    assert state(rpc, "Port", "vm1") == {"state": "error", "error": "no network namespace guest1"}
    assert rpc.call("info")["dataplane"]["errors"] == answer["failures"]
    # Other changes do not make it forget.
    rpc.apply(port("vm3", 3), wait=60)
    assert state(rpc, "Port", "vm1")["state"] == "error"
    dataplane.fail = {}
    dataplane.wait_for(lambda d: (PORT, key(number + 1)) in d.generations[-1].upserts)
    rpc.call("watch", kinds=["Port"])
    rpc.events_until(lambda e: e.get("name") == "vm1" and (e.get("object") or {}).get("status", {}).get("state") == "up")
    assert rpc.call("info")["dataplane"]["errors"] == []


def test_a_host_that_fails_is_its_peers_failure(pair):
    rpc, dataplane = pair
    rpc.apply(underlay(), network(), wait=60)
    fdb = key(identity(rpc, "Network", "blue")) + bytes.fromhex("fa1601000002") + bytes(6)
    dataplane.fail = {(FDB, fdb): (errno.ENOSPC, b"the table is full")}
    answer = rpc.apply(peer("node2", 2, [host(1), host(2)]), wait=60)
    assert answer["failures"] == [{"kind": "Peer", "name": "node2", "message": "the table is full"}]


def test_restart_of_the_dataplane(socled, dataplane):
    socled.start()
    with socled.connect() as rpc, socled.connect() as watcher:
        rpc.apply(*GOOD, wait=60)
        watcher.call("watch", kinds=["Port"])
        up = lambda e: (e.get("object") or {}).get("status", {}).get("state") == "up"  # noqa: E731
        watcher.events_until(up)
        dataplane.close()
        watcher.events_until(lambda e: e["type"] == "status" and e["object"]["status"]["state"] == "pending")
        with FakeDataplane(socled.dataplane) as again:
            watcher.events_until(up)
            assert again.generations[0].full and len(again.of(PORT)) == 1


def test_restart_of_socled(socled, dataplane):
    socled.start()
    with socled.connect() as rpc:
        rpc.apply(*GOOD, wait=60)
        force, before = dict(dataplane.force), len(dataplane.generations)
    socled.kill()
    socled.start()
    with socled.connect() as rpc:
        dataplane.wait_for(lambda d: len(d.generations) > before)
        assert dataplane.generations[-1].full and dataplane.force == force, "ids and records are the same"


def test_stats(pair):
    rpc, dataplane = pair
    rpc.apply(*GOOD, wait=60)
    stats = rpc.call("stats")
    assert stats["ports"] == [{"kind": "Port", "name": "vm1", "network": "blue", "rx_packets": 10, "rx_bytes": 1000,
                               "tx_packets": 20, "tx_bytes": 2000, "drops": {"malformed": 3}}]
    assert stats["drop_reasons"]["malformed"] and stats["taken_ns"] > 0
    assert stats["nodes"] == [] and stats["sessions"] is None
    rpc.send_raw(b'{"jsonrpc":"2.0","id":"s","method":"stats"}\n' * 20)
    assert all(rpc.receive()["result"]["ports"] for _ in range(20))


def test_stats_of_a_wedged_dataplane(pair):
    rpc, dataplane = pair
    dataplane.count = False
    rpc.send_raw(b'{"jsonrpc":"2.0","id":"s","method":"stats"}\n' * 3)
    assert rpc.call("info")["dataplane"]["state"] == "connected"
    assert [rpc.receive()["error"]["code"] for _ in range(3)] == [-32010] * 3
    dataplane.count = True
    rpc.apply(*GOOD, wait=60)
    assert [p["name"] for p in rpc.call("stats")["ports"]] == ["vm1"], "late answers are not counted again"


def test_stats_of_nodes_and_sessions(pair):
    rpc, dataplane = pair
    dataplane.nodes = [(0, "rx", 10, 100, 9000, 7000), (1, "rx", 1, 2, 3, 1), (1, "session", 1 << 40, 2, 3, 0)]
    dataplane.session_stats = ([1 << 20, 3], [9, 4, 1, 1, 0, 2, 1 << 28, 3 * 10**9], {"udp": 1, "tcp_established": 2})
    stats = rpc.call("stats")
    assert stats["nodes"][0] == {"name": "rx", "worker": 0, "calls": 10, "packets": 100, "cycles": 9000, "io_cycles": 7000}
    assert [(n["worker"], n["name"]) for n in stats["nodes"]] == [(0, "rx"), (1, "rx"), (1, "session")]
    assert stats["nodes"][2]["calls"] == 1 << 40
    assert stats["sessions"] == {"capacity": 1 << 20, "live": 3, "created": 9, "expired": 4, "evicted": 1, "cut": 1,
                                 "killed": 0, "reevaluated": 2, "memory_bytes": 1 << 28, "tsc_hz": 3 * 10**9,
                                 "by_state": {"udp": 1, "tcp_established": 2}}


def test_a_client_that_leaves_while_it_waits(pair, socled):
    rpc, dataplane = pair
    dataplane.reading = False
    for _ in range(20):
        with socled.connect() as other:
            other.send({"jsonrpc": "2.0", "id": 1, "method": "apply", "params": {"objects": [underlay()], "wait": 60}})
            other.send([{"jsonrpc": "2.0", "id": 1, "method": "apply", "params": {"objects": [underlay()], "wait": 60}},
                        {"jsonrpc": "2.0", "id": 2, "method": "stats"}])
            other.send({"jsonrpc": "2.0", "id": 3, "method": "stats"})
            other.call("info")
    dataplane.reading = True
    assert rpc.apply(network(), wait=60)["in_force"] is True


@pytest.mark.large
def test_a_large_node_fits_in_memory(pair):
    """1,000 ports in 200 networks and 20,000 peer addresses, in one transaction."""
    rpc, dataplane = pair
    networks = [network(f"n{i}", 1000 + i) for i in range(200)]
    ports = [port(f"vm{i}", i, network=f"n{i % 200}") for i in range(1000)]
    peers = [peer(f"node{p}", p, [host(p * 1000 + i) for i in range(100)], networks=[f"n{i}" for i in range(p, 200, 20)])
             for p in range(2, 22)]
    answer = rpc.apply(underlay(), *networks, *ports, *peers, wait=60)
    assert answer["counts"]["added"] == 1221 and answer["in_force"] is True
    assert len(dataplane.of(FDB)) == sum(100 * len(range(p, 200, 20)) for p in range(2, 22))
    assert memory(rpc) < 100 << 20
    rpc.apply(port("vm7", 7, network="n7", admin_state_up=False), wait=60)
    assert len(dataplane.generations[-1].upserts) == 1
    rpc.call("get")
    assert memory(rpc) < 100 << 20
