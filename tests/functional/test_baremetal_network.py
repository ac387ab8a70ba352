"""What lies between socled and Ironic, a BMC, lldpd: what comes and goes, hangs, breaks off, is renewed; and secrets on the way."""

import pathlib
import shutil
import signal
import socket
import threading
import time

import pytest

from baremetal_fixture import PATIENCE, Host, directory, host, ironic, needs_ironic, socled, steps  # noqa: F401
from baremetal_host import MACS, UUID
from middleman import Middleman
from pki import Authority
from redfish_mock import Bmc

pytestmark = needs_ironic
NODE = f"/v1/nodes/{UUID}"
NO_CONDUCTOR = ('{"error_message": "{\\"faultcode\\": \\"Client\\", \\"faultstring\\": \\"No valid host was found. Reason: No conductor service '
                'registered which supports driver fake-hardware for conductor group .\\"}"}')


@pytest.fixture
def started(host):  # noqa: F811
    return host.start()


@pytest.fixture
def bmc():
    server = Bmc("root", "bmc-secret-91ab")
    yield server
    server.stop()


def redfish(machine, bmc, password="bmc-secret-91ab"):
    return {"redfish": {"address": bmc.url, "username": "root", "password": machine.secret("bmc", password)}}


def failure(answer):
    return answer["failures"][0]["message"]


def times(count, answer, chosen=lambda method, path: True):
    """An answer for the first `count` requests that are chosen; then Ironic's own."""
    left = iter(range(count))
    return lambda method, path: answer if chosen(method, path) and next(left, None) is not None else None


# ---- comes and goes

def test_an_ironic_that_was_away_for_long_is_found_soon(started, ironic):  # noqa: F811
    """The pauses do not grow with the time that it is away, but to five seconds."""
    started.middleman.before = lambda *_: True
    started.apply(wait=0)
    until = time.monotonic() + 25
    while time.monotonic() < until:
        time.sleep(0.2)
    tried = len(started.middleman.log)
    assert tried >= 7, f"{tried} times in 25 seconds"
    started.middleman.before = None
    began = time.monotonic()
    started.until_state("manageable")
    print(f"enrolled {time.monotonic() - began:.1f} s after it was back, having been tried {tried} times in 25 s")


@pytest.mark.parametrize("refusal", [(406, '{"error_message": "{\\"title\\": \\"Not Acceptable\\"}"}'), (200, "<html>we are at it</html>")])
def test_an_upgrade_is_no_failure(started, ironic, refusal):  # noqa: F811
    """Another microversion than was agreed on; a page of who works at it."""
    started.middleman.answer = times(2, refusal, lambda method, path: path.startswith("/v1/nodes"))
    answer = started.apply()
    assert answer["in_force"] and "failures" not in answer, answer
    paths = [path for _, path, _ in started.middleman.log]
    assert paths.count("/") == (3 if refusal[0] == 406 else 1), paths


def test_a_conductor_that_is_restarted_is_waited_for(started, ironic):  # noqa: F811
    started.apply()
    started.middleman.answer = times(3, (400, NO_CONDUCTOR), lambda method, path: method == "PATCH")
    answer = started.apply(description="x")
    assert answer["in_force"] and "failures" not in answer and ironic.node(UUID)["description"] == "x", answer


def test_a_handshake_that_breaks_off_is_no_bad_certificate(started):
    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connection.recv(16)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                connection.close()  # a reset

        threading.Thread(target=serve, daemon=True).start()
        started.apply(ironic={"endpoint": f"https://127.0.0.1:{server.getsockname()[1]}"}, wait=0)
        status = started.until_state("waiting")
        assert "cannot be reached" in status["message"], status


def test_a_ca_and_certificate_that_are_renewed(socled, ironic, tmp_path):  # noqa: F811
    """Under the same path, while one connection after the other is made by one enrolment."""
    first, second = Authority(tmp_path / "first"), Authority(tmp_path / "second")
    ca = tmp_path / "ca.pem"
    shutil.copy(first.ca, ca)
    machine = Host(socled, ironic)
    between = Middleman(ironic.url, first.issue("ironic", "IP:127.0.0.1"))
    between.closing = True
    try:
        machine.start()
        between.answer = lambda method, path: (503, "") if path.startswith(NODE) else None
        machine.apply(ironic={"endpoint": between.url, "ca": str(ca)}, wait=0)
        machine.until("asked", lambda s: len(between.log) > 3)
        shutil.copy(second.ca, ca)
        between.renew(second.issue("ironic", "IP:127.0.0.1"))
        between.answer = None
        status = machine.until("an end", lambda s: s["state"] in ("manageable", "error"))
        assert status["state"] == "manageable", status
        machine.delete()
    finally:
        between.stop()
        machine.stop()


