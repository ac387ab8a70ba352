"""A guest that migrates, live, between two libvirtds that take each other for other hosts, each with a socled of its own over
a made-up host: who lets go of it, who takes it, and that nobody waits for a migration that takes its time.

Both hosts have two CPUs, the same two, but here CPU 1 is for dedicated vCPUs, and there CPU 0: pins that the guest brings
along are wrong."""

import contextlib
import os
import pathlib
import shutil
import tempfile

import pytest

from host_tree import two_cpus
from libvirt_fixture import daemon, far_daemon, far_libvirt, libvirt  # noqa: F401
from netns import wait_until
from socled_fixture import Socled, directory, socled  # noqa: F401
from test_guest_libvirt import NOVA
from test_socled_guests import DEDICATED, Guests, small, wish

pytestmark = [pytest.mark.libvirt, pytest.mark.skipif(os.sched_getaffinity(0) < {0, 1}, reason="the test needs CPUs 0 and 1")]

MOVED = ["--persistent", "--undefinesource"]  # it leaves nothing behind


def start(socled, libvirt, housekeeping, dedicated):  # noqa: F811
    host = Guests(socled, two_cpus, libvirt.uri).start()
    host.libvirt, host.cpus = libvirt, {"CPU 0": dedicated, "qemu": housekeeping, "iothread": housekeeping}
    classes = {"housekeeping": {"cpus": housekeeping}, "guests": {"dedicated": {"cpus": dedicated}, "shared": {"cores": 0}},
               "dataplane": {"cores": 0}}
    host.profile = small(classes=classes)
    answer = host.rpc.apply(host.profile, wish(**DEDICATED), wait=30)
    assert "failures" not in answer, answer
    return host


@pytest.fixture
def here(socled, libvirt):  # noqa: F811
    return start(socled, libvirt, "0", "1")


@pytest.fixture
def there(far_libvirt):  # noqa: F811
    path = tempfile.mkdtemp(prefix="socled-")
    os.chmod(path, 0o755)
    far = Socled(pathlib.Path(path))
    yield start(far, far_libvirt, "1", "0")
    far.stop()
    shutil.rmtree(path)


def has(host, domain="d", name="g"):
    """It runs here, and is where it shall be: libvirt says so, and the kernel."""
    status = host.guest_until("placed", lambda s: s["state"] == "active" and s["domains"][0]["active"], name)
    (found,) = status["domains"]
    assert [v["cpus"] for v in found["placement"]["vcpus"]] == [host.cpus["CPU 0"]] and "drift" not in found
    assert host.libvirt.affinities(domain) == host.cpus
    return found


def has_not(host):
    status = host.guest_until("gone", lambda s: s["state"] == "waiting" and "no domain d" in s["waiting_for"])
    assert status["domains"] == []
    assert "guest-g.json" not in host.journals()
    assert "d" not in [g["name"] for g in host.rpc.call("topology")["guests"]]


def runs(host, name="d", **more):
    host.libvirt.define(name, vcpus=1, **more)
    host.libvirt.run(name)
    host.libvirt.virsh("resume", name)


def test_there_and_back(here, there):
    runs(here)
    has(here)
    has_not(there)
    here.libvirt.define("e", vcpus=1)
    answer = here.rpc.apply(wish("h", "e", **DEDICATED), wait=30)
    assert "dedicated CPU" in answer["failures"][0]["message"], answer  # that is taken
    here.libvirt.migrate("d", there.libvirt, *MOVED)
    has(there)
    has_not(here)
    assert f"<vcpupin vcpu='0' cpuset='{there.cpus['CPU 0']}'/>" in there.libvirt.xml("d")
    # Its CPU is for others now.
    status = here.guest_until("placed", lambda s: s["state"] == "active", "h")
    assert status["domains"][0]["placement"]["vcpus"] == [{"vcpu": 0, "cpus": here.cpus["CPU 0"]}]
    here.delete("Guest", "h", wait=30)
    there.libvirt.migrate("d", here.libvirt, *MOVED)
    has(here)
    has_not(there)


