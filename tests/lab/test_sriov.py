"""SriovDevice on the machine's igb NICs: VFs made, given values and drivers, in use, cut off, undone; seen by ip(8) and
sysfs, not by what made them. What no real kernel can be made to do is in tests/tuner/test_sriov_*.c."""

import contextlib
import ctypes
import fcntl
import json
import os
import pathlib
import signal
import subprocess

import pytest
from machine import PCI, driver, read, wait_for
from netns import run

TOOL = pathlib.Path(os.environ.get("SOCLE_BUILD", "build")) / "tests/tuner/sriov-tool"
VFIO_SET_IOMMU, VFIO_GROUP_SET_CONTAINER, VFIO_GROUP_GET_DEVICE_FD = 0x3B66, 0x3B68, 0x3B6A
VFIO_TYPE1_IOMMU = 1


class Refused(Exception):
    def __init__(self, code, complaints):
        super().__init__(complaints)
        self.code = code
        self.complaints = complaints

    def says(self, pointer, words):
        return any(c.get("pointer", "") == pointer and words in c["message"] + " " + c.get("expected", "")
                   for c in self.complaints)


class Device:
    """A SriovDevice of one NIC, without socled."""

    def __init__(self, nic, state, name="x"):
        self.nic, self.state, self.name = nic, state, name

    def command(self, action, **spec):
        words = [TOOL, self.state, self.name, action]
        return words + [json.dumps({"device": {"address": self.nic.address}, **spec})] if spec else words

    def ask(self, action, **spec):
        process = subprocess.Popen(self.command(action, **spec), stdout=subprocess.PIPE)
        answer = json.loads(process.stdout.readline())
        self.unended = process
        if action != "apply" or not spec.get("force"):
            assert process.wait() == 0
        if "error" in answer:
            raise Refused(answer["error"], answer["errors"])
        return answer["result"]

    def apply(self, **spec):
        status = self.ask("apply", **spec)
        assert status["drift"] == []
        return status["devices"][0]

    def drift(self, **spec):
        return self.ask("status", **spec)["drift"]

    def file(self, name):
        return read(PCI / self.nic.address / name)

    def count(self):
        assert int(self.file("sriov_numvfs")) == len(list((PCI / self.nic.address).glob("virtfn*")))
        return int(self.file("sriov_numvfs"))

    def vf(self, number):
        return (PCI / self.nic.address / f"virtfn{number}").resolve().name

    def values(self):
        """As ip(8) tells them."""
        return json.loads(run("ip", "-details", "-json", "link", "show", self.nic.interface))[0].get("vfinfo_list", [])

    def journal(self):
        return self.state / f"sriov-{self.name}.json"


@pytest.fixture
def device(nics, tmp_path):
    """The first NIC without VFs; as it was after the test, whatever happened."""
    device = Device(nics[0], tmp_path / "state")
    yield device
    if device.count():
        (PCI / device.nic.address / "sriov_numvfs").write_text("0")
    (PCI / device.nic.address / "sriov_drivers_autoprobe").write_text("1")
    run("ip", "link", "set", device.nic.interface, "up")


def interface_of(address):
    """Its name, once udev has given it the one that stays."""
    wait_for(lambda: list((PCI / address / "net").glob("*")), "the VF has its interface")
    run("udevadm", "settle")
    return next((PCI / address / "net").iterdir()).name


@contextlib.contextmanager
def refused(pointer, words):
    with pytest.raises(Refused) as error:
        yield
    assert error.value.says(pointer, words), error.value.complaints


