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


def test_isolated_partition():
    """cgroup v2: a partition's CPUs leave the scheduler's domains."""
    root = pathlib.Path("/sys/fs/cgroup")
    group = root / "lab-isolated"
    (root / "cgroup.subtree_control").write_text("+cpuset")
    group.mkdir()
    try:
        (group / "cpuset.cpus").write_text("6-7")
        (group / "cpuset.cpus.partition").write_text("isolated")
        assert read(group / "cpuset.cpus.partition") == "isolated"
        assert "6-7" not in read(root / "cpuset.cpus.effective")
        assert all(cpu not in os.sched_getaffinity(0) for cpu in (6, 7))
    finally:
        (group / "cpuset.cpus.partition").write_text("member")
        group.rmdir()


def test_interrupts_can_be_moved(nics):
    run("ip", "link", "set", nics[1].interface, "up")
    try:
        irqs = [path.name for path in (PCI / nics[1].address / "msi_irqs").iterdir()
                if f"{nics[1].interface}-TxRx" in actions(path.name)]
        assert irqs
        for irq in irqs:
            pathlib.Path(f"/proc/irq/{irq}/smp_affinity_list").write_text("5")
            assert read(f"/proc/irq/{irq}/smp_affinity_list") == "5"
    finally:
        run("ip", "link", "set", nics[1].interface, "down")


def actions(irq):
    path = pathlib.Path(f"/sys/kernel/irq/{irq}/actions")
    return read(path) if path.exists() else ""


def test_no_governor():
    """What an emulated CPU has not: a tuner must do without."""
    cpu = pathlib.Path("/sys/devices/system/cpu/cpu0")
    assert not (cpu / "cpufreq").exists()
    assert not any((cpu / "cpuidle").glob("state[1-9]*"))


DOMAIN = """
<domain type='qemu'>
  <name>tiny</name>
  <memory unit='MiB'>64</memory>
  <vcpu placement='static'>2</vcpu>
  <cputune>
    <vcpupin vcpu='0' cpuset='6'/>
    <vcpupin vcpu='1' cpuset='7'/>
    <emulatorpin cpuset='4'/>
  </cputune>
  <numatune><memory mode='strict' nodeset='1'/></numatune>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <on_poweroff>destroy</on_poweroff>
</domain>
"""


def test_libvirt_runs_a_guest(tmp_path):
    """With vCPUs where libvirt was told to put them; the guest is a BIOS that finds nothing to boot."""
    xml = tmp_path / "tiny.xml"
    xml.write_text(DOMAIN)
    run("virsh", "define", xml, timeout=200)
    try:
        run("virsh", "start", "tiny", timeout=200)
        assert run("virsh", "domstate", "tiny").strip() == "running"
        pid = int(read("/run/libvirt/qemu/tiny.pid"))
        allowed = {read(task / "comm"): os.sched_getaffinity(int(task.name))
                   for task in pathlib.Path(f"/proc/{pid}/task").iterdir()}
        assert allowed["CPU 0/TCG"] == {6} and allowed["CPU 1/TCG"] == {7}
        run("virsh", "destroy", "tiny", timeout=100)
    finally:
        run("virsh", "undefine", "tiny", timeout=100)


DROP_IN = pathlib.Path("/etc/default/grub.d/lab-test.cfg")


@pytest.mark.boots(2)
def test_command_line_of_the_next_boot(boot, kept):
    """The boot loader's own way: a drop-in for GRUB, update-grub, and a reboot by systemd."""
    if boot == 1:
        assert "nohz_full=6-7" not in command_line()
        kept["boot_id"] = read("/proc/sys/kernel/random/boot_id")
        DROP_IN.parent.mkdir(exist_ok=True)
        DROP_IN.write_text('GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX nohz_full=6-7"\n')
        run("update-grub", timeout=200)
        return
    assert read("/proc/sys/kernel/random/boot_id") != kept["boot_id"]
    assert "nohz_full=6-7" in command_line()
    assert read("/sys/devices/system/cpu/nohz_full") == "6-7"
    assert run("systemctl", "is-system-running", "--wait", check=False).strip() == "running"
    DROP_IN.unlink()
    run("update-grub", timeout=200)


@pytest.mark.boots(2, power_cut=True)
def test_power_cut(boot):
    """What was written through is there afterwards, what was not need not be."""
    written = pathlib.Path("/var/lib/lab-power-cut")
    if boot == 1:
        with written.open("w") as file:
            file.write("through")
            file.flush()
            os.fsync(file.fileno())
        directory = os.open(written.parent, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)
        return
    assert written.read_text() == "through"
    written.unlink()
