"""socled from afar: who is let in, who is not and is told why, certificates that are renewed, and clients that misbehave."""

import concurrent.futures
import itertools
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time

import pytest

from cli_fixture import OK, SOCLECTL, UNREACHABLE, USAGE
from pki import Authority
from socled_fixture import PATIENCE, Rpc, Socled, directory, network, socled, underlay  # noqa: F401

ROLES = """
[tls_roles]
admin = dns:orchestrator.example.org
operate = dn:CN=tower operator,O=Cloud
read = dns:*.readers.example.org
read = uri:spiffe://cloud/monitoring
"""


class Remote(Rpc):
    """The raw client over TLS."""

    def __init__(self, port, context, name="localhost", timeout=PATIENCE, host="127.0.0.1"):
        plain = socket.create_connection((host, port), timeout)
        try:
            self.socket = context.wrap_socket(plain, server_hostname=name)
        except Exception:
            plain.close()
            raise
        self.reader = self.socket.makefile("rb")
        self.ids = itertools.count(1)
        self.notifications = []


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Node:
    def __init__(self, daemon, authority):
        self.daemon, self.authority, self.port = daemon, authority, free_port()
        self.files = {name: daemon.directory / f"node.{name}" for name in ("certificate", "key", "ca", "crl")}
        self.put(*authority.issue("node", "DNS:localhost", "IP:127.0.0.1"))
        shutil.copy(authority.ca, self.files["ca"])
        shutil.copy(authority.list_revoked(), self.files["crl"])

    def put(self, certificate, key):
        """As certmonger does: beside it, then renamed."""
        for name, source in (("key", key), ("certificate", certificate)):
            fresh = self.files[name].with_suffix(".new")
            shutil.copy(source, fresh)
            os.rename(fresh, self.files[name])

    def configure(self, **settings):
        lines = "".join(f"{name} = {value}\n" for name, value in {**self.files, **settings}.items())
        self.daemon.config.write_text(f"[tls]\nlisten = 127.0.0.1:{self.port}\n{lines}{ROLES}")

    def start(self, **settings):
        self.configure(**settings)
        self.daemon.start()
        return self

    def context(self, pair, ca=None, version=ssl.TLSVersion.TLSv1_3):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(ca or self.authority.ca)
        context.maximum_version = version
        if pair:
            context.load_cert_chain(*pair)
        return context

    def connect(self, pair, **more):
        return Remote(self.port, self.context(pair), **more)

    def info(self):
        with self.daemon.connect() as rpc:
            return rpc.call("info")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def people(authority):
    return {
        "admin": authority.issue("admin", "DNS:orchestrator.example.org"),
        "operator": authority.issue("operator", common_name="tower operator"),
        "reader": authority.issue("reader", "DNS:grafana.readers.example.org"),
        "monitoring": authority.issue("monitoring", "URI:spiffe://cloud/monitoring"),
        "stranger": authority.issue("stranger", "DNS:stranger.example.org"),
        "deep": authority.issue("deep", "DNS:a.b.readers.example.org"),
    }


@pytest.fixture
def node(socled, authority):  # noqa: F811
    return Node(socled, authority)


def until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


# ---- who is let in ----

@pytest.mark.parametrize("who, role", [("admin", "admin"), ("operator", "operate"), ("reader", "read"),
                                       ("monitoring", "read")])
def test_a_name_has_its_role(node, people, who, role):
    node.start()
    with node.connect(people[who]) as rpc:
        assert rpc.call("info")["role"] == role
    remote = node.info()["remote"]
    assert remote["certificate"]["expires_in_seconds"] > 20 * 86400 and "CN=node" in remote["certificate"]["subject"]


@pytest.mark.parametrize("who", ["stranger", "deep"])
def test_a_valid_chain_alone_lets_nobody_do_anything(node, people, who):
    node.start()
    with node.connect(people[who]) as rpc:
        error = rpc.error("info")
    assert error["code"] == -32001 and "has the role none (see [tls_roles] in socled.conf)" in error["message"]


def test_a_role_bounds_what_may_be_done(node, people):
    node.start()
    with node.connect(people["reader"]) as rpc:
        assert rpc.error("apply", objects=[underlay()])["code"] == -32001
    with node.connect(people["admin"]) as rpc:
        assert rpc.apply(underlay())["counts"]["added"] == 1


