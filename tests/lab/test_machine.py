"""The machine itself: what tests of the tuner rely on is there, and behaves as on hardware."""

import os
import pathlib

import pytest
from machine import NODES, PCI, bind, command_line, driver, make_vfs, read, wait_for
from netns import run


def test_systemd_is_init():
    assert read("/proc/1/comm") == "systemd"
    assert run("systemctl", "is-system-running", "--wait", check=False).strip() == "running", \
        run("systemctl", "--failed", "--no-legend")


def test_two_nodes():
    assert read(NODES / "online") == "0-1"
    assert [read(NODES / f"node{n}/distance") for n in (0, 1)] == ["10 21", "21 10"]
    assert [read(NODES / f"node{n}/cpulist") for n in (0, 1)] == ["0-3", "4-7"]
    topology = pathlib.Path("/sys/devices/system/cpu/cpu4/topology")
    assert read(topology / "thread_siblings_list") == "4-5" and read(topology / "physical_package_id") == "1"


def test_nics_on_their_nodes(nics):
    assert [nic.node for nic in nics] == [0, 1]
    assert all(driver(nic.address) == "igb" for nic in nics)
    assert all(read(PCI / nic.address / "sriov_totalvfs") == "7" for nic in nics)


def test_vfs_have_groups_of_their_own(nics, vfs):
    functions = [f for nic in nics for f in vfs(nic, 7)]
    groups = {(PCI / f / "iommu_group").resolve().name for f in functions}
    assert len(functions) == len(groups) == 14
    for function in functions:
        wait_for(lambda f=function: driver(f) == "igbvf", f"{function} has its driver")


def test_vfio_takes_a_vf(nics, vfs):
    vf = vfs(nics[0], 1)[0]
    bind(vf, "vfio-pci")
    group = (PCI / vf / "iommu_group").resolve().name
    assert pathlib.Path(f"/dev/vfio/{group}").is_char_device()


def test_huge_pages_per_node(huge_pages):
    huge_pages(0, 32)
    huge_pages(1, 64)
    free = [int(read(NODES / f"node{n}/hugepages/hugepages-2048kB/free_hugepages")) for n in (0, 1)]
    assert free == [32, 64]
