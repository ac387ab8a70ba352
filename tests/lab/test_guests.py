"""Guests on two NUMA nodes, through the machine's own libvirt with its cgroups: where their threads and memory really are,
live and after a start; huge pages of a node; a VF that draws its guest to its node."""

import pathlib
import re

import pytest
from guest_driver import Driver, guest
from machine import bind, wait_for
from netns import run
from private_libvirt import Domains

# CPUs 0-3 are node 0's, 4-7 node 1's, pairs of siblings.
PLAN = {"housekeeping": "0-1", "guests_dedicated": "2-3,6-7", "guests_shared": "4-5",
        "pages": [{"node": n, "page_bytes": 2 << 20, "count": 48} for n in (0, 1)]}
# Memory is there from the start, though the guest does nothing.
AT_ONCE = "<memoryBacking><allocation mode='immediate'/></memoryBacking>"
MIB = 1 << 20


class SystemLibvirt(Domains):
    def __init__(self, directory):
        self.uri, self.directory = "qemu:///system", directory
        self.run_directory = pathlib.Path("/run/libvirt/qemu")


@pytest.fixture
def libvirt(tmp_path):
    run("systemctl", "start", "libvirtd")
    libvirt = SystemLibvirt(tmp_path)
    wait_for(lambda: libvirt.virsh("list", check=False).returncode == 0, "libvirtd answers")
    yield libvirt
    libvirt.forget()


@pytest.fixture
def driver(libvirt, tmp_path):
    driver = Driver(libvirt, tmp_path / "state", PLAN)
    driver.connected()
    yield driver
    driver.stop()


def only(answer):
    domains = answer.ok()["domains"]
    assert len(domains) == 1
    return domains[0]


def memory_by_node(pid, least=16 * MIB):
    """Bytes of the guest's memory on each node: of the mappings that are as large as a cell."""
    found = {0: 0, 1: 0}
    for line in pathlib.Path(f"/proc/{pid}/numa_maps").read_text().splitlines():
        page = 1024 * int(re.search(r"kernelpagesize_kB=(\d+)", line)[1]) if "kernelpagesize_kB" in line else 4096
        pages = {int(n): int(count) * page for n, count in re.findall(r"\bN(\d+)=(\d+)", line)}
        if sum(pages.values()) >= least:
            for node, size in pages.items():
                found[node] += size
    return found


def vcpus(affinities):
    return {name: cpus for name, cpus in affinities.items() if name.startswith("CPU")}


def test_memory_follows_live_and_is_there_after_a_start(libvirt, driver, artefacts):
    libvirt.define("d", extra=AT_ONCE)
    run("numactl", "--cpunodebind=0", "--membind=0", "virsh", "-q", "start", "--paused", "d")
    wanted = guest("d", near={"node": 1, "required": True})
    status = only(driver.apply("g", wanted))
    (artefacts / "numa_maps").write_text(pathlib.Path(f"/proc/{libvirt.pid('d')}/numa_maps").read_text())
    assert status["placement"]["nodes"] == [1] and not status["restart_required"], status["restart_reasons"]
    assert vcpus(libvirt.affinities("d")) == {"CPU 0": "6", "CPU 1": "7"}
    assert libvirt.affinities("d")["qemu"] == "0-1"  # node 1 has no housekeeping CPUs
    wait_for(lambda: memory_by_node(libvirt.pid("d"))[0] < MIB, "its memory has moved to node 1")
    assert memory_by_node(libvirt.pid("d"))[1] >= 60 * MIB
    assert only(driver.apply("g", wanted))["steps"] == []
    libvirt.virsh("destroy", "d")
    libvirt.run("d")
    assert vcpus(libvirt.affinities("d")) == {"CPU 0": "6", "CPU 1": "7"}
    assert memory_by_node(libvirt.pid("d"))[1] >= 60 * MIB > MIB > memory_by_node(libvirt.pid("d"))[0]
    driver.restore("g").ok()
    assert vcpus(libvirt.affinities("d")) == {"CPU 0": "0-7", "CPU 1": "0-7"}


def test_two_cells_on_two_nodes(libvirt, driver):
    libvirt.define("wide", vcpus=4, extra=AT_ONCE)
    libvirt.run("wide")
    status = only(driver.apply("g", guest("wide")))
    assert status["placement"]["nodes"] == [0, 1] and status["restart_required"]
    pins = {"CPU 0": "2", "CPU 1": "3", "CPU 2": "6", "CPU 3": "7"}
    assert vcpus(libvirt.affinities("wide")) == pins  # vCPUs need not wait
    libvirt.virsh("destroy", "wide")
    libvirt.run("wide")
    status = only(driver.apply("g", guest("wide")))
    assert status["steps"] == [] and not status["restart_required"]
    assert vcpus(libvirt.affinities("wide")) == pins
    assert memory_by_node(libvirt.pid("wide")) == {0: 32 * MIB, 1: 32 * MIB}


def test_huge_pages_of_its_node(huge_pages, libvirt, driver):  # in this order: given back when no guest has any
    for node in (0, 1):
        huge_pages(node, 48)
    libvirt.define("d")
    libvirt.define("e")
    wanted = {name: guest(name, hugepages="2MiB") for name in ("d", "e")}
    nodes = {}
    for name in wanted:
        status = only(driver.apply(name, wanted[name]))
        nodes[name] = status["placement"]["nodes"][0]
        libvirt.run(name)
        assert memory_by_node(libvirt.pid(name)) == {nodes[name]: 64 * MIB, 1 - nodes[name]: 0}
    assert set(nodes.values()) == {0, 1}  # balanced
    libvirt.define("f", vcpus=1)
    refused = driver.apply("f", guest("f", policy="shared", hugepages="2MiB"))
    assert refused.code == -28 and "at most 32 MiB" in refused.words()


def test_a_guest_comes_to_its_vf(libvirt, driver, nics, vfs):
    vf = vfs(nics[1], 1)[0]
    bind(vf, "vfio-pci")
    domain, bus, slot, function = re.fullmatch(r"(\w+):(\w+):(\w+)\.(\w)", vf).groups()
    address = f"<address domain='0x{domain}' bus='0x{bus}' slot='0x{slot}' function='0x{function}'/>"
    libvirt.define("d", devices=f"<hostdev mode='subsystem' type='pci' managed='no'><source>{address}</source></hostdev>")
    libvirt.define("e")
    assert only(driver.apply("d", guest("d", near={"required": True})))["placement"]["nodes"] == [1]
    assert driver.ask("user", pci=vf).result is None
    libvirt.run("d")
    assert driver.ask("user", pci=vf).result == "guest d"
    # Its node is full; another that must be near it is told so.
    refused = driver.apply("e", guest("e", near={"device": vf, "required": True}))
    assert refused.code == -28 and "it fits on another node" in refused.words()
    libvirt.virsh("destroy", "d")
    assert driver.ask("user", pci=vf).result is None
