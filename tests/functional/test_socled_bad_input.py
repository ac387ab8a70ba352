"""Bad input never changes anything, and each gets an error that says what, where, and what would be right."""

import json
import os
import resource
import socket
import time

import pytest
from socled_fixture import *  # noqa: F403
from socled_fixture import everything, host, memory, network, peer, port, underlay

GOOD = [underlay(), network(), port("vm1", 1), peer("node2", 2, [host(1)])]


@pytest.fixture
def filled(rpc):
    rpc.apply(*GOOD)
    return rpc


def with_spec(o, **spec):
    return {**o, "spec": {**o["spec"], **spec}}


# name: (objects, kind and name complained of, pointer, a word of the complaint)
WRONG = {
    "unknown kind": ([{"kind": "Portt", "name": "x", "spec": {}}], None, None, "Port"),
    "no kind": ([{"name": "x", "spec": {}}], None, "/objects/1/kind", "kind"),
    "no object": ([7], None, "/objects/1", ""),
    "unknown field": ([with_spec(port("vm2", 2), colour="red")], ("Port", "vm2"), "/spec/colour", "colour"),
    "wrong type": ([with_spec(network("red", 101), flood="yes")], ("Network", "red"), "/spec/flood", "true or false"),
    "number for a text": ([with_spec(port("vm2", 2), mac_address=17)], ("Port", "vm2"), "/spec/mac_address", "MAC"),
    "out of bounds": ([network("red", 1 << 24)], ("Network", "red"), "/spec/vni", "16777215"),
    "multicast MAC": ([with_spec(port("vm2", 2), mac_address="01:00:5e:00:00:01")], ("Port", "vm2"), "/spec/mac_address", ""),
    "dangling reference": ([port("vm2", 2, network="nowhere")], ("Port", "vm2"), "/spec/network", "nowhere"),
    "duplicate VNI": ([network("red", 100)], ("Network", "red"), "/spec/vni", "blue"),
    "duplicate MAC": ([with_spec(port("vm2", 2), mac_address="fa:16:00:00:00:01")], ("Port", "vm2"), "/spec/mac_address", "vm1"),
    "duplicate address": ([with_spec(port("vm2", 2), fixed_ips=["10.0.0.1"])], ("Port", "vm2"), "/spec/fixed_ips/0", "vm1"),
    "duplicate socket": ([with_spec(port("vm2", 2), attachment={"vhost_user": {"socket": "/run/vm/vm1.sock"}})],
                         ("Port", "vm2"), "/spec/attachment/vhost_user/socket", "vm1"),
    "duplicate VTEP": ([peer("node3", 2, [])], ("Peer", "node3"), "/spec/vtep", "node2"),
    "two of a oneof": ([with_spec(port("vm2", 2), attachment={"tap": {"name": "t"}, "vhost_user": {"socket": "/s"}})],
                       ("Port", "vm2"), "/spec/attachment", ""),
    "immutable field": ([network("red", 101), with_spec(GOOD[2], network="red")], ("Port", "vm1"), "/spec/network", ""),
    "missing field": ([{"kind": "Port", "name": "vm2", "spec": {"network": "blue"}}], ("Port", "vm2"), "/spec/mac_address", ""),
    "same object twice": ([port("vm2", 2), port("vm2", 3)], ("Port", "vm2"), None, ""),
    "bad name": ([{**port("vm2", 2), "name": "a/b"}], None, None, ""),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_objects(filled, case):
    objects, whom, pointer, word = WRONG[case]
    before = everything(filled)
    # Something right beside it is not applied either.
    error = filled.error("apply", objects=[port("right", 9), *objects])
    assert error["code"] == -32602
    complaints = error["data"]["errors"]
    assert error["data"]["count"] >= 1
    found = [c for c in complaints if (not whom or (c.get("kind"), c.get("name")) == whom)
             and (pointer is None or c.get("pointer", "") == pointer)]
    assert found, complaints
    assert word in json.dumps(found)
    assert found[0].get("message")
    assert everything(filled) == before


def test_one_wrong_of_a_thousand_changes_none(rpc):
    rpc.apply(underlay(), network())
    before = everything(rpc)
    ports = [port(f"vm{i}", i) for i in range(1000)]
    ports[777]["spec"]["mac_address"] = "not a MAC"
    error = rpc.error("apply", objects=ports)
    assert error["code"] == -32602
    assert [(c["name"], c["pointer"]) for c in error["data"]["errors"]] == [("vm777", "/spec/mac_address")]
    assert everything(rpc) == before
    ports[777] = port("vm777", 777)
    assert rpc.apply(*ports)["counts"]["added"] == 1000


def test_every_complaint_is_told_and_their_number_bounded(rpc):
    ports = [port(f"vm{i}", i, network="nowhere") for i in range(100)]
    error = rpc.error("apply", objects=ports)
    assert error["data"]["count"] == 100
    assert len(error["data"]["errors"]) == 32


@pytest.mark.parametrize("request_, code, pointer", [
    ({"jsonrpc": "2.0", "id": 1, "method": "aply", "params": {}}, -32601, "/method"),
    ({"jsonrpc": "2.0", "id": 1, "method": 5}, -32600, "/method"),
    ({"jsonrpc": "2.0", "id": 1}, -32600, "/method"),
    ({"jsonrpc": "1.0", "id": 1, "method": "get"}, -32600, "/jsonrpc"),
    ({"id": 1, "method": "get"}, -32600, "/jsonrpc"),
    ({"jsonrpc": "2.0", "id": 1, "method": "get", "params": [1]}, -32602, "/params"),
    ({"jsonrpc": "2.0", "id": 1, "method": "get", "params": {"kinds": "Port"}}, -32602, "/kinds"),
    ({"jsonrpc": "2.0", "id": 1, "method": "get", "params": {"kind": 3}}, -32602, "/kind"),
    ({"jsonrpc": "2.0", "id": 1, "method": "get", "params": {"kind": "Prot"}}, -32602, "/kind"),
    ({"jsonrpc": "2.0", "id": 1, "method": "get", "params": {"name": "vm1"}}, -32602, "/kind"),
    ({"jsonrpc": "2.0", "id": 1, "method": "get", "params": {"kind": "Port", "name": "nobody"}}, -32003, "/name"),
    ({"jsonrpc": "2.0", "id": 1, "method": "apply", "params": {}}, -32602, "/objects"),
    ({"jsonrpc": "2.0", "id": 1, "method": "apply", "params": {"objects": [], "wait": 61}}, -32602, "/wait"),
    ({"jsonrpc": "2.0", "id": 1, "method": "apply", "params": {"objects": [], "dry_run": 1}}, -32602, "/dry_run"),
    ({"jsonrpc": "2.0", "id": 1, "method": "apply", "params": {"objects": [], "if_revision": -1}}, -32602, "/if_revision"),
    ({"jsonrpc": "2.0", "id": 1, "method": "watch", "params": {"kinds": ["Port", "Prot"]}}, -32602, "/kinds/1"),
    ({"jsonrpc": "2.0", "id": 1, "method": "watch", "params": {"kinds": [1]}}, -32602, "/kinds"),
    ({"jsonrpc": "2.0", "id": 1, "method": "watch", "params": {"from_revision": 99}}, -32002, "/from_revision"),
    ({"jsonrpc": "2.0", "id": 1, "method": "unwatch", "params": {"subscription": 99}}, -32003, "/subscription"),
    ({"jsonrpc": "2.0", "id": 1, "method": "schema", "params": {"kind": "Prot"}}, -32602, "/kind"),
    ({"jsonrpc": "2.0", "id": 1, "method": "stats", "params": {}}, -32010, None),
    (17, -32600, None),
    ("text", -32600, None),
    (None, -32600, None),
])
def test_wrong_requests(filled, request_, code, pointer):
    before = everything(filled)
    filled.send(request_)
    answer = filled.receive()
    assert answer["error"]["code"] == code, answer
    assert answer["id"] == (1 if isinstance(request_, dict) else None)
    assert answer["error"]["data"]["errors"][0].get("pointer") == pointer, answer
    assert everything(filled) == before


@pytest.mark.parametrize("line", [
    b"{", b"]", b'{"jsonrpc": "2.0"', b"nonsense", b'{"a":1,"a":2}', b'{"a": 1e999}', b'{"a": 123456789012345678901234567890}',
    b'"\\u0000"', b'"\\ud800"', b"\x00", b'{"a": tru}', b"[1,]", b"'a'",
], ids=repr)
def test_not_json(filled, line):
    before = everything(filled)
    filled.send_raw(line + b"\n")
    answer = filled.receive()
    assert answer["error"]["code"] == -32700 and answer["id"] is None
    assert "byte" in answer["error"]["message"]
    assert everything(filled) == before  # on the same connection: it goes on


@pytest.mark.parametrize("bad", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82"], ids=repr)
def test_invalid_utf8_is_told_with_its_position(filled, bad):
    line = b'{"jsonrpc":"2.0","id":1,"method":"get","params":{"kind":"' + bad + b'"}}'
    filled.send_raw(line + b"\n")
    error = filled.receive()["error"]
    assert error["code"] == -32700
    position = int(error["data"]["errors"][0]["pointer"].removeprefix("byte "))
    assert abs(position - line.index(bad)) <= 1
    filled.call("info")


@pytest.mark.parametrize("depth", [129, 1000, 2049, 1000000])
@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_deep_json(filled, depth, brackets):
    if brackets == "[]":
        line = b"[" * depth + b"]" * depth
    else:
        line = b'{"a":' * depth + b"1" + b"}" * depth
    filled.send_raw(line + b"\n")
    error = filled.receive()["error"]
    assert error["code"] == -32700
    assert "128" in error["message"]
    filled.call("info")


def test_brackets_in_texts_are_no_depth(filled):
    assert filled.error("get", kind="[" * 500 + '\\"' + "{" * 500)["code"] == -32602


def test_depth_is_settable(socled):
    socled.config.write_text("[limits]\njson_depth = 1000\n")
    with socled.start().connect() as rpc:
        rpc.send_raw(b"[" * 1000 + b"]" * 1000 + b"\n")
        assert rpc.receive()[0]["error"]["code"] == -32600  # as a batch of one, which is no request
        rpc.send_raw(b"[" * 1001 + b"]" * 1001 + b"\n")
        assert rpc.receive()["error"]["code"] == -32700


def test_line_over_the_limit(socled):
    socled.config.write_text("[limits]\nline_bytes = 100000\n")
    socled.start()
    fitting = b'{"jsonrpc":"2.0","id":1,"method":"info"}'.ljust(100000)
    with socled.connect() as rpc:
        rpc.send_raw(fitting + b"\n")
        assert rpc.receive()["result"]["name"] == "socled"
        try:
            rpc.send_raw(fitting + b" \n" + b"x" * 10000000)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = rpc.receive()
        assert answer["error"]["code"] == -32006 and "100000" in answer["error"]["message"]
        assert rpc.receive() is None
    socled.alive()


def test_default_line_limit_is_64_mib(socled):
    socled.start()
    with socled.connect() as rpc:
        line = b'{"jsonrpc":"2.0","id":1,"method":"info","params":{}}'
        rpc.send_raw(line.ljust(64 << 20) + b"\n")
        assert "result" in rpc.receive()
        try:
            rpc.send_raw(b" " * ((64 << 20) + 65536))
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert rpc.receive()["error"]["code"] == -32006
        assert rpc.receive() is None
    socled.alive()


def test_half_a_line_and_silence(socled):
    socled.config.write_text("[limits]\nidle_seconds = 1\n")
    socled.start()
    with socled.connect() as idle, socled.connect() as half:
        before = everything(idle)
        half.send_raw(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "apply", "params": {"objects": [underlay()]}}).encode())
        answer = half.receive()
        assert answer["error"]["code"] == -32006 and "line" in answer["error"]["message"]
        assert half.receive() is None
        assert everything(idle) == before  # a connection that is merely idle stays


