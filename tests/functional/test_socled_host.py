"""A HostProfile through socled, over a made-up host: planned, applied as a whole or not at all, watched, put back."""

import contextlib
import os
import signal
import subprocess
import time

import pytest

from host_tree import HostTree
from netns import wait_until
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
    def __init__(self, daemon, machine=lambda root: HostTree(root, "two-sockets"), libvirt_uri=""):
        self.daemon = daemon
        self.tree = machine(daemon.directory / "host")
        self.tree.put(**KNOBS)
        daemon.config.write_text(f"[tuner]\nroot = {self.tree.root}\nlibvirt_uri = {libvirt_uri}\n")

    def start(self):
        self.daemon.start()
        self.rpc = self.daemon.connect()
        return self

    def status(self, kind="HostProfile", name="node"):
        return self.rpc.call("get", kind=kind, name=name)["objects"][0]["status"]

    def delete(self, kind="HostProfile", name="node", **params):
        return self.rpc.call("delete", objects=[{"kind": kind, "name": name}], **params)

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


def test_a_refused_change_stays_an_error(host):
    """What was in force before stays so, but says nothing of the new wish."""
    host.rpc.apply(profile(), wait=30)
    host.rpc.apply(profile(classes={"dataplane": {"cores": 400}}), wait=30)
    until = time.monotonic() + 10
    while time.monotonic() < until:
        assert host.status()["state"] == "error" and "400" in host.status()["error"]
        time.sleep(0.2)
    assert host.tree.read("/proc/sys/vm/swappiness") == "10"
    host.rpc.apply(profile(), wait=30)
    assert host.status()["state"] == "active"


NO_DEVICE = {"kind": "SriovDevice", "name": "nic", "spec": {"device": {"address": "0000:fe:00.0"}, "numvfs": 2}}


def test_what_fails_does_not_concern_the_rest(host):
    """It is tried again by itself: what somebody has changed elsewhere is not written over for it."""
    host.rpc.apply(profile(), NO_DEVICE, wait=30)
    assert host.status("SriovDevice", "nic")["state"] in ("error", "waiting")
    host.tree.put(**{"/proc/sys/vm/swappiness": "99"})
    host.until("drift", lambda s: s["state"] == "drifted")
    until = time.monotonic() + 40
    while time.monotonic() < until:
        assert host.tree.read("/proc/sys/vm/swappiness") == "99" and host.status()["state"] == "drifted"
        time.sleep(0.5)
    host.delete("SriovDevice", "nic", wait=30)  # nor does a change of something else
    assert host.tree.read("/proc/sys/vm/swappiness") == "99"


@pytest.mark.skipif(os.geteuid() != 0, reason="the test mounts: needs root")
def test_drift_that_cannot_be_put_back_is_an_error_and_not_tried_all_the_time(host):
    host.rpc.apply(profile(enforce=True), wait=30)
    host.tree.put(**{"/proc/sys/vm/swappiness": "99"})
    with read_only(host.tree.path("/proc/sys/vm/swappiness")):
        host.until("cannot be put back", lambda s: s["state"] == "error")
        noted = host.daemon.log.read_text().count("swappiness")
        until = time.monotonic() + 10
        while time.monotonic() < until:
            status = host.status()
            assert status["state"] == "error" and "swappiness" in status["error"]
            time.sleep(0.2)
        assert noted == host.daemon.log.read_text().count("swappiness")
    host.until("put back", lambda s: s["state"] == "active")
    assert host.tree.read("/proc/sys/vm/swappiness") == "10"


@pytest.mark.skipif(os.geteuid() != 0, reason="the test mounts: needs root")
def test_what_cannot_be_put_back_is_told_and_tried_again(host):
    host.rpc.apply(profile(), wait=30)
    with read_only(host.tree.path("/proc/sys/vm/swappiness")):
        answer = host.delete(wait=30)
        assert "swappiness" in answer["failures"][0]["message"], answer
        (entry,) = host.rpc.call("info")["host"]["restoring"]
        assert entry["kind"] == "HostProfile" and "swappiness" in entry["words"]
        assert host.tree.read("/proc/sys/kernel/numa_balancing") == "1"  # the rest is
        assert host.journals()
    deadline = time.monotonic() + PATIENCE
    while "restoring" in host.rpc.call("info")["host"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert host.tree.read("/proc/sys/vm/swappiness") == "60" and host.journals() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="the test mounts: needs root")
def test_what_cannot_be_put_back_stays_to_be_done_after_a_restart(host):
    """A journal without its object is one to restore."""
    host.rpc.apply(profile(), wait=30)
    with read_only(host.tree.path("/proc/sys/vm/swappiness")):
        host.delete(wait=30)
        host.daemon.kill()
        host.start()
        wait_until(lambda: host.rpc.call("info")["host"]["state"] == "settled", PATIENCE, "the first pass")
        (entry,) = host.rpc.call("info")["host"]["restoring"]
        assert entry["kind"] == "HostProfile" and "swappiness" in entry["words"]
    wait_until(lambda: "restoring" not in host.rpc.call("info")["host"], PATIENCE, "put back")
    assert host.tree.read("/proc/sys/vm/swappiness") == "60" and host.journals() == []