def test_what_was_before_us_on_the_way_is_before_us(here, there):
    """Whoever lets go of it there leaves it as it was before the first host laid hands on it."""
    runs(here)
    has(here)
    here.libvirt.migrate("d", there.libvirt, *MOVED)
    has(there)
    there.delete("Guest", "g", wait=30)
    assert "vcpupin" not in there.libvirt.xml("d")
    assert set(there.libvirt.affinities("d").values()) == {"0-1"}


def test_a_guest_of_novas_is_not_taken_for_pinned_by_nova(here, there):
    runs(here, extra=NOVA)
    has(here)
    here.libvirt.migrate("d", there.libvirt, *MOVED)
    has(there)
    there.libvirt.migrate("d", here.libvirt, *MOVED)
    has(here)
    here.libvirt.virsh("vcpupin", "d", "0", "0", "--live")  # and this Nova did
    assert "pinned by OpenStack Nova" in here.guest_until("given up", lambda s: s["state"] == "error")["error"]


def test_a_definition_that_stays_behind_keeps_its_cpus(here, there):
    """The domain is there and here: shut off, and to be started again where it was."""
    runs(here)
    has(here)
    here.libvirt.migrate("d", there.libvirt)
    found = has(there)
    status = here.guest_until("stopped", lambda s: s["state"] == "active" and not s["domains"][0]["active"])
    assert status["domains"][0]["placement"]["vcpus"] == [{"vcpu": 0, "cpus": here.cpus["CPU 0"]}]
    assert found["uuid"] == status["domains"][0]["uuid"] and there.libvirt.xml("d")
    there.libvirt.migrate("d", here.libvirt)
    has(here)
    has_not(there)  # it was transient there


def test_nobody_looked_when_it_left(here, there):
    runs(here)
    has(here)
    here.daemon.stop()
    here.libvirt.migrate("d", there.libvirt, *MOVED)
    has(there)
    here.start()
    has_not(here)
    here.daemon.kill()
    there.daemon.kill()
    there.libvirt.migrate("d", here.libvirt, *MOVED)
    here.start()
    has(here)
    there.start()
    has_not(there)


SLOW = """<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <qemu:arg value='-device'/><qemu:arg value='loader,file={file},addr=0x1000000,force-raw=on'/></qemu:commandline>"""


def test_a_migration_that_takes_its_time_holds_up_nobody(here, there):
    """libvirt refuses pins meanwhile, on both sides, and only after half a minute: so it is not asked."""
    noise = here.daemon.directory / "noise"
    noise.write_bytes(os.urandom(32 << 20))  # a second each MiB
    runs(here, after=SLOW.format(file=noise))
    has(here)
    process = here.libvirt.migrating("d", there.libvirt, *MOVED, "--bandwidth", "1")
    wait_until(lambda: "d" in there.libvirt.virsh("list", "--all", "--name").stdout.split(), 60, "it is on its way")
    there.daemon.stop()
    there.start()  # libvirt tells of it only when it has arrived, but who lists domains finds it
    os.sched_setaffinity(here.libvirt.thread("d", "CPU 0"), {0})  # there is something to be put right, then
    for host in (here, there):
        host.rpc.apply(wish(**DEDICATED, numa={"cells": 1}), wait=20)
        assert "migrates" in host.guest_until("waits", lambda s: s["state"] == "waiting")["waiting_for"]
        host.tree.put(**{"/proc/sys/vm/swappiness": "99"})
        host.until("drift", lambda s: s["state"] == "drifted")
    assert process.poll() is None, "too quick for this test"
    here.libvirt.virsh("migrate-setspeed", "d", "1000")
    assert process.wait(60) == 0, process.stdout.read()
    has(there)
    has_not(here)


def test_a_migration_that_fails_changes_nothing(here, there):
    noise = here.daemon.directory / "noise"
    noise.write_bytes(os.urandom(32 << 20))
    runs(here, after=SLOW.format(file=noise))
    has(here)
    process = here.libvirt.migrating("d", there.libvirt, *MOVED, "--bandwidth", "1")
    wait_until(lambda: "d" in there.libvirt.virsh("list", "--all", "--name").stdout.split(), 60, "it is on its way")
    here.libvirt.virsh("domjobabort", "d")
    assert process.wait(60) != 0
    has(here)
    has_not(there)
