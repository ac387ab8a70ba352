"""What socled finds on a host, in the Ironic Python Agent's format; and the switch's port from a real lldpd that hears another."""

import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from baremetal_fixture import Host, directory, socled  # noqa: F401
from baremetal_host import GIB, MACS, UUID
from netns import Namespace
from socled_fixture import PATIENCE


class Nowhere:
    url = "http://127.0.0.1:1"


@pytest.fixture
def machine(socled):  # noqa: F811
    host = Host(socled, Nowhere)
    yield host
    host.stop()


def test_the_agents_format(machine):
    document = machine.start().rpc.call("inventory")
    inventory = document["inventory"]
    interfaces = {i["name"]: i for i in inventory["interfaces"]}
    assert sorted(interfaces) == ["eno1", "eno2", "ens3", "usb0"]
    eno2 = interfaces["eno2"]
    assert (eno2["mac_address"], eno2["vendor"], eno2["product"], eno2["has_carrier"], eno2["speed_mbps"], eno2["pci_address"]) == \
        (MACS[1], "0x8086", "0x1572", True, 25000, "0000:01:00.1")
    assert all(set(i) >= {"ipv4_address", "ipv6_address", "lldp", "client_id", "biosdevname", "driver"} for i in interfaces.values())
    cpu = inventory["cpu"]
    assert (cpu["model_name"], cpu["count"], cpu["socket_count"]) == ("Fast CPU", 7, 2) and "vmx" in cpu["flags"]
    assert inventory["memory"]["physical_mb"] == inventory["memory"]["total"] >> 20 == 57344
    disks = {d["name"]: d for d in inventory["disks"]}
    assert disks["/dev/sda"]["size"] == 480 * GIB and disks["/dev/sda"]["model"] == "SSD X"
    assert inventory["system_vendor"] == {"product_name": "PowerThing R9", "serial_number": "SN123", "manufacturer": "Makers Inc.",
                                          "firmware": {"vendor": "Makers", "version": "2.7", "build_date": "01/02/2025"}}
    assert inventory["boot"] == {"current_boot_mode": "uefi", "pxe_interface": None} and inventory["bmc_address"] is None
    assert inventory["hostname"] == os.uname().nodename and document["uuid"] == UUID and document["lldp_raw"] == {}
    numa = document["numa_topology"]
    assert {n["numa_node"] for n in numa["ram"]} == {0, 2, 4}
    assert sorted(c for core in numa["cpus"] for c in core["thread_siblings"]) == list(range(7))
    nic = next(p for p in document["pci_devices"] if p.get("class", "").startswith("0200"))
    assert re.fullmatch("[0-9a-f]{4}", nic["vendor_id"]) and re.fullmatch("[0-9a-f]{4}", nic["product_id"]) and ":" in nic["bus"]
    assert document["bonds"][0]["interfaces"] == ["eno1", "eno2"]


def test_what_the_bios_tells_of_the_bmc(machine):
    """SMBIOS type 42 with a Redfish service over IP (DSP0270); and a UUID that many machines share is none."""
    record = bytearray(103)
    record[0], record[1], record[4], record[5], record[9], record[10], record[11] = 42, 103, 0x40, 3, 1, 4, 91
    record[12 + 51], record[12 + 52:12 + 56], record[12 + 84:12 + 86] = 1, bytes([169, 254, 1, 1]), (443).to_bytes(2, "little")
    path = machine.tree.path("/sys/firmware/dmi/entries/42-0/raw")
    path.parent.mkdir(parents=True)
    path.write_bytes(record)
    machine.tree.put(**{"/sys/class/dmi/id/product_uuid": "03000200-0400-0500-0006-000700080009"})
    document = machine.start().rpc.call("inventory")
    assert document["inventory"]["bmc_address"] == "169.254.1.1" and "uuid" not in document


def test_the_host_the_tests_run_on(socled):  # noqa: F811
    """Whatever there is: nothing is asserted of it but that it is told."""
    socled.start()
    with socled.connect() as rpc:
        inventory = rpc.call("inventory")["inventory"]
    assert inventory["cpu"]["count"] >= 1 and inventory["memory"]["physical_mb"] > 0 and inventory["cpu"]["architecture"] == os.uname().machine


def lldpd(space, control, name, log):
    """In the foreground, with files of its own."""
    return space.popen("lldpd", "-d", "-u", control, "-p", f"{control}.pid", "-O", "/dev/null", "-S", "a switch", "-M", "4",
                       stdout=log, stderr=log)


def lldpcli(space, control, *words):
    deadline = time.monotonic() + PATIENCE
    while space.popen("lldpcli", "-u", control, *words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).wait() != 0:
        assert time.monotonic() < deadline, words  # it has just started
        time.sleep(0.2)


@pytest.mark.netns
@pytest.mark.skipif(not shutil.which("lldpd"), reason="the test needs lldpd")
def test_lldp(machine):
    host, switch = Namespace("lldp-host"), Namespace("lldp-switch")
    processes = []
    try:
        host.ip("link", "add", "ens3", "type", "veth", "peer", "name", "swp7", "netns", switch.name)
        host.ip("link", "set", "ens3", "up")
        switch.ip("link", "set", "swp7", "address", "00:11:22:33:44:55", "up")
        switch.ip("address", "add", "192.0.2.7/24", "dev", "swp7")
        vlans = "Error" not in switch.ip("link", "add", "link", "swp7", "name", "vlan100", "type", "vlan", "id", "100", check=False)
        machine.tree.path("/run").mkdir(exist_ok=True)
        control = machine.tree.path("/run/lldpd.socket")
        log = open(machine.daemon.directory / "lldpd.log", "ab")
        processes.append(lldpd(host, control, "host", log))
        processes.append(lldpd(switch, machine.daemon.directory / "switch.socket", "switch", log))
        lldpcli(switch, machine.daemon.directory / "switch.socket", "configure", "lldp", "custom-tlv", "oui", "33,44,55", "subtype", "44",
                "oui-info", "45,45,45")
        machine.start()
        deadline = time.monotonic() + 2 * PATIENCE
        while "3344552c454545" not in str(raw := (document := machine.rpc.call("inventory"))["lldp_raw"]):
            assert time.monotonic() < deadline, (raw, (machine.daemon.directory / "lldpd.log").read_text()[-2000:])
            time.sleep(0.3)
        tlvs = dict(map(tuple, raw["ens3"]))
        assert document["notes"] == [] and document["links"]["ens3"]["switch_id"] == "00:11:22:33:44:55", document["links"]
        assert len(bytes.fromhex(tlvs[7])) == 4, tlvs  # capabilities: there, and enabled
        addresses = [value for kind, value in raw["ens3"] if kind == 8]
        assert any(a.startswith("0501c0000207" + "02") and len(a) == 24 for a in addresses), addresses  # IPv4, by interface index
        organisations = [value for kind, value in raw["ens3"] if kind == 127]
        if vlans:  # a kernel without 802.1Q has none to tell of
            assert "0080c2030064" + "07" + b"vlan100".hex() in organisations, organisations
        assert any(o.startswith("00120f01") and len(o) == 18 for o in organisations), organisations  # MAC and PHY
        assert tlvs[1] == "04001122334455" and bytes.fromhex(tlvs[5]).decode() and tlvs[2][:2] in ("03", "05", "07"), raw
        assert re.fullmatch("[0-9a-f]{4}", tlvs[3]) and bytes.fromhex(tlvs[6]) == b"a switch"
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        host.delete()
        switch.delete()
