"""The control socket: small requests a second over one connection, from this node and over TLS, with the delays; and
what a thousand clients that watch cost in memory. No dataplane: socled alone answers."""

import json
import os
import pathlib
import resource
import socket
import ssl
import subprocess
import tempfile

import tables
from pki import Authority
from socled_fixture import BUILD, Rpc, Socled, network, underlay

CALLER = BUILD / "bench/caller/socle-caller"
WINDOWS = (1, 16, 64)  # requests under way at once
QUESTION = ("get", json.dumps({"kind": "Network", "name": "blue"}))
TICKS = os.sysconf("SC_CLK_TCK")
WAYS = ("unix", "tls")


class Node:
    """A socled of its own that listens on both ways, and one network to ask for."""

    def __init__(self, directory):
        self.daemon = Socled(directory)
        self.authority = Authority(pathlib.Path(directory) / "pki")
        certificate, key = self.authority.issue("node", "DNS:localhost", "IP:127.0.0.1")
        self.client = self.authority.issue("client", "DNS:client.example.org")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.daemon.config.write_text(
            f"[tls]\nlisten = 127.0.0.1:{self.port}\ncertificate = {certificate}\nkey = {key}\nca = {self.authority.ca}\n"
            "clients_per_peer = 2000\n[tls_roles]\nadmin = dns:client.example.org\n")
        self.daemon.start()
        with self.daemon.connect() as rpc:
            rpc.apply(underlay(), network())

    def restart(self):
        """Memory that was used and is free again would hide what comes."""
        self.daemon.stop()
        self.daemon.start()

    def where(self, way):
        if way == "unix":
            return [str(self.daemon.control)]
        return ["localhost", str(self.port), *map(str, (self.authority.ca, *self.client))]

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.daemon.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_bytes(self):
        for line in pathlib.Path(f"/proc/{self.daemon.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("socled has no VmRSS")

    def watcher(self, way, context):
        if way == "unix":
            return self.daemon.connect()
        return Remote(self.port, context)


class Remote(Rpc):
    def __init__(self, port, context):
        self.socket = context.wrap_socket(socket.create_connection(("127.0.0.1", port), 60), server_hostname="localhost")
        self.reader = self.socket.makefile("rb")
        self.ids = iter(range(1, 1 << 30))
        self.notifications = []


def limit(row):
    """Who had no time left. Neither: they waited for each other, and a request's delay is the limit."""
    if row["socled_busy"] >= 0.9:
        return "socled"
    return "the client" if row["client_busy"] >= 0.9 else "delay"


def one_round(node, way, window, seconds):
    before = node.cpu_seconds()
    run = subprocess.run([CALLER, str(window), str(seconds), *QUESTION, *node.where(way)], text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if run.returncode:
        raise AssertionError(f"socle-caller: {run.stderr.strip()}")
    seen = json.loads(run.stdout)
    return {"rate": seen["requests"] / seen["seconds"], "p50_us": seen["p50_us"], "p99_us": seen["p99_us"],
            "socled_busy": (node.cpu_seconds() - before) / seen["seconds"],
            "client_busy": seen["cpu_seconds"] / seen["seconds"]}


def measure_requests(node, arguments):
    """In turns, so that what the machine does meanwhile it does to all."""
    cases = [(way, window) for way in WAYS for window in WINDOWS]
    rounds = {case: [] for case in cases}
    for _ in range(arguments.rounds):
        for case in cases:
            rounds[case].append(one_round(node, *case, arguments.seconds))
    rows = []
    for (way, window), seen in rounds.items():
        row = {"way": way, "window": window, **{name: tables.rounded([one[name] for one in seen]) for name in seen[0]}}
        row["limit"] = limit({name: row[name]["median"] for name in ("socled_busy", "client_busy")})
        rows.append(row)
    return rows


def measure_watchers(node, way, count):
    """Bytes of socled's for all of them, once each has seen everything and a change since."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(node.authority.ca)
    context.load_cert_chain(*node.client)
    before, clients = node.resident_bytes(), []
    try:
        for _ in range(count):
            clients.append(node.watcher(way, context))
            clients[-1].call("watch")
            clients[-1].events_until(lambda event: event["type"] == "synced")
        with node.daemon.connect() as rpc:
            rpc.apply(network(vni=200 if way == "unix" else 300))
        for client in clients:
            client.events_until(lambda event: event.get("kind") == "Network")
        return {"way": way, "clients": count, "bytes": node.resident_bytes() - before}
    finally:
        for client in clients:
            client.close()


def report(numbers):
    print(f"{'one connection':16}{'under way':>10}{'requests/s (range)':>32}{'p50 µs':>9}{'p99 µs':>9}{'socled':>8}{'client':>8}  limit")
    for row in numbers["requests"]:
        share = [f"{100 * row[name]['median']:.0f} %" for name in ("socled_busy", "client_busy")]
        print(f"{row['way']:16}{row['window']:>10}{tables.shown(list(row['rate'].values()), '{:,.0f}'):>32}"
              f"{row['p50_us']['median']:>9.0f}{row['p99_us']['median']:>9.0f}{share[0]:>8}{share[1]:>8}  {row['limit']}")
    for row in numbers["watchers"]:
        print(f"{row['clients']:,} clients that watch, {row['way']:5} {row['bytes'] / 1e6:6.1f} MB of socled's")


def run(arguments):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 16384)), hard))
    numbers = {"machine": tables.machine()}
    with tempfile.TemporaryDirectory(prefix="socle-bench-", dir="/tmp") as directory:
        node = Node(directory)
        try:
            numbers["requests"] = measure_requests(node, arguments)
            numbers["watchers"] = []
            for way in WAYS:
                node.restart()
                numbers["watchers"].append(measure_watchers(node, way, arguments.clients))
        finally:
            node.daemon.stop()
    report(numbers)
    return numbers
