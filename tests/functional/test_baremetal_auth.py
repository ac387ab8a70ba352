"""Who socled is to Ironic and to the BMC: HTTP basic, Keystone, TLS, Redfish; every way in which that can be wrong has words of its
own; and no secret is stored, logged or given back."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import time

import pytest

import ironic as real
from baremetal_fixture import Host, directory, host, ironic, needs_ironic, shared, socled, steps  # noqa: F401
from baremetal_host import UUID
from pki import Authority
from redfish_mock import Bmc

pytestmark = needs_ironic
needs_keystone = pytest.mark.skipif(not real.keystone_there(), reason="the test asks a real Keystone: package python3-keystone")
SECRETS = {"basic": "basic-secret-7c1f", "bmc": "bmc-secret-91ab", "user": "user-secret-3e55", "credential": "credential-secret-0d2c"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def basic(authority):
    """HTTP basic over TLS."""
    server = shared("ironic-basic", lambda path: real.Ironic(path, "http_basic", users={"socle": SECRETS["basic"]},
                                                             certificate=authority.issue("ironic", "IP:127.0.0.1")).start())
    server.clear()
    return server


@pytest.fixture(scope="module")
def keystone():
    return shared("keystone", lambda path: real.Keystone(path).start())


@pytest.fixture
def guarded(keystone):
    """Behind Keystone."""
    def make(path):
        server = real.Ironic(path, "keystone", keystone=keystone).start()
        keystone.add_service(server.url)
        return server
    server = shared("ironic-keystone", make)
    server.clear()
    return server


@pytest.fixture
def machine(socled):  # noqa: F811
    """A started host, for an Ironic that the test chooses; at the end no secret is to be found anywhere."""
    class Nowhere:
        url = "http://127.0.0.1:1"
    started = Host(socled, Nowhere).start()
    yield started
    started.stop()
    everything = started.daemon.log.read_bytes()
    for path in started.daemon.store.parent.rglob("*"):
        if path.is_file():
            everything += path.read_bytes()
    found = [name for name, secret in SECRETS.items() if secret.encode() in everything]
    assert found == [], f"in the store, a ledger or the log: {found}"


def said(host):  # noqa: F811
    """All that socled gives back."""
    return str(host.rpc.call("get")) + str(host.rpc.call("info")) + str(host.rpc.call("schema"))


def failure(host, **spec):  # noqa: F811
    """Of an object of its own, so that none is in another's way."""
    name = f"n{time.monotonic_ns()}"
    message = host.apply(name, **spec)["failures"][0]["message"]
    assert not any(secret in message + said(host) for secret in SECRETS.values())
    host.delete(name)
    return message


# ---- HTTP basic and TLS

def test_basic_over_tls(machine, basic, authority):
    password = machine.secret("basic", SECRETS["basic"])

    def spec(password=password, ca=str(authority.ca), username="socle"):
        return {"endpoint": basic.url, "ca": ca, "auth": {"basic": {"username": username, "password": password}}}

    message = failure(machine, ironic=spec(password=machine.secret("wrong", "guess")))
    assert "Authorization" in message or "uthenti" in message or "Incorrect" in message, message
    assert "everybody" in failure(machine, ironic=spec(password=readable(machine)))
    assert "No such file" in failure(machine, ironic=spec(password={"file": "/nowhere/at-all"}))
    other = Authority(machine.daemon.directory / "other", "Other CA")
    assert "certificate" in failure(machine, ironic=spec(ca=str(other.ca)))
    assert "/nowhere/ca.pem" in failure(machine, ironic=spec(ca="/nowhere/ca.pem"))
    assert basic.nodes() == []

    answer = machine.apply(ironic=spec())
    assert "failures" not in answer and basic.node(UUID)["provision_state"] == "manageable", answer
    assert SECRETS["basic"] not in said(machine)
    machine.delete()
    assert basic.everything() == [[], [], []]


def readable(machine):
    reference = machine.secret("readable", SECRETS["basic"])
    os.chmod(reference["file"], 0o644)
    return reference


