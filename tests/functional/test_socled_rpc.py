"""JSON-RPC as clients use it: pipelines, batches, notifications, slow readers, fairness; the methods' answers."""

import json
import os
import signal
import subprocess
import threading
import time

import pytest
from socled_fixture import *  # noqa: F403
from socled_fixture import SOCLED, everything, host, memory, network, peer, port, underlay


def call(number, method, **params):
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def test_pipelined_requests_are_answered_in_order(rpc):
    requests = [call(i, "apply", objects=[underlay(mtu=1400 + i)]) for i in range(1, 301)]
    rpc.send_raw(b"".join(json.dumps(r).encode() + b"\n" for r in requests))
    answers = [rpc.receive() for _ in requests]
    assert [a["id"] for a in answers] == list(range(1, 301))
    assert [a["result"]["revision"] for a in answers] == list(range(1, 301))


def test_a_request_in_small_pieces(rpc):
    for byte in json.dumps(call("x", "info")).encode() + b"\r\n\n \n":
        rpc.send_raw(bytes([byte]))
    assert rpc.receive()["id"] == "x"
    rpc.call("info")  # the empty lines were nothing


@pytest.mark.parametrize("number", [0, -5, "text", "", 1.5, 1 << 53], ids=repr)
def test_ids_come_back_as_they_were(rpc, number):
    rpc.send(call(number, "info"))
    assert rpc.receive()["id"] == number


def test_batch(rpc):
    rpc.send([call(1, "apply", objects=[underlay()]), call(2, "nothing"), 5,
              {"jsonrpc": "2.0", "method": "apply", "params": {"objects": [network()]}},  # a notification
              call(3, "get", kind="Network")])
    answers = rpc.receive()
    assert [a["id"] for a in answers] == [1, 2, None, 3]
    assert answers[1]["error"]["code"] == -32601 and answers[2]["error"]["code"] == -32600
    assert answers[3]["result"]["objects"][0]["name"] == "blue"


def test_batch_of_notifications_has_no_answer(rpc):
    rpc.send([{"jsonrpc": "2.0", "method": "apply", "params": {"objects": [underlay()]}}] * 3)
    rpc.send({"jsonrpc": "2.0", "method": "nothing"})
    rpc.send(call(9, "info"))
    answer = rpc.receive()
    assert answer["id"] == 9 and answer["result"]["revision"] == 1


def test_empty_and_too_long_batches(rpc):
    rpc.send([])
    answer = rpc.receive()
    assert answer["error"]["code"] == -32600 and answer["id"] is None
    rpc.send([call(1, "info")] * 1001)
    assert rpc.receive()["error"]["code"] == -32006
    rpc.send([call(i, "info") for i in range(1000)])
    assert [a["id"] for a in rpc.receive()] == list(range(1000))


def test_batch_with_a_waiting_apply(rpc):
    """Its answer waits for that of its slowest; later lines do not wait for it."""
    rpc.send([call(1, "apply", objects=[underlay()], wait=1), call(2, "info")])
    rpc.send(call(3, "info"))
    assert rpc.receive()["id"] == 3
    answers = rpc.receive()
    assert sorted(a["id"] for a in answers) == [1, 2]
    assert [a for a in answers if a["id"] == 1][0]["result"]["in_force"] is False


def test_a_batch_whose_answer_grows_over_a_line(socled):
    socled.config.write_text("[limits]\nline_bytes = 200000\n")
    with socled.start().connect() as rpc:
        rpc.apply(underlay(), network(), *[port(f"vm{i}", i) for i in range(200)])
        rpc.send([call(i, "get") for i in range(50)])
        answers = rpc.receive()
        assert "result" in answers[0] and answers[-1]["error"]["code"] == -32006
        assert [a["id"] for a in answers] == list(range(50))


def test_who_does_not_read_is_not_served_further_and_blocks_nobody(socled):
    socled.config.write_text("[limits]\nidle_seconds = 1\n")
    socled.start()
    with socled.connect() as steady, socled.connect() as deaf:
        steady.apply(underlay(), network(), *[port(f"vm{i}", i) for i in range(1000)])
        deaf.socket.settimeout(1)
        try:
            while True:
                deaf.send(call(1, "get"))
        except TimeoutError:
            pass  # the way to socled is full, since it takes no more
        except (BrokenPipeError, ConnectionResetError):
            pass  # its patience was over first
        assert memory(steady) < 100 << 20
        for i in range(50):
            steady.apply(network(mtu=1400 + i))
        deadline = time.monotonic() + 60
        while steady.call("info")["clients"] > 1:
            assert time.monotonic() < deadline, "it is still there"
            time.sleep(0.05)


