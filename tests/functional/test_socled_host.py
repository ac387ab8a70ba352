"""A HostProfile through socled, over a made-up host: planned, applied as a whole or not at all, watched, put back."""

import contextlib
import os
import signal
import subprocess
import time

import pytest

from host_tree import HostTree
from socled_fixture import PATIENCE, Socled, directory, socled  # noqa: F401

IRQS = {f"/proc/irq/{n}/smp_affinity_list": "0-7" for n in (24, 25)}
KNOBS = {"/proc/irq/default_smp_affinity": "ff", "/proc/sys/kernel/numa_balancing": "1", "/proc/sys/vm/stat_interval": "1",
         "/proc/sys/kernel/nmi_watchdog": "1", "/proc/sys/vm/swappiness": "60", **IRQS}
QUIET = {"isolation": {"partition": False, "boot": False}, "memory": {"transparent_hugepages": "keep", "ksm": "keep", "swappiness": 10,
                                                                    "numa_balancing": "off"},
         "power": {"governor": "keep", "energy_performance_preference": "keep"}, "kernel": {"iommu": "keep", "stat_interval": 10, "nmi_watchdog": "off"},
         "hugepages": {"pages": [{"size": "2MiB", "count": 8}]}}


def profile(**spec):
    return {"kind": "HostProfile", "name": "node", "spec": {**QUIET, **spec}}


