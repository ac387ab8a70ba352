"""Guests, placed through a real libvirtd: pinned live and persistently, read back, put back, followed; and libvirtd that
is not there, goes, hangs. What needs two NUMA nodes is in the lab."""

import contextlib
import itertools
import json
import os
import signal
import subprocess
import time

import pytest
from guest_driver import Driver, guest
from libvirt_fixture import daemon, libvirt  # noqa: F401
from netns import wait_until

pytestmark = pytest.mark.libvirt

# Two CPUs are all that one can rely on: housekeeping shares the first with guests, which no real plan would do.
PLAN = {"housekeeping": "0", "guests_dedicated": "0-1", "guests_shared": "1"}


@pytest.fixture
def driver(libvirt, tmp_path):
    driver = Driver(libvirt, tmp_path / "state", PLAN)
    driver.connected()
    yield driver
    driver.stop()


def journals(tmp_path):
    return sorted(p.name for p in (tmp_path / "state").glob("[!.]*")) if (tmp_path / "state").exists() else []


def when_free(ask):
    """Asks again while libvirt works on the domain, as it does after its own start."""
    answer = ask()
    while answer.code == -16:
        answer = ask()
    return answer


def only(answer):
    domains = answer.ok()["domains"]
    assert len(domains) == 1
    return domains[0]


PINNED = {"CPU 0": "0", "CPU 1": "1", "qemu": "0", "iothread": "0"}
FREE = {"CPU 0": "0-1", "CPU 1": "0-1", "qemu": "0-1", "iothread": "0-1"}


def test_pinned_live_and_for_the_next_start(libvirt, driver):
    libvirt.define("d")
    libvirt.run("d")
    status = only(driver.apply("g", guest("d")))
    assert [v["cpus"] for v in status["placement"]["vcpus"]] == ["0", "1"]
    assert not status["restart_required"]
    assert {s["scope"] for s in status["steps"]} == {"live", "persistent"}
    assert libvirt.affinities("d") == PINNED
    assert only(driver.apply("g", guest("d")))["steps"] == []  # nothing is left to do
    libvirt.virsh("destroy", "d")
    libvirt.run("d")
    assert libvirt.affinities("d") == PINNED


def test_a_domain_that_does_not_run_is_pinned_when_it_starts(libvirt, driver):
    libvirt.define("d")
    status = only(driver.apply("g", guest("d")))
    assert not status["active"] and {s["scope"] for s in status["steps"]} == {"persistent"}
    libvirt.run("d")
    assert libvirt.affinities("d") == PINNED


def test_all_is_put_back(libvirt, driver, tmp_path):
    libvirt.define("d", extra="<cputune><vcpupin vcpu='1' cpuset='1'/><shares>2048</shares></cputune>")
    before = libvirt.xml("d")
    libvirt.run("d")
    driver.apply("g", guest("d", emulator="own", policy="mixed", dedicated="0")).ok()
    assert libvirt.xml("d") != before
    assert journals(tmp_path) == ["guest-g.json"]
    driver.restore("g").ok()
    assert libvirt.xml("d") == before
    assert libvirt.affinities("d") == FREE | {"CPU 1": "1"}
    assert journals(tmp_path) == []
    driver.restore("g").ok()  # nothing is there to be put back


def test_what_others_change_meanwhile_stays(libvirt, driver):
    libvirt.define("d")
    driver.apply("g", guest("d")).ok()
    libvirt.virsh("desc", "d", "--config", "--new-desc", "a note")
    libvirt.virsh("setmem", "d", "32M", "--config")
    driver.restore("g").ok()
    xml = libvirt.xml("d")
    assert "a note" in xml and "vcpupin" not in xml and "32768" in xml


