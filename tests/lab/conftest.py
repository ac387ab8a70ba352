"""Tests that run inside the machine of script/lab, as root; elsewhere they are skipped aloud. How to write one: docs/lab.md.

Here are their fixtures; boots.py lets a test span reboots."""

import os
import pathlib
import re
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "functional")]  # its helpers: netns, control, intent, …

import boots  # noqa: E402
import machine  # noqa: E402
from units import LabNode  # noqa: E402

OUT = os.environ.get("SOCLE_LAB")  # what is written there, script/lab brings out


def pytest_configure(config):
    config.addinivalue_line("markers", "boots(n, power_cut=False): the test runs n times, with a reboot before each but "
                                       "the first; its argument `boot` counts from 1")
    config.inicfg.setdefault("timeout", "600")
    if OUT:
        config.pluginmanager.register(boots.Boots(pathlib.Path(os.environ["SOCLE_LAB_STATE"])))


def pytest_generate_tests(metafunc):
    boots.parametrize(metafunc)


def pytest_collection_modifyitems(items):
    if not OUT:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="runs inside the lab's machine only: script/lab run FILE"))


@pytest.fixture
def boot():
    """Without @pytest.mark.boots there is one."""
    return 1


@pytest.fixture
def kept(request):
    """A dictionary that a test finds again after a reboot (what JSON can say)."""
    with boots.kept(pathlib.Path(os.environ["SOCLE_LAB_STATE"]), request.node) as values:
        yield values


@pytest.fixture
def artefacts(request):
    """A directory of the test's own, whose files are found in the results under artefacts/."""
    directory = pathlib.Path(OUT) / "artefacts" / re.sub(r"[^\w.-]+", "_", request.node.nodeid)
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@pytest.fixture(scope="session")
def nics():
    """The machine's two NICs (physical functions), one a NUMA node, as machine.Nic."""
    return machine.nics()


@pytest.fixture
def vfs(nics):
    """vfs(nic, count) makes virtual functions and returns their PCI addresses; they are gone after the test."""
    yield machine.make_vfs
    for nic in nics:
        machine.make_vfs(nic, 0)


@pytest.fixture
def huge_pages():
    """huge_pages(node, count): 2 MiB pages of a NUMA node; as before after the test."""
    before = {}

    def take(node, count):
        before.setdefault(node, machine.huge_pages(node))
        machine.set_huge_pages(node, count)
    yield take
    for node, count in before.items():
        machine.set_huge_pages(node, count)


@pytest.fixture
def node(tmp_path, vfs, huge_pages):  # both must be there for longer than the node
    """node(**options): socled and socle-dataplane as transient units of systemd, in the machine's own namespace."""
    nodes = []

    def start(name="lab", **options):
        nodes.append(LabNode(tmp_path, name, **options))
        return nodes[-1].start()
    yield start
    for each in nodes:
        each.stop()
