"""What must not happen to an enrolled machine: that it is taken for another one, that its node is left behind or forgotten, that
Ironic is told the same for ever. Each was found once by somebody who read the code."""

import json
import os
import socket
import time

import pytest

import baremetal_host
from baremetal_fixture import PATIENCE, Host, directory, host, ironic, is_other, needs_ironic, socled, steps  # noqa: F401
from baremetal_host import MACS, UUID
from middleman import Middleman

pytestmark = needs_ironic
GONE = '{"error_message": "{\\"code\\": 404, \\"title\\": \\"Not Found\\", \\"description\\": \\"Node could not be found\\"}"}'
NODE = f"/v1/nodes/{UUID}"


@pytest.fixture
def started(host):  # noqa: F811
    return host.start()


def failure(answer):
    return answer["failures"][0]["message"]


def ledger(host, name="n1"):  # noqa: F811
    return json.loads((host.daemon.store.parent / "baremetal" / f"{name}.json").read_text())


# ---- whose machine it is

@pytest.mark.parametrize("change", [{"uuid": UUID.upper()}, {"interfaces": [{"name": "x", "mac_address": MACS[1]}]}])
def test_this_host_described_as_another_machine(started, ironic, change):  # noqa: F811
    """All gates would be passed over: it must be emptied before it is given away."""
    machine = {**baremetal_host.other_machine(), **change}
    message = failure(started.apply("other", hardware=machine, target="available", consent="other"))
    assert "/spec/hardware" in message and "this is the host that socled runs on" in message, message
    assert started.middleman.writes() == [] and ironic.nodes() == []


def tell_bmc(tree, address):
    """As SMBIOS type 42 does: Redfish over IP (DSP0270)."""
    record = bytearray(103)
    record[0], record[1], record[4], record[5], record[9], record[10], record[11] = 42, 103, 0x40, 3, 1, 4, 91
    record[12 + 51], record[12 + 52:12 + 56], record[12 + 84:12 + 86] = 1, socket.inet_aton(address), (443).to_bytes(2, "little")
    path = tree.path("/sys/firmware/dmi/entries/42-0/raw")
    path.parent.mkdir(parents=True)
    path.write_bytes(record)


@pytest.mark.parametrize("kind, address", [("redfish", "https://127.0.0.7"), ("redfish", "https://127.0.0.7:8443/"), ("ipmi", "127.0.0.7"),
                                           ("ipmi", "127.7"), ("redfish", "https://[::ffff:127.0.0.7]")])
def test_another_machine_with_the_bmc_of_this_host(host, ironic, kind, address):  # noqa: F811
    """Other UUID, other MACs: it is this host that Ironic would wipe all the same, and past the gates."""
    tell_bmc(host.tree, "127.0.0.7")
    host.start()
    bmc = {kind: {"address": address, "username": "root", "password": host.secret("p", "x")}}
    answer = host.apply("other", hardware=baremetal_host.other_machine(), target="available", consent="other", bmc=bmc)
    message = failure(answer)
    assert answer["failures"][0]["name"] == "other" and message.startswith(f"/spec/bmc/{kind}/address: this is the BMC of the host"), answer
    assert "leave hardware out" in message and host.middleman.writes() == [] and ironic.nodes() == []


@pytest.mark.parametrize("hardware", [{"hardware": baremetal_host.other_machine()}, {}])
def test_a_bmc_is_the_hosts_own_only_where_it_is(host, ironic, hardware):  # noqa: F811
    """Another machine at another address, and this host itself at its own, come as far as the question of the BMC."""
    tell_bmc(host.tree, "127.0.0.7")
    host.start()
    address = "https://127.0.0.8:1" if hardware else "https://127.0.0.7:1"
    bmc = {"redfish": {"address": address, "username": "root", "password": host.secret("p", "x")}}
    host.apply("other", bmc=bmc, wait=0, **hardware)
    status = host.until("asked", lambda s: "BMC: " in json.dumps(s), "other")
    assert "this is the BMC of the host" not in json.dumps(status), status


def test_a_new_uuid_is_no_reason_to_make_another_node(started, ironic):  # noqa: F811
    started.apply()
    started.kill()
    started.tree.put(**{"/sys/class/dmi/id/product_uuid": "4c4c4544-0051-3610-8056-b4c04f4d9999"})
    started.start()
    status = started.until_state("error")
    assert UUID in status["error"] and "delete the object first" in status["error"], status
    assert [n["uuid"] for n in ironic.nodes()] == [UUID]
    started.delete()
    assert ironic.everything() == [[], [], []]


