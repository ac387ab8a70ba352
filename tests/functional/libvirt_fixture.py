"""The tests' own libvirtd: one a module, anew when it has ended by itself, and without domains after each test; and that of
another host, to migrate to. Used by tests that import the fixtures."""

import contextlib
import shutil
import tempfile

import pytest

from private_libvirt import Libvirt


@contextlib.contextmanager
def running(number):
    directory = tempfile.mkdtemp(prefix="socle-virt-", dir="/tmp")
    libvirt = Libvirt(directory, number)  # noqa: F811
    libvirt.start()
    yield libvirt
    libvirt.stop()
    shutil.rmtree(directory)


@contextlib.contextmanager
def emptied(daemon):  # noqa: F811
    daemon.revive()
    yield daemon
    daemon.revive()
    daemon.forget()


@pytest.fixture(scope="module")
def daemon():
    with running(0) as libvirt:  # noqa: F811
        yield libvirt


@pytest.fixture
def libvirt(daemon):  # noqa: F811
    with emptied(daemon):
        yield daemon


@pytest.fixture(scope="module")
def far_daemon():
    with running(1) as libvirt:  # noqa: F811
        yield libvirt


@pytest.fixture
def far_libvirt(far_daemon):  # noqa: F811
    with emptied(far_daemon):
        yield far_daemon