def refused(node, context, name="localhost"):
    """What the client sees: TLS 1.3 lets it finish its own side first, so the refusal comes with the first read."""
    try:
        with Remote(node.port, context, name) as rpc:
            return rpc.request("info")
    except (ssl.SSLError, ConnectionError, OSError) as error:
        return error


def logged(node):
    return node.daemon.log.read_text()


def test_bad_certificates_are_refused_and_the_log_says_why(node, people, authority, tmp_path):
    other = Authority(tmp_path / "other")
    expired = authority.issue("expired", "DNS:orchestrator.example.org", valid_from=-10, valid_until=-1)
    early = authority.issue("early", "DNS:orchestrator.example.org", valid_from=2, valid_until=9)
    revoked = authority.issue("revoked", "DNS:orchestrator.example.org")
    authority.revoke(revoked[0])
    shutil.copy(authority.list_revoked(), node.files["crl"])
    node.start()
    cases = [
        (other.issue("forged", "DNS:orchestrator.example.org"), "unable to get local issuer certificate"),
        (expired, "certificate has expired"),
        (early, "certificate is not yet valid"),
        (revoked, "certificate revoked"),
        (None, "peer did not return a certificate"),
    ]
    for pair, words in cases:
        answer = refused(node, node.context(pair))
        assert isinstance(answer, Exception), answer
        until(lambda: words in logged(node), f"the log does not say: {words}\n{logged(node)}")
    with node.connect(people["admin"]) as rpc:
        assert rpc.call("info")["role"] == "admin"


def test_tls_1_2_is_refused(node, people):
    node.start()
    answer = refused(node, node.context(people["admin"], version=ssl.TLSVersion.TLSv1_2))
    assert isinstance(answer, ssl.SSLError)
    until(lambda: "unsupported protocol" in logged(node), logged(node))


def test_a_revoked_client_is_not_let_in_again_once_the_list_is_there(node, authority):
    pair = authority.issue("fired", "DNS:orchestrator.example.org")
    node.start()
    with node.connect(pair) as rpc:
        assert rpc.call("info")["role"] == "admin"
    authority.revoke(pair[0])
    reloads = node.info()["remote"]["reloads"]
    shutil.copy(authority.list_revoked(), node.files["crl"])
    until(lambda: node.info()["remote"]["reloads"] > reloads, "the list was not read anew")
    assert isinstance(refused(node, node.context(pair)), Exception)


# ---- renewal ----

def serial_seen(node, people):
    context = node.context(people["admin"])
    with socket.create_connection(("127.0.0.1", node.port), PATIENCE) as plain, \
            context.wrap_socket(plain, server_hostname="localhost") as tls:
        return tls.getpeercert()["serialNumber"]


def test_a_renewed_certificate_is_taken_under_load_and_nobody_notices(node, people, authority):
    node.start()
    before = serial_seen(node, people)
    stop = []

    def ask():
        asked = 0
        with node.connect(people["admin"]) as old:
            while not stop:
                old.call("info")
                with node.connect(people["reader"]) as fresh:
                    fresh.call("info")
                asked += 1
        return asked

    with concurrent.futures.ThreadPoolExecutor() as pool:
        clients = [pool.submit(ask) for _ in range(4)]
        for number in range(3):
            node.put(*authority.issue(f"renewed{number}", "DNS:localhost"))
            until(lambda n=number: node.info()["remote"]["reloads"] >= n + 2, "not taken")
        stop.append(True)
        assert all(client.result() > 0 for client in clients)
    assert serial_seen(node, people) != before


@pytest.mark.parametrize("how", ["garbage", "other key", "empty", "gone", "expired"])
def test_a_bad_renewal_leaves_the_old_certificate_in_use(node, people, authority, how):
    node.start()
    before = serial_seen(node, people)
    certificate, key = authority.issue("worse", "DNS:localhost")
    if how == "garbage":
        node.files["certificate"].write_text("-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n")
    elif how == "other key":
        shutil.copy(certificate, node.files["certificate"])
    elif how == "empty":
        node.files["key"].write_text("")
    elif how == "gone":
        node.files["ca"].unlink()
        node.daemon.process.send_signal(signal.SIGHUP)
    else:
        node.put(*authority.issue("old", "DNS:localhost", valid_from=-9, valid_until=-1))
    until(lambda: "error" in node.info()["remote"], "the bad file was not noticed")
    assert "go on with the certificate that was there" in logged(node)
    assert serial_seen(node, people) == before
    shutil.copy(authority.ca, node.files["ca"])
    node.put(certificate, key)
    until(lambda: "error" not in node.info()["remote"], "the good one was not taken")
    assert serial_seen(node, people) != before


