"""A whole node as it is shipped: our units under systemd, within their bounds; a profile, VFs and a guest through socled, over a
reboot and a kill; what the journal says of it."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest
from control import Control
from machine import NODES, PCI, command_line, driver, read, wait_for
from netns import run
from private_libvirt import Domains

SOCKET = "/run/socle/control.sock"
UNITS = ["socled.socket", "socled.service", "socle-dataplane.service"]
PROFILE = {"classes": {"housekeeping": {"cpus": "0-1,4-5"}, "dataplane": {"cpus": "2-3"}, "guests": {"dedicated": {"cpus": "6-7"}}},
           "hugepages": {"pages": [{"size": "2MiB", "count": 96, "node": 0}, {"size": "2MiB", "count": 48, "node": 1}]},
           "dataplane": {"memory": 128}, "memory": {"reserved": 512}, "isolation": {"partition": False}, "enforce": False}
ISOLATED = "2-3,6-7"


def objects(nic):
    return [
        {"kind": "HostProfile", "name": "node", "spec": PROFILE},
        {"kind": "SriovDevice", "name": "east", "spec": {
            "device": {"address": nic.address}, "numvfs": 2,
            "vfs": [{"first": 0, "mac_address": "52:54:00:00:00:01", "driver": "vfio-pci"}]}},
        {"kind": "Guest", "name": "db", "spec": {"domain": {"name": "db"}, "vcpus": {"policy": "dedicated"}, "near": {"node": 1}}},
    ]


class SystemLibvirt(Domains):
    def __init__(self, directory):
        self.uri, self.directory = "qemu:///system", directory
        self.run_directory = pathlib.Path("/run/libvirt/qemu")


class Node:
    def __init__(self):
        self.control = None

    def call(self, method, **params):
        """A new connection when the old one has gone with socled."""
        for attempt in range(2):
            try:
                self.control = self.control or Control(SOCKET)
                return self.control.call(method, **params)
            except OSError:
                self.control = None
                if attempt:
                    raise

    def status(self, kind, name):
        return self.call("get", kind=kind, name=name)["objects"][0]["status"]

    def until(self, kind, name, state, timeout=120):
        wait_for(lambda: self.status(kind, name)["state"] == state, f"{kind} {name} is {state}", timeout)
        return self.status(kind, name)

    def clear(self):
        names = [{"kind": o["kind"], "name": o["name"]} for o in self.call("get")["objects"]]
        if names:
            answer = self.call("delete", objects=names, wait=60)
            assert answer["in_force"], answer


def unit(name, what):
    return run("systemctl", "show", "--value", "--property", what, name).strip()


@pytest.fixture
def node():
    """Our units run, as shipped; afterwards nothing is wanted any more, and nothing of ours is in force."""
    pathlib.Path("/etc/default/socle-dataplane").write_text(
        'SOCLE_DATAPLANE_OPTIONS="--workers 1 --cpus 2 --memory 96 --mbufs 8192"\n')
    run("systemd-sysusers")
    run("systemd-tmpfiles", "--create", "socle.conf")
    run("systemctl", "enable", "--now", *UNITS)
    node = Node()
    wait_for(lambda: unit("socled.service", "ActiveState") == "active", "socled is ready")
    yield node
    node.clear()


@pytest.fixture
def libvirt(tmp_path):
    run("systemctl", "start", "libvirtd")
    libvirt = SystemLibvirt(tmp_path)
    wait_for(lambda: libvirt.virsh("list", check=False).returncode == 0, "libvirtd answers")
    yield libvirt
    libvirt.forget()


def test_units_are_within_bounds(node):
    for name in UNITS[1:]:
        exposure = float(re.search(r"exposure level for \S+: ([\d.]+)", run("systemd-analyze", "security", "--no-pager", name))[1])
        assert exposure < 4.0, (name, exposure)
        assert unit(name, "Type") == "notify" and int(unit(name, "WatchdogUSec").rstrip("s") or 0) > 0


def test_socled_is_started_by_its_socket(node):
    run("systemctl", "stop", "socled.service")
    assert unit("socled.socket", "ActiveState") == "active"
    assert node.call("info")["dataplane"]["state"] in ("connected", "connecting")
    assert unit("socled.service", "ActiveState") in ("active", "activating")
    wait_for(lambda: node.call("info")["dataplane"]["state"] == "connected", "the dataplane is connected")


def test_a_worker_that_hangs_is_ended_by_the_watchdog(node):
    pid = int(unit("socle-dataplane.service", "MainPID"))
    worker = next(t for t in pathlib.Path(f"/proc/{pid}/task").iterdir() if read(t / "comm").startswith("rte-worker"))
    # The thread alone is stopped by a tracer, as a bug would: the rest of the process goes on.
    stopper = subprocess.Popen(["/usr/bin/python3", "-c", f"""