@contextlib.contextmanager
def opened(address, group_only=False):
    """The function's vfio group, and its device, held open by this process."""
    group = (PCI / address / "iommu_group").resolve().name
    descriptors = [os.open("/dev/vfio/vfio", os.O_RDWR), os.open(f"/dev/vfio/{group}", os.O_RDWR)]
    try:
        if not group_only:
            fcntl.ioctl(descriptors[1], VFIO_GROUP_SET_CONTAINER, descriptors[0].to_bytes(4, "little"))
            fcntl.ioctl(descriptors[0], VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU)
            # fcntl.ioctl() hands back the buffer, not the descriptor that the call returns.
            libc = ctypes.CDLL(None, use_errno=True)
            descriptors.append(libc.ioctl(descriptors[1], VFIO_GROUP_GET_DEVICE_FD, address.encode()))
            assert descriptors[-1] >= 0, os.strerror(ctypes.get_errno())
        yield group
    finally:
        for descriptor in reversed(descriptors):
            os.close(descriptor)


FULL = {"numvfs": 7, "vfs": [
    {"first": 0, "last": 3, "driver": "vfio-pci"},
    {"first": 4, "last": 6, "driver": "kernel"},
    {"first": 1, "mac_address": "fa:16:3e:00:00:01", "vlan": 100, "qos": 3, "trust": True},
    {"first": 2, "spoof_check": False, "max_tx_rate": 200},
    {"first": 5, "mac_address": "fa:16:3e:00:00:05", "vlan": 4094},
]}


def test_made_valued_and_driven(device):
    # Neither driver's module is there yet.
    run("modprobe", "-r", "igbvf", "vfio-pci", check=False)
    seen = device.apply(**FULL)
    assert device.count() == seen["sriov_count"] == 7
    assert [driver(device.vf(i)) for i in range(7)] == ["vfio-pci"] * 4 + ["igbvf"] * 3
    values = device.values()
    assert values[1]["address"] == "fa:16:3e:00:00:01" and values[1]["trust"]
    assert values[1]["vlan_list"][0]["vlan"] == 100 and values[1]["vlan_list"][0]["qos"] == 3
    assert not values[2]["spoofchk"] and values[1]["spoofchk"]
    assert values[2]["rate"]["max_tx"] == 200
    assert values[5]["vlan_list"][0]["vlan"] == 4094
    # A kernel driver has the MAC address that was given to its VF before it started.
    interface = next((PCI / device.vf(5) / "net").iterdir())
    assert read(interface / "address") == "fa:16:3e:00:00:05"
    assert device.file("sriov_drivers_autoprobe") == "1"
    assert seen["vfs"][1]["iommu_group"] == int((PCI / device.vf(1) / "iommu_group").resolve().name)
    assert seen["node"] == device.nic.node

    before = device.journal().stat().st_mtime_ns
    assert device.ask("plan", **FULL) == []
    device.apply(**FULL)
    assert device.journal().stat().st_mtime_ns == before

    device.ask("restore")
    assert device.count() == 0 and not device.journal().exists()


def test_growing_keeps_what_is_not_asked_for(device):
    device.apply(numvfs=2, vfs=[{"first": 0, "mac_address": "fa:16:3e:00:00:07", "vlan": 7}])
    run("ip", "link", "set", device.nic.interface, "vf", "1", "vlan", "55", "mac", "fa:16:3e:00:00:08")
    device.apply(numvfs=5, vfs=[{"first": 0, "mac_address": "fa:16:3e:00:00:07", "vlan": 8}])
    assert device.count() == 5
    values = device.values()
    assert values[0]["vlan_list"][0]["vlan"] == 8 and values[0]["address"] == "fa:16:3e:00:00:07"
    assert values[1]["vlan_list"][0]["vlan"] == 55 and values[1]["address"] == "fa:16:3e:00:00:08"
    device.ask("restore")
    assert device.count() == 0


