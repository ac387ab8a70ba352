"""A node with 1,000 ports, 200 networks and 20,000 addresses behind peers: how long each step takes, and the memory."""

import tempfile
import time

import intent
from lonely import loose_underlay
from many import PORTS, everything, memory, sent, small_frame, small_guest
from netns import wait_until
from node import Node
from tables import percentiles

CHANGES = 200


def timed(call):
    start = time.monotonic()
    result = call()
    return 1000 * (time.monotonic() - start), result


def apply_all(node, directory, numbers):
    objects = everything(directory)
    numbers["durable_ms"], result = timed(lambda: node.call("apply", objects=objects))
    more, _ = timed(lambda: node.wait_in_force(result["revision"], 60))
    numbers["in_force_after_ms"] = more
    numbers["commit_in_dataplane_ms"] = node.call("info")["dataplane"]["last_commit"]["took_ms"]
    numbers["socled_mb"], numbers["dataplane_mb"] = memory(node.socled.pid), memory(node.dataplane.pid)


def single_changes(node, directory, numbers):
    """Another address for one port, again and again: until durable and in force."""
    samples = []
    for number in range(CHANGES):
        port = intent.vhost_port("port0", "net0", intent.mac(0), [f"10.1.9.{number}"], socket=f"{directory}/p0.sock")
        took, _ = timed(lambda: node.apply(port))
        samples.append(took)
    numbers["single_change_ms"] = percentiles(samples)


def socled_restart(node, numbers):
    node.socled.kill()
    numbers["socled_restart_ms"], _ = timed(lambda: (node.start_socled(), node.wait_connected(), node.wait_in_force()))


def dataplane_start(node, directory, numbers):
    """From the start of the dataplane until 100 waiting guests are served: all connected, and a frame passes."""
    guests = [small_guest(directory, p) for p in range(0, PORTS, 10)]
    node.dataplane.kill()

    def forwarding():
        node.dataplane.start()
        for guest in guests:
            guest.accept()
        frame = small_frame(intent.mac(0), intent.mac(200))  # port0 and port200 are both in net0
        wait_until(lambda: sent(guests[0], guests[20], frame, 0.01), 30)
    numbers["dataplane_start_100_guests_ms"], _ = timed(forwarding)
    for guest in guests:
        guest.close()
    node.wait_connected()


def many_guests(node, directory, numbers):
    guests = [small_guest(directory, p) for p in range(500)]
    numbers["connect_500_guests_ms"], _ = timed(lambda: [guest.accept(60) for guest in guests])

    def all_forward():
        for p in range(200):
            frame = small_frame(intent.mac(p), intent.mac(p + 200))
            wait_until(lambda: sent(guests[p], guests[p + 200], frame), 10)
    all_forward()
    numbers["dataplane_500_guests_mb"] = memory(node.dataplane.pid)
    for guest in guests:
        guest.close()


def run():
    numbers = {}
    with tempfile.TemporaryDirectory(prefix="socle-bench-", dir="/tmp") as directory:
        node = Node(directory, "scale", memory=1024, mbufs=65536, options=())
        try:
            loose_underlay(node)
            node.start()
            node.apply(intent.underlay())
            apply_all(node, directory, numbers)
            single_changes(node, directory, numbers)
            socled_restart(node, numbers)
            dataplane_start(node, directory, numbers)
            many_guests(node, directory, numbers)
        finally:
            node.stop()
    return numbers


def report(numbers):
    change = numbers["single_change_ms"]
    print(f"""1,000 ports, 200 networks, 20,000 addresses behind 20 peers
  apply, until durable             {numbers['durable_ms']:8.0f} ms
  then, until in the dataplane     {numbers['in_force_after_ms']:8.0f} ms   (its own part: {numbers['commit_in_dataplane_ms']:.0f} ms)
  one change on top, end to end    {change['p50']:8.1f} ms   (99 %: {change['p99']:.1f}, worst of {CHANGES}: {change['max']:.1f})
  socled killed, all adopted again {numbers['socled_restart_ms']:8.0f} ms
  memory of socled                 {numbers['socled_mb']:8.0f} MB
  memory of the dataplane          {numbers['dataplane_mb']:8.0f} MB   (with 500 guests: {numbers['dataplane_500_guests_mb']} MB)
  dataplane's start until 100 vhost-user guests forward  {numbers['dataplane_start_100_guests_ms']:6.0f} ms
  500 vhost-user guests connected, once they listen      {numbers['connect_500_guests_ms']:6.0f} ms""")
