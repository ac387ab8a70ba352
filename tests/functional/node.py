"""A node under test: a network namespace with its own socled and socle-dataplane.

The build directory is $SOCLE_BUILD (default: build/ of the checkout). A daemon that ends by itself, or leaves a
sanitizer's report in its log, fails the test that stops the node."""

import contextlib
import functools
import os
import pathlib
import re
import signal
import subprocess

from control import Control
from netns import Namespace, veth, wait_until

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SOCLE_BUILD", TOP / "build"))
SANITIZER_REPORT = re.compile(r"ERROR: (Address|Leak)Sanitizer|runtime error:|SUMMARY: \w*Sanitizer")


@functools.cache
def program(name):
    found = [p for p in BUILD.rglob(name) if p.is_file() and os.access(p, os.X_OK)]
    if not found:
        raise FileNotFoundError(f"{BUILD} has no program {name}; run: meson setup build && ninja -C build")
    return found[0]


class Daemon:
    """One program of a node, its process and its log."""

    def __init__(self, namespace, log, *command):
        self.namespace, self.log, self.command = namespace, log, command
        self.process = None

    def start(self):
        with self.log.open("ab") as log:
            self.process = self.namespace.popen(*self.command, stdin=subprocess.DEVNULL, stdout=log,
                                                stderr=subprocess.STDOUT)

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """As the out-of-memory killer does it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """Asks it to end. AssertionError when it had ended before, ends badly, or left a sanitizer's report."""
        if self.process is None:
            return
        early = self.process.poll()
        if early is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        text = self.log.read_text(errors="replace")
        name = pathlib.Path(self.command[0]).name
        tail = "\n".join(text.splitlines()[-30:])
        assert early is None, f"{name} had ended by itself with status {early}; its log ends:\n{tail}"
        report = SANITIZER_REPORT.search(text)
        assert not report, f"{name}: {text[report.start():report.start() + 6000]}"
        assert self.process.returncode == 0, f"{name} ended with status {self.process.returncode}:\n{tail}"
        self.process = None


class Node:
    def __init__(self, directory, name, workers=1, cpu=0, memory=256, mbufs=16384, options=("--no-huge",)):
        self.directory = pathlib.Path(directory) / name
        self.directory.mkdir()
        self.namespace = Namespace(name)
        self.name = name
        cpus = ",".join(str((cpu + i) % os.cpu_count()) for i in range(workers))
        config = self.directory / "socled.conf"
        config.write_text(f"[socled]\ncontrol_socket = {self.control_socket}\nstore = {self.directory}/intent.db\n"
                          f"dataplane_socket = {self.directory}/dataplane.sock\n[tuner]\nenabled = no\n")
        self.dataplane = Daemon(self.namespace, self.directory / "dataplane.log", program("socle-dataplane"),
                                "--socket", self.directory / "dataplane.sock", "--state-dir", self.directory,
                                "--file-prefix", self.namespace.name, "--workers", workers, "--cpus", cpus,
                                "--memory", memory, "--mbufs", mbufs, *options)
        self.socled = Daemon(self.namespace, self.directory / "socled.log", program("socled"), "-c", config)
        self._control = None

    @property
    def control_socket(self):
        return self.directory / "control.sock"

    def start(self):
        self.dataplane.start()
        self.start_socled()
        self.wait_connected()
        return self

    def start_socled(self):
        self.socled.start()
        wait_until(self._try_connect, 20, f"socled of {self.name} answers")

    def _try_connect(self):
        self.disconnect()
        try:
            self._control = Control(self.control_socket)
            return self._control.call("info")
        except OSError:
            assert self.socled.alive(), f"socled ended:\n{self.socled.log.read_text()[-3000:]}"
            return None

    def disconnect(self):
        if self._control:
            self._control.close()
            self._control = None

    def wait_connected(self, timeout=30):
        def connected():
            assert self.dataplane.alive(), f"dataplane ended:\n{self.dataplane.log.read_text()[-3000:]}"
            return self.call("info")["dataplane"]["state"] == "connected"
        wait_until(connected, timeout, f"dataplane of {self.name} connected")

    def call(self, method, **params):
        return self._control.call(method, **params)

    def apply(self, *objects, **more):
        """Applies and waits until it is in force; anything that failed in the dataplane is an AssertionError."""
        result = self.call("apply", objects=list(objects), wait=30, **more)
        assert result["in_force"] and not result.get("failures"), result
        return result

    def delete(self, *names):
        """delete(("Port", "a"), …), and waits until the dataplane has it."""
        revision = self.call("delete", objects=[{"kind": k, "name": n} for k, n in names])["revision"]
        self.wait_in_force(revision)

    def clear(self):
        """Deletes everything but the underlay."""
        names = [(o["kind"], o["name"]) for o in self.call("get")["objects"] if o["kind"] != "Underlay"]
        if names:
            self.delete(*names)

    def wait_in_force(self, revision=None, timeout=30):
        def in_force():
            info = self.call("info")
            wanted = info["revision"] if revision is None else revision
            return info["dataplane"].get("in_force_revision", 0) >= wanted
        wait_until(in_force, timeout, f"revision {revision} in force")

    def status(self, kind, name):
        return self.call("get", kind=kind, name=name)["objects"][0]["status"]

    def wait_status(self, kind, name, timeout=15, **wanted):
        def reached():
            status = self.status(kind, name)
            return status if all(status.get(k) == v for k, v in wanted.items()) else None
        return wait_until(reached, timeout, f"{kind} {name} {wanted}, now {self.status(kind, name)}")

    def wait_peers(self, timeout=15):
        """Until the next hop to every peer is resolved: before that packets to it are dropped."""
        def reachable():
            peers = self.call("get", kind="Peer")["objects"]
            return all(p["status"].get("state") == "reachable" for p in peers)
        wait_until(reachable, timeout, f"all peers of {self.name} are reachable")

    def counters(self, name, kind="Port"):
        """{rx_packets, tx_packets, …, drops: {reason: count}} of a port or underlay."""
        for entry in self.call("stats")["ports"]:
            if entry["kind"] == kind and entry["name"] == name:
                return entry
        raise AssertionError(f"no counters of {kind} {name}")

    def learned(self, network):
        """(MACs in the table of a network that floods, sources that found it full)."""
        for entry in self.call("stats")["networks"]:
            if entry["name"] == network:
                return entry["learned"], entry["learn_full"]
        return 0, 0

    def drops(self, name, reason, kind="Port"):
        return self.counters(name, kind)["drops"].get(reason, 0)

    def revive(self):
        """Starts what has ended without being asked to, so that the next test finds a whole node; returns its name."""
        dead = [d for d in (self.dataplane, self.socled) if not d.alive()]
        for daemon in dead:
            daemon.start() if daemon is self.dataplane else self.start_socled()
        if dead:
            self.wait_connected()
        return ", ".join(pathlib.Path(d.command[0]).name for d in dead)

    def stop(self):
        try:
            with contextlib.ExitStack() as stack:  # all three happen, whichever fails
                stack.callback(self.namespace.delete)
                stack.callback(self.dataplane.stop)
                stack.callback(self.socled.stop)
                self.disconnect()
        finally:
            for daemon in (self.socled, self.dataplane):
                if daemon.alive():
                    daemon.kill()


def wire(left, right, mtu=1600):
    """The underlay between two nodes (or a node and a bare Namespace): `underlay0` on both ends."""
    spaces = [n.namespace if isinstance(n, Node) else n for n in (left, right)]
    veth(spaces[0], "underlay0", spaces[1], "underlay0", mtu)