def test_restores_what_somebody_had_made(device):
    (PCI / device.nic.address / "sriov_numvfs").write_text("3")
    wait_for(lambda: driver(device.vf(2)) == "igbvf", "the kernel's driver has its VFs")
    run("ip", "link", "set", device.nic.interface, "vf", "2", "vlan", "9", "spoofchk", "off")
    run("ip", "link", "set", device.nic.interface, "vf", "0", "mac", "fa:16:3e:00:00:0a")
    before = device.values()
    device.apply(numvfs=3, vfs=[{"first": 2, "vlan": 10, "driver": "vfio-pci"}])
    assert driver(device.vf(2)) == "vfio-pci" and device.values()[2]["vlan_list"][0]["vlan"] == 10
    device.apply(**FULL)
    device.ask("restore")
    assert device.count() == 3 and [driver(device.vf(i)) for i in range(3)] == ["igbvf"] * 3
    after = device.values()
    for i in (0, 1, 2):
        for name in ("vlan_list", "spoofchk", "trust", "rate"):
            assert after[i][name] == before[i][name], (i, name)
    assert after[0]["address"] == "fa:16:3e:00:00:0a"


@pytest.mark.parametrize("vf, pointer, words", [
    ({"link_state": "disable"}, "/spec/vfs/0/link_state", "no link_state: the driver igb cannot set it"),
    ({"vlan": 5, "vlan_protocol": "802.1ad"}, "/spec/vfs/0/vlan_protocol", "the driver igb knows no other"),
    ({"max_tx_rate": 1000000}, "/spec/vfs/0/max_tx_rate", "is refused: Invalid argument"),
    ({"min_tx_rate": 10}, "/spec/vfs/0/min_tx_rate", "is refused: Invalid argument"),
])
def test_what_the_device_cannot(device, vf, pointer, words):
    with refused(pointer, words):
        device.apply(numvfs=2, vfs=[{"first": 1, "trust": True, **vf}])
    assert device.count() == 0 and not device.journal().exists()
    assert device.file("sriov_drivers_autoprobe") == "1"


def test_too_many(device):
    with refused("/spec/numvfs", "at most 7"):
        device.apply(numvfs=8)
    assert device.count() == 0


def test_open_group_is_not_taken_away(device):
    spec = {"numvfs": 2, "vfs": [{"first": 0, "last": 1, "driver": "vfio-pci"}]}
    device.apply(**spec)
    with opened(device.vf(1), group_only=True) as group:
        with refused("/spec/numvfs", f"used by process {os.getpid()} ("):
            device.apply(numvfs=3)
        with refused("/spec/vfs/0/driver", f"which has its vfio group {group} open"):
            device.apply(numvfs=2, vfs=[{"first": 1, "driver": "kernel"}])
        with refused("", f"vfio group {group} open"):
            device.ask("restore")
        with refused("/spec/vfs/1/vlan", "is to be in another VLAN"):
            device.apply(numvfs=2, vfs=[*spec["vfs"], {"first": 1, "vlan": 12}])
        # What takes nothing away is done.
        device.apply(numvfs=2, vfs=[*spec["vfs"], {"first": 1, "spoof_check": False}])
    device.ask("restore")
    assert device.count() == 0


def test_open_device_is_seen(device):
    spec = {"numvfs": 2, "vfs": [{"first": 0, "last": 1, "driver": "vfio-pci"}]}
    seen = device.apply(**spec)
    assert all("user" not in vf for vf in seen["vfs"])
    with opened(device.vf(1)):
        vfs = device.ask("status", **spec)["devices"][0]["vfs"]
        assert "user" not in vfs[0] and vfs[1]["user"] == "a process that has its vfio device open"
    assert all("user" not in vf for vf in device.ask("status", **spec)["devices"][0]["vfs"])


def test_force_does_not_wait_for_ever(device):
    """The kernel waits for whoever has the device open; we do not, and go back when that is possible."""
    spec = {"numvfs": 2, "vfs": [{"first": 0, "last": 1, "driver": "vfio-pci"}]}
    device.apply(**spec)
    with opened(device.vf(1)):
        with refused("/spec/numvfs", "still not done"):
            device.apply(numvfs=3, force=True)
        assert "applying" in json.loads(device.journal().read_text())
        assert device.unended.poll() is None  # a thread of it is in the kernel's hands
    assert device.unended.wait() == 0
    wait_for(lambda: not list((PCI / device.nic.address).glob("virtfn*")), "the kernel has removed the VFs")
    device.ask("recover")
    assert device.count() == 2 and device.drift(**spec) == []


