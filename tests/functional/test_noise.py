"""`noise` through socled and soclectl: who disturbs a pinned thread is found by name."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from cli_fixture import DEGRADED, OK, REFUSED, SOCLECTL, SOCLED, USAGE, Node
from socled_fixture import Rpc, directory, socled  # noqa: F401
from test_socled_roles import GROUP, UID, ask, codes, shared  # noqa: F401

pytestmark = pytest.mark.skipif(not (SOCLED.exists() and SOCLECTL.exists()),
                                reason="needs socled and soclectl (SOCLE_BUILD)")

CPU = max(os.sched_getaffinity(0))
A_LONG_WINDOW = {"jsonrpc": "2.0", "id": 1, "method": "noise", "params": {"cpus": str(CPU), "seconds": 3600}}
INVALID_PARAMS, INTERNAL, PERMISSION, LIMIT = -32602, -32603, -32001, -32006


@pytest.fixture(scope="module")
def node():
    node = Node().start()
    try:
        with Rpc(node.socket) as rpc:
            error = rpc.request("noise", cpus=str(CPU), seconds=1).get("error")
        if error and error["code"] in (INTERNAL, PERMISSION):
            pytest.skip(f"noise cannot be counted here: {error['message']}")
        assert not error
        yield node
    finally:
        node.stop()


class Pinned:
    """A process of this name on CPU, which works and sleeps so many milliseconds."""

    def __init__(self, name, work_ms, sleep_ms):
        self.process = subprocess.Popen([sys.executable, "-c", f"""
import os, time
os.sched_setaffinity(0, [{CPU}])
open("/proc/self/comm", "w").write("{name}")
print("here", flush=True)
while True:
    until = time.process_time() + {work_ms} / 1000
    while time.process_time() < until:
        pass
    time.sleep({sleep_ms} / 1000)
