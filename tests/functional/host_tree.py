"""Made-up hosts: trees of /proc and /sys from tests/tuner/machines/NAME.tree, and knobs to go with them."""

import pathlib
import re

MACHINES = pathlib.Path(__file__).resolve().parents[1] / "tuner/machines"


def numbers(text):
    for part in text.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


class HostTree:
    def __init__(self, root, machine=None):
        self.root = pathlib.Path(root)
        self.root.mkdir(parents=True, exist_ok=True)
        for line in (MACHINES / f"{machine}.tree").read_text().splitlines() if machine else []:
            if line.strip() and not line.lstrip().startswith("#"):
                self._line(line)

    def _line(self, line):
        path, _, rest = line.strip().partition(" ")
        what, _, value = rest.partition(" ")
        braces = re.search(r"\{([^}]+)\}", path)
        for number in numbers(braces[1]) if braces else [None]:
            fill = (lambda text, n=number: text if n is None else re.sub(r"\{[^}]*\}", str(n), text))
            place = self.root / fill(path).rstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            if what == "=":
                place.write_text(fill(value) + "\n")
            elif what == "->":
                place.symlink_to(fill(value))
            else:
                place.mkdir(exist_ok=True)

    def put(self, **files):
        """put(**{"/proc/x": "value"})"""
        for name, text in files.items():
            place = self.path(name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(f"{text}\n")

    def path(self, name):
        return self.root / name.lstrip("/")

    def read(self, name):
        return self.path(name).read_text().strip()

    def snapshot(self):
        """Every file below /proc, /sys and /etc with what is in it; the kernel's own always end in a newline."""
        return {str(p.relative_to(self.root)): p.read_text().strip() for top in ("proc", "sys", "etc") for p in (self.root / top).rglob("*")
                if p.is_file() and not p.is_symlink()}


def two_cpus(root):
    """As small as this machine may be, so that what is pinned there can be pinned here: two cores, one node, 8 GiB."""
    tree = HostTree(root)
    tree.put(**{
        "/proc/cpuinfo": "processor\t: 0", "/proc/filesystems": "nodev\tcgroup2", "/proc/mounts": "none / none rw 0 0",
        "/proc/cmdline": "root=/dev/vda", "/sys/devices/system/node/online": "0", "/sys/devices/system/node/node0/cpumap": "3",
        "/sys/devices/system/node/has_memory": "0", "/sys/devices/system/node/node0/cpulist": "0-1", "/sys/devices/system/node/node0/distance": "10",
        "/sys/devices/system/node/node0/meminfo": "Node 0 MemTotal: 8388608 kB Node 0 MemFree: 4194304 kB",
        **{f"/sys/devices/system/cpu/{what}": "0-1" for what in ("present", "possible", "online")},
        **{f"/sys/devices/system/cpu/cpu{n}/topology/{what}": value for n in (0, 1) for what, value in (
            ("core_id", n), ("physical_package_id", 0), ("thread_siblings", 1 << n), ("core_siblings", 3))}})
    return tree