def test_own_network_is_not_taken_away(device):
    device.apply(numvfs=2, vfs=[{"first": 0, "last": 1, "driver": "kernel"}])
    interface = interface_of(device.vf(1))
    run("ip", "address", "add", "192.0.2.1/24", "dev", interface)
    with refused("/spec/numvfs", f"its interface {interface} has an address"):
        device.apply(numvfs=3)
    run("ip", "address", "flush", "dev", interface, "scope", "global")
    run("ip", "link", "add", "bond7", "type", "bridge")
    try:
        run("ip", "link", "set", interface, "master", "bond7")
        with refused("/spec/numvfs", "bond7"):
            device.apply(numvfs=0)
    finally:
        run("ip", "link", "delete", "bond7")
    run("ip", "netns", "add", "taken")
    try:
        run("ip", "link", "set", interface, "netns", "taken")
        with refused("/spec/vfs/0/driver", "another network namespace"):
            device.apply(numvfs=2, vfs=[{"first": 1, "driver": "vfio-pci"}])
    finally:
        run("ip", "netns", "delete", "taken")
    device.ask("restore")


def test_new_mac_of_a_driven_vf(device):
    device.apply(numvfs=1, vfs=[{"first": 0, "driver": "kernel"}])
    device.apply(numvfs=1, vfs=[{"first": 0, "driver": "kernel", "mac_address": "fa:16:3e:00:00:0b"}])
    interface = PCI / device.vf(0) / "net" / interface_of(device.vf(0))
    assert read(interface / "address") == "fa:16:3e:00:00:0b"


def test_drift_and_interface_down(device):
    device.apply(**FULL)
    run("ip", "link", "set", device.nic.interface, "vf", "1", "vlan", "0")
    run("ip", "link", "set", device.nic.interface, "down")
    pointers = {entry["pointer"] for entry in device.drift(**FULL)}
    assert {"/spec/vfs/2/vlan", "/spec/device"} <= pointers
    device.apply(**FULL)
    assert device.values()[1]["vlan_list"][0]["vlan"] == 100
    assert device.values()[2]["rate"]["max_tx"] == 200


def test_killed_half_way(device):
    """At whatever point: then nothing is left of it but what the next start undoes."""
    for moment in (lambda: device.journal().exists(), lambda: device.vf(0) != "virtfn0",
                   lambda: driver(device.vf(0)) == "vfio-pci", lambda: driver(device.vf(4)) == "igbvf"):
        process = subprocess.Popen(device.command("apply", **FULL), stdout=subprocess.DEVNULL)
        wait_for(lambda: moment() or process.poll() is not None, "the apply has come so far")
        process.send_signal(signal.SIGKILL)
        process.wait()
        device.ask("recover")
        if device.journal().exists():  # the apply was faster
            device.ask("restore")
        assert device.count() == 0 and device.file("sriov_drivers_autoprobe") == "1"
        assert not device.journal().exists()


@pytest.mark.boots(2)
def test_made_again_at_boot(nics, boot):
    device = Device(nics[1], pathlib.Path("/var/lib/socle-test-sriov"), "over-boots")
    spec = {"numvfs": 3, "vfs": [{"first": 0, "last": 1, "vlan": 21, "driver": "vfio-pci"}]}
    if boot == 2:
        assert device.count() == 0
        assert "/spec/numvfs" in [entry["pointer"] for entry in device.drift(**spec)]
    device.apply(**spec)
    assert device.count() == 3 and driver(device.vf(1)) == "vfio-pci"
    assert device.values()[1]["vlan_list"][0]["vlan"] == 21
    if boot == 2:
        device.ask("restore")
        assert device.count() == 0
