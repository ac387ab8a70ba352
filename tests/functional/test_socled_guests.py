"""Guests through socled and a real libvirtd, on a made-up host: what others do to them, restores that must wait, dry runs,
audit and topology with guests in them, and a guest's interface on the dataplane."""

import contextlib
import itertools
import os
import threading
import time

import pytest

from cli_fixture import DATAPLANE, DEGRADED, OK, run
from host_tree import HostTree, two_cpus
from libvirt_fixture import daemon, libvirt  # noqa: F401
from netns import wait_until
from socled_fixture import PATIENCE, Socled, directory, socled  # noqa: F401
from test_guest_libvirt import NOVA, hung
from test_socled_host import Host, profile

pytestmark = [pytest.mark.libvirt, pytest.mark.skipif(os.sched_getaffinity(0) < {0, 1}, reason="the test needs CPUs 0 and 1")]


class Guests(Host):
    def guest(self, name="g"):
        return self.status("Guest", name)

    def guest_until(self, what, condition, name="g", patience=PATIENCE):
        deadline = time.monotonic() + patience
        while not condition(self.guest(name)):
            assert time.monotonic() < deadline, (what, self.guest(name))
            time.sleep(0.05)
        return self.guest(name)

    def ctl(self, *arguments):
        return run(*arguments, env={"SOCLE_SOCKET": str(self.daemon.control)})


@pytest.fixture
def host(socled, libvirt):  # noqa: F811
    """Housekeeping has CPU 0, shared vCPUs have CPU 1."""
    return Guests(socled, two_cpus, libvirt.uri).start()


@pytest.fixture
def large(socled, libvirt):  # noqa: F811
    """More CPUs than there are: for domains that do not run."""
    return Guests(socled, lambda root: HostTree(root, "two-sockets"), libvirt.uri).start()


def small(**spec):
    return profile(hugepages={}, **spec)


def wish(name="g", domain="d", **spec):
    return {"kind": "Guest", "name": name, "spec": {"domain": {"name": domain}, "vcpus": {"policy": "shared"}, **spec}}


PLACED = {"CPU 0": "1", "CPU 1": "1", "qemu": "0", "iothread": "0"}


def placed(host, libvirt, **spec):
    libvirt.define("d")
    libvirt.run("d")
    host.rpc.apply(small(**spec), wish(), wait=30)
    host.guest_until("placed", lambda s: s["state"] == "active")
    assert libvirt.affinities("d") == PLACED


def test_what_others_pin_is_told_and_left(host, libvirt):
    placed(host, libvirt)
    libvirt.virsh("vcpupin", "d", "0", "0", "--live")
    status = host.guest_until("drift", lambda s: s["state"] == "drifted", patience=20)
    assert status["domains"][0]["drift"] == [{"scope": "live", "what": "vCPU 0", "from": "0", "to": "1"}]
    # Neither looking nor a change of something else puts it back.
    host.rpc.apply(small(), wish(), wish("other", "nobody"), wait=30)
    time.sleep(6)
    assert libvirt.affinities("d")["CPU 0"] == "0" and host.guest()["state"] == "drifted"
    libvirt.virsh("vcpupin", "d", "0", "1", "--live")
    host.guest_until("as it was", lambda s: s["state"] == "active", patience=20)
    # Behind libvirt's back.
    os.sched_setaffinity(libvirt.thread("d", "CPU 1"), {0})
    host.guest_until("drift", lambda s: s["state"] == "drifted", patience=20)
    host.rpc.apply(small(enforce=True), wait=30)
    host.guest_until("put back", lambda s: s["state"] == "active")
    assert libvirt.affinities("d") == PLACED


def test_pins_of_the_next_start_are_looked_at_as_often_as_those_of_now(host, libvirt):
    """Each change within its own look; what is looked at every half minute would miss most of these."""
    placed(host, libvirt)
    libvirt.define("e")  # and of one that does not run
    host.rpc.apply(small(), wish(), wish("h", "e"), wait=30)
    host.guest_until("placed", lambda s: s["state"] == "active", "h")
    for _ in range(3):
        for guest, domain in (("g", "d"), ("h", "e")):
            libvirt.virsh("vcpupin", domain, "0", "0", "--config")
            status = host.guest_until("drift", lambda s: s["state"] == "drifted", guest, patience=20)
            assert status["domains"][0]["drift"] == [{"scope": "persistent", "what": "vCPU 0", "from": "0", "to": "1"}]
            libvirt.virsh("vcpupin", domain, "0", "1", "--config")
            host.guest_until("as it was", lambda s: s["state"] == "active", guest, patience=20)
    assert libvirt.affinities("d") == PLACED