def test_a_password_that_changes_under_way_is_read_again(machine, basic, authority):
    password = machine.secret("basic", "not yet right")
    spec = {"endpoint": basic.url, "ca": str(authority.ca), "auth": {"basic": {"username": "socle", "password": password}}}
    assert machine.apply(ironic=spec)["failures"]
    pathlib.Path(password["file"]).write_text(SECRETS["basic"])
    machine.until_state("manageable")


# ---- Keystone

@needs_keystone
def test_keystone(machine, guarded, keystone):
    keystone.add_user("reader", SECRETS["user"], "reader")
    admin = machine.secret("admin", keystone.PASSWORD)
    reader = machine.secret("reader", SECRETS["user"])

    def spec(username="admin", password=admin, **more):
        return {"auth": {"password": {"auth_url": keystone.url + "/v3", "username": username, "project": "admin", "password": password}}, **more}

    message = failure(machine, ironic=spec(password=machine.secret("wrong", "guess")))
    assert "Keystone" in message and "requires authentication" in message, message
    message = failure(machine, ironic=spec(region="elsewhere"))
    assert "elsewhere" in message and "catalogue" in message, message
    message = failure(machine, ironic=spec("reader", reader))
    assert "baremetal:node:create" in message or "denied" in message or "orbidden" in message, message
    assert guarded.nodes() == []

    # the endpoint is the catalogue's
    answer = machine.apply(ironic=spec())
    assert "failures" not in answer and machine.status()["ironic"]["endpoint"] == guarded.url, answer

    machine.delete()
    assert guarded.everything() == [[], [], []] and keystone.PASSWORD not in said(machine)


@needs_keystone
def test_a_revoked_token_is_renewed(socled, guarded, keystone):  # noqa: F811
    """An application credential; its tokens are revoked, one after the other, while socled enrols."""
    started = Host(socled, guarded).start()
    try:
        identity = keystone.add_application_credential(SECRETS["credential"])
        revoked = []

        def revoke(number, method, path):
            """Before the first of each kind of creation."""
            if method == "POST" and path not in revoked:
                revoked.append(path)
                keystone.revoke(started.middleman.headers[number - 1]["X-Auth-Token"])

        started.middleman.before = revoke
        auth = {"application_credential": {"auth_url": keystone.url, "id": identity, "secret": started.secret("s", SECRETS["credential"])}}
        answer = started.apply(ironic={"endpoint": started.middleman.url, "auth": auth})
        assert "failures" not in answer and guarded.node(UUID)["provision_state"] == "manageable", answer
        assert len(revoked) == 3 and [s for _, _, s in started.middleman.log].count(401) == 3
        assert SECRETS["credential"] not in said(started) + started.daemon.log.read_text()
    finally:
        started.stop()


# ---- the BMC

@pytest.fixture
def bmc(authority):
    server = Bmc("root", SECRETS["bmc"], authority.issue("bmc", "IP:127.0.0.1"))
    yield server
    server.stop()


def redfish(machine, bmc, authority, **more):
    return {"redfish": {"address": bmc.url, "username": "root", "password": machine.secret("bmc", SECRETS["bmc"]), "ca": str(authority.ca), **more}}


def test_redfish(host, ironic, bmc, authority):  # noqa: F811
    host.start()
    other = Authority(host.daemon.directory / "other", "Other CA")
    wrong = host.secret("wrong", "guess")
    nobody = {"redfish": {**redfish(host, bmc, authority)["redfish"], "address": "https://127.0.0.1:1"}}
    assert failure(host, bmc=redfish(host, bmc, authority, password=wrong)).startswith("wrong password:")
    assert failure(host, bmc=redfish(host, bmc, authority, ca=str(other.ca))).startswith("bad certificate:")
    assert failure(host, bmc=nobody).startswith("unreachable:")
    message = failure(host, bmc=redfish(host, bmc, authority, system_id="/redfish/v1/Systems/none"))
    assert message.startswith("odd answer:") and "404" in message, message
    assert host.middleman.writes() == [] and ironic.nodes() == []

    answer = host.apply(bmc=redfish(host, bmc, authority))
    assert "failures" not in answer, answer
    (node,) = ironic.nodes()
    assert (node["provision_state"], node["driver"]) == ("manageable", "redfish")
    assert node["driver_info"]["redfish_address"] == bmc.url and node["driver_info"]["redfish_password"] == "******"
    assert host.status()["node"]["power_state"] == "power on"
    assert SECRETS["bmc"] not in said(host) + host.daemon.log.read_text()
    assert not any(SECRETS["bmc"].encode() in p.read_bytes() for p in host.daemon.store.parent.rglob("*") if p.is_file())

    # a new password reaches Ironic, and an unchanged one is not written again
    writes = len(host.middleman.writes())
    bmc.password = "another-bmc-secret"
    path = pathlib.Path(host.secret("bmc", "another-bmc-secret")["file"])
    assert path.exists()
    host.kill()
    host.start()
    host.until_done()
    assert [m for m, _ in host.middleman.writes()[writes:]] == ["PATCH"]
    host.kill()
    host.start()
    host.until_done()
    assert len(host.middleman.writes()) == writes + 1