def test_what_fails_half_way_is_undone(libvirt, driver, tmp_path):
    driver.stop()
    # A machine with more CPUs than this one: the second vCPU, or the persistent part, is what libvirt refuses.
    plan = {"housekeeping": "0", "guests_dedicated": "1,4095", "synthetic": "node:1(memory=8GiB) core:4096 pu:1"}
    driver = Driver(libvirt, tmp_path / "state", plan)
    driver.connected()
    libvirt.define("d", extra="<cputune><vcpupin vcpu='1' cpuset='0'/></cputune>")
    libvirt.run("d")
    before, affinities = libvirt.xml("d"), libvirt.affinities("d")
    failed = driver.apply("g", guest("d"))
    assert failed.code == -5 and "vCPU 1 of d cannot be pinned to 4095" in failed.words()
    assert (libvirt.affinities("d"), libvirt.xml("d")) == (affinities, before)
    multicast = [{"mac_address": "53:54:00:00:00:01", "socket": "/run/socle/a.sock", "queues": 1, "mtu": 0}]
    failed = driver.apply("g", guest("d", policy="mixed", dedicated="0"), interfaces=multicast)
    assert failed.code == -5 and "domain d cannot be changed" in failed.words() and "unicast" in failed.words()
    assert (libvirt.affinities("d"), libvirt.xml("d")) == (affinities, before)
    assert journals(tmp_path) == []  # it is not ours
    assert driver.ask("observe").ok()[0]["foreign"]
    driver.stop()


MACHINE = PLAN | {"guests_dedicated": "2-7", "synthetic": "node:1(memory=8GiB) core:4 pu:2"}


@pytest.mark.parametrize("isolated, plain", [("a", "z"), ("z", "a")])
def test_idle_siblings_are_nobody_elses(libvirt, driver, tmp_path, isolated, plain):
    """Pins alone do not tell of them: nor to whoever starts anew, nor to whom comes first in the list."""
    driver.stop()
    driver = Driver(libvirt, tmp_path / "state", MACHINE)
    driver.connected()
    for name in (isolated, plain):
        libvirt.define(name, vcpus=1)
    placement = only(driver.apply("i", guest(isolated, siblings="isolate")))["placement"]
    assert placement["taken"] == "2-3" and placement["vcpus"] == [{"vcpu": 0, "cpus": "2"}]
    seen = {d["name"]: d for d in driver.ask("observe").ok()}
    assert seen[isolated]["placement"]["taken"] == "2-3"
    driver.stop()
    driver = Driver(libvirt, tmp_path / "state", MACHINE)
    driver.connected()
    assert only(driver.apply("p", guest(plain)))["placement"]["vcpus"] == [{"vcpu": 0, "cpus": "4"}]
    assert only(driver.apply("i", guest(isolated, siblings="isolate")))["steps"] == []
    driver.restore("i").ok()
    assert {d["name"]: d for d in driver.ask("observe").ok()}[isolated]["placement"]["taken"] == ""
    driver.stop()


def test_secrets_survive(libvirt, driver):
    libvirt.define("d", devices="<graphics type='vnc' autoport='yes' passwd='hush'/>")
    driver.apply("g", guest("d")).ok()
    assert "hush" in libvirt.virsh("dumpxml", "--security-info", "--inactive", "d").stdout
    driver.restore("g").ok()
    assert "hush" in libvirt.virsh("dumpxml", "--security-info", "--inactive", "d").stdout


def test_no_cpu_is_given_twice(libvirt, driver):
    libvirt.define("first", vcpus=1)
    libvirt.define("second")
    driver.apply("a", guest("first")).ok()
    before = libvirt.xml("second")
    refused = driver.apply("b", guest("second"))
    assert refused.code < 0 and "1 free dedicated CPU" in refused.words() and "at most 1 vCPU" in refused.words()
    assert libvirt.xml("second") == before
    libvirt.virsh("setvcpus", "second", "1", "--config", "--maximum")
    placement = only(driver.apply("b", guest("second")))["placement"]
    assert placement["vcpus"] == [{"vcpu": 0, "cpus": "1"}]


def test_what_another_manager_pinned_is_respected(libvirt, driver):
    libvirt.define("nova", vcpus=1, extra="<cputune><vcpupin vcpu='0' cpuset='0'/></cputune>")
    libvirt.define("mine", vcpus=1)
    libvirt.define("floating", vcpus=1)
    before = libvirt.xml("nova")
    assert only(driver.apply("g", guest("mine")))["placement"]["vcpus"] == [{"vcpu": 0, "cpus": "1"}]
    assert libvirt.xml("nova") == before
    seen = {d["name"]: d for d in driver.ask("observe").ok()}
    assert seen["nova"]["foreign"] and seen["nova"]["placement"]["taken"] == "0" and seen["nova"]["findings"] == []
    assert not seen["mine"]["foreign"] and seen["mine"]["guest"] == "g"
    assert "not pinned" in " ".join(seen["floating"]["findings"])
    # Then Nova takes ours, too: told of, and ours makes way.
    libvirt.virsh("vcpupin", "nova", "0", "1", "--config")
    wait_until(lambda: "dedicated to" in json.dumps([d["findings"] for d in driver.ask("observe").ok()]), 60)
    assert only(driver.apply("g", guest("mine")))["placement"]["vcpus"] == [{"vcpu": 0, "cpus": "0"}]