def test_drift_is_put_back_at_most_every_half_minute(host, libvirt):
    placed(host, libvirt, enforce=True)
    for seconds in (0, 25):  # at once; then not before
        began = time.monotonic()
        libvirt.virsh("vcpupin", "d", "0", "0", "--live")
        wait_until(lambda: libvirt.affinities("d") == PLACED, 60, "put back")
        assert time.monotonic() - began >= seconds


def test_what_nova_pins_is_novas(host, libvirt):
    libvirt.define("d", extra=NOVA)
    libvirt.run("d")
    host.rpc.apply(small(), wish(), wait=30)
    host.guest_until("placed", lambda s: s["state"] == "active")
    libvirt.virsh("vcpupin", "d", "0", "0", "--live")
    assert "pinned by OpenStack Nova" in host.guest_until("given up", lambda s: s["state"] == "error")["error"]
    host.delete("Guest", "g", wait=30)
    assert libvirt.affinities("d")["CPU 0"] == "0" and libvirt.affinities("d")["CPU 1"] == "1"


def restoring(host):
    return host.rpc.call("info")["host"].get("restoring", [])


def test_what_libvirt_keeps_from_being_put_back_is_told(host, libvirt):
    placed(host, libvirt)
    with hung(libvirt, "d"):
        answer = host.delete("Guest", "g", wait=60)
        assert "busy" in answer["failures"][0]["message"] or "does not answer" in answer["failures"][0]["message"], answer
        assert [(r["kind"], r["name"]) for r in restoring(host)] == [("Guest", "g")]
    wait_until(lambda: not restoring(host), 60, "tried again")
    assert set(libvirt.affinities("d").values()) == {"0-1"}


def test_a_restore_waits_for_libvirtd(host, libvirt):
    placed(host, libvirt)
    libvirt.kill()
    wait_until(lambda: host.guest()["state"] == "waiting", 30, "its loss is told")
    assert "no connection to libvirt" in host.delete("Guest", "g", wait=30)["failures"][0]["message"]
    libvirt.start()
    began = time.monotonic()
    wait_until(lambda: not restoring(host), 60, "it is back")
    assert time.monotonic() - began < 20 and set(libvirt.affinities("d").values()) == {"0-1"}


def test_what_changed_while_libvirtd_was_away_is_seen(host, libvirt):
    """A definition, of which the new libvirtd knows nothing else; a domain that came, and one that went."""
    placed(host, libvirt)
    for name in ("came", "went"):
        libvirt.define(name, vcpus=1)
    host.rpc.apply(small(), wish(), wish("h", "went"), wait=30)
    host.guest_until("placed", lambda s: s["state"] == "active", "h")
    definitions = libvirt.directory / "etc/qemu"
    came = (definitions / "came.xml").read_text()
    libvirt.virsh("undefine", "came")
    host.rpc.apply(wish("c", "came"), wait=30)
    assert host.guest("c")["state"] == "waiting"
    libvirt.kill()
    (definitions / "came.xml").write_text(came)
    (definitions / "went.xml").unlink()
    text = (definitions / "d.xml").read_text()
    pin, other = ("<vcpupin vcpu='0' cpuset='%d'/>" % cpu for cpu in (1, 0))
    assert pin in text
    (definitions / "d.xml").write_text(text.replace(pin, other))
    libvirt.start()
    status = host.guest_until("drift", lambda s: s["state"] == "drifted")
    assert status["domains"][0]["drift"] == [{"scope": "persistent", "what": "vCPU 0", "from": "0", "to": "1"}]
    host.guest_until("came", lambda s: s["state"] == "active", "c")
    assert "no domain went" in host.guest_until("went", lambda s: s["state"] == "waiting", "h")["waiting_for"]
    assert "guest-h.json" not in host.journals()


def test_events_do_not_keep_drift_from_being_seen(host, libvirt):
    placed(host, libvirt)
    stop = threading.Event()

    def storm():
        while not stop.is_set():
            libvirt.define("noise", vcpus=1)
            libvirt.virsh("undefine", "noise")

    storming = threading.Thread(target=storm)
    storming.start()
    try:
        time.sleep(1)
        host.tree.put(**{"/sys/devices/system/cpu/unrelated": "1", "/proc/sys/vm/swappiness": "99"})
        host.until("drift", lambda s: s["state"] == "drifted")
        assert host.guest()["state"] == "active"
    finally:
        stop.set()
        storming.join()