def test_of_many_changes_the_newest_counts(host):
    """What is overtaken before it has begun is not begun, and nothing old is said of the newest."""
    for n in range(11, 61):
        memory = {**QUIET["memory"], "swappiness": n}
        host.rpc.apply(profile(memory=memory))
        assert host.status()["state"] in ("pending", "active")
    host.rpc.apply(profile(memory={**QUIET["memory"], "swappiness": 61}), wait=30)
    assert host.status()["state"] == "active" and host.tree.read("/proc/sys/vm/swappiness") == "61"
    host.delete(wait=30)
    assert host.tree.read("/proc/sys/vm/swappiness") == "60" and host.journals() == []


def new_interrupt(host, number):
    """As the kernel makes them: the directory is there with its files."""
    made = host.tree.root / f"made-{number}"
    made.mkdir()
    (made / "smp_affinity_list").write_text("0-7\n")
    made.rename(host.tree.path(f"/proc/irq/{number}"))


def test_a_new_interrupt_is_kept_off_too(host):
    host.rpc.apply(profile(), wait=30)
    wanted = host.status()["knobs"]["wanted"]
    new_interrupt(host, 26)
    host.until("one more", lambda s: s["knobs"]["wanted"] == wanted + 1 and s["state"] == "active")
    assert host.tree.read("/proc/irq/26/smp_affinity_list") == host.tree.read("/proc/irq/24/smp_affinity_list")
    # If somebody has changed something meanwhile, it is told, and nothing is written.
    host.tree.put(**{"/proc/sys/vm/swappiness": "99"})
    host.until("drift", lambda s: s["state"] == "drifted")
    new_interrupt(host, 27)
    status = host.until("another", lambda s: s["knobs"]["wanted"] == wanted + 2)
    assert {d["knob"] for d in host.until("both", lambda s: len(s["drift"]) == 2)["drift"]} == {"swappiness", "irq_affinity"}, status
    assert host.tree.read("/proc/irq/27/smp_affinity_list") == "0-7" and host.tree.read("/proc/sys/vm/swappiness") == "99"


def test_a_cpu_that_goes_makes_the_plan_anew(host):
    host.rpc.apply(profile(), wait=30)
    before = host.status()["plan"]["classes"]
    cpus = host.tree.read("/sys/devices/system/cpu/online")
    host.tree.put(**{"/sys/devices/system/cpu/cpu6/online": "0", "/sys/devices/system/cpu/online": "0-5"})
    status = host.until("another plan", lambda s: s.get("plan", {}).get("classes", before) != before)
    assert status["state"] == "active" and cpus == "0-6", status


def test_a_machine_that_is_too_small_now_is_an_error_until_it_is_not(host):
    """What was set stays, and is put back when the profile goes."""
    before = host.tree.snapshot()
    host.rpc.apply(profile(classes={"guests": {"dedicated": {"cores": 1}}}), wait=30)
    assert host.status()["state"] == "active", host.status()
    online = host.tree.read("/sys/devices/system/cpu/online")
    host.tree.put(**{"/sys/devices/system/cpu/online": "0,4"})
    status = host.until("too small", lambda s: s["state"] == "error")
    assert "/spec/classes/guests/dedicated/cores" in status["error"], status
    assert host.tree.read("/proc/sys/vm/swappiness") == "10"
    host.tree.put(**{"/sys/devices/system/cpu/online": online})
    host.until("large enough", lambda s: s["state"] == "active")
    host.delete(wait=30)
    assert host.tree.snapshot() == before and host.journals() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="the test mounts: needs root")
def test_what_comes_into_force_later_is_known_to_all(host):
    """Not only a pass makes a plan: isolated CPUs are known when a failed profile was tried again."""
    with read_only(host.tree.path("/proc/sys/vm/stat_interval")):
        host.rpc.apply(profile(classes={"guests": {"dedicated": {"cores": 1}}}), wait=30)
    host.until("tried again", lambda status: status["state"] == "active")
    assert "no CPU of this host is isolated" not in str(host.rpc.request("noise", seconds=1))


def test_a_dry_run_of_a_deletion_says_what_would_go_back(host):
    host.rpc.apply(profile(), wait=30)
    (entry,) = host.delete(dry_run=True)["host"]
    assert (entry["kind"], entry["plan"]["restored"]) == ("HostProfile", True)
    (swappiness,) = [k for k in entry["plan"]["knobs"] if k["knob"] == "swappiness"]
    assert (swappiness["found"], swappiness["wanted"]) == ("10", "60")
    assert host.tree.read("/proc/sys/vm/swappiness") == "10"


def test_without_libvirt_a_guest_says_so(host):
    guest = {"kind": "Guest", "name": "db", "spec": {"domain": {"name": "db"}}}
    answer = host.rpc.apply(profile(), guest, wait=30)
    assert "guests are not looked after here" in answer["failures"][0]["message"]
    assert host.status("Guest", "db")["state"] == "error"


def test_a_start_that_takes_its_time_is_seen_to_go_on(host):
    host.rpc.apply(profile(), NO_DEVICE, wait=30)
    host.daemon.stop()
    said = []
    receive = host.daemon.receive
    host.daemon.receive = lambda notify: said.append(receive(notify)) or said[-1]
    host.start()
    assert b"EXTEND_TIMEOUT_USEC=60000000" in said and b"READY=1" in said[-1]


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
