"""1,000 ports in 200 networks and 20,000 addresses behind peers, in one transaction. Durations are printed, not judged."""

import os
import time

import pytest

import intent
from netns import wait_until
from vhost_guest import VhostGuest

pytestmark = [pytest.mark.netns, pytest.mark.large]

NETWORKS, PORTS, PEERS, HOSTS = 200, 1000, 20, 5


def everything(directory):
    """The underlay excepted. HOSTS addresses a network and peer: 20 * 200 * 5 = 20,000."""
    objects = [intent.network(f"net{n}", vni=1000 + n) for n in range(NETWORKS)]
    for p in range(PORTS):
        objects.append(intent.vhost_port(f"port{p}", f"net{p % NETWORKS}", intent.mac(p), [f"10.1.{p >> 8}.{p & 255}"],
                                         socket=f"{directory}/p{p}.sock"))
    for n in range(PEERS):
        networks = {f"net{i}": [(intent.mac(1 << 16 | n * HOSTS + h), [f"10.2.{n}.{h}"]) for h in range(HOSTS)]
                    for i in range(NETWORKS)}
        objects.append(intent.peer(f"peer{n}", f"192.0.2.{100 + n}", **networks))
    return objects


def timed(what, call):
    start = time.monotonic()
    result = call()
    print(f"{what}: {1000 * (time.monotonic() - start):.1f} ms")
    return result


def memory(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmRSS"))


@pytest.fixture(scope="module")
def full(one_node, module_lab):
    objects = everything(module_lab.directory)
    result = timed("apply, until durable", lambda: one_node.call("apply", objects=objects))
    assert result["counts"]["added"] == len(objects)
    timed("until in force", lambda: one_node.wait_in_force(result["revision"]))
    return one_node


def test_all_of_it(full, module_lab):
    info = full.call("info")
    assert info["objects"]["Port"] == PORTS and info["objects"]["Network"] == NETWORKS
    assert info["dataplane"]["last_commit"]["failed"] == 0 and not info["dataplane"].get("errors")
    assert len(full.call("stats")["ports"]) == PORTS + 1
    print(f"socled: {memory(full.socled.pid)} MB, dataplane: {memory(full.dataplane.pid)} MB")


def test_a_single_change_on_top(full, module_lab):
    for number in range(10):
        port = intent.vhost_port("port0", "net0", intent.mac(0), [f"10.1.9.{number}"],
                                 socket=f"{module_lab.directory}/p0.sock")
        timed("one change, until in force", lambda: full.apply(port))
    commit = full.call("info")["dataplane"]["last_commit"]
    assert commit["added"] + commit["changed"] + commit["removed"] <= 3, commit


def test_restart_of_socled_adopts_all(full):
    full.socled.kill()
    timed("socled's start, until in force again", lambda: (full.start_socled(), full.wait_connected(),
                                                           full.wait_in_force()))
    commit = full.call("info")["dataplane"]["last_commit"]
    assert commit["adopted"] > 21000 and commit["added"] == commit["changed"] == commit["removed"] == 0, commit


def test_same_again_changes_nothing(full, module_lab):
    result = timed("the same again", lambda: full.call("apply", objects=everything(module_lab.directory)))
    assert result["counts"]["added"] == result["counts"]["deleted"] == 0
    assert result["counts"]["updated"] <= 1


def test_one_wrong_in_a_thousand_changes_none(full, module_lab):
    before = full.call("info")["revision"]
    objects = [intent.vhost_port(f"new{p}", "net0", intent.mac(5000 + p), socket=f"{module_lab.directory}/n{p}.sock")
               for p in range(1000)]
    objects[777]["spec"]["mac_address"] = "not a MAC"
    with pytest.raises(Exception, match="new777"):
        full.call("apply", objects=objects)
    assert full.call("info")["revision"] == before
    assert full.call("info")["objects"]["Port"] == PORTS


def test_dataplane_starts_with_all_of_it(full, module_lab):
    """100 guests wait for the new dataplane; all are connected, and the first reaches another one."""
    guests = [VhostGuest(f"{module_lab.directory}/p{p}.sock", size=64, rx_slot=2048, tx_slots=4, tx_slot=2048)
              for p in range(0, 1000, 10)]
    full.dataplane.kill()
    start = time.monotonic()
    full.dataplane.start()
    for guest in guests:
        guest.accept()
    print(f"dataplane's start, until 100 vhost-user guests are connected: {1000 * (time.monotonic() - start):.0f} ms")
    full.wait_connected()
    full.wait_in_force()
    # port0 and port200 are both in net0.
    frame = bytes.fromhex(intent.mac(200).replace(":", "") + intent.mac(0).replace(":", "") + "88b5") + b"s" * 50
    wait_until(lambda: sent(guests[0], guests[20], frame), 10)
    for guest in guests:
        guest.close()


def sent(one, two, frame):
    one.send(frame)
    return two.recv(0.2, match=lambda f: f == frame)


def test_500_guests_at_once(full, module_lab):
    guests = [VhostGuest(f"{module_lab.directory}/p{p}.sock", size=64, rx_slot=2048, tx_slots=4, tx_slot=2048)
              for p in range(500)]
    start = time.monotonic()
    for guest in guests:
        guest.accept(60)
    print(f"500 vhost-user guests connected within {1000 * (time.monotonic() - start):.0f} ms of listening")
    for p in range(200):  # p and p + 200 share a network
        frame = bytes.fromhex(intent.mac(p + 200).replace(":", "") + intent.mac(p).replace(":", "") + "88b5") + b"s" * 50
        wait_until(lambda: sent(guests[p], guests[p + 200], frame), 10, f"port{p} reaches port{p + 200}")
    for guest in guests:
        guest.close()


def test_and_away_again(full):
    names = [{"kind": o["kind"], "name": o["name"]} for o in full.call("get")["objects"] if o["kind"] != "Underlay"]
    result = timed("deleting all of it", lambda: full.call("delete", objects=names))
    full.wait_in_force(result["revision"])
    assert len(full.call("stats")["ports"]) == 1
    assert os.path.exists(f"/proc/{full.dataplane.pid}")