# ---- hangs

def test_a_stop_waits_for_no_bmc(started):
    """ipmitool would ask one that is silent for half a minute."""
    if not shutil.which("ipmitool"):
        pytest.skip("the test needs ipmitool")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        spec = {"address": "127.0.0.1", "port": silent.getsockname()[1], "username": "u", "password": started.secret("p", "x")}
        started.apply(bmc={"ipmi": spec}, wait=0)
        silent.settimeout(PATIENCE)
        silent.recv(1024)
        process = started.daemon.process
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0, "it waits for the BMC"


def test_an_lldpd_that_hangs_is_not_waited_for(socled, ironic):  # noqa: F811
    machine = Host(socled, ironic)
    machine.tree.path("/run").mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(machine.tree.path("/run/lldpd.socket")))
        silent.listen()
        try:
            machine.start()
            answer = machine.apply()
            assert answer["in_force"] and "failures" not in answer, answer
            assert any("does not answer in time" in n for n in machine.status()["notes"]), machine.status()
        finally:
            machine.stop()


@pytest.mark.root
def test_an_lldpd_that_may_not_be_asked_is_told(directory, ironic):  # noqa: F811
    """As in the unit, which takes root's way around permissions away: its group is what lets socled in."""
    from socled_fixture import Socled
    daemon = Socled(directory, prefix=["setpriv", "--bounding-set=-dac_override,-dac_read_search"])
    machine = Host(daemon, ironic)
    machine.tree.path("/run").mkdir(exist_ok=True)
    path = machine.tree.path("/run/lldpd.socket")
    with socket.socket(socket.AF_UNIX) as there:
        there.bind(str(path))
        there.listen()
        path.chmod(0)
        try:
            machine.start()
            document = machine.rpc.call("inventory")
            assert any("Permission denied" in n and "_lldpd" in n for n in document["notes"]), document["notes"]
            assert "failures" not in machine.apply() and any("_lldpd" in n for n in machine.status()["notes"])
        finally:
            machine.stop()
            daemon.stop()


# ---- the BMC, and its password

def test_a_password_beside_another_change(started, ironic, bmc):  # noqa: F811
    """A node that somebody else has made: the password is wiped from what is sent, and from nothing else."""
    node = {"name": "n1", "uuid": UUID, "driver": "redfish", "resource_class": "theirs",
            "driver_info": {"redfish_address": "https://192.0.2.1", "redfish_username": "them", "redfish_password": "old"}}
    ironic.call("POST", "/v1/nodes", node)
    answer = started.apply(bmc=redfish(started, bmc), resource_class="baremetal.large", description="row 3")
    assert "failures" not in answer, answer
    (node,) = ironic.nodes()
    assert (node["resource_class"], node["description"], node["driver_info"]["redfish_address"], node["driver_info"]["redfish_username"]) == \
        ("baremetal.large", "row 3", bmc.url, "root")
    assert [m for m, path in started.middleman.writes() if path == NODE] == ["PATCH"]


def test_a_password_that_ironic_did_not_take_is_given_again(started, ironic, bmc):  # noqa: F811
    spec = redfish(started, bmc)
    started.apply(bmc=spec)
    bmc.password = "another-secret"
    started.secret("bmc", bmc.password)
    started.middleman.reset()
    started.middleman.answer = times(2, (503, ""), lambda method, path: method == "PATCH")
    started.kill()
    started.start()
    started.until_done()
    last = [b for (m, _, _), b in zip(started.middleman.log, started.middleman.bodies) if m == "PATCH"][-1]
    assert b"another-secret" in last
    started.kill()
    started.start()
    started.until_done()
    assert len(started.middleman.writes()) == 3


def test_a_secret_that_ironic_repeats_is_not_told(started, ironic, bmc):  # noqa: F811
    """As its validation of types does."""
    def repeat(method, path):
        return (400, '{"error_message": "{\\"faultstring\\": \\"the value bmc-secret-91ab is of no use: bmc-secret-91ab\\"}"}') \
            if method == "POST" and path == "/v1/nodes" else None

    started.middleman.answer = repeat
    message = failure(started.apply(bmc=redfish(started, bmc)))
    assert "the value ****** is of no use: ******" in message, message
    assert "bmc-secret-91ab" not in str(started.rpc.call("get")) + started.daemon.log.read_text()