def test_the_same_bmc_on_another_node_is_named(host, ironic, bmc, authority):  # noqa: F811
    host.start()
    other = ironic.call("POST", "/v1/nodes", {"name": "twin", "driver": "redfish",
                                              "driver_info": {"redfish_address": bmc.url + "/", "redfish_username": "x"}})
    message = failure(host, bmc=redfish(host, bmc, authority))
    assert "twin" in message and other["uuid"] in message and host.middleman.writes() == [], message


def test_a_bmc_that_ironic_cannot_log_in_to(host, ironic, bmc, authority):  # noqa: F811
    """The password is changed between our question and Ironic's: what was made is taken back, and the reason is told."""
    host.start()

    def change(number, method, path):
        if path.endswith("/states/provision"):
            bmc.password = "changed meanwhile"

    host.middleman.before = change
    message = host.apply(bmc=redfish(host, bmc, authority))["failures"][0]["message"]
    assert "manage" in message and ("401" in message or "uthenti" in message), message
    host.until("taken back", lambda s: "take back" in steps(s) or s["error"].startswith("wrong password"))
    assert ironic.everything() == [[], [], []]


IPMI = """
name "bmc"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 {port}
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  user 1 true  ""        ""       user     10 none md2 md5 straight
  user 2 true  "socle"   "{password}" admin 10 none md2 md5 straight
"""
IPMI_COMMANDS = """
mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
mc_enable 0x20
"""


@contextlib.contextmanager
def ipmi_bmc(path, password):
    """OpenIPMI's simulator of a BMC; its port."""
    port = real.free_port()
    (path / "state").mkdir(parents=True)
    (path / "lan.conf").write_text(IPMI.format(port=port, password=password))
    (path / "sim.emu").write_text(IPMI_COMMANDS)
    with open(path / "sim.log", "ab") as log:
        process = subprocess.Popen(["ipmi_sim", "-c", path / "lan.conf", "-f", path / "sim.emu", "-s", path / "state", "-n"],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield port
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(not shutil.which("ipmitool") or not shutil.which("ipmi_sim"), reason="the test needs ipmitool, and openipmi's BMC")
def test_ipmi(host, ironic):  # noqa: F811
    host.start()
    password = "ipmi-secret-42"  # 16 bytes at most
    with ipmi_bmc(host.daemon.directory / "ipmi", password) as port:
        def spec(**more):
            return {"ipmi": {"address": "127.0.0.1", "port": port, "username": "socle", "password": host.secret("p", password), **more}}

        assert failure(host, bmc=spec(password=host.secret("wrong", "guess"))).startswith("wrong password:")
        assert failure(host, bmc=spec(username="nobody")).startswith("wrong password:")
        assert failure(host, bmc=spec(port=1)).startswith("unreachable:")
        assert host.middleman.writes() == [] and ironic.nodes() == []
        answer = host.apply(bmc=spec())
        assert "failures" not in answer, answer
        (node,) = ironic.nodes()
        assert (node["driver"], node["provision_state"], node["driver_info"]["ipmi_password"]) == ("ipmi", "manageable", "******")
        assert password not in said(host) + host.daemon.log.read_text()