def test_the_largest_hoarder_goes_when_memory_is_short(socled):
    socled.config.write_text("[limits]\nbuffered_bytes = 4194304\n")
    socled.start()
    with socled.connect() as steady, socled.connect() as small, socled.connect() as large:
        small.send_raw(b" " * 500000)
        try:
            large.send_raw(b" " * 8000000)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert large.receive()["error"]["code"] == -32006
        assert large.receive() is None
        small.send_raw(json.dumps(call(1, "info")).encode() + b"\n")
        assert "result" in small.receive()
        steady.call("info")


def test_a_flood_leaves_room_for_others(socled):
    """One client's pipeline never empties; another's requests are answered between them."""
    socled.start()
    stop = threading.Event()
    line = json.dumps({"jsonrpc": "2.0", "method": "schema"}).encode() + b"\n"

    def flood(rpc):
        while not stop.is_set():
            rpc.send_raw(line * 200)

    with socled.connect() as loud, socled.connect() as quiet:
        thread = threading.Thread(target=flood, args=[loud])
        thread.start()
        try:
            for i in range(200):
                quiet.apply(underlay(mtu=1400 + i))
        finally:
            stop.set()
            thread.join()


def test_apply_counts_and_diffs(rpc):
    first = rpc.apply(underlay(), network(), peer("node2", 2, [host(i) for i in range(2000)]))
    assert first["counts"] == {"added": 3, "updated": 0, "deleted": 0, "unchanged": 0} and first["revision"] == 1
    again = rpc.apply(underlay(), network())
    assert again["counts"] == {"added": 0, "updated": 0, "deleted": 0, "unchanged": 2} and again["revision"] == 1
    hosts = [host(i) for i in range(2000)]
    hosts.insert(1000, host(5000))
    changed = rpc.apply(network(flood=True), peer("node2", 2, hosts))
    diffs = {c["name"]: c["diff"] for c in changed["changes"]}
    assert diffs["blue"] == [{"pointer": "/spec/flood", "before": False, "after": True}]
    assert len(diffs["node2"]) == 1, "one host was put among thousands"
    assert diffs["node2"][0]["pointer"] == "/spec/networks/0/hosts/1000"
    assert diffs["node2"][0]["before"] is None and diffs["node2"][0]["after"]["mac_address"] == host(5000)["mac_address"]


def test_dry_run_changes_nothing(rpc):
    rpc.apply(underlay(), network())
    before = everything(rpc)
    plan = rpc.apply(network(flood=True), port("vm1", 1), dry_run=True)
    assert plan["dry_run"] is True and plan["counts"]["added"] == 1 and plan["counts"]["updated"] == 1
    assert rpc.call("delete", objects=[{"kind": "Network", "name": "blue"}], dry_run=True)["counts"]["deleted"] == 1
    assert everything(rpc) == before


def test_replace_makes_the_list_the_whole_truth_for_its_kinds(rpc):
    rpc.apply(underlay(), network(), port("vm1", 1), port("vm2", 2))
    answer = rpc.apply(port("vm2", 2), port("vm3", 3), replace=True)
    assert sorted((c["action"], c["name"]) for c in answer["changes"]) == [("add", "vm3"), ("delete", "vm1")]
    assert [o["name"] for o in rpc.call("get", kind="Port")["objects"]] == ["vm2", "vm3"]
    assert len(rpc.call("get", kind="Network")["objects"]) == 1


def test_if_revision_guards_against_lost_updates(rpc):
    rpc.apply(underlay(), network())                  # 1
    rpc.apply(network(mtu=1400))                      # 2
    error = rpc.error("apply", objects=[network(mtu=1300)], if_revision=1)
    assert error["code"] == -32002
    assert error["data"]["errors"][0]["name"] == "blue"
    assert rpc.call("get", kind="Network")["objects"][0]["spec"]["mtu"] == 1400
    rpc.apply(network(mtu=1300), if_revision=2)
    rpc.call("delete", objects=[{"kind": "Network", "name": "blue"}])
    assert rpc.error("apply", objects=[network()], if_revision=3)["code"] == -32002  # deleted since


def test_delete(rpc):
    rpc.apply(underlay(), network(), port("vm1", 1))
    before = everything(rpc)
    error = rpc.error("delete", objects=[{"kind": "Network", "name": "blue"}])
    assert error["code"] == -32004
    assert "vm1" in json.dumps(error["data"])
    assert rpc.error("delete", objects=[{"kind": "Port", "name": "vm9"}])["code"] == -32003
    assert everything(rpc) == before
    assert rpc.call("delete", objects=[{"kind": "Port", "name": "vm9"}], ignore_missing=True)["counts"]["deleted"] == 0
    answer = rpc.call("delete", objects=[{"kind": "Underlay", "name": "physnet0"}, {"kind": "Port", "name": "vm1"},
                                         {"kind": "Network", "name": "blue"}])
    assert answer["counts"]["deleted"] == 3
    assert rpc.call("get")["objects"] == []