NOVA = "<metadata><nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'/></metadata>"


def test_what_nova_pinned_is_not_fought_for(libvirt, driver):
    libvirt.define("pinned", extra=NOVA + "<cputune><vcpupin vcpu='0' cpuset='0-1'/></cputune>")
    libvirt.define("not-pinned", vcpus=1, extra=NOVA)
    before = libvirt.xml("pinned")
    refused = driver.apply("g", guest("pinned"))
    assert refused.code == -1 and "pinned by OpenStack Nova" in refused.words()
    assert libvirt.xml("pinned") == before
    driver.apply("h", guest("not-pinned")).ok()
    driver.apply("h", guest("not-pinned")).ok()  # pinned by now, but by us
    libvirt.virsh("vcpupin", "not-pinned", "0", "0-1", "--config")  # and now by Nova: it is Nova's
    theirs = libvirt.xml("not-pinned")
    refused = driver.apply("h", guest("not-pinned"))
    assert refused.code == -1 and "pinned by OpenStack Nova" in refused.words()
    driver.restore("h").ok()  # nothing is there to be put back over it
    assert libvirt.xml("not-pinned") == theirs
    assert {d["manager"] for d in driver.ask("observe").ok()} == {"OpenStack Nova"}


def test_drift_is_seen_and_put_right(libvirt, driver):
    libvirt.define("d")
    libvirt.run("d")
    driver.apply("g", guest("d")).ok()
    driver.quiet()
    libvirt.virsh("vcpupin", "d", "0", "0-1", "--live")
    assert driver.news()  # libvirt tells
    assert only(driver.apply("g", guest("d"), dry_run=True))["steps"] == \
        [{"scope": "live", "what": "vCPU 0", "from": "0-1", "to": "0"}]
    assert libvirt.affinities("d")["CPU 0"] == "0-1"
    driver.apply("g", guest("d")).ok()
    assert libvirt.affinities("d") == PINNED
    # Behind libvirt's back: the kernel is asked, not libvirt's record.
    os.sched_setaffinity(libvirt.thread("d", "CPU 1"), {0})
    assert libvirt.affinities("d")["CPU 1"] == "0"
    driver.apply("g", guest("d")).ok()
    assert libvirt.affinities("d") == PINNED


def test_any_pinned_vcpu_makes_it_novas(libvirt, driver):
    libvirt.define("d", extra=NOVA + "<cputune><vcpupin vcpu='1' cpuset='1'/></cputune>")
    assert driver.apply("g", guest("d")).code == -1


def test_what_others_set_is_told_and_not_fought(libvirt, driver):
    libvirt.define("d")
    libvirt.run("d")
    driver.apply("g", guest("d")).ok()
    driver.look()
    assert not driver.look()
    libvirt.virsh("vcpupin", "d", "0", "0-1", "--live")
    assert driver.look()
    told = only(driver.apply("g", guest("d"), follow=True))
    assert told["drift"] == [{"scope": "live", "what": "vCPU 0", "from": "0-1", "to": "0"}]
    assert libvirt.affinities("d")["CPU 0"] == "0-1"
    assert "drift" not in only(driver.apply("g", guest("d"))) and libvirt.affinities("d") == PINNED
    os.sched_setaffinity(libvirt.thread("d", "CPU 1"), {0})  # behind libvirt's back
    assert driver.look()
    assert only(driver.apply("g", guest("d"), follow=True))["drift"][0]["what"] == "vCPU 1"
    driver.apply("g", guest("d")).ok()
    libvirt.virsh("emulatorpin", "d", "1", "--config")
    wait_until(lambda: only(driver.apply("g", guest("d"), follow=True)).get("drift") ==
               [{"scope": "persistent", "what": "emulator", "from": "1", "to": "0"}], 60)
    # What was there before us is nobody's doing: whoever defines it anew as it was gets it pinned again.
    libvirt.virsh("destroy", "d")
    libvirt.virsh("undefine", "d")
    uuid = libvirt.uuids["d"]
    libvirt.define("d", extra=f"<uuid>{uuid}</uuid>")
    assert "drift" not in only(driver.apply("g", guest("d"), follow=True)) and "vcpupin" in libvirt.xml("d")