@contextlib.contextmanager
def storm_of_changes(host):
    """A pass of the host's thread after the other, none of which is about what is looked for."""
    stop = threading.Event()
    rpc = host.daemon.connect()

    def storm():
        for n in itertools.count():
            if stop.is_set():
                break
            rpc.apply({"kind": "SriovDevice", "name": "nic", "spec": {"device": {"address": "0000:fe:00.0"}, "numvfs": 1 + n % 2}}, wait=30)

    before = host.rpc.call("info")["host"]["passes"]["count"]
    storming = threading.Thread(target=storm)
    storming.start()
    try:
        yield
        assert host.rpc.call("info")["host"]["passes"]["count"] > before + 20
    finally:
        stop.set()
        storming.join()


def test_changes_do_not_keep_drift_from_being_seen(host, libvirt):
    """Pins that are set behind libvirt's back, which nothing tells of, and a knob."""
    placed(host, libvirt)
    thread = libvirt.thread("d", "CPU 1")
    with storm_of_changes(host):
        for _ in range(2):
            host.tree.put(**{"/proc/sys/vm/swappiness": "99"})
            os.sched_setaffinity(thread, {0})
            host.guest_until("drift", lambda s: s["state"] == "drifted", patience=15)
            assert host.until("drift", lambda s: s["state"] == "drifted")["drift"][0]["found"] == "99"
            host.tree.put(**{"/proc/sys/vm/swappiness": "10"})
            os.sched_setaffinity(thread, {1})
            host.guest_until("as it was", lambda s: s["state"] == "active", patience=15)
            host.until("as it was", lambda s: s["state"] == "active")


DEDICATED = {"vcpus": {"policy": "dedicated"}}


def test_a_dry_run_places_all_by_the_profile_that_is_to_come(large, libvirt):
    for name in ("a", "b"):
        libvirt.define(name, vcpus=1)
    wishes = [wish(name, name, **DEDICATED) for name in ("a", "b")]
    cores = {"guests": {"dedicated": {"cores": 1}, "shared": {"cores": 0}}, "dataplane": {"cores": 0}}
    answer = large.rpc.apply(profile(classes=cores), *wishes, dry_run=True)
    plans = {(e["kind"], e["name"]): e["plan"] for e in answer["host"]}
    dedicated = plans["HostProfile", "node"]["plan"]["classes"]["guests_dedicated"]
    placements = [plans["Guest", name]["domains"][0]["placement"] for name in ("a", "b")]
    cpus = [p["vcpus"][0]["cpus"] for p in placements]
    assert sorted(cpus, key=int) == dedicated.replace("-", ",").split(","), (cpus, dedicated)
    assert "vcpupin" not in libvirt.xml("a") and large.rpc.call("get")["objects"] == []
    large.rpc.apply(profile(classes=cores), *wishes, wait=30)
    assert large.guest("a")["state"] == large.guest("b")["state"] == "active", (large.guest("a"), large.guest("b"))
    answer = large.delete("Guest", "a", dry_run=True)
    assert {"kind": "Guest", "name": "a", "plan": {"restored": True}} in answer["host"], answer


def test_idle_siblings_stay_idle_after_a_restart(large, libvirt):
    for name in ("a", "z"):
        libvirt.define(name, vcpus=1)
    cores = {"housekeeping": {"cores": 1}, "guests": {"dedicated": {"cores": 2}, "shared": {"cores": 0}}, "dataplane": {"cores": 0}}
    large.rpc.apply(profile(classes=cores), wish("z", "z", vcpus={"policy": "dedicated", "siblings": "isolate"}), wait=30)
    taken = large.guest("z")["domains"][0]["placement"]["taken"]
    large.daemon.stop()
    large.start()
    large.rpc.apply(wish("a", "a", **DEDICATED), wait=30)
    status = large.guest("a")
    assert status["state"] == "error" or status["domains"][0]["placement"]["taken"] not in taken.split(","), (status, taken)
    assert large.guest("z")["state"] == "active" and large.guest("z")["domains"][0]["placement"]["taken"] == taken


def redefine(libvirt, name, cpu):
    """Pinned to a CPU that virsh would say this machine has not."""
    libvirt.virsh("undefine", name)
    libvirt.define(name, vcpus=1, extra=f"<cputune><vcpupin vcpu='0' cpuset='{cpu}'/></cputune>")


