"""BaremetalNode against a real Ironic: enrolled, found unchanged, changed, taken back; what is in the way is named, and what was made
for nothing is removed again."""

import pathlib
import time

import pytest

import baremetal_host
from baremetal_fixture import Host, credentials, directory, host, ironic, is_other, needs_ironic, socled, steps  # noqa: F401
from baremetal_host import MACS, UUID

pytestmark = needs_ironic


@pytest.fixture
def started(host):  # noqa: F811
    return host.start()


# ---- the plain way

def test_a_host_enrols_itself_and_goes_again(started, ironic):  # noqa: F811
    began = time.monotonic()
    answer = started.apply(resource_class="baremetal.large", description="row 3", capabilities=["rack:7"], traits=["CUSTOM_ROW_3"])
    print(f"enrolment took {time.monotonic() - began:.2f} s with {len(started.middleman.log)} requests")
    assert answer["in_force"] and "failures" not in answer, answer
    status = started.status()
    assert status["state"] == "manageable" and status["node"]["uuid"] == UUID and status["ironic"]["api_version"] == "1.82"
    done = steps(status)
    assert {"inventory", "BMC", "duplicates", "create node", "validate", "manage", "manageable"} <= set(done)
    assert all(s["state"] == "done" and s["at"].endswith("Z") for s in done.values()), done
    assert done["create node"]["request_id"].startswith("req-") and done["manage"]["request_id"].startswith("req-")

    (node,) = ironic.nodes()
    assert (node["uuid"], node["name"], node["provision_state"]) == (UUID, "n1", "manageable")
    assert (node["resource_class"], node["description"]) == ("baremetal.large", "row 3")
    properties = node["properties"]
    assert (properties["cpus"], properties["memory_mb"], properties["local_gb"]) == (7, 57344, 479)
    assert {"boot_mode:uefi", "cpu_vt:true", "cpu_hugepages_1g:true", "rack:7"} <= set(properties["capabilities"].split(","))
    assert {"HW_CPU_X86_VMX", "HW_CPU_X86_AVX2", "HW_NIC_SRIOV", "HW_CPU_HYPERTHREADING", "CUSTOM_HUGEPAGES_1GIB", "CUSTOM_NUMA_NODES_3",
            "CUSTOM_ROW_3"} <= set(node["traits"])
    assert node["extra"]["system_vendor"]["product_name"] == "PowerThing R9"
    ports = {p["address"]: p for p in ironic.ports()}
    assert sorted(ports) == MACS
    (group,) = ironic.portgroups()
    assert (group["name"], group["mode"], group["properties"]["miimon"]) == ("n1-bond0", "802.3ad", "100")
    assert [ports[m]["portgroup_uuid"] for m in MACS] == [group["uuid"], group["uuid"], None]

    started.delete()
    assert ironic.everything() == [[], [], []] and started.ledgers() == []


def test_enrolling_again_changes_nothing(started, ironic):  # noqa: F811
    started.apply()
    before, writes = ironic.everything(), len(started.middleman.writes())
    started.kill()
    started.start()
    started.until_done()
    assert started.apply()["counts"]["unchanged"] == 1
    assert ironic.everything() == before and len(started.middleman.writes()) == writes


def test_a_change_is_written_and_others_values_stay(started, ironic):  # noqa: F811
    started.apply(traits=["CUSTOM_A", "CUSTOM_B"])
    ironic.call("PATCH", f"/v1/nodes/{UUID}", [{"op": "add", "path": "/properties/root_device", "value": {"serial": "x"}},
                                              {"op": "add", "path": "/extra/ours", "value": 1}])
    ironic.call("PUT", f"/v1/nodes/{UUID}/traits/CUSTOM_THEIRS")
    other = ironic.call("POST", "/v1/ports", {"node_uuid": UUID, "address": "52:54:00:cc:00:01"})
    answer = started.apply(traits=["CUSTOM_B"], resource_class="other",
                           ports=[{"interface": "ens3", "physical_network": "physnet1", "pxe_enabled": False,
                                   "link": {"switch_id": "00:11:22:33:44:55", "port_id": "Ethernet1/7"}},
                                  {"interface": "eno2", "enroll": False}])
    assert "failures" not in answer, answer
    (node,) = ironic.nodes()
    assert node["properties"]["root_device"] == {"serial": "x"} and node["extra"]["ours"] == 1 and node["resource_class"] == "other"
    assert {"CUSTOM_B", "CUSTOM_THEIRS"} <= set(node["traits"]) and "CUSTOM_A" not in node["traits"]
    ports = {p["address"]: p for p in ironic.ports()}
    assert sorted(ports) == [MACS[0], MACS[2], other["address"]]
    assert ports[MACS[2]]["local_link_connection"] == {"switch_id": "00:11:22:33:44:55", "port_id": "Ethernet1/7"}
    assert ports[MACS[2]]["physical_network"] == "physnet1" and ports[MACS[2]]["pxe_enabled"] is False