@pytest.mark.parametrize("runs", [True, False])
def test_a_changed_definition_is_seen_though_libvirt_does_not_tell(libvirt, driver, runs):
    libvirt.define("d")
    if runs:
        libvirt.run("d")

    driver.apply("g", guest("d")).ok()
    driver.quiet()
    driver.look()
    assert not driver.look()
    for change in (["vcpupin", "d", "0", "1"], ["emulatorpin", "d", "1"], ["iothreadpin", "d", "1", "1"]):
        libvirt.virsh(*change, "--config")
        assert not driver.news(1000), "libvirt has learnt to tell: no need to look"
        assert driver.look() and not driver.look(), change
    drift = only(driver.apply("g", guest("d"), follow=True))["drift"]
    assert {(d["scope"], d["what"]) for d in drift} == {("persistent", w) for w in ("vCPU 0", "emulator", "I/O thread 1")}
    driver.apply("g", guest("d")).ok()
    assert driver.look() and not driver.look()  # our own doing


def test_a_domain_that_is_defined_only_later(libvirt, driver):
    """It is marked and pinned once: our own change is an event, and each look at it must not make another."""
    libvirt.define("d")
    libvirt.run("d")
    uuid = libvirt.uuids["d"]
    libvirt.virsh("undefine", "d")
    driver.apply("g", guest("d")).ok()
    assert libvirt.affinities("d") == PINNED and "socle:guest" in libvirt.virsh("dumpxml", "d").stdout
    libvirt.define("d", extra=f"<uuid>{uuid}</uuid>")
    driver.apply("g", guest("d")).ok()
    assert libvirt.xml("d").count("<vcpupin") == 2 and "socle:guest" in libvirt.xml("d")
    driver.quiet()
    assert only(driver.apply("g", guest("d")))["steps"] == [] and not driver.news(1000)
    driver.restore("g").ok()
    assert "socle" not in libvirt.xml("d") + libvirt.virsh("dumpxml", "d").stdout and libvirt.affinities("d") == FREE


def test_changed_definitions_of_others_are_seen(libvirt, driver):
    libvirt.define("theirs", vcpus=1)
    driver.connected()
    driver.look()
    assert not driver.look()
    libvirt.virsh("vcpupin", "theirs", "0", "1", "--config")
    assert driver.look() and not driver.look()
    (found,) = driver.ask("observe").ok()
    assert found["cpus"] == "1"


def test_each_domain_is_told_of_and_the_worst_counts(libvirt, driver):
    for name in ("web-1", "web-2", "web-3"):
        libvirt.define(name, vcpus=1)
    answer = driver.apply("webs", guest("web-*", by="pattern"))
    assert answer.code == -28 and "web-3" in answer.errors[0]["message"]
    assert [(d["name"], "error" in d) for d in answer.result["domains"]] == [("web-1", False), ("web-2", False), ("web-3", True)]
    libvirt.run("web-1")
    with hung(libvirt, "web-1"):
        answer = driver.apply("webs", guest("web-*", by="pattern"))
        assert answer.code == -28, "what ends by itself counts least"
        assert [("error" in d) for d in answer.result["domains"]] == [True, False, True]
    for near, where in (({"device": "0000:ff:1f.7"}, "/spec/near/device"), ({"node": 77}, "/spec/near/node")):
        answer = driver.apply("n", guest("web-3", near=near))
        assert answer.code == -22 and where in answer.words()


def test_comings_and_goings_are_told(libvirt, driver):
    def told(what):
        driver.quiet()
        what()
        return driver.news()

    assert told(lambda: libvirt.define("d"))
    assert told(lambda: libvirt.run("d"))
    assert driver.ask("observe").ok()[0]["active"]
    assert told(lambda: libvirt.virsh("destroy", "d"))
    assert not driver.ask("observe").ok()[0]["active"]
    assert told(lambda: libvirt.virsh("undefine", "d"))
    assert driver.ask("observe").ok() == []


