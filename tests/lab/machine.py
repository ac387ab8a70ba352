"""The lab's machine as its tests see it: NICs and their functions, huge pages, CPUs. Paths are sysfs's."""

import dataclasses
import pathlib
import time

from netns import run

PCI = pathlib.Path("/sys/bus/pci/devices")
NODES = pathlib.Path("/sys/devices/system/node")
HUGE = "hugepages/hugepages-2048kB/nr_hugepages"


@dataclasses.dataclass(frozen=True)
class Nic:
    address: str  # PCI
    interface: str
    node: int  # NUMA


def read(path):
    return pathlib.Path(path).read_text().strip()


def wait_for(condition, what, timeout=60):
    """The condition's first true value; AssertionError after `timeout` seconds: generous, for a machine that is emulated."""
    end = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {timeout} s: {what}"
        time.sleep(0.1)
    return value


def nics():
    found = []
    for total in sorted(PCI.glob("*/sriov_totalvfs")):
        device = total.parent
        interface = next((device / "net").iterdir()).name
        found.append(Nic(device.name, interface, int(read(device / "numa_node"))))
    return found


def make_vfs(nic, count):
    """Sets the number of virtual functions, from whatever it is; their PCI addresses when the kernel knows them all."""
    device = PCI / nic.address
    if int(read(device / "sriov_numvfs")) not in (0, count):
        (device / "sriov_numvfs").write_text("0")
    if int(read(device / "sriov_numvfs")) != count:
        (device / "sriov_numvfs").write_text(str(count))
    run("udevadm", "settle")
    return [(device / f"virtfn{i}").resolve().name for i in range(count)]


def driver(address):
    """The driver that a PCI function is bound to, or None."""
    link = PCI / address / "driver"
    return link.resolve().name if link.exists() else None


def bind(address, name):
    """Binds a PCI function to the driver, in the order that the kernel's documentation of driver_override gives."""
    run("modprobe", name)
    (PCI / address / "driver_override").write_text(name)
    if driver(address):
        (PCI / address / "driver" / "unbind").write_text(address)
    pathlib.Path("/sys/bus/pci/drivers_probe").write_text(address)
    wait_for(lambda: driver(address) == name, f"{address} is bound to {name}")


def huge_pages(node):
    return int(read(NODES / f"node{node}" / HUGE))


def set_huge_pages(node, count):
    (NODES / f"node{node}" / HUGE).write_text(str(count))
    assert huge_pages(node) == count


def command_line():
    return read("/proc/cmdline").split()
