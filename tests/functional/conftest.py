"""Markers, which say what a test needs, and the fixtures that set up nodes. What is not there is skipped aloud."""

import contextlib
import os
import pathlib
import shutil
import signal
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import intent  # noqa: E402
import private_libvirt  # noqa: E402
from guest import Guest  # noqa: E402
from netns import Namespace  # noqa: E402
from node import Node, wire  # noqa: E402

NEEDS = {
    "root": ("the test needs root", lambda: os.geteuid() == 0),
    "netns": ("the test makes network namespaces and taps: needs root, ip and /dev/net/tun",
              lambda: os.geteuid() == 0 and shutil.which("ip") and os.path.exists("/dev/net/tun")),
    "libvirt": ("the test runs a libvirtd of its own: needs root, libvirt-daemon, libvirt-clients and qemu-system-x86",
                private_libvirt.there),
    "testpmd": ("the test's guest is dpdk-testpmd (package dpdk-dev)", lambda: shutil.which("dpdk-testpmd")),
    "hugepages": ("the test needs 128 free huge pages of 2 MiB and a mounted hugetlbfs", lambda: huge_pages() >= 128),
}


def huge_pages():
    with contextlib.suppress(OSError):
        if " hugetlbfs " in pathlib.Path("/proc/mounts").read_text():
            return int(pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages").read_text())
    return 0


def pytest_configure(config):
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: fixtures take down what they set up
    for name, (words, _) in NEEDS.items():
        config.addinivalue_line("markers", f"{name}: {words}")
    config.addinivalue_line("markers", "large: takes long, or much memory; not run under sanitizers")


def pytest_collection_modifyitems(items):
    missing = {name: words for name, (words, there) in NEEDS.items() if not there()}
    for item in items:
        for name, words in missing.items():
            if item.get_closest_marker(name):
                item.add_marker(pytest.mark.skip(reason=f"{words}, and it is not to be had here"))


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failed test shows the ends of its nodes' logs."""
    report = (yield).get_result()
    if not report.failed:
        return
    for lab in {v for v in getattr(item, "funcargs", {}).values() if isinstance(v, Lab)}:
        for node in lab.nodes:
            for log in (node.dataplane.log, node.socled.log):
                if log.exists():
                    lines = log.read_text(errors="replace").splitlines()[-25:]
                    report.sections.append((f"{node.name} {log.name}", "\n".join(lines)))


class Lab:
    """Nodes, guests and namespaces of a test module; all taken down at its end."""

    def __init__(self, directory):
        self.directory = directory
        self.nodes, self.guests, self.spaces = [], [], []

    def node(self, name, **options):
        node = Node(self.directory, name, cpu=len(self.nodes), **options)
        self.nodes.append(node)
        return node

    def guest(self, name, mac, ips=()):
        guest = Guest(name, mac, ips)
        self.guests.append(guest)
        return guest

    def space(self, name):
        space = Namespace(name)
        self.spaces.append(space)
        return space

    def forget_guests(self):
        for guest in self.guests:
            guest.delete()
        self.guests.clear()

    def stop(self):
        with contextlib.ExitStack() as stack:
            for thing in self.guests + self.spaces:
                stack.callback(thing.delete)
            for node in self.nodes:
                stack.callback(node.stop)


@pytest.fixture(scope="module")
def module_lab():
    # Unix socket paths are short: not pytest's deep directories.
    directory = tempfile.mkdtemp(prefix="socle-", dir="/tmp")
    lab = Lab(directory)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, directory)
        stack.callback(lab.stop)
        yield lab


@pytest.fixture
def lab(module_lab):
    """The module's lab; after each test its intent is deleted (but the underlay) and its guests are gone."""
    yield module_lab
    dead = []
    for node in module_lab.nodes:
        dead.append(node.revive())
        node.clear()
    module_lab.forget_guests()
    assert not any(dead), f"ended by itself: {', '.join(filter(None, dead))}"


@pytest.fixture(scope="module")
def one_node(module_lab):
    """A node whose underlay ends in the bare namespace `lab.far`: tests play the rest of the world there."""
    node = module_lab.node("n1")
    module_lab.far = module_lab.space("far")
    wire(node, module_lab.far)
    node.start()
    node.apply(intent.underlay())
    return node


@pytest.fixture(scope="module", params=["ipv4", "ipv6"])
def two_nodes(request, module_lab):
    """Two nodes joined by an underlay of one family: (node, node, their VTEPs)."""
    vteps = ["192.0.2.1", "192.0.2.2"] if request.param == "ipv4" else ["fd00:2::1", "fd00:2::2"]
    pair = []
    for number, vtep in enumerate(vteps, 1):
        pair.append(module_lab.node(f"n{number}-{request.param}"))
    wire(*pair)
    for node, vtep in zip(pair, vteps):
        node.start()
        family = {"vtep_ipv4": f"{vtep}/24", "vtep_ipv6": None} if request.param == "ipv4" else \
            {"vtep_ipv6": f"{vtep}/64", "vtep_ipv4": None}
        node.apply(intent.underlay(**family))
    yield (*pair, vteps)
    # The next family starts with the machine to itself.
    for node in pair:
        module_lab.nodes.remove(node)
        node.stop()