def test_an_object_that_comes_back_elsewhere_while_it_is_taken_back(started, ironic):  # noqa: F811
    started.apply()
    started.middleman.answer = lambda method, path: (503, "") if method == "DELETE" else None
    started.delete(wait=0)
    other = Middleman(ironic.url)
    try:
        message = failure(started.apply(ironic={"endpoint": other.url}))
        assert "/spec/ironic" in message and "another Ironic" in message, message
        assert other.log == []
        started.delete(wait=0)
        started.middleman.answer = None
        started.until_gone()
        assert ironic.everything() == [[], [], []] and other.log == []
    finally:
        other.stop()


def test_the_ledger_has_the_spec_that_was_last_wanted(started, ironic):  # noqa: F811
    """Credentials that were repaired while Ironic was away are those that take it back."""
    started.apply()
    started.middleman.before = lambda *_: True
    started.apply(description="repaired", wait=0)
    started.until_state("waiting")
    assert ledger(started)["spec"]["description"] == "repaired"
    started.middleman.before = None


# ---- when it is gone

@pytest.mark.parametrize("page", [(404, "<html>no such page</html>"), (200, ""), (200, "<html>welcome</html>"), (302, "")])
def test_a_page_of_a_proxys_does_not_mean_deleted(started, ironic, page):  # noqa: F811
    started.apply()
    started.middleman.answer = lambda method, path: page if path.startswith("/v1/nodes/") else None
    started.delete(wait=1)
    assert started.ledgers() == ["n1.json"] and started.rpc.call("info")["baremetal"]["leaving"]
    started.middleman.answer = None
    started.until_gone()
    assert ironic.everything() == [[], [], []]


def test_a_role_that_was_lost_does_not_mean_deleted(started, ironic):  # noqa: F811
    """Ironic says 404 instead of 403."""
    started.apply()
    started.middleman.answer = lambda method, path: (404, GONE) if path.startswith(NODE) else None
    started.delete(wait=1)
    (leaving,) = started.rpc.call("info")["baremetal"]["leaving"]
    assert "no longer shows node" in leaving["message"] and "hidden from these credentials" in leaving["message"], leaving
    assert started.ledgers() == ["n1.json"]
    started.middleman.answer = None
    started.until_gone()
    assert ironic.everything() == [[], [], []]


@pytest.mark.large
def test_a_node_that_stays_away_is_given_up_aloud(started, ironic):  # noqa: F811
    started.apply()
    ironic.clear()
    started.delete(wait=0)
    deadline = time.monotonic() + 300
    while started.rpc.call("info")["baremetal"]["leaving"]:
        assert time.monotonic() < deadline
        time.sleep(1)
    assert "Ironic no longer shows node" in started.daemon.log.read_text() and started.ledgers() == []


def test_an_object_that_never_reached_ironic_goes_at_once(started, ironic):  # noqa: F811
    failure(started.apply(bmc={"none": {"driver": "no-such-driver"}}))
    assert started.delete()["in_force"] and started.ledgers() == []


def test_a_node_made_a_second_time_is_taken_back_if_it_fails(started, ironic):  # noqa: F811
    started.apply()
    ironic.clear()
    no_power = '{"power": {"result": false, "reason": "no cable"}, "management": {"result": true}}'
    started.middleman.answer = lambda method, path: (200, no_power) if path.endswith("/validate") else None
    assert "no cable" in failure(started.apply(description="again"))
    started.until("taken back", lambda s: steps(s).get("take back", {}).get("state") == "done")
    assert ironic.everything() == [[], [], []]


def test_a_node_of_others_that_is_available_stays_as_it_is_after_a_failure(started, ironic):  # noqa: F811
    ironic.call("POST", "/v1/nodes", is_other("n1", uuid=UUID))
    for verb, state in (("manage", "manageable"), ("provide", "available")):
        ironic.provision(UUID, verb, state)
    by = os.uname().nodename
    assert "failures" not in started.apply(target="available", consent=by) and ledger(started)["enrolled"] is True
    assert len(ironic.ports()) == 3
    started.middleman.answer = lambda method, path: (400, "{}") if method == "PATCH" else None
    assert started.apply(target="available", consent=by, description="x")["failures"]
    time.sleep(1)
    assert len(ironic.ports()) == 3 and ironic.node(UUID)["provision_state"] == "available"