def test_socled_starts_without_its_certificate_and_takes_it_when_it_comes(node, people, authority):
    pair = [shutil.move(node.files[name], node.daemon.directory / f"late.{name}") for name in ("certificate", "key")]
    node.start()
    assert "no certificate can be read" in node.info()["remote"]["error"]
    assert isinstance(refused(node, node.context(people["admin"])), Exception)
    node.put(*pair)
    until(lambda: "certificate" in node.info()["remote"], "it was not taken")
    with node.connect(people["admin"]) as rpc:
        assert rpc.call("info")["role"] == "admin"


def test_sighup_changes_the_roles_of_those_who_are_connected(node, people):
    node.start()
    with node.connect(people["admin"]) as rpc:
        assert rpc.call("info")["role"] == "admin"
        node.daemon.config.write_text(node.daemon.config.read_text().replace("admin = dns:orch", "read = dns:orch"))
        node.daemon.process.send_signal(signal.SIGHUP)
        until(lambda: rpc.call("info")["role"] == "read", "the role stayed")


@pytest.mark.parametrize("line, words", [
    ("[tls]\nlisten = everywhere", "is no address with a port"),
    ("[tls]\nlisten = 127.0.0.1:1\nidle_seconds = 0", "is no number from 1"),
    ("[tls_roles]\nadmin = orchestrator.example.org", "is no name in a certificate"),
    ("[tls_roles]\nroot = dns:a.example.org", "there is no role"),
    ("[tls]\ncertificate = node.pem", "is no absolute path"),
])
def test_bad_configuration(socled, line, words):  # noqa: F811
    socled.config.write_text(line + "\n")
    done = subprocess.run(socled.command("--check-config"), capture_output=True, text=True, check=False)
    assert done.returncode == 2 and words in done.stderr, done


# ---- clients that misbehave ----

def closed_within(sock, seconds):
    """After an alert, or without one."""
    sock.settimeout(seconds)
    try:
        while sock.recv(100):
            pass
        return True
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def test_who_does_not_shake_hands_is_closed(node, people):
    node.start(handshake_seconds=1)
    with socket.create_connection(("127.0.0.1", node.port)) as silent, \
            socket.create_connection(("127.0.0.1", node.port)) as wrong, \
            socket.create_connection(("127.0.0.1", node.port)) as drip:
        wrong.sendall(b"GET / HTTP/1.0\r\n\r\n")
        drip.sendall(b"\x16\x03\x01")
        assert all(closed_within(one, PATIENCE) for one in (silent, wrong, drip))
    with node.connect(people["admin"]) as rpc:
        rpc.call("info")
    until(lambda: node.info()["remote"]["clients"] == 0, "a connection stayed")


def test_who_asks_nothing_is_closed_but_not_who_watches(node, people):
    node.start(idle_seconds=1)
    with node.connect(people["reader"]) as idle, node.connect(people["reader"]) as watching:
        watching.call("watch")
        idle.call("info")
        last = idle.receive()
        assert last["error"]["code"] == -32006 and "nothing asked for too long" in last["error"]["message"]
        assert idle.receive() is None
        with node.daemon.connect() as rpc:
            rpc.apply(underlay())
        assert watching.events_until(lambda event: event.get("name") == "physnet0")


def test_one_address_may_not_have_all_connections(node, people):
    node.start(clients_per_peer=3)
    held = [node.connect(people["reader"]) for _ in range(3)]
    with socket.create_connection(("127.0.0.1", node.port)) as fourth:
        assert closed_within(fourth, PATIENCE)
    for rpc in held:
        rpc.call("info")
    held.pop().close()
    until(lambda: node.info()["remote"]["clients"] == 2, "a closed connection still counts")
    with node.connect(people["reader"]) as rpc:
        rpc.call("info")
    assert node.info()["remote"]["refused"] == 1
    for rpc in held:
        rpc.close()


