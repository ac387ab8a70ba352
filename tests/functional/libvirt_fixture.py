"""The tests' own libvirtd: one a module, anew when it has ended by itself, and without domains after each test. Used by
tests that import the fixtures."""

import shutil
import tempfile

import pytest

from private_libvirt import Libvirt


@pytest.fixture(scope="module")
def daemon():
    directory = tempfile.mkdtemp(prefix="socle-virt-", dir="/tmp")
    libvirt = Libvirt(directory)  # noqa: F811
    libvirt.start()
    yield libvirt
    libvirt.stop()
    shutil.rmtree(directory)


@pytest.fixture
def libvirt(daemon):  # noqa: F811
    daemon.revive()
    yield daemon
    daemon.revive()
    daemon.forget()
