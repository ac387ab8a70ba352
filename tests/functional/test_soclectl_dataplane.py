"""soclectl's commands that look into the dataplane, against a real socled and a scripted dataplane: what is asked of it,
what is made of its answers, and what it does when it fails."""

import re

import pytest

from cli_fixture import BUILD, DEGRADED, OK, REFUSED, SOCLECTL, SOCLED, USAGE, Node, run_on_terminal
from socled_dataplane import FakeDataplane

pytestmark = pytest.mark.skipif(not (SOCLED.exists() and SOCLECTL.exists()),
                                reason=f"needs socled and soclectl in {BUILD} (SOCLE_BUILD)")

WORLD = """\
- {kind: Underlay, name: physnet0, spec: {device: {af_packet: {interface: eth-none}}, vtep_ipv4: 192.0.2.1/24}}
- {kind: Network, name: blue, spec: {underlay: physnet0, vni: 100}}
- {kind: Port, name: vm1, spec: {network: blue, mac_address: fa:16:3e:00:00:01, fixed_ips: [10.0.0.1, fd00::1],
                                 attachment: {tap: {name: vm1}}}}
- {kind: Port, name: vm2, spec: {network: blue, mac_address: fa:16:3e:00:00:02, fixed_ips: [10.0.0.2, fd00::2],
                                 attachment: {tap: {name: vm2}}}}
- {kind: Peer, name: node2, spec: {underlay: physnet0, vtep: 192.0.2.2, networks: [
   {network: blue, hosts: [{mac_address: fa:16:3e:00:00:03, ip_addresses: [10.0.0.3, fd00::3]}]}]}}
"""


@pytest.fixture(scope="module")
def shared():
    node = Node()
    with FakeDataplane(node.dir / "dataplane.sock") as dataplane:
        node.fake = dataplane
        node.start().apply(WORLD)
        yield node
        node.stop()


@pytest.fixture
def node(shared):
    shared.fake.reset()
    shared.fake.wait_for(lambda d: d.connected)
    return shared


# ---- perf, and the session table in the other screens ----

def growing(*steps):
    """Answers the next step each time it is called, the last one for ever."""
    left = list(steps)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def test_perf(node):
    node.fake.workers = growing([(0, 1000), (1, 0)], [(0, 2000), (1, 1000)])
    node.fake.nodes = growing(
        [(0, "rx", 100, 1000, 50000, 30000), (0, "session", 7, 7, 7, 0), (1, "rx", 0, 0, 0, 0), (0, "idle", 5, 0, 9, 0)],
        [(0, "rx", 200, 2000, 150000, 90000), (0, "session", 107, 1007, 40007, 0), (1, "rx", 10, 1000, 20000, 15000),
         (0, "idle", 5, 0, 9, 0)])
    node.fake.session_stats = ([1 << 20, 1 << 18], [0] * 6 + [1 << 28, 2 * 10**9], {})
    perf = node.ctl("perf", "-d", "0.2", "-o", "json").json()
    total = perf["total"]
    assert [n["name"] for n in total["nodes"]] == ["rx", "session"], "the costliest first; not what was not called"
    assert total["cycles_per_packet"] == (100000 + 20000 + 40000) / 2000 and total["worker"] is None
    assert total["io_cycles_per_packet"] == 75000 / 2000
    assert total["outside_io_cycles_per_packet"] == 85000 / 2000
    assert total["nodes"][0]["cycles_per_packet"] == 120000 / 2000 and total["nodes"][0]["packets_per_call"] == 2000 / 110
    assert [w["worker"] for w in perf["workers"]] == [0, 1]
    assert perf["workers"][1]["outside_io_cycles_per_packet"] == 5 and perf["sessions"]["live"] == 1 << 18


def test_perf_for_people(node):
    node.fake.workers = growing([(0, 0), (1, 0)], [(0, 1000), (1, 1000)])
    node.fake.nodes = growing([(0, "rx", 0, 0, 0, 0), (1, "rx", 0, 0, 0, 0)],
                              [(0, "rx", 10, 1000, 50000, 30000), (1, "rx", 10, 1000, 30000, 20000)])
    node.fake.session_stats = ([1000, 950], [0] * 6 + [1 << 28, 2 * 10**9], {})
    done = node.ctl("perf", "-d", "0.2", "--by-worker")
    assert done.status == OK and re.search(r"^rx +\S+ +\S+ +100\.0 +40\.0 +25\.0 +15\.0$", done.out, re.M), done
    assert re.search(r"^total +- +\S+ +- +40\.0 +25\.0 +15\.0$", done.out, re.M) and "2.00 GHz" in done.out
    assert "sessions   950 of 1000 (95.0 %), 256 MiB" in done.out
    assert "worker 0\n" in done.out and re.search(r"^rx .*10\.0$", done.out.split("worker 1\n")[1], re.M)
    idle = node.ctl("perf", "-d", "0.2")
    assert re.search(r"^total +- +0 +- +- +- +-$", idle.out, re.M), "nothing to divide by: no number is made up"


def test_perf_after_a_restart_of_the_dataplane(node):
    node.fake.workers = growing([(0, 10**6)], [(0, 10)])
    node.fake.nodes = growing([(0, "rx", 10**6, 10**6, 10**9, 10**8)], [(0, "rx", 10, 10, 500, 100)])
    total = node.ctl("perf", "-d", "0.2", "-o", "json").json()["total"]
    assert total["cycles_per_packet"] == 50 and total["outside_io_cycles_per_packet"] == 40


def test_perf_watch_on_a_terminal_ends_with_q(node):
    node.fake.workers = [(0, 0)]
    done = run_on_terminal("--socket", node.socket, "perf", "--watch", "-d", "0.1", keys=b"q", until=b"q quits")
    assert done.status == OK and done.out.startswith("\x1b[?1049h") and done.out.endswith("\x1b[?1049l")


def test_the_session_table_in_stats_status_and_top(node):
    node.fake.session_stats = ([1000, 12], [20, 5, 1, 1, 1, 0, 1 << 20, 10**9], {"udp": 3, "tcp_established": 9})
    words = "sessions   12 of 1000 (1.2 %), 1.00 MiB; 3 udp, 9 tcp_established\n"
    totals = "  since the dataplane's start: 20 created, 5 expired, 1 evicted, 1 cut, 1 killed, 0 reevaluated\n"
    assert words + totals in node.ctl("stats").out and words in node.ctl("status").out
    assert "12 of 1000 (1.2 %), 1.00 MiB; per second: 0 created" in node.ctl("top", "--once", "-d", "0.1").out
    node.fake.session_stats = None
    assert "sessions" not in node.ctl("stats").out + node.ctl("status").out
