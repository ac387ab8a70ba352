"""1,000 ports in 200 networks, 20,000 addresses behind peers, in one transaction. Durations are printed, not judged."""

import os
import time

import pytest

import intent
from many import NETWORKS, PORTS, everything, memory, sent, small_frame, small_guest
from netns import wait_until
from ping import Ping

pytestmark = [pytest.mark.netns, pytest.mark.large]

def timed(what, call):
    start = time.monotonic()
    result = call()
    print(f"{what}: {1000 * (time.monotonic() - start):.1f} ms")
    return result


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


def test_restart_under_traffic_loses_nothing(full, module_lab):
    """With all of it in force, socled dies and comes back under a ping of 200 a second."""
    guests = [module_lab.guest(f"busy{i}", intent.mac(60000 + i), [f"10.99.0.{i}"]) for i in (1, 2)]
    full.apply(*(guest.port("net0") for guest in guests))
    for guest in guests:
        guest.up(silent=True)
    guests[0].reaches("10.99.0.2")
    with Ping(guests[0], "10.99.0.2") as ping:
        full.socled.kill()
        full.start_socled()
        full.wait_connected()
        full.wait_in_force()
    assert ping.lost == 0, ping.out[-500:]
    full.delete(*(("Port", guest.name) for guest in guests))


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
    guests = [small_guest(module_lab.directory, p) for p in range(0, 1000, 10)]
    full.dataplane.kill()
    start = time.monotonic()
    full.dataplane.start()
    for guest in guests:
        guest.accept()
    print(f"dataplane's start, until 100 vhost-user guests are connected: {1000 * (time.monotonic() - start):.0f} ms")
    full.wait_connected()
    full.wait_in_force()
    # port0 and port200 are both in net0.
    frame = small_frame(intent.mac(0), intent.mac(200))
    wait_until(lambda: sent(guests[0], guests[20], frame), 10)
    for guest in guests:
        guest.close()


def test_500_guests_at_once(full, module_lab):
    guests = [small_guest(module_lab.directory, p) for p in range(500)]
    start = time.monotonic()
    for guest in guests:
        guest.accept(60)
    print(f"500 vhost-user guests connected within {1000 * (time.monotonic() - start):.0f} ms of listening")
    for p in range(200):  # p and p + 200 share a network
        frame = small_frame(intent.mac(p), intent.mac(p + 200))
        wait_until(lambda: sent(guests[p], guests[p + 200], frame), 10, f"port{p} reaches port{p + 200}")
    for guest in guests:
        guest.close()


def test_and_away_again(full):
    names = [{"kind": o["kind"], "name": o["name"]} for o in full.call("get")["objects"] if o["kind"] != "Underlay"]
    result = timed("deleting all of it", lambda: full.call("delete", objects=names))
    full.wait_in_force(result["revision"])
    assert len(full.call("stats")["ports"]) == 1
    assert os.path.exists(f"/proc/{full.dataplane.pid}")