def test_a_domain_that_is_not_there(libvirt, driver, tmp_path):
    waiting = driver.apply("g", guest("d"))
    assert waiting.code == -2 and "no domain d" in waiting.words() and "waited for" in waiting.words()
    libvirt.define("d")
    driver.apply("g", guest("d")).ok()
    libvirt.virsh("undefine", "d")
    assert driver.apply("g", guest("d")).code == -2
    driver.restore("g").ok()
    assert journals(tmp_path) == []
    libvirt.virsh("define", str(libvirt.directory / "d.xml"))  # of that name, but another one
    assert "vcpupin" not in libvirt.xml("d")


def test_a_pattern_means_many_and_each_domain_one_guest(libvirt, driver):
    for name in ("web-1", "web-2", "db"):
        libvirt.define(name, vcpus=1)
    domains = driver.apply("webs", guest("web-*", by="pattern")).ok()["domains"]
    assert [(d["name"], d["placement"]["taken"]) for d in domains] == [("web-1", "0"), ("web-2", "1")]
    taken = driver.apply("other", guest("web-1"))
    assert taken.code == -17 and "belongs to Guest webs" in taken.words()
    # The guest means others from now on: what it had is put back.
    driver.apply("webs", guest("web-2")).ok()
    assert "vcpupin" not in libvirt.xml("web-1") and "vcpupin" in libvirt.xml("web-2")
    uuid = libvirt.virsh("domuuid", "web-1").stdout.strip()
    assert only(driver.apply("other", guest(uuid, by="uuid")))["name"] == "web-1"


def test_ports_become_interfaces(libvirt, driver):
    mine, theirs = "52:54:00:00:00:01", "52:54:00:00:00:02"
    libvirt.define("d", devices=f"<interface type='user'><mac address='{theirs}'/><model type='virtio'/></interface>")
    before = libvirt.xml("d")
    libvirt.run("d")
    ports = [{"mac_address": mine, "socket": "/run/socle/a.sock", "queues": 2, "mtu": 1450},
             {"mac_address": theirs, "socket": "/run/socle/b.sock", "queues": 1, "mtu": 0}]
    status = only(driver.apply("g", guest("d"), interfaces=ports))
    assert status["restart_required"]
    assert [mac in " ".join(status["restart_reasons"]) for mac in (mine, theirs)] == [True, True]
    xml = libvirt.xml("d")
    assert "<source type='unix' path='/run/socle/a.sock' mode='server'/>" in xml
    assert "queues='2'" in xml and "<mtu size='1450'/>" in xml and xml.count("type='vhostuser'") == 2
    assert "<access mode='shared'/>" in xml and "<source type='memfd'/>" in xml
    again = only(driver.apply("g", guest("d"), interfaces=ports))
    assert again["steps"] == [] and again["restart_required"]
    driver.apply("g", guest("d"), interfaces=ports[:1]).ok()  # a port goes: its interface is what it was
    assert libvirt.xml("d").count("type='vhostuser'") == 1 and "<interface type='user'>" in libvirt.xml("d")
    driver.restore("g").ok()
    assert libvirt.xml("d") == before


@pytest.mark.hugepages
def test_huge_pages_take_a_restart(libvirt, driver, tmp_path):
    driver.stop()
    driver = Driver(libvirt, tmp_path / "state", PLAN | {"pages": [{"node": 0, "page_bytes": 2 << 20, "count": 64}]})
    driver.connected()
    libvirt.define("d")
    libvirt.run("d")
    status = only(driver.apply("g", guest("d", hugepages="2MiB")))
    assert status["restart_required"] and "normal pages" in status["restart_reasons"][0]
    assert only(driver.apply("g", guest("d", hugepages="2MiB")))["steps"] == []
    libvirt.virsh("destroy", "d")
    libvirt.run("d")
    assert not only(driver.apply("g", guest("d", hugepages="2MiB")))["restart_required"]
    with open(f"/proc/{libvirt.pid('d')}/numa_maps") as maps:
        assert any("huge" in line for line in maps)
    # More than there is.
    libvirt.define("big", vcpus=1, memory_mib=256)
    refused = driver.apply("b", guest("big", policy="shared", hugepages="2MiB"))
    assert refused.code == -28 and "at most 64 MiB" in refused.words()
    driver.stop()


