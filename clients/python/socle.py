"""A client of socled, the control daemon of a socle node: JSON-RPC 2.0, one JSON text a line, over its unix socket or over TLS.

Needs nothing but Python 3.9. This file is all of it: put it beside your program, or install it with pip.

    from socle import Client

    with Client() as node:                                     # this node, /run/socle/control.sock
        node.apply([{"kind": "Network", "name": "blue", "spec": {"underlay": "physnet0", "vni": 100}}], wait=10)

    with Client("node1.example.org", certificate="me.pem", key="me.key", ca="ca.pem") as node:
        for event in node.watch(kinds=["Port"]):
            print(event["name"], event.get("status"))

What the methods take and answer is in docs/control-protocol.md and docs/objects.md, and in `Client.schema()`.
"""

from __future__ import annotations

import itertools
import json
import socket
import ssl

__all__ = ["Client", "Error", "Refused", "Unreachable", "TimedOut"]
__version__ = "0.1.0"

DEFAULT_SOCKET = "/run/socle/control.sock"
DEFAULT_PORT = 9696


class Error(Exception):
    """What all errors of this module are."""


class Unreachable(Error):
    """There is no socled, it hung up, or its certificate is not accepted."""


class TimedOut(Error):
    """No answer in the time given; what was asked for may have happened all the same."""


class Refused(Error):
    """socled's own error: `code`, and `errors`, a list of {kind, name, pointer, message, expected}."""

    def __init__(self, error):
        self.code = error.get("code", 0)
        self.message = error.get("message", "")
        self.data = error.get("data") or {}
        self.errors = self.data.get("errors") or []
        super().__init__(self._words())

    def _words(self):
        lines = [self.message]
        for e in self.errors:
            where = " ".join(filter(None, (e.get("kind"), e.get("name"), e.get("pointer"))))
            words = "; ".join(filter(None, (e.get("message"), e.get("expected"))))
            if words != self.message:
                lines.append(f"{where}: {words}" if where else words)
        return "\n".join(lines)


class Client:
    """One connection. Made when it is first needed, and again after it has broken.

    host: None is this node, by the unix socket at `path`; else a name or address, "name:port" or "[IPv6]:port".
    timeout: seconds for connecting, and for each answer."""

    def __init__(self, host=None, *, path=DEFAULT_SOCKET, certificate=None, key=None, ca=None, crl=None, timeout=30.0):
        self.host, self.path, self.timeout = host, path, timeout
        self._files = (certificate, key, ca, crl)
        self._socket = self._reader = None
        self._ids = itertools.count(1)
        self._notifications = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for thing in (self._reader, self._socket):
            if thing is not None:
                thing.close()
        self._socket = self._reader = None
        self._notifications = []

    # ---- what one asks for ----

    def apply(self, objects, *, dry_run=False, replace=False, if_revision=None, wait=None):
        """Adds and updates objects {kind, name, spec}, all or none; with `wait`, answers once they are in force.

        Answers {changes, counts, revision, dry_run} and, with `wait`, in_force and failures."""
        return self.call("apply", extra_time=wait or 0, objects=list(objects), dry_run=dry_run, replace=replace,
                         if_revision=if_revision, wait=wait)

    def delete(self, objects, *, ignore_missing=False, dry_run=False, if_revision=None, wait=None):
        """Removes objects {kind, name}, all or none."""
        return self.call("delete", extra_time=wait or 0, objects=list(objects), ignore_missing=ignore_missing, dry_run=dry_run,
                         if_revision=if_revision, wait=wait)

    def get(self, kind=None, name=None):
        """Objects {kind, name, id, revision, spec, status} as a list; all of them, of a kind, or one."""
        return self.call("get", kind=kind, name=name)["objects"]

    def info(self):
        return self.call("info")

    def schema(self, kind=None):
        return self.call("schema", kind=kind)

    def watch(self, *, kinds=None, from_revision=None):
        """Changes as they happen, for ever: an iterator of events. The connection is this iterator's from then on."""
        self.call("watch", kinds=kinds, from_revision=from_revision)
        while True:
            message = self._notifications.pop(0) if self._notifications else self._receive(None)
            if message.get("method") == "watch":
                yield from message["params"]["events"]

    def call(self, method, *, extra_time=0.0, **params):
        """Any method: its result. Parameters that are None are left out."""
        number = next(self._ids)
        request = {"jsonrpc": "2.0", "id": number, "method": method,
                   "params": {name: value for name, value in params.items() if value is not None}}
        self._send(request)
        while True:
            message = self._receive(self.timeout + extra_time)
            if message.get("id") == number or ("error" in message and message.get("id") is None):
                break
            if "method" in message:
                self._notifications.append(message)
        if "error" in message:
            raise Refused(message["error"])
        return message["result"]

    # ---- the connection ----

    def _connect(self):
        try:
            if self.host is None:
                plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                plain.settimeout(self.timeout)
                plain.connect(self.path)
                self._socket = plain
            else:
                self._socket = self._connect_tls()
        except TimeoutError as error:
            raise TimedOut(f"socled at {self._where()} did not answer in {self.timeout:g} s") from error
        except OSError as error:  # ssl.SSLError is one
            raise Unreachable(f"cannot connect to socled at {self._where()}: {error}") from error
        self._reader = self._socket.makefile("rb")

    def _connect_tls(self):
        certificate, key, ca, crl = self._files
        name, port = _split(self.host)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        if ca:
            context.load_verify_locations(ca)
        else:
            context.load_default_certs()
        if crl:
            context.load_verify_locations(crl)
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        if certificate:
            context.load_cert_chain(certificate, key)
        plain = socket.create_connection((name, port), self.timeout)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return context.wrap_socket(plain, server_hostname=name)
        except BaseException:
            plain.close()
            raise

    def _where(self):
        return self.path if self.host is None else self.host

    def _send(self, message):
        if self._socket is None:
            self._connect()
        try:
            self._socket.settimeout(self.timeout)
            self._socket.sendall(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        except TimeoutError as error:
            self.close()
            raise TimedOut(f"socled at {self._where()} does not take the request") from error
        except OSError as error:
            self.close()
            raise Unreachable(f"the connection to socled at {self._where()} broke: {error}") from error

    def _receive(self, timeout):
        try:
            self._socket.settimeout(timeout)
            line = self._reader.readline()
        except TimeoutError as error:
            self.close()
            raise TimedOut(f"socled at {self._where()} did not answer in {timeout:g} s") from error
        except OSError as error:
            self.close()
            raise Unreachable(f"the connection to socled at {self._where()} broke: {error}") from error
        if not line.endswith(b"\n"):
            self.close()
            raise Unreachable(f"socled at {self._where()} closed the connection")
        try:
            return json.loads(line)
        except ValueError as error:
            self.close()
            raise Unreachable(f"what answers at {self._where()} does not speak JSON-RPC") from error


def _split(host):
    """("name", port) of "name", "name:port", "[IPv6]:port" or an IPv6 address alone."""
    if host.startswith("["):
        name, _, rest = host[1:].partition("]")
        return name, int(rest[1:]) if rest.startswith(":") else DEFAULT_PORT
    if host.count(":") == 1:
        name, port = host.split(":")
        return name, int(port)
    return host, DEFAULT_PORT