"""], stdout=subprocess.PIPE)
        self.pid = self.process.pid

    def __enter__(self):
        assert self.process.stdout.readline() == b"here\n"
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def bpf_programs(node):
    """How many of them socled holds."""
    count = 0
    for link in os.scandir(f"/proc/{node.socled.pid}/fd"):
        try:
            count += "bpf-prog" in os.readlink(link.path)
        except FileNotFoundError:
            pass
    return count


def wait_for(condition):
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "it does not come about"
        time.sleep(0.05)


def test_the_disturber_is_found(node):
    with Pinned("noise-owner", 1000, 0) as owner, Pinned("noise-maker", 1, 5) as maker:
        done = node.ctl("noise", "--cpus", CPU, "-d", 2, "-n", 10000, "-o", "json")
        assert done.status == OK, done
        answer = done.json()
        assert answer["cpus"] == str(CPU) and 2e9 <= answer["window_ns"]
        sources = {(s["kind"], s["id"], s["who"]): s for s in answer["sources"]}
        assert all(s["cpu"] == CPU for s in answer["sources"]) and len(sources) > 1
        found = sources["task", maker.pid, "noise-maker"]
        assert found["count"] >= 5 and found["total_ns"] >= found["longest_ns"] > 0
        assert abs(found["share"] - found["total_ns"] / answer["window_ns"]) < 1e-9
        # Others may have been pinned here, and be the owner if they ran more than ours.
        assert len(answer["owners"]) == 1
        if answer["owners"][0]["pid"] == owner.pid:
            assert answer["owners"][0]["who"] == "noise-owner" and ("task", owner.pid, "noise-owner") not in sources
        else:
            assert answer["owners"][0]["ran_ns"] >= sources["task", owner.pid, "noise-owner"]["total_ns"]
        assert any(kind != "task" for kind, _, _ in sources), "a timer, an interrupt or a softirq there was"
        assert sum(b["count"] for b in answer["histogram"]) > 0
        assert answer["cost"]["events"] > 0 and answer["source_count"] == len(answer["sources"])


def test_for_people(node):
    with Pinned("noise-owner", 1000, 0), Pinned("noise-maker", 1, 5) as maker:
        done = node.ctl("noise", "--cpus", CPU, "-d", 1, "-n", 1000, "--limit", 1)
        assert done.status == DEGRADED, done
        for words in ("CPU KIND", "LONGEST", "SHARE", f"noise-maker ({maker.pid})", "FROM COUNT",
                      f"CPU {CPU} is owned by", "not isolated: CPU", "µs at the longest", "counting took"):
            assert words in done.out, done
        assert "of" in done.out and "sources; --top shows more" in node.ctl("noise", "-c", CPU, "-d", 1, "-n", 1).out


def test_check_passes_with_patience(node):
    done = node.ctl("noise", "--cpus", CPU, "-d", 1, "--limit", 10_000_000, "-o", "json")
    answer = done.json()
    assert answer["proven"] == (answer["missed"] == 0) and done.status == (OK if answer["proven"] else DEGRADED), done
    assert ("nothing took longer than" if answer["proven"] else "charged to nobody") in answer["verdict"], done


def test_isolated(node):
    isolated = open("/sys/devices/system/cpu/isolated", encoding="ascii").read().strip()
    done = node.ctl("noise", "-d", 1, "-o", "json")
    if isolated:
        assert done.status == OK, done
    elif done.status != OK:  # there may be partitions
        assert done.status == REFUSED and "no CPU of this host is isolated" in done.err and "2-5" in done.err, done


@pytest.mark.parametrize("cpus, words", [
    ("1,,", "is no list of CPUs"), ("", "there is no CPU to look at"), ("all", "is no list of CPUs"),
    ("8191", "this host has no CPU 8191 online"), ("99999", "no host has as many CPUs"),
])
def test_wrong_cpus(node, cpus, words):
    with Rpc(node.socket) as rpc:
        error = rpc.request("noise", cpus=cpus, seconds=1)["error"]
    assert error["code"] == INVALID_PARAMS and words in error["message"], error
    assert error["message"].startswith("/cpus: "), error


def test_wrong_numbers(node):
    for option, value in (("-d", 0), ("-d", 3601), ("-n", 0), ("--limit", "x")):
        done = node.ctl("noise", option, value)
        assert done.status == USAGE and "would be right" in done.err, done
    with Rpc(node.socket) as rpc:
        for params in ({"seconds": 3601}, {"seconds": 0}, {"top": 0}, {"cpus": 1}, {"limit_us": -1}):
            assert rpc.request("noise", **params)["error"]["code"] == INVALID_PARAMS, params


def test_windows_end_with_their_clients(node):
    clients = [Rpc(node.socket) for _ in range(4)]
    for client in clients:
        client.send(A_LONG_WINDOW)
    with Rpc(node.socket) as rpc:
        assert rpc.call("info"), "nobody waits meanwhile"
        error = rpc.request("noise", cpus=str(CPU), seconds=1)["error"]
        assert error["code"] == LIMIT and "four times" in error["message"], error
        wait_for(lambda: bpf_programs(node) >= 4 * 10)
        for client in clients:
            client.close()
        wait_for(lambda: bpf_programs(node) == 0)
        assert rpc.request("noise", cpus=str(CPU), seconds=1)["result"]["cost"]["events"] > 0
        assert bpf_programs(node) == 0


def test_client_that_leaves_at_once(node):
    for _ in range(5):
        with Rpc(node.socket) as rpc:
            rpc.send(A_LONG_WINDOW)
    wait_for(lambda: bpf_programs(node) == 0)
    with Rpc(node.socket) as rpc:
        assert rpc.call("info")


@pytest.mark.parametrize("role, code", [("read", PERMISSION), ("operate", INVALID_PARAMS)])
def test_who_may(shared, role, code):  # noqa: F811
    assert codes(ask(shared(f"{role} = uid:{UID}\n"), ("noise", {"cpus": "none"}), groups=[GROUP])) == [code]


def test_socled_ends_in_the_middle():
    node = Node().start()
    try:
        with Rpc(node.socket) as rpc:
            rpc.send(A_LONG_WINDOW)
            rpc.send({"jsonrpc": "2.0", "id": 2, "method": "info", "params": {}})
            assert rpc.receive()["id"] == 2
            node.kill(signal.SIGTERM)
        assert node.socled.returncode == 0, json.dumps((node.dir / "socled.log").read_text())
    finally:
        node.stop()