def test_a_secret_that_is_no_text(started, bmc):
    spec = redfish(started, bmc)
    pathlib.Path(spec["redfish"]["password"]["file"]).write_bytes(b"s3cr\xff\xfet\n")
    message = failure(started.apply(bmc=spec))
    assert "no UTF-8" in message and "s3cr" not in message, message


def test_another_driver(started, ironic, bmc):  # noqa: F811
    """Interfaces and secrets of the last one go."""
    assert "failures" not in started.apply(bmc=redfish(started, bmc))
    answer = started.apply()
    assert "failures" not in answer, answer
    (node,) = ironic.nodes()
    assert (node["driver"], node["power_interface"], node["driver_info"]) == ("fake-hardware", "fake", {}), node
    answer = started.apply(bmc=redfish(started, bmc))
    assert "failures" not in answer, answer
    (node,) = ironic.nodes()
    assert (node["driver"], node["power_interface"], node["driver_info"]["redfish_password"]) == ("redfish", "redfish", "******"), node


def test_a_link_local_address_is_of_no_use_to_ironic(socled, ironic):  # noqa: F811
    machine = Host(socled, ironic)
    record = bytearray(103)
    record[0], record[1], record[4], record[5], record[9], record[10], record[11] = 42, 103, 0x40, 3, 1, 4, 91
    record[12 + 51], record[12 + 52:12 + 56], record[12 + 84:12 + 86] = 1, bytes([169, 254, 1, 1]), (443).to_bytes(2, "little")
    path = machine.tree.path("/sys/firmware/dmi/entries/42-0/raw")
    path.parent.mkdir(parents=True)
    path.write_bytes(record)
    try:
        machine.start()
        message = failure(machine.apply(bmc={"redfish": {"username": "root", "password": machine.secret("p", "x")}}))
        assert message.startswith("/spec/bmc/redfish/address") and "link-local" in message, message
    finally:
        machine.stop()


def test_nodes_are_not_listed_for_a_bmc_that_there_is_not(started, ironic, bmc):  # noqa: F811
    started.apply()
    assert not any(path.startswith("/v1/nodes?") for _, path, _ in started.middleman.log)
    started.delete()
    other = ironic.call("POST", "/v1/nodes", {"name": "twin", "driver": "fake-hardware", "driver_info": {"drac_address": "127.0.0.1"}})
    message = failure(started.apply(bmc=redfish(started, bmc)))
    assert "twin" in message and other["uuid"] in message, message


# ---- Ironic's inspection

def test_an_inspection_is_answered_with_the_inventory(started, ironic):  # noqa: F811
    """The Ironic here is too old for it (1.84): the middleman pretends, and takes the answer."""
    seen = {"provision_state": "inspect wait"}
    taken = []

    def take(method, path):
        if not path.startswith("/v1/continue_inspection"):
            return None
        taken.append((method, path, started.middleman.bodies[-1]))
        seen.clear()
        return 202, '{"node": {"uuid": "%s"}, "config": {"agent_token": "token-5d1c"}}' % UUID

    started.middleman.minor = 84
    started.apply(inspection=True)
    started.middleman.alter = lambda method, path, document: {**document, **seen} if path == NODE else None
    started.middleman.answer = take
    started.apply(inspection=True, description="looked at again")
    assert started.status()["ironic"]["api_version"] == "1.84"
    ((method, path, body),) = taken
    assert (method, path) == ("POST", f"/v1/continue_inspection?node_uuid={UUID}")
    assert MACS[0].encode() in body and b'"pci_devices"' in body and b'"numa_topology"' in body
    assert "token-5d1c" not in str(started.rpc.call("get")) + started.daemon.log.read_text()

    taken.clear()
    seen["provision_state"] = "inspect wait"
    started.apply(description="not our business", wait=2)
    assert taken == []


def test_a_libvirt_that_hangs_holds_nothing_up(socled, ironic, tmp_path):  # noqa: F811
    """It takes the connection, and says nothing: the host is not known to be empty, and a stop does not wait for it."""
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        machine = Host(socled, ironic, libvirt=f"qemu+unix:///system?socket={tmp_path}/s")
        try:
            machine.start()
            machine.apply(target="available", wait=0)
            machine.until("guests", lambda s: "does not answer" in steps(s).get("guests gone", {}).get("message", ""))
            assert ironic.node(UUID)["provision_state"] == "manageable"
            machine.daemon.process.send_signal(signal.SIGTERM)
            assert machine.daemon.process.wait(15) == 0, "it waits for libvirt"
        finally:
            machine.stop()
