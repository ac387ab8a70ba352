"""An idle node: its workers sleep, and wake for the first packet. What it costs is printed, not judged."""

import os
import time

import pytest

import intent

pytestmark = pytest.mark.netns

MAC = [intent.mac(i) for i in range(10)]


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def worker_times(node):
    return [(w["sleep_ns"], w["busy_ns"] + w["poll_ns"] + w["sleep_ns"]) for w in node.call("stats")["workers"]]


def test_idle_node_sleeps(one_node, lab):
    guests = [lab.guest(f"g{i}", MAC[i], [f"10.0.0.{i}"]) for i in (1, 2)]
    one_node.apply(intent.network("blue", vni=1), *(g.port("blue") for g in guests))
    for guest in guests:
        guest.up(silent=True)
    guests[0].reaches("10.0.0.2")
    time.sleep(1)
    before, cpu, start = worker_times(one_node), cpu_seconds(one_node.dataplane.pid), time.monotonic()
    time.sleep(3)
    after, elapsed = worker_times(one_node), time.monotonic() - start
    used = 100 * (cpu_seconds(one_node.dataplane.pid) - cpu) / elapsed
    print(f"idle dataplane: {used:.1f} % of a core")
    assert all(b[0] > a[0] for a, b in zip(before, after)), "a worker did not sleep at all"

    _, out = guests[0].ping("10.0.0.2", count=20, interval=0.1)
    print("pings into the sleep:", out.strip().splitlines()[-1])
    guests[0].reaches("10.0.0.2", count=20, interval=0.1)