@pytest.mark.large
def test_a_thousand_watchers_and_a_flood_delay_nobody(node, people):
    node.start(clients_per_peer=4000)
    before = node.info()["memory_bytes"]
    context = node.context(people["reader"])
    held = [Remote(node.port, context) for _ in range(1000)]
    for rpc in held:
        rpc.send({"jsonrpc": "2.0", "id": 1, "method": "watch", "params": {}})
    for rpc in held:
        assert "result" in rpc.receive()
    assert node.info()["memory_bytes"] - before < 50 << 20
    with node.connect(people["reader"]) as flood, node.daemon.connect() as local:
        flood.socket.setblocking(False)
        sent = 0
        line = b'{"jsonrpc":"2.0","id":1,"method":"info"}\n' * 100
        for _ in range(200):
            try:
                sent += flood.socket.send(line)
            except ssl.SSLWantWriteError:
                pass
            local.call("info")
        assert sent > 0
        local.apply(underlay())
    for rpc in held:
        assert rpc.events_until(lambda event: event.get("name") == "physnet0")
        rpc.close()


def test_an_answer_much_larger_than_a_record_arrives_whole(node, people):
    node.start()
    with node.connect(people["admin"]) as rpc:
        rpc.apply(underlay(), *[network(f"n{i}", 100 + i) for i in range(2000)])
        assert len(rpc.call("get", kind="Network")["objects"]) == 2000
        # and while the client does not read, several of them
        for number in range(8):
            rpc.send({"jsonrpc": "2.0", "id": f"g{number}", "method": "get", "params": {"kind": "Network"}})
        time.sleep(0.3)
        assert [len(rpc.receive()["result"]["objects"]) for _ in range(8)] == [2000] * 8


# ---- soclectl ----

def ctl(node, people, *arguments, who="admin", host=None, env=None, ca=None):
    certificate, key = people[who]
    return subprocess.run([SOCLECTL, "--host", host or f"localhost:{node.port}", "--certificate", certificate, "--key", key,
                           "--ca", ca or node.authority.ca, *arguments], capture_output=True, text=True, check=False,
                          env={**os.environ, **(env or {})})


def test_soclectl_asks_another_node(node, people, tmp_path):
    node.start()
    done = ctl(node, people, "info", "-o", "json")
    assert done.returncode == OK and json.loads(done.stdout)["role"] == "admin", done
    certificate, key = people["reader"]
    config = tmp_path / "soclectl.conf"
    config.write_text(f"[soclectl]\nhost = 127.0.0.1:{node.port}\ncertificate = {certificate}\nkey = {key}\n"
                      f"ca = {node.authority.ca}\n")
    done = subprocess.run([SOCLECTL, "--config", config, "info", "-o", "json"], capture_output=True, text=True, check=False)
    assert done.returncode == OK and json.loads(done.stdout)["role"] == "read", done


def test_soclectl_says_what_is_wrong(node, people, tmp_path):
    node.start()
    other = Authority(tmp_path / "other")
    done = ctl(node, people, "info", ca=other.ca)
    assert done.returncode == UNREACHABLE and "certificate is not accepted" in done.stderr, done
    done = ctl(node, people, "info", host=f"127.0.0.2:{node.port}")
    assert done.returncode == UNREACHABLE and "Connection refused" in done.stderr and "[tls]" in done.stderr, done
    done = ctl(node, people, "info", host="[::1")
    assert done.returncode == USAGE and "is no host" in done.stderr, done
    done = subprocess.run([SOCLECTL, "--host", "localhost", "info"], capture_output=True, text=True, check=False,
                          env={**os.environ, "HOME": str(tmp_path)})
    assert done.returncode == USAGE and "a certificate is needed" in done.stderr, done
    node.put(*node.authority.issue("renamed", "DNS:elsewhere.example.org"))
    until(lambda: node.info()["remote"]["reloads"] >= 2, "not taken")
    done = ctl(node, people, "info")
    assert done.returncode == UNREACHABLE and "hostname mismatch" in done.stderr, done


def test_every_change_is_in_the_audit_log(node, people):
    node.start()
    with node.connect(people["admin"]) as rpc:
        rpc.apply(underlay())
        rpc.error("apply", objects=[network("lost", 5, underlay="nowhere")])
        rpc.call("apply", objects=[network()], dry_run=True)
    lines = [line for line in logged(node).splitlines() if "dns:orchestrator.example.org (127.0.0.1:" in line]
    assert len(lines) == 2, lines
    assert re.search(r"apply Underlay/physnet0: done, revision 1$", lines[0])
    assert re.search(r"apply Network/lost: .*nowhere.*, revision 1$", lines[1])