def test_half_a_line_and_the_end_is_not_run(socled, directory):
    socled.start()
    with socled.connect() as rpc:
        rpc.send_raw(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "apply", "params": {"objects": [underlay()]}}).encode())
        rpc.socket.shutdown(socket.SHUT_WR)
        assert rpc.receive()["error"]["code"] == -32700
        assert rpc.receive() is None
    assert socled.alive()["revision"] == 0


def test_what_was_sent_before_the_end_is_answered(socled):
    socled.start()
    with socled.connect() as rpc:
        for i in range(500):
            rpc.send({"jsonrpc": "2.0", "id": i, "method": "apply", "params": {"objects": [underlay(mtu=1400 + i)]}})
        rpc.socket.shutdown(socket.SHUT_WR)
        assert [rpc.receive()["id"] for _ in range(500)] == list(range(500))
        assert rpc.receive() is None
    assert socled.alive()["revision"] == 500


def test_ten_thousand_clients(socled):
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(16384, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
                                                resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 10100, "the test needs 10,100 file descriptors"
    socled.start()
    first = socled.connect()
    served, refused, crowd = 0, 0, []
    try:
        for _ in range(10000):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            s.connect(str(socled.control))  # waits for room in the backlog; with a timeout it would not
            s.settimeout(60)
            crowd.append(s)
        for s in crowd:
            try:
                s.send(b'{"jsonrpc":"2.0","id":7,"method":"get"}\n')
            except (BrokenPipeError, ConnectionResetError):
                pass
        for s in crowd:
            answer = json.loads(s.makefile("rb").readline())
            if "result" in answer:
                served += 1
            else:
                assert answer["error"]["code"] == -32006 and answer["id"] is None
                refused += 1
        assert served == 4095 and refused == 10000 - 4095
        assert first.call("info")["clients"] == 4096
    finally:
        for s in crowd:
            s.close()
    deadline = time.monotonic() + 60
    while first.call("info")["clients"] > 1 and time.monotonic() < deadline:
        pass
    assert first.call("info")["clients"] == 1
    assert memory(first) < 100 << 20
    first.close()


def test_out_of_descriptors(socled):
    """Fewer descriptors than clients allowed: the excess is turned away, and does not keep socled busy. A quarter of
    them is kept for socled itself: libvirt's library ends the process that cannot make a pipe."""
    socled.prefix = ["prlimit", "--nofile=96:96"]
    socled.start()
    first = socled.connect()
    crowd = [socled.connect() for _ in range(200)]
    outcomes = []
    for rpc in crowd:
        try:
            rpc.send({"jsonrpc": "2.0", "id": 1, "method": "info"})
        except (BrokenPipeError, ConnectionResetError):
            pass
        outcomes.append(rpc.receive().get("error", {}).get("code"))
    assert outcomes.count(-32006) >= 200 - 72 and outcomes.count(None) >= 30
    assert len(os.listdir(f"/proc/{socled.process.pid}/fd")) < 96
    first.call("info")
    for rpc in crowd:
        rpc.close()
    deadline = time.monotonic() + 20
    while first.call("info")["clients"] > 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    with socled.connect() as again:
        again.call("info")


def test_random_bytes(socled):
    """Whatever comes, it answers or closes; a client beside it notices nothing."""
    import random
    chance = random.Random(20221122)
    socled.start()
    with socled.connect() as steady:
        for _ in range(50):
            with socled.connect() as rpc:
                try:
                    rpc.send_raw(bytes(chance.choices(b'{}[]":,0123456789truefalsn\\u\n\xff\x00 ', k=chance.randrange(1, 20000))))
                    rpc.socket.shutdown(socket.SHUT_WR)
                except (BrokenPipeError, ConnectionResetError):
                    pass
                while (answer := rpc.receive()) is not None:
                    for one in answer if isinstance(answer, list) else [answer]:
                        assert one["error"]["code"] in (-32700, -32600), one
            assert steady.call("info")["revision"] == 0


def test_no_descriptor_is_left_open(socled):
    socled.start()
    fds = f"/proc/{socled.process.pid}/fd"
    socled.alive()
    with socled.connect() as rpc:
        rpc.call("info")
        before = len(os.listdir(fds))
        for _ in range(300):
            with socled.connect() as other:
                other.send_raw(b"[1,")
        deadline = time.monotonic() + 30
        while len(os.listdir(fds)) > before and time.monotonic() < deadline:
            rpc.call("info")
        assert len(os.listdir(fds)) <= before