def test_get(rpc):
    rpc.apply(underlay(), network())
    rpc.apply(port("vm1", 1), port("vm2", 2))
    assert [o["name"] for o in rpc.call("get", kind="Port")["objects"]] == ["vm1", "vm2"]
    one = rpc.call("get", kind="Port", name="vm2")["objects"]
    assert len(one) == 1 and one[0]["status"] == {"state": "pending"} and one[0]["revision"] == 2
    assert [o["name"] for o in rpc.call("get", revision=1)["objects"]] == ["vm1", "vm2"]


def test_schema_is_complete(rpc):
    schema = rpc.call("schema")
    assert {k["kind"] for k in schema["kinds"]} >= {"Underlay", "Network", "Port", "Peer"}
    methods = {m["name"]: m for m in schema["methods"]}
    assert set(methods) >= {"apply", "delete", "get", "watch", "unwatch", "schema", "info", "stats"}
    for method in methods.values():
        assert method["help"] and method["role"] in ("read", "operate", "admin")
        assert all(p["help"] and p["type"] for p in method["params"])

    def check(fields):
        for field in fields:
            assert field["name"] and field["type"] and field["help"], field
            check(field.get("fields", []))

    for kind in schema["kinds"]:
        assert kind["help"] and kind["write_role"] in ("operate", "admin")
        check(kind["fields"])
    assert [k["kind"] for k in rpc.call("schema", kind="Port")["kinds"]] == ["Port"]


def test_info(socled):
    socled.start()
    with socled.connect() as rpc:
        rpc.apply(underlay(), network())
        info = rpc.call("info")
    assert info["name"] == "socled" and info["pid"] == socled.process.pid and info["revision"] == 1
    assert info["objects"]["Network"] == 1 and info["objects"]["Port"] == 0
    assert info["store"]["path"] == str(socled.store) and info["store"]["bytes"] > 0
    assert info["clients"] == 1 and info["role"] == "admin"
    assert info["dataplane"]["state"] == "connecting" and info["dataplane"]["in_force_revision"] == 0


def test_start_and_stop(socled):
    """Directories and socket are made with the right modes; a clean stop removes the socket and answers what it was asked."""
    socled.start()
    assert socled.store.parent.stat().st_mode & 0o777 == 0o750
    assert socled.control.stat().st_mode & 0o777 == 0o660
    second = subprocess.run(socled.command(), capture_output=True, text=True, timeout=60)
    assert second.returncode == 1 and ("another" in second.stderr or "socled" in second.stderr)
    socled.alive()
    with socled.connect() as rpc:
        rpc.call("info")
        socled.process.send_signal(signal.SIGINT)
        assert rpc.receive() is None
    assert socled.process.wait(60) == 0
    assert not socled.control.exists()


def test_command_line_and_configuration(socled):
    def run(*words):
        return subprocess.run([str(SOCLED), *words], capture_output=True, text=True, timeout=60)

    assert "--control-socket" in run("--help").stdout and run("--help").returncode == 0
    assert run("--version").stdout.startswith("socled ")
    assert run("--nonsense").returncode == 2 and run("extra").returncode == 2
    assert run("-c", "/does/not/exist", "--check-config").returncode == 2
    assert run("--store", "relative/path", "--check-config").returncode == 2
    for text, word in [("[socled]\ncolour = red\n", "colour"), ("[limits]\nclients = many\n", "clients"),
                       ("[limits]\njson_depth = 99999\n", "1024"), ("[roles]\nking = root\n", "king"),
                       ("[roles]\nread = uid:x\n", "uid:x"), ("nonsense\n", ":1:"), ("[socled]\nlog_level = loud\n", "loud")]:
        socled.config.write_text(text)
        answer = run("-c", str(socled.config), "--check-config")
        assert answer.returncode == 2 and word in answer.stderr, text
    socled.config.write_text("# all right\n[socled]\nlog_level = debug\n[roles]\nadmin = root, @no-such-group\n")
    answer = run("-c", str(socled.config), "--check-config")
    assert answer.returncode == 0 and "no-such-group" in answer.stderr


def test_control_socket_left_behind_is_taken_over(socled):
    socled.start()
    socled.kill()
    assert socled.control.exists()
    socled.start()
    assert socled.alive()["pid"] == socled.process.pid != os.getpid()
