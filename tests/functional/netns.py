"""Network namespaces as Python objects: made, entered, run in, removed with all that runs in them.

A socket stays in the namespace it was made in, so one process can hold sockets in all of them: `Namespace.socket()`."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)

# Names carry our pid, so that two runs, or a run and a demo, do not meet.
PREFIX = f"st{os.getpid() % 100000}-"


def run(*command, check=True, timeout=60):
    """Runs a command; its output is in the exception when it fails."""
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=timeout)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}")
    return done.stdout


class Namespace:
    def __init__(self, name):
        self.name = PREFIX + name
        run("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    @property
    def path(self):
        return f"/run/netns/{self.name}"

    def ip(self, *arguments, check=True):
        return run("ip", "-n", self.name, *arguments, check=check)

    def run(self, *command, check=True, timeout=60):
        return run("ip", "netns", "exec", self.name, *command, check=check, timeout=timeout)

    def popen(self, *command, **options):
        """Starts a command whose pid is the command's own (`ip netns exec` becomes it)."""
        return subprocess.Popen(["ip", "netns", "exec", self.name, *map(str, command)], **options)

    @contextlib.contextmanager
    def entered(self):
        """Moves the calling thread in."""
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(self.path, os.O_RDONLY)
        try:
            self._setns(there)
            yield
        finally:
            self._setns(here)
            os.close(here)
            os.close(there)

    @staticmethod
    def _setns(fd):
        if libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")

    def socket(self, *arguments):
        with self.entered():
            return socket.socket(*arguments)

    def mac(self, interface):
        fields = self.ip("-o", "link", "show", "dev", interface).split()
        return fields[fields.index("link/ether") + 1]

    def pids(self):
        return [int(p) for p in run("ip", "netns", "pids", self.name, check=False).split() if p.isdigit()]

    def delete(self):
        if not os.path.exists(self.path):
            return
        for pid in self.pids():
            if pid != os.getpid():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        run("ip", "netns", "del", self.name, check=False)


def veth(left, left_name, right, right_name, mtu):
    """Joins two namespaces by a wire. IPv6's own chatter is off: what is on the wire comes from who is tested."""
    run("ip", "link", "add", left_name, "netns", left.name, "mtu", mtu, "type", "veth",
        "peer", "name", right_name, "netns", right.name, "mtu", mtu)
    for namespace, name in ((left, left_name), (right, right_name)):
        ipv6(namespace, name, False)
        namespace.ip("link", "set", name, "up")


def ipv6(namespace, interface, on):
    """Off: no router solicitations, MLD reports or address detection from the kernel on this interface."""
    namespace.run("sh", "-c", f"echo {0 if on else 1} > /proc/sys/net/ipv6/conf/{interface}/disable_ipv6")


def wait_until(condition, timeout=10, what=None):
    """Polls until `condition()` is true and returns what it returned. AssertionError with its last answer if not."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what or condition}; last: {value!r}")
        time.sleep(0.02)