def test_huge_pages_of_the_default_size(libvirt, driver, tmp_path):
    driver.stop()
    driver = Driver(libvirt, tmp_path / "state", PLAN | {"pages": [{"node": 0, "page_bytes": 2 << 20, "count": 40}]})
    driver.connected()
    libvirt.define("d", vcpus=1, extra="<memoryBacking><hugepages/></memoryBacking>")
    libvirt.define("e", vcpus=1)
    steps = only(driver.apply("g", guest("d")))["steps"]
    assert steps and not [s for s in steps if s["what"] == "huge pages"]
    assert only(driver.apply("g", guest("d")))["steps"] == []
    assert "<hugepages/>" in libvirt.xml("d")
    refused = driver.apply("h", guest("e", hugepages="2MiB"))  # they are accounted as what they are
    assert refused.code == -28 and "node 0 has 1 free dedicated CPU, 16 MiB" in refused.words()
    driver.stop()


def test_cells_where_it_must_be_on_two_nodes(libvirt, driver, tmp_path):
    """On a machine that is made up: what libvirt takes and keeps; the lab shows that it comes true."""
    driver.stop()
    driver = Driver(libvirt, tmp_path / "state", PLAN | {"synthetic": "node:2(memory=1GiB) core:1 pu:1"})
    driver.connected()
    libvirt.define("d")
    before = libvirt.xml("d")
    libvirt.run("d")
    status = only(driver.apply("g", guest("d", emulator="shared", iothreads="shared")))
    assert status["placement"]["nodes"] == [0, 1]
    assert "it sees 0 NUMA cells, and is to see 2" in status["restart_reasons"]
    xml = libvirt.xml("d")
    assert "<cell id='0' cpus='0' memory='32768' unit='KiB'/>" in xml
    assert "<memory mode='strict' nodeset='0-1'/>" in xml and "<memnode cellid='1' mode='strict' nodeset='1'/>" in xml
    again = only(driver.apply("g", guest("d", emulator="shared", iothreads="shared")))
    assert again["steps"] == [] and again["placement"] == status["placement"]
    # One vCPU less to dedicate: it still has its two cells, unless told otherwise.
    assert only(driver.apply("g", guest("d", policy="mixed", dedicated="0")))["placement"]["nodes"] == [0, 1]
    assert only(driver.apply("g", guest("d", policy="shared", cells=1)))["placement"]["nodes"] == [1]
    assert "<numa>" not in libvirt.xml("d") and "nodeset='1'" in libvirt.xml("d")
    driver.restore("g").ok()
    assert libvirt.xml("d") == before
    driver.stop()


def test_libvirtd_is_not_there_yet(libvirt, tmp_path):
    libvirt.define("d")
    libvirt.kill()
    driver = Driver(libvirt, tmp_path / "state", PLAN)
    for answer in (driver.ask("observe"), driver.apply("g", guest("d"))):
        assert answer.code == -107 and "no connection to libvirt" in answer.words()
    assert driver.restore("g").code == 0  # nothing of it was ever changed
    assert driver.ask("user", pci="0000:00:00.0").result is None
    libvirt.start()
    driver.connected()
    driver.apply("g", guest("d")).ok()
    driver.stop()


def test_libvirtd_dies_and_comes_back(libvirt, driver):
    libvirt.define("d")
    libvirt.run("d")
    driver.quiet()
    libvirt.kill()
    assert driver.news()  # its loss is told
    assert driver.apply("g", guest("d")).code == -107
    libvirt.start()
    driver.connected()
    when_free(lambda: driver.apply("g", guest("d"))).ok()
    assert libvirt.affinities("d") == PINNED
    libvirt.kill()
    assert driver.restore("g").code == -107  # not yet: it stays to be done
    libvirt.start()
    driver.connected()
    driver.restore("g").ok()
    assert libvirt.affinities("d") == FREE


def test_libvirtd_hangs(libvirt, driver):
    libvirt.define("d")
    driver.connected()
    libvirt.signal(signal.SIGSTOP)
    driver.quiet()
    answer = driver.apply("g", guest("d"))  # found out by keep-alives, within seconds
    assert answer.code == -107, answer.words()
    assert driver.apply("g", guest("d")).code == -107  # at once, though the new connection hangs as well
    libvirt.signal(signal.SIGCONT)
    driver.connected()
    driver.apply("g", guest("d")).ok()