def test_another_machine_that_is_described(started, ironic):  # noqa: F811
    machine = baremetal_host.other_machine()
    assert "failures" not in started.apply("other", hardware=machine)
    (node,) = ironic.nodes()
    assert node["uuid"] == machine["uuid"] and node["properties"]["memory_mb"] == 32768 and node["traits"] == []
    assert [p["address"] for p in ironic.ports()] == ["52:54:00:bb:00:01"]
    assert "inventory" not in steps(started.status("other"))


def test_a_node_that_was_there_before_is_taken_on_and_left_there(started, ironic):  # noqa: F811
    ironic.call("POST", "/v1/nodes", is_other("n1", uuid=UUID, properties={"capabilities": "theirs:1"}))
    assert "failures" not in started.apply()
    (node,) = ironic.nodes()
    assert node["provision_state"] == "manageable" and "theirs:1" in node["properties"]["capabilities"].split(",")
    assert len(ironic.ports()) == 3
    started.delete()
    (node,) = ironic.nodes()
    assert node["uuid"] == UUID and ironic.ports() == [] and ironic.portgroups() == []


# ---- what is in the way

def test_a_mac_address_on_another_node_is_named_before_anything_is_written(started, ironic):  # noqa: F811
    other = ironic.call("POST", "/v1/nodes", is_other("rack1-node7"))
    ironic.call("POST", "/v1/ports", {"node_uuid": other["uuid"], "address": MACS[1]})
    before = ironic.everything()
    message = started.apply()["failures"][0]["message"]
    assert MACS[1] in message and "rack1-node7" in message and other["uuid"] in message, message
    assert started.status()["state"] == "error" and started.middleman.writes() == [] and ironic.everything() == before


def test_a_name_that_is_taken_is_named(started, ironic):  # noqa: F811
    other = ironic.call("POST", "/v1/nodes", is_other("n1"))
    message = started.apply()["failures"][0]["message"]
    assert other["uuid"] in message and "n1" in message and started.middleman.writes() == []


def test_a_node_that_we_may_not_see(started, ironic):  # noqa: F811
    """With Keystone a node of another project's is a 404, not a 403; Ironic itself then says 409."""
    ironic.call("POST", "/v1/nodes", is_other("hidden", uuid=UUID))
    started.middleman.answer = lambda method, path: (404, '{"error_message": "{}"}') if method == "GET" and path == f"/v1/nodes/{UUID}" else None
    message = started.apply()["failures"][0]["message"]
    assert "already exists" in message and "does not let us see it" in message, message
    assert [n["name"] for n in ironic.nodes()] == ["hidden"] and ironic.ports() == []


def test_a_failed_enrolment_removes_what_it_made_and_only_that(started, ironic):  # noqa: F811
    """Somebody takes a MAC address between the search for duplicates and the port's creation."""
    other = ironic.call("POST", "/v1/nodes", is_other("other"))

    def steal(number, method, path):
        if method == "POST" and path == "/v1/nodes":
            ironic.call("POST", "/v1/ports", {"node_uuid": other["uuid"], "address": MACS[2]})

    started.middleman.after = steal
    message = started.apply()["failures"][0]["message"]
    assert MACS[2] in message and "other" in message, message
    started.until("taken back", lambda s: "take back" in steps(s))
    assert [n["name"] for n in ironic.nodes()] == ["other"]
    assert [p["address"] for p in ironic.ports()] == [MACS[2]] and ironic.portgroups() == []
    assert MACS[2] in started.status()["error"]


