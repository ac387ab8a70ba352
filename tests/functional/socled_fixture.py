"""A real socled for tests, without privileges: its process, a raw client of its control socket, and objects to apply.
Used by test_socled_*.py, which import the fixtures they need."""

import itertools
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest

BUILD = pathlib.Path(os.environ.get("SOCLE_BUILD", "build")).absolute()
SOCLED = BUILD / "ctl/socled/socled"
PATIENCE = 60


class Rpc:
    """A connection: lines out, lines in; nothing is hidden."""

    def __init__(self, path, timeout=PATIENCE):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self.reader = self.socket.makefile("rb")
        self.ids = itertools.count(1)
        self.notifications = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.reader.close()
        self.socket.close()

    def send_raw(self, data):
        self.socket.sendall(data)

    def send(self, message):
        self.send_raw(json.dumps(message).encode() + b"\n")

    def receive(self):
        """The next line as JSON; None at the end."""
        line = self.reader.readline()
        if not line:
            return None
        assert line.endswith(b"\n"), "the last line was cut off"
        return json.loads(line)

    def request(self, method, **params):
        """The whole answer, notifications aside."""
        number = next(self.ids)
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        while (answer := self.receive()) is not None:
            if "method" in answer:
                self.notifications.append(answer)
            elif answer["id"] == number:
                return answer
        raise ConnectionError("socled closed the connection")

    def call(self, method, **params):
        answer = self.request(method, **params)
        assert "result" in answer, answer
        return answer["result"]

    def error(self, method, **params):
        answer = self.request(method, **params)
        assert "error" in answer, answer
        return answer["error"]

    def apply(self, *objects, **params):
        return self.call("apply", objects=list(objects), **params)

    def events(self):
        """The events of the next notification."""
        message = self.notifications.pop(0) if self.notifications else self.receive()
        assert message is not None, "socled closed the connection"
        assert message["method"] == "watch", message
        return message["params"]["events"]

    def events_until(self, done):
        """All events up to and with the first that `done` says yes to."""
        seen = []
        while True:
            for event in self.events():
                seen.append(event)
                if done(event):
                    return seen


class Socled:
    def __init__(self, directory, prefix=(), environment=None):
        self.directory = pathlib.Path(directory)
        self.control = self.directory / "control.sock"
        self.store = self.directory / "state" / "intent.db"
        self.dataplane = self.directory / "dataplane.sock"
        self.config = self.directory / "socled.conf"
        self.log = self.directory / "socled.log"
        self.prefix = list(prefix)
        self.environment = environment or {}
        self.process = None
        self.config.write_text("")

    def command(self, *more):
        return [*self.prefix, str(SOCLED), "-c", str(self.config), "--control-socket", str(self.control), "--store",
                str(self.store), "--dataplane-socket", str(self.dataplane), *more]

    def start(self, *more):
        """Returns once it says READY=1, as systemd would see it."""
        path = self.directory / "notify.sock"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, open(self.log, "ab") as log:
            notify.bind(str(path))
            notify.settimeout(PATIENCE)
            self.process = subprocess.Popen(self.command(*more), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **self.environment, "NOTIFY_SOCKET": str(path)})
            while b"READY=1" not in self.receive(notify):
                pass
        return self

    def receive(self, notify):
        notify.settimeout(0.2)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                return notify.recv(4096)
            except TimeoutError:
                assert self.process.poll() is None, f"socled ended early:\n{self.log.read_text()}"
        raise TimeoutError("socled does not say READY=1")

    def connect(self, **more):
        return Rpc(self.control, **more)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """A clean stop: exit 0, and nothing a sanitizer would have complained of."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(PATIENCE) == 0, self.log.read_text()
        self.process = None

    def alive(self):
        assert self.process.poll() is None, f"socled ended with {self.process.returncode}:\n{self.log.read_text()}"
        with self.connect() as rpc:
            return rpc.call("info")


@pytest.fixture
def directory():
    """Short enough for a socket's path, and open to other users (as /run is)."""
    path = tempfile.mkdtemp(prefix="socled-")
    os.chmod(path, 0o755)
    yield pathlib.Path(path)
    shutil.rmtree(path)


@pytest.fixture
def socled(directory):
    """Not started: a test may want to write its configuration first."""
    daemon = Socled(directory)
    yield daemon
    daemon.stop()


@pytest.fixture
def rpc(socled):
    socled.start()
    with socled.connect() as connection:
        yield connection


def underlay(name="physnet0", **spec):
    return {"kind": "Underlay", "name": name,
            "spec": {"device": {"af_packet": {"interface": f"u-{name}"[:15]}}, "vtep_ipv4": "192.0.2.1/24", "mtu": 1550, **spec}}


def network(name="blue", vni=100, **spec):
    return {"kind": "Network", "name": name, "spec": {"underlay": "physnet0", "vni": vni, **spec}}


def port(name, number, network="blue", port_security=False, **spec):
    """Without port security, unless the test is about it."""
    return {"kind": "Port", "name": name,
            "spec": {"network": network, "mac_address": mac(0, number), "fixed_ips": [ip(10, number)],
                     "attachment": {"vhost_user": {"socket": f"/run/vm/{name}.sock"}}, "port_security": port_security,
                     **spec}}


def peer(name, number, hosts, networks=("blue",)):
    return {"kind": "Peer", "name": name,
            "spec": {"underlay": "physnet0", "vtep": f"192.0.2.{number}",
                     "networks": [{"network": n, "hosts": hosts} for n in networks]}}


def host(number):
    return {"mac_address": mac(1, number), "ip_addresses": [ip(11, number)]}


def mac(group, number):
    return f"fa:16:{group:02x}:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def ip(first, number):
    return f"{first}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def memory(rpc):
    """socled's resident bytes; 0 under a sanitizer, which takes many times as much for itself."""
    return 0 if b"__asan_init" in SOCLED.read_bytes() else rpc.call("info")["memory_bytes"]


def everything(rpc):
    """Wanted, without what is seen: for before-and-after."""
    answer = rpc.call("get")
    return answer["revision"], [{k: o[k] for k in ("kind", "name", "id", "revision", "spec")} for o in answer["objects"]]