def test_audit_and_topology_know_the_guests(large, libvirt):
    libvirt.define("mine", vcpus=1)
    libvirt.define("theirs", vcpus=1)
    cores = {"housekeeping": {"cores": 1}, "dataplane": {"cores": 1}, "guests": {"dedicated": {"cores": 1}}}
    answer = large.rpc.apply(profile(classes=cores, dataplane={"memory": 8}), wish("g", "mine", **DEDICATED), wait=30)
    assert "failures" not in answer, answer
    large.guest_until("placed", lambda s: s["state"] == "active")
    mine = large.guest()["domains"][0]["placement"]["vcpus"][0]["cpus"]
    classes = large.status()["plan"]["classes"]
    worker = classes["dataplane"].replace("-", ",").split(",")[0]
    redefine(libvirt, "theirs", worker)
    wait_until(lambda: "vcpu-dataplane" in large.ctl("audit", "-o", "json").out, 60, "seen")
    done = large.ctl("audit", "-o", "json")
    rules = {(f["rule"], f["subject"]): f for f in done.json()["findings"]}
    assert done.status == DEGRADED and worker in rules["vcpu-dataplane", "Guest theirs"]["text"], done
    assert not any(subject == "Guest mine" and f["severity"] == "error" for (_, subject), f in rules.items()), rules
    redefine(libvirt, "theirs", mine)
    wait_until(lambda: "vcpu-twice" in large.ctl("audit").out, 60, "seen")
    people = large.ctl("audit").out
    assert f"CPU {mine} is dedicated to guest" in people and "[vcpu-twice]" in people, people

    tree = large.ctl("topology")
    assert tree.status == OK and "mine" in tree.out and "theirs" in tree.out, tree
    document = large.ctl("topology", "-o", "json").json()
    assert {g["name"]: g["foreign"] for g in document["guests"]} == {"mine": False, "theirs": True}
    assert document["classes"] == classes
    picture = large.daemon.directory / "host.svg"
    assert large.ctl("topology", "--svg", picture).status == OK and "mine" in picture.read_text()


@contextlib.contextmanager
def dataplane(daemon):
    import subprocess
    command = [DATAPLANE, "--socket", daemon.dataplane, "--no-huge", "--memory", "256", "--workers", "1", "--state-dir",
               daemon.directory, "--file-prefix", daemon.directory.name, "--log-level", "warning"]
    with open(daemon.directory / "dataplane.log", "ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def is_connected(path):
    """Has QEMU's socket of that name been accepted a connection on? (State 03 of /proc/net/unix.)"""
    with open("/proc/net/unix", encoding="ascii") as lines:
        return any(line.split()[5] == "03" and line.rstrip().endswith(str(path)) for line in lines)


@pytest.mark.netns
def test_a_domain_starts_on_its_port(host, libvirt):
    """The Port names its Guest: the domain gets a vhostuser interface, and runs on the dataplane's socket."""
    path = host.daemon.directory / "d.sock"
    port = {"kind": "Port", "name": "p", "spec": {
        "network": "blue", "mac_address": "52:54:00:00:00:01", "port_security": False,
        "attachment": {"vhost_user": {"socket": str(path), "queues": 1, "guest": "g"}}}}
    underlay = {"kind": "Underlay", "name": "physnet0", "spec": {
        "device": {"tap": {"name": "sg-u0"}}, "vtep_ipv4": "192.0.2.1/24", "mtu": 1600}}
    network = {"kind": "Network", "name": "blue", "spec": {"underlay": "physnet0", "vni": 100}}
    libvirt.define("d", extra="<cpu mode='custom'><model>qemu64</model></cpu>")
    with dataplane(host.daemon):
        wait_until(lambda: host.rpc.call("info")["dataplane"]["state"] == "connected", 60, "the dataplane")
        host.rpc.apply(small(), underlay, network, wish(), port, wait=30)
        host.guest_until("placed", lambda s: s["state"] == "active")
        assert str(path) in libvirt.xml("d") and "<access mode='shared'/>" in libvirt.xml("d")
        libvirt.run("d")
        status = host.guest_until("runs", lambda s: s["state"] == "active" and s["domains"][0]["active"])
        assert not status["domains"][0]["restart_required"], status
        wait_until(lambda: is_connected(path), 60, "the dataplane has connected to QEMU")
        libvirt.virsh("resume", "d")  # its firmware looks for something to boot from, by virtio-net as well
        wait_until(lambda: host.status("Port", "p").get("connected"), 120, "a driver has taken the interface")
        assert libvirt.affinities("d")["CPU 0"] == "1"
        libvirt.virsh("destroy", "d")
        wait_until(lambda: not host.status("Port", "p").get("connected"), 60, "and sees it go")
        host.delete("Port", "p", wait=30)
        host.delete("Guest", "g", wait=30)
    assert "vhostuser" not in libvirt.xml("d")