def test_a_locked_node_is_waited_for(started, ironic):  # noqa: F811
    """Ironic says 409: as it does while a conductor has the node."""
    locked = iter(range(4))

    def refuse(method, path):
        if method == "PATCH" and next(locked, None) is not None:
            return 409, ('{"error_message": "{\\"faultcode\\": \\"Client\\", \\"faultstring\\": \\"Node %s is locked by host lab, please '
                         'retry after the current operation is completed.\\", \\"debuginfo\\": null}"}' % UUID)
        return None

    started.apply()
    started.middleman.answer = refuse
    answer = started.apply(resource_class="other")
    assert answer["in_force"] and "failures" not in answer, answer
    assert ironic.node(UUID)["resource_class"] == "other"
    assert [m for m, _, status in started.middleman.log if status == 409] == ["PATCH"] * 4


def test_a_lost_answer_makes_no_second_node(started, ironic):  # noqa: F811
    lost = []

    def lose(number, method, path):
        if method in ("POST", "PUT") and path not in lost:
            lost.append(path)
            return True
        return False

    started.middleman.after = lose
    answer = started.apply()
    assert answer["in_force"] and "failures" not in answer, answer
    assert len(ironic.nodes()) == 1 and len(ironic.ports()) == 3 and len(lost) >= 4, lost


def test_a_state_that_is_not_ours_to_change_is_told(started, ironic):  # noqa: F811
    started.apply()
    ironic.provision(UUID, "provide", "available")
    ironic.provision(UUID, "active", "active")
    started.rpc.apply(started.node(resource_class="x"), wait=2)
    status = started.until_state("waiting")
    assert "in use" in status["message"], status
    started.delete(wait=1)
    assert started.rpc.call("info")["baremetal"]["leaving"][0]["name"] == "n1" and ironic.node(UUID)["provision_state"] == "active"
    ironic.provision(UUID, "deleted", "available")
    started.until_gone()
    assert ironic.everything() == [[], [], []]


def test_what_ironic_refuses_is_said_in_its_own_words(started, ironic):  # noqa: F811
    message = started.apply(bmc={"none": {"driver": "no-such-driver"}})["failures"][0]["message"]
    assert "no-such-driver" in message and "{" not in message, message
    assert ironic.nodes() == []


def test_somebody_deletes_the_node(started, ironic):  # noqa: F811
    started.apply()
    ironic.clear()
    started.kill()
    started.start()
    status = started.until_state("error")
    assert "no longer in Ironic" in status["error"] and ironic.nodes() == []


# ---- no network

def test_an_ironic_that_is_not_there_is_waited_for(started, ironic):  # noqa: F811
    started.rpc.apply(started.node(ironic={"endpoint": "http://127.0.0.1:1"}), wait=1)
    status = started.until_state("waiting")
    assert "cannot be reached" in status["message"], status
    error = started.rpc.error("apply", objects=[started.node()])
    assert error["data"]["errors"][0]["pointer"] == "/spec/ironic/endpoint", error
    started.delete()
    assert "failures" not in started.apply()
    assert started.status()["state"] == "manageable"


def test_an_endpoint_that_is_no_ironic(started):
    message = started.apply(ironic={"endpoint": started.middleman.url + "/v1/nodes"})["failures"][0]["message"]
    assert "Ironic" in message or "not be found" in message, message


def test_busy_for_a_while_is_no_failure(started, ironic):  # noqa: F811
    busy = iter(range(3))
    started.middleman.answer = lambda method, path: (503, "<html>come back later</html>") if next(busy, None) is not None else None
    answer = started.apply()
    assert answer["in_force"] and "failures" not in answer, answer


# ---- refused at once

@pytest.mark.parametrize("spec, pointer", [
    ({"ironic": {}}, "/spec/ironic/endpoint"),
    ({"ironic": {"endpoint": "ironic.example.org"}}, "/spec/ironic/endpoint"),
    ({"ironic": {"endpoint": "https://user:hunter22@ironic.example.org"}}, "/spec/ironic/endpoint"),
    ({"bmc": {"redfish": {"username": "root", "password": "hunter22"}}}, "/spec/bmc/redfish/password"),
    ({"bmc": {"redfish": {"username": "root", "password": {"file": "hunter22"}}}}, "/spec/bmc/redfish/password/file"),
    ({"traits": ["lower"]}, "/spec/traits/0"),
    ({"capabilities": ["a,b:c"]}, "/spec/capabilities/0"),
    ({"uuid": "x" * 36}, "/spec/uuid"),
])
def test_wrong_specs_are_refused_and_no_secret_is_repeated(started, spec, pointer):
    error = started.rpc.error("apply", objects=[started.node(**spec)])
    assert pointer in [e["pointer"] for e in error["data"]["errors"]], error
    assert "hunter22" not in str(error) and "hunter22" not in started.daemon.log.read_text()


