"""What the tests of BaremetalNode share: one Ironic for all of them (it takes long to start), with a middleman before it, and a
socled on a made-up host. No privileges are needed."""

import atexit
import contextlib
import os
import pathlib
import shutil
import tempfile
import time

import pytest

import baremetal_host
import ironic as real
from middleman import Middleman
from socled_fixture import PATIENCE, Socled, directory, socled  # noqa: F401

needs_ironic = pytest.mark.skipif(not real.there(), reason="the test enrols in a real Ironic: package ironic-common")

_shared = {}


def shared(name, make):
    """Made once for all test modules; `make` takes a directory and answers what has stop()."""
    if name not in _shared:
        path = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-"))
        atexit.register(shutil.rmtree, path, ignore_errors=True)
        _shared[name] = make(path)
        atexit.register(_shared[name].stop)
    return _shared[name]


@pytest.fixture
def ironic():
    """Without authentication; empty."""
    server = shared("ironic", lambda path: real.Ironic(path).start())
    if not server.process or server.process.poll() is not None:
        server.start()
    server.clear()
    yield server


class Host:
    """socled on a made-up machine, which talks to Ironic by way of the middleman."""

    def __init__(self, daemon, ironic, libvirt=""):
        self.daemon, self.ironic = daemon, ironic
        self.tree = baremetal_host.make(daemon.directory / "host")
        self.middleman = Middleman(ironic.url)
        self.daemon.config.write_text(f"[tuner]\nroot = {self.tree.root}\nlibvirt_uri = {libvirt}\n")
        self.rpc = None

    def start(self):
        self.daemon.start()
        self.rpc = self.daemon.connect()
        return self

    def kill(self):
        self.rpc.close()
        self.daemon.kill()

    def secret(self, name, text):
        path = self.daemon.directory / name
        path.write_text(text + "\n")
        path.chmod(0o600)
        return {"file": str(path)}

    def node(self, name="n1", **spec):
        """The object; `endpoint` is the middleman's unless the test has another."""
        return {"kind": "BaremetalNode", "name": name,
                "spec": {"ironic": {"endpoint": self.middleman.url}, "bmc": {"none": {"driver": "fake-hardware"}}, **spec}}

    def apply(self, name="n1", wait=PATIENCE, **spec):
        return self.rpc.apply(self.node(name, **spec), wait=wait)

    def delete(self, name="n1", wait=PATIENCE):
        return self.rpc.call("delete", objects=[{"kind": "BaremetalNode", "name": name}], wait=wait)

    def get(self, name="n1"):
        return self.rpc.call("get", kind="BaremetalNode", name=name)["objects"][0]

    def status(self, name="n1"):
        return self.get(name)["status"]

    def until(self, what, condition, name="n1"):
        deadline = time.monotonic() + 2 * PATIENCE
        while not condition(self.status(name)):
            assert time.monotonic() < deadline, (what, self.status(name), self.middleman.log[-8:])
            time.sleep(0.05)
        return self.status(name)

    def until_state(self, state, name="n1"):
        return self.until(state, lambda s: s["state"] == state, name)

    def until_done(self, state="manageable", name="n1"):
        """It was looked at, and there is nothing left to do."""
        return self.until(f"done: {state}", lambda s: s["state"] == state and "node" in s and all(
            step["state"] == "done" for step in s["steps"]), name)

    def until_gone(self):
        deadline = time.monotonic() + 2 * PATIENCE
        while self.rpc.call("info")["baremetal"]["leaving"]:
            assert time.monotonic() < deadline, (self.rpc.call("info")["baremetal"], self.middleman.log[-8:])
            time.sleep(0.05)

    def ledgers(self):
        return sorted(p.name for p in (self.daemon.store.parent / "baremetal").glob("*"))

    def stop(self):
        if self.rpc:
            self.rpc.close()
        self.middleman.stop()


@pytest.fixture
def host(socled, ironic):  # noqa: F811
    """Not started."""
    machine = Host(socled, ironic)
    yield machine
    machine.stop()


def steps(status):
    return {step["step"]: step for step in status.get("steps", [])}


def is_other(name="n9", **spec):
    """A node that somebody else has made."""
    return {"name": name, "driver": "fake-hardware", **spec}


@contextlib.contextmanager
def credentials(path, **texts):
    """systemd's directory of credentials, for a socled that starts within."""
    path.mkdir()
    for name, text in texts.items():
        (path / name).write_text(text)
        (path / name).chmod(0o400)
    os.environ["CREDENTIALS_DIRECTORY"] = str(path)
    try:
        yield
    finally:
        del os.environ["CREDENTIALS_DIRECTORY"]