import ctypes, os, signal, time
libc = ctypes.CDLL(None, use_errno=True)
PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
assert libc.ptrace(PTRACE_SEIZE, {worker.name}, 0, 0) == 0, ctypes.get_errno()
assert libc.ptrace(PTRACE_INTERRUPT, {worker.name}, 0, 0) == 0
time.sleep(120)
"""])
    try:
        wait_for(lambda: int(unit("socle-dataplane.service", "MainPID")) not in (0, pid), "it was ended and started anew", 100)
    finally:
        stopper.kill()
        stopper.wait()
    wait_for(lambda: node.call("info")["dataplane"]["state"] == "connected", "the dataplane is connected again")


@pytest.mark.boots(2)
def test_a_profile_vfs_and_a_guest_over_a_reboot(node, nics, libvirt, boot, artefacts, kept):
    nic = nics[1]
    if boot == 1:
        libvirt.define("db")
        libvirt.run("db")
        began = time.monotonic()
        answer = node.call("apply", objects=objects(nic), wait=60)
        (artefacts / "seconds").write_text(f"{time.monotonic() - began:.2f}\n")
        assert answer["in_force"] and not answer.get("failures"), answer
    profile = node.until("HostProfile", "node", "active")
    (artefacts / f"profile{boot}.json").write_text(json.dumps(profile, indent=1))
    assert [read(NODES / f"node{n}/hugepages/hugepages-2048kB/nr_hugepages") for n in (0, 1)] == ["96", "48"]
    assert read("/proc/irq/default_smp_affinity") == "33"

    device = node.until("SriovDevice", "east", "active")["devices"][0]
    functions = [(PCI / nic.address / f"virtfn{i}").resolve().name for i in range(2)]
    assert driver(functions[0]) == "vfio-pci" and device["sriov_count"] == 2
    assert "52:54:00:00:00:01" in run("ip", "link", "show", nic.interface)

    if boot == 1:
        node.until("Guest", "db", "active")
        assert libvirt.affinities("db")["CPU 0"] in ("6", "7")
        assert profile["reboot_required"] and any(r["knob"] == "kernel_command_line" for r in profile["reboot_reasons"])
        libvirt.forget = lambda: None  # it is needed after the reboot
        node.clear = lambda: None
        kept["done"] = True
        return
    assert kept["done"]
    assert any(a.startswith("isolcpus=") and a.endswith(ISOLATED) for a in command_line()), command_line()
    assert read("/sys/devices/system/cpu/isolated") == ISOLATED
    assert not profile["reboot_required"], profile["reboot_reasons"]
    libvirt.virsh("start", "--paused", "db")
    node.until("Guest", "db", "active")
    assert libvirt.affinities("db")["CPU 0"] in ("6", "7")


def test_put_back_as_it_was(node, nics):
    before = {path: read(path) for path in ("/proc/irq/default_smp_affinity", "/proc/sys/vm/stat_interval",
                                            "/sys/kernel/mm/transparent_hugepage/enabled", "/proc/sys/kernel/numa_balancing")}
    answer = node.call("apply", objects=objects(nics[1])[:2], wait=60)
    assert answer["in_force"] and not answer.get("failures"), answer
    node.clear()
    assert {path: read(path) for path in before} == before
    assert read(PCI / nics[1].address / "sriov_numvfs") == "0"
    assert not pathlib.Path("/etc/default/grub.d/50-socle.cfg").exists()
    assert not list(pathlib.Path("/var/lib/socle/tuner").glob("*.json"))


def test_drift_and_audit(node, nics):
    node.call("apply", objects=objects(nics[1])[:1], wait=60)
    node.until("HostProfile", "node", "active")
    began = time.monotonic()
    pathlib.Path("/proc/sys/vm/stat_interval").write_text("1")
    drift = node.until("HostProfile", "node", "drifted", 30)["drift"]
    assert [d["knob"] for d in drift] == ["stat_interval"], drift
    (seen := pathlib.Path(os.environ["SOCLE_LAB"]) / "drift-seconds").write_text(f"{time.monotonic() - began:.1f}\n")
    assert seen.exists()
    audit = json.loads(subprocess.run(["soclectl", "audit", "-o", "json"], capture_output=True, text=True, check=False).stdout)
    assert any(k["knob"] == "stat_interval" and k["state"] == "would_change" for k in audit["knobs"])


def test_killed_half_way(node, nics):
    before = read("/proc/irq/default_smp_affinity")
    for delay in (0.02, 0.1, 0.3):
        control = Control(SOCKET)
        control.socket.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "apply",
                                           "params": {"objects": objects(nics[1])[:2]}}).encode() + b"\n")
        time.sleep(delay)
        os.kill(int(unit("socled.service", "MainPID")), signal.SIGKILL)
        control.close()
        node.control = None
        wait_for(lambda: unit("socled.service", "ActiveState") == "active", "systemd has started it anew", 180)
        if node.call("get")["objects"]:
            node.until("HostProfile", "node", "active")
            node.until("SriovDevice", "east", "active")
            node.clear()
        assert read("/proc/irq/default_smp_affinity") == before
        assert read(PCI / nics[1].address / "sriov_numvfs") == "0"


def test_changes_are_in_the_journal_with_their_fields(node):
    node.call("apply", objects=[{"kind": "AddressGroup", "name": "audited", "spec": {"addresses": ["192.0.2.1"]}}])
    lines = run("journalctl", "-u", "socled", "SOCLE_AUDIT=1", "-o", "json", "--no-pager", "-n", "50").splitlines()
    entry = next(e for e in map(json.loads, reversed(lines)) if e.get("OBJECT") == "AddressGroup/audited")
    assert entry["WHO"] == "uid 0" and entry["METHOD"] == "apply" and entry["RESULT"] == "done" and int(entry["REVISION"]) > 0
