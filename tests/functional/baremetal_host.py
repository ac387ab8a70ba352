"""A made-up host for enrolment: what SMBIOS, the network and the disks of a two-socket machine look like in /proc and /sys, on top
of tests/tuner/machines."""

import uuid

from host_tree import HostTree

UUID = "4c4c4544-0051-3610-8056-b4c04f4d3332"
MACS = ["52:54:00:aa:00:01", "52:54:00:aa:00:02", "52:54:00:aa:00:03"]
GIB = 1 << 30


def make(directory, number=UUID, macs=MACS):
    """eno1 and eno2 in bond0, ens3 by itself, and a BMC's USB interface that is no port."""
    tree = HostTree(directory, "two-sockets")
    tree.put(**{"/sys/class/dmi/id/product_uuid": number.upper(), "/sys/class/dmi/id/product_name": "PowerThing R9",
                "/sys/class/dmi/id/product_serial": "SN123", "/sys/class/dmi/id/sys_vendor": "Makers Inc.",
                "/sys/class/dmi/id/bios_vendor": "Makers", "/sys/class/dmi/id/bios_version": "2.7", "/sys/class/dmi/id/bios_date": "01/02/2025",
                "/sys/firmware/efi/fw_platform_size": "64",
                "/proc/cpuinfo": "processor\t: 0\nmodel name\t: Fast CPU\ncpu MHz\t\t: 2400.000\nflags\t\t: fpu pse aes avx2 vmx pdpe1gb sse4_2"})
    for name, mac, address in zip(("eno1", "eno2", "ens3"), macs, ("0000:01:00.0", "0000:01:00.1", "0000:02:00.0")):
        nic(tree, name, mac, address)
    nic(tree, "usb0", "02:00:00:00:00:01", "1-1:1.0", usb=True)
    bond(tree, "bond0", macs[0], ("eno1", "eno2"), macs)
    disk(tree, "sda", 480)
    disk(tree, "sdb", 2000)
    return tree


def nic(tree, name, mac, address, usb=False):
    device = f"/sys/devices/{'usb1' if usb else 'pci'}/{address}"
    tree.put(**{f"{device}/vendor": "0x8086", f"{device}/device": "0x1572", f"{device}/net/{name}/address": mac,
                f"{device}/net/{name}/carrier": "1", f"{device}/net/{name}/speed": "25000"})
    tree.path(f"{device}/net/{name}/device").symlink_to(f"../../../{address}")
    tree.path(f"/sys/class/net/{name}").parent.mkdir(parents=True, exist_ok=True)
    tree.path(f"/sys/class/net/{name}").symlink_to(f"../../devices/{'usb1' if usb else 'pci'}/{address}/net/{name}")


def bond(tree, name, mac, members, macs):
    base = f"/sys/devices/virtual/net/{name}"
    tree.put(**{f"{base}/address": mac, f"{base}/bonding/mode": "802.3ad 4", f"{base}/bonding/slaves": " ".join(members),
                f"{base}/bonding/miimon": "100", f"{base}/bonding/xmit_hash_policy": "layer3+4 1",
                f"/proc/net/bonding/{name}": "\n".join(f"Slave Interface: {m}\nMII Status: up\nPermanent HW addr: {a}\n"
                                                       for m, a in zip(members, macs))})
    tree.path(f"/sys/class/net/{name}").symlink_to(f"../../devices/virtual/net/{name}")
    for member in members:
        tree.path(f"/sys/class/net/{member}/master").symlink_to(f"../../../../virtual/net/{name}")


def disk(tree, name, size_gib):
    tree.put(**{f"/sys/class/block/{name}/size": str(size_gib * GIB // 512), f"/sys/class/block/{name}/queue/rotational": "0",
                f"/sys/class/block/{name}/device/model": "SSD X", f"/sys/class/block/{name}/removable": "0"})


def other_machine(number=1):
    """A machine that is described: its spec/hardware."""
    return {"uuid": str(uuid.UUID(int=0x4c4c4544_0051_3610_8056_000000000000 + number)), "cpus": 8, "memory": 32768, "disk": 400,
            "interfaces": [{"name": "eth0", "mac_address": f"52:54:00:bb:00:{number:02x}"}]}