# ---- given away

def test_available_needs_an_empty_host_and_its_name(started, ironic):  # noqa: F811
    underlay = {"kind": "Underlay", "name": "u", "spec": {"device": {"af_packet": {"interface": "u0"}}, "vtep_ipv4": "192.0.2.1/24", "mtu": 1550}}
    started.rpc.apply(underlay)
    started.rpc.apply(started.node(target="available"), wait=0)
    status = started.until("ports", lambda s: steps(s).get("ports released", {}).get("state") == "waiting")
    assert status["state"] == "waiting" and "Underlay" in status["message"] and " u" in status["message"]
    assert steps(status)["cordon"]["state"] == "done" and ironic.node(UUID)["provision_state"] == "manageable"
    started.rpc.call("delete", objects=[{"kind": "Underlay", "name": "u"}])
    status = started.until("consent", lambda s: steps(s).get("consent", {}).get("state") == "waiting")
    assert ironic.node(UUID)["provision_state"] == "manageable" and "/spec/consent" in status["message"]
    name = ironic.node(UUID)["extra"]["socle"]["by"]
    started.rpc.apply(started.node(target="available", consent="another"), wait=0)
    status = started.until("consent", lambda s: '"another"' in s.get("message", ""))
    assert name in status["message"] and ironic.node(UUID)["provision_state"] == "manageable"
    started.apply(target="available", consent=name)
    assert started.status()["state"] == "available" and ironic.node(UUID)["provision_state"] == "available"
    started.apply()
    assert ironic.node(UUID)["provision_state"] == "manageable"
    started.apply(target="available", consent=name)
    started.delete()
    assert ironic.everything() == [[], [], []]


def test_guests_are_in_the_way_and_new_ones_are_kept_out(socled, ironic):  # noqa: F811
    """libvirt's own test driver has one domain, which runs."""
    machine = Host(socled, ironic, libvirt="test:///default")
    try:
        machine.start()
        machine.rpc.apply(machine.node(target="available"), wait=0)
        status = machine.until("guests", lambda s: steps(s).get("guests gone", {}).get("state") == "waiting")
        assert "1 guest is left" in status["message"] and "test" in status["message"], status
        assert ironic.node(UUID)["provision_state"] == "manageable"
        machine.rpc.apply({"kind": "Guest", "name": "g", "spec": {"domain": {"name": "test"}}}, wait=10)
        guest = machine.rpc.call("get", kind="Guest", name="g")["objects"][0]["status"]
        assert guest["state"] == "waiting" and "cordoned" in guest["waiting_for"] and "n1" in guest["waiting_for"], guest
    finally:
        machine.stop()


def test_a_described_machine_needs_its_own_name_only(started, ironic):  # noqa: F811
    machine = baremetal_host.other_machine()
    started.rpc.apply({"kind": "Underlay", "name": "u", "spec": {"device": {"af_packet": {"interface": "u0"}}, "vtep_ipv4": "192.0.2.1/24",
                                                                 "mtu": 1550}})
    started.apply("other", hardware=machine, target="available", consent="other")
    assert ironic.node("other")["provision_state"] == "available" and "cordon" not in steps(started.status("other"))


def test_a_host_in_use_is_adopted_and_let_go(started, ironic):  # noqa: F811
    answer = started.apply(target="active")
    assert "failures" not in answer and started.status()["state"] == "active", started.status()
    assert ironic.node(UUID)["provision_state"] == "active"
    started.delete()
    assert ironic.everything() == [[], [], []]


# ---- secrets by systemd

def test_a_credential_of_systemds(host, ironic):  # noqa: F811
    with credentials(host.daemon.directory / "credentials", other="x"):
        host.start()
        spec = {"username": "root", "password": {"credential": "bmc"}, "address": "http://127.0.0.1:1"}
        message = host.apply(bmc={"redfish": spec})["failures"][0]["message"]
        assert "bmc" in message and host.middleman.writes() == [], message
        (host.daemon.directory / "credentials/bmc").write_text("s3cret-of-systemd")
        (host.daemon.directory / "credentials/bmc").chmod(0o400)
        message = host.apply(bmc={"redfish": {**spec, "address": "http://127.0.0.1:2"}})["failures"][0]["message"]
        assert message.startswith("unreachable:"), message
    assert b"s3cret-of-systemd" not in pathlib.Path(host.daemon.log).read_bytes()