class Host:
    def __init__(self, daemon):
        self.daemon = daemon
        self.tree = HostTree(daemon.directory / "host", "two-sockets")
        self.tree.put(**KNOBS)
        daemon.config.write_text(f"[tuner]\nroot = {self.tree.root}\nlibvirt_uri =\n")

    def start(self):
        self.daemon.start()
        self.rpc = self.daemon.connect()
        return self

    def status(self):
        return self.rpc.call("get", kind="HostProfile", name="node")["objects"][0]["status"]

    def until(self, what, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition(self.status()):
            assert time.monotonic() < deadline, (what, self.status())
            time.sleep(0.05)
        return self.status()

    def journals(self):
        return sorted(p.name for p in (self.daemon.store.parent / "tuner").glob("*"))


@pytest.fixture
def host(socled):  # noqa: F811
    return Host(socled).start()


def test_applied_read_back_and_put_back(host):
    before = host.tree.snapshot()
    answer = host.rpc.apply(profile(), wait=30)
    assert answer["in_force"] and "failures" not in answer, answer
    status = host.status()
    assert status["state"] == "active" and status["drift"] == [] and status["knobs"]["wanted"] > 5
    assert host.tree.read("/proc/sys/vm/swappiness") == "10" and host.tree.read("/proc/sys/kernel/numa_balancing") == "0"
    housekeeping = status["plan"]["classes"]["housekeeping"]
    assert all(host.tree.read(path) == housekeeping for path in IRQS), housekeeping
    assert host.journals()

    written = host.tree.snapshot()
    again = host.rpc.apply(profile(), wait=30)
    assert again["counts"]["unchanged"] == 1 and host.tree.snapshot() == written

    host.rpc.call("delete", objects=[{"kind": "HostProfile", "name": "node"}], wait=30)
    assert host.tree.snapshot() == before and host.journals() == []


def test_a_dry_run_says_what_and_why_and_changes_nothing(host):
    before = host.tree.snapshot()
    answer = host.rpc.apply(profile(), dry_run=True)
    (entry,) = answer["host"]
    knobs = {(k["knob"], k["target"]): k for k in entry["plan"]["knobs"]}
    swappiness = next(k for (name, _), k in knobs.items() if name == "swappiness")
    assert (swappiness["found"], swappiness["wanted"], swappiness["state"]) == ("60", "10", "would_change") and swappiness["why"]
    assert host.tree.snapshot() == before and host.journals() == [] and host.rpc.call("get")["objects"] == []


def test_an_impossible_wish_is_an_error_that_says_what_would_do(host):
    before = host.tree.snapshot()
    answer = host.rpc.apply(profile(classes={"dataplane": {"cores": 400}}), wait=30)
    message = answer["failures"][0]["message"]
    assert "/spec/classes/dataplane/cores" in message and "400" in message, message
    assert host.status()["state"] == "error" and host.tree.snapshot() == before


@contextlib.contextmanager
def read_only(path):
    """As root one may write everything, but not where a read-only mount is."""
    subprocess.run(["mount", "--bind", path, path], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", path], check=True)
        yield
    finally:
        subprocess.run(["umount", path], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="the test mounts: needs root")
def test_one_knob_that_cannot_be_set_undoes_all(host):
    before = host.tree.snapshot()
    with read_only(host.tree.path("/proc/sys/vm/stat_interval")):
        answer = host.rpc.apply(profile(), wait=30)
        message = answer["failures"][0]["message"]
        assert "stat_interval" in message and "10" in message and "Read-only file system" in message, message
        assert host.tree.snapshot() == before
    # it is tried again, and then all is well
    host.until("tried again", lambda status: status["state"] == "active")


def test_drift_is_seen_and_put_back_if_so_asked(host):
    host.rpc.apply(profile(), wait=30)
    host.tree.put(**{"/proc/sys/vm/swappiness": "99"})
    began = time.monotonic()
    status = host.until("drift", lambda s: s["state"] == "drifted")
    assert time.monotonic() - began < PATIENCE
    (drift,) = status["drift"]
    assert (drift["knob"], drift["found"], drift["wanted"]) == ("swappiness", "99", "10")
    assert host.tree.read("/proc/sys/vm/swappiness") == "99"
    audit = host.rpc.call("audit")
    assert [k["found"] for k in audit["knobs"] if k["knob"] == "swappiness"] == ["99"]

    host.rpc.apply(profile(enforce=True), wait=30)
    assert host.tree.read("/proc/sys/vm/swappiness") == "10"
    host.tree.put(**{"/proc/sys/vm/swappiness": "98"})
    host.until("put back", lambda s: s["enforced"] >= 1 and s["state"] == "active")
    assert host.tree.read("/proc/sys/vm/swappiness") == "10"


def test_what_a_changed_profile_asks_no_more_goes_back(host):
    host.rpc.apply(profile(), wait=30)
    less = profile()
    less["spec"]["memory"] = {k: v for k, v in QUIET["memory"].items() if k != "swappiness"}
    host.rpc.apply(less, wait=30)
    assert host.tree.read("/proc/sys/vm/swappiness") == "60" and host.tree.read("/proc/sys/kernel/numa_balancing") == "0"


def test_killed_and_started_anew_it_goes_on(host):
    before = host.tree.snapshot()
    host.rpc.apply(profile(), wait=30)
    written = host.tree.snapshot()
    host.daemon.kill()
    host.start()
    host.until("in force again", lambda s: s["state"] == "active")
    assert host.tree.snapshot() == written
    host.rpc.call("delete", objects=[{"kind": "HostProfile", "name": "node"}], wait=30)
    assert host.tree.snapshot() == before


def test_killed_at_many_points_of_an_apply_nothing_half_done_stays(host):
    before = host.tree.snapshot()
    for delay_ms in range(0, 24, 3):
        host.rpc.send({"jsonrpc": "2.0", "id": 1, "method": "apply", "params": {"objects": [profile()]}})
        time.sleep(delay_ms / 1000)
        os.kill(host.daemon.process.pid, signal.SIGKILL)
        host.daemon.process.wait()
        host.start()
        if host.rpc.call("get")["objects"]:
            host.until("in force", lambda s: s["state"] == "active")
            host.rpc.call("delete", objects=[{"kind": "HostProfile", "name": "node"}], wait=30)
        assert host.tree.snapshot() == before and host.journals() == [], delay_ms


def test_the_topology_has_classes_and_its_nodes(host):
    host.rpc.apply(profile(), wait=30)
    topology = host.rpc.call("topology")
    assert [n["number"] for n in topology["nodes"]] == [0, 2, 4] and topology["classes"]["housekeeping"]


def test_without_the_tuner_the_host_is_left_alone(socled):  # noqa: F811
    socled.config.write_text("[tuner]\nenabled = no\n")
    socled.start()
    with socled.connect() as rpc:
        assert rpc.error("audit")["code"] == -32011
        rpc.apply(profile())
        assert "host" not in rpc.call("info")