def test_the_end_does_not_wait_for_a_libvirtd_that_hangs(libvirt, driver):
    libvirt.signal(signal.SIGSTOP)
    driver.stop()
    libvirt.signal(signal.SIGCONT)


@contextlib.contextmanager
def hung(libvirt, name):
    """Its QEMU does not answer, and libvirt waits for it: a job that keeps the domain."""
    os.kill(libvirt.pid(name), signal.SIGSTOP)
    command = ["virsh", "-q", "-c", libvirt.uri, "qemu-monitor-command", name, '{"execute":"query-status"}']
    asking = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: "occupied" in libvirt.virsh("domcontrol", name).stdout
                   or "error" in libvirt.virsh("domcontrol", name).stdout, 30, "libvirt waits for QEMU")
        yield
    finally:
        os.kill(libvirt.pid(name), signal.SIGCONT)
        asking.wait(60)


def test_a_guest_that_hangs_keeps_nobody(libvirt, driver):
    for name in ("hung", "well"):
        libvirt.define(name, vcpus=1)
        libvirt.run(name)
    with hung(libvirt, "hung"):
        busy = driver.apply("h", guest("hung"))
        assert busy.code == -16 and "tried again" in busy.words()
        driver.apply("w", guest("well")).ok()
    driver.apply("h", guest("hung")).ok()


def test_nothing_is_put_back_while_a_job_keeps_the_domain(libvirt, driver, tmp_path):
    libvirt.define("d")
    libvirt.run("d")
    driver.apply("g", guest("d")).ok()
    with hung(libvirt, "d"):
        began = time.monotonic()
        busy = driver.restore("g")
        assert busy.code == -16 and time.monotonic() - began < 25, "libvirt's half minute was waited for"
        assert journals(tmp_path) == ["guest-g.json"]
    when_free(lambda: driver.restore("g")).ok()
    assert libvirt.affinities("d") == FREE and journals(tmp_path) == []


def test_killed_at_any_point(libvirt, driver, tmp_path):
    """The next one finds its way, forth or back, whatever was half done."""
    libvirt.define("d", extra="<cputune><vcpupin vcpu='1' cpuset='1'/></cputune>")
    libvirt.run("d")
    before, affinities = libvirt.xml("d"), libvirt.affinities("d")
    ports = [{"mac_address": "52:54:00:00:00:01", "socket": "/run/socle/a.sock", "queues": 1, "mtu": 0}]
    wanted = guest("d", policy="dedicated")
    halves = set()
    for i in itertools.count():
        driver.kill()
        driver.start()
        driver.connected()
        driver.send("apply", guest="g", spec=wanted, interfaces=ports)
        try:
            driver.process.wait(i * 0.002)
        except subprocess.TimeoutExpired:
            pass
        driver.kill()
        halves.add((bool(journals(tmp_path)), libvirt.affinities("d") == affinities, libvirt.xml("d") == before))
        driver.start()
        driver.connected()
        if i % 2:
            driver.apply("g", wanted, interfaces=ports).ok()
            assert libvirt.affinities("d") == PINNED
        driver.restore("g").ok()
        assert (libvirt.affinities("d"), libvirt.xml("d"), journals(tmp_path)) == (affinities, before, [])
        if i > 20 and (True, False, False) in halves and (False, True, True) in halves:
            break
        assert i < 300, halves


def test_a_damaged_journal_concerns_its_guest_only(libvirt, tmp_path):
    (tmp_path / "state").mkdir()
    for name in ("d", "other"):
        libvirt.define(name, vcpus=1)
    before = libvirt.xml("d")
    for text in ("", "{", "[]", '{"domains": {"u": 1}}', '{"domains": []}'):
        (tmp_path / "state/guest-g.json").write_text(text)
        driver = Driver(libvirt, tmp_path / "state", PLAN)
        driver.connected()
        for answer in (driver.apply("g", guest("d")), driver.restore("g")):
            assert answer.code == -74 and "guest-g.json" in answer.words() and "damaged" in answer.words()
        driver.apply("o", guest("other")).ok()
        assert libvirt.xml("d") == before and (tmp_path / "state/guest-g.json").read_text() == text
        (tmp_path / "state/guest-g.json").unlink()  # as it was told
        driver.restore("g").ok()
        driver.apply("g", guest("d", policy="shared")).ok()
        driver.restore("g").ok()
        driver.stop()