# ---- in use

def test_adopted_then_manageable_then_deleted(started, ironic):  # noqa: F811
    started.apply(target="active")
    started.apply(target="manageable", wait=1)
    assert "in use" in started.until_state("waiting")["message"]
    started.kill()
    started.start()
    started.delete()
    assert ironic.everything() == [[], [], []]


def test_a_machine_that_others_have_deployed_keeps_its_record(started, ironic):  # noqa: F811
    started.apply()
    ironic.provision(UUID, "provide", "available")
    ironic.provision(UUID, "active", "active")
    assert "failures" not in started.apply(target="active") and started.status()["state"] == "active"
    started.delete(wait=2)
    (leaving,) = started.rpc.call("info")["baremetal"]["leaving"]
    assert "in use" in leaving["message"] and ironic.node(UUID)["maintenance"] is False, leaving
    ironic.provision(UUID, "deleted", "available")
    started.until_gone()


def test_maintenance_that_was_our_way_out_is_ended(started, ironic):  # noqa: F811
    started.apply(target="active")
    started.middleman.answer = lambda method, path: (503, "") if method == "DELETE" and path == NODE else None
    started.delete(wait=0)
    deadline = time.monotonic() + PATIENCE
    while not ironic.node(UUID)["maintenance"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert "failures" not in started.apply(target="active")
    nodes = ironic.nodes()
    assert [(n["provision_state"], n["maintenance"]) for n in nodes] == [("active", False)], nodes


def test_what_comes_at_the_last_moment_keeps_the_host(started, ironic):  # noqa: F811
    """All gates were passed; then, while Ironic is looked at once more, there is an Underlay."""
    started.apply()
    there = []

    def add(number, method, path):  # on the middleman's thread: by a connection of its own
        if there or path != NODE:
            return False
        with started.daemon.connect() as rpc:
            if "consent" in steps(rpc.call("get", kind="BaremetalNode", name="n1")["objects"][0]["status"]):
                there.append(number)
                rpc.apply({"kind": "Underlay", "name": "u", "spec": {"device": {"af_packet": {"interface": "u0"}}, "vtep_ipv4": "192.0.2.1/24",
                                                                    "mtu": 1550}}, wait=0)
                rpc.call("info")
                time.sleep(0.3)
        return False

    started.middleman.before = add
    started.apply(target="available", consent=os.uname().nodename, wait=0)
    status = started.until("ports", lambda s: steps(s).get("ports released", {}).get("state") == "waiting")
    assert there and "Underlay" in status["message"] and ironic.node(UUID)["provision_state"] == "manageable", status
    verbs = [body for (_, path, _), body in zip(started.middleman.log, started.middleman.bodies) if path.endswith("/states/provision")]
    assert len(verbs) == 1 and b"manage" in verbs[0], verbs


def test_the_end_of_one_deletion_is_not_that_of_the_next(started, ironic):  # noqa: F811
    """All in one batch, with something slow in between: socled's loop hears of the first end when there is a second deletion."""
    slow = {"jsonrpc": "2.0", "id": 9, "method": "apply", "params": {"dry_run": True, "objects": [
        {"kind": "AddressGroup", "name": f"g{i}", "spec": {"addresses": ["192.0.2.0/24", "198.51.100.7"]}} for i in range(9000)]}}
    apply = {"jsonrpc": "2.0", "id": 1, "method": "apply", "params": {"objects": [started.node()]}}
    delete = {"jsonrpc": "2.0", "id": 2, "method": "delete", "params": {"objects": [{"kind": "BaremetalNode", "name": "n1"}]}}
    for pause in (3, 6, 9, 12, 16):
        started.rpc.send([apply, delete] + [slow] * pause + [apply] + [slow] * pause + [delete])
        started.rpc.receive()
        started.until_gone()
        time.sleep(0.5)
        assert started.ledgers() == [] and ironic.everything() == [[], [], []], pause


# ---- told for ever

def test_what_ironic_does_not_keep_is_told_three_times_at_most(started, ironic):  # noqa: F811
    def forget(method, path, document):
        return {**document, "description": "something else"} if path.startswith(NODE) and "description" in document else None

    started.apply()
    started.middleman.alter = forget
    message = failure(started.apply(description="row 3"))
    assert "does not keep what it is told" in message and "/description" in message, message
    assert [m for m, _ in started.middleman.writes()].count("PATCH") == 2
    time.sleep(1)
    assert [m for m, _ in started.middleman.writes()].count("PATCH") == 2 and ironic.node(UUID)["provision_state"] == "manageable"


def test_a_port_that_cannot_be_deleted_is_no_hot_loop(started, ironic):  # noqa: F811
    """404 to DELETE, and the port is there all the same: no conductor can be found for its node."""
    started.apply()
    started.middleman.answer = lambda method, path: (404, GONE) if method == "DELETE" else None
    message = failure(started.apply(ports=[{"interface": "ens3", "enroll": False}]))
    assert "does not keep" in message and MACS[2] in message, message
    assert [m for m, _ in started.middleman.writes()].count("DELETE") == 2
    started.middleman.answer = None


def test_a_switch_in_capitals_is_written_once(started, ironic):  # noqa: F811
    link = {"switch_id": "AA:BB:CC:00:11:22", "port_id": "Eth1"}
    answer = started.apply(ports=[{"interface": "ens3", "link": link}])
    assert "failures" not in answer and len(started.middleman.writes()) < 12, started.middleman.writes()
    (port,) = [p for p in ironic.ports() if p["address"] == MACS[2]]
    assert port["local_link_connection"] == {**link, "switch_id": link["switch_id"].lower()}


def test_a_nic_that_a_guest_has_keeps_its_port(started, ironic):  # noqa: F811
    started.apply()
    before = ironic.everything()
    started.kill()
    started.tree.path("/sys/class/net/ens3").unlink()
    started.start()
    status = started.until("notes", lambda s: any("not seen at present" in n for n in s.get("notes", [])))
    assert any(MACS[2] in n and "(ens3)" in n for n in status["notes"]) and ironic.everything() == before


# ---- others at work

def test_settled_while_others_deploy_it(started, ironic):  # noqa: F811
    started.apply()
    states = {}
    started.middleman.alter = lambda method, path, document: {**document, **states} if path == NODE else None
    for seen in ({"provision_state": "deploying"}, {"reservation": "conductor-7"}, {"provision_state": "error"}):
        states.clear()
        states.update(seen)
        started.kill()
        started.start()
        state = seen.get("provision_state", "manageable")
        status = started.until(state, lambda s: s["state"] == state and "node" in s)
        assert "error" not in status
        answer = started.rpc.apply(started.node(), wait=PATIENCE)
        assert answer["in_force"] and "failures" not in answer and started.rpc.call("info")["baremetal"]["failures"] == 0, answer
    started.middleman.alter = None


def test_nobody_waits_for_others_objects(started, ironic):  # noqa: F811
    started.rpc.apply(started.node("other", hardware=baremetal_host.other_machine(), ironic={"endpoint": "http://127.0.0.1:1"}), wait=0)
    answer = started.apply(wait=20)
    assert answer["in_force"] and "failures" not in answer and started.status("other")["state"] != "manageable", answer


def test_the_target_is_taken_back_while_a_ramdisk_is_waited_for(started, ironic):  # noqa: F811
    """Cleaning is under way, as far as socled sees: it is aborted."""
    started.apply()
    asked = []

    def pretend(method, path, document):
        return {**document, "provision_state": "clean wait"} if path == NODE and not asked else None

    def answer(method, path):
        if method == "PUT" and path.endswith("/states/provision"):
            asked.append(json.loads(started.middleman.bodies[-1])["target"])
            return 202, ""
        return None

    started.middleman.alter, started.middleman.answer = pretend, answer
    started.apply(description="taken back")
    assert asked == ["abort"], asked


def test_a_dataplane_that_does_not_answer_holds_its_ports(started, ironic):  # noqa: F811
    """That socled is not connected to it does not mean that it forwards nothing."""
    name = os.uname().nodename
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as dataplane:
        dataplane.bind(str(started.daemon.dataplane))
        dataplane.listen()
        time.sleep(1.5)  # it is tried again each second
        started.apply(target="available", consent=name, wait=0)
        status = started.until("ports", lambda s: steps(s).get("ports released", {}).get("state") == "waiting")
        assert "has not let go" in status["message"] and ironic.node(UUID)["provision_state"] == "manageable"
    os.unlink(started.daemon.dataplane)
    started.until_state("available")
