"""A HostProfile's isolation, proven by the real kernel: what is pinned to the isolated CPU and is no guest is found, and told
in status, audit and metrics; and when nothing can be told, that is said."""

import os
import time

import pytest

from host_tree import two_cpus
from socled_fixture import PATIENCE, Socled, directory, socled  # noqa: F401
from test_noise import Pinned
from test_metrics import fetch, free_port
from test_socled_host import Host, profile

CPU = 1
pytestmark = pytest.mark.skipif(os.sched_getaffinity(0) < {0, CPU}, reason="the test needs CPUs 0 and 1")


def isolating(seconds=1, limit=100, every=0, **spec):
    return profile(classes={}, hugepages={}, **spec) | {"spec": profile(hugepages={}, **spec)["spec"] | {
        "isolation": {"partition": False, "boot": False, "cpus": str(CPU),
                      "check": {"seconds": seconds, "limit": limit, "every": every}}}}


@pytest.fixture
def host(socled):  # noqa: F811
    host = Host(socled, machine=two_cpus)
    host.port = free_port()
    with host.daemon.config.open("a") as config:
        config.write(f"[metrics]\nlisten = 127.0.0.1:{host.port}\n")
    host.start()
    error = host.rpc.request("noise", cpus=str(CPU), seconds=1).get("error")
    if error:
        pytest.skip(f"noise cannot be counted here: {error['message']}")
    return host


def isolation(host, condition=lambda isolation: True):
    return host.until("looked at", lambda s: "isolation" in s and condition(s["isolation"]))["isolation"]


def test_who_disturbs_an_isolated_cpu_disproves_it(host):
    with Pinned("noise-maker", 20, 5):
        host.rpc.apply(isolating(), wait=30)
        found = isolation(host)
    assert found["cpus"] == str(CPU) and found["proven"] is False, found
    assert found["limit_us"] == 100 and found["seconds"] == 1 and found["at"].endswith("Z")
    assert 1 <= len(found["worst"]) <= 5 and any(s["who"] == "noise-maker" for s in found["worst"]), found
    assert [s["longest_ns"] for s in found["worst"]] == sorted((s["longest_ns"] for s in found["worst"]), reverse=True)
    assert "noise-maker" in found["verdict"] and isinstance(found["not_seen"], list)
    (finding,) = [f for f in host.rpc.call("audit")["findings"] if f["rule"] == "isolation-noise"]
    assert finding["severity"] == "warning" and finding["subject"] == f"CPUs {CPU}" and "noise-maker" in finding["text"]
    assert 'socle_host_isolation_proven{profile="node"} 0' in fetch(host.port)[0]


def test_what_is_below_the_limit_proves_it(host):
    host.rpc.apply(isolating(limit=10_000_000), wait=30)
    found = isolation(host)
    assert found["proven"] == ("charged to nobody" not in found["verdict"]), found
    if found["proven"]:
        assert "nothing took longer than" in found["verdict"]
        assert 'socle_host_isolation_proven{profile="node"} 1' in fetch(host.port)[0]
        assert "isolation-noise" not in str(host.rpc.call("audit"))
    # The status keeps it through every look, and a profile that does not ask for it has none.
    time.sleep(5)
    assert host.status()["isolation"] == found
    host.rpc.apply(isolating(seconds=0), wait=30)
    host.until("not looked at", lambda s: "isolation" not in s and s["state"] == "active")


def test_guests_own_their_cpus(host):
    """A thread of a process of that name, pinned there: as QEMU's are."""
    with Pinned("qemu-system-x86", 20, 5) as guest:
        host.rpc.apply(isolating(), wait=30)
        found = isolation(host)
    assert all(s["id"] != guest.pid for s in found["worst"] if s["kind"] == "task"), found


def test_again_and_again_and_after_a_change(host):
    host.rpc.apply(isolating(every=3), wait=30)
    first = isolation(host)
    with Pinned("noise-maker", 20, 5):
        isolation(host, lambda i: "noise-maker" in i["verdict"])
    assert isolation(host, lambda i: "noise-maker" not in i["verdict"])["at"] > first["at"]
    host.rpc.apply(isolating(), wait=30)
    with Pinned("noise-maker", 20, 5):
        more = isolating()
        more["spec"]["memory"] = {**more["spec"]["memory"], "swappiness": 11}
        host.rpc.apply(more, wait=30)
        isolation(host, lambda i: "noise-maker" in i["verdict"])


def test_what_cannot_be_told_is_null(host):
    spec = isolating()
    spec["spec"]["isolation"]["cpus"] = "0-1"
    answer = host.rpc.apply(spec, wait=30)
    if "failures" in answer:  # the CPU that boots is not to be isolated, or nothing would be left
        assert host.status()["state"] == "error"
    # Isolation that comes with the next boot only.
    host.tree.put(**{"/etc/default/grub": "GRUB_CMDLINE_LINUX=quiet", "/proc/cmdline": "root=/dev/vda"})
    spec = isolating()
    spec["spec"]["isolation"]["boot"] = True
    answer = host.rpc.apply(spec, wait=30)
    status = host.status()
    if "failures" in answer or not status["reboot_required"]:
        pytest.skip(f"no boot loader in this tree: {status}")
    found = isolation(host)
    assert found["proven"] is None and "booted" in found["verdict"]
    assert "socle_host_isolation_proven{" not in fetch(host.port)[0]


def test_socled_ends_in_the_middle(host):
    host.rpc.apply(isolating(seconds=3600), wait=30)
    time.sleep(1)
    began = time.monotonic()
    host.daemon.stop()
    assert time.monotonic() - began < PATIENCE / 2
