"""Two vhost-user ports, loaded from both sides by testpmd's flow generator on CPU 1; on CPU 0 the switch under test:
ours, or testpmd's io forwarding, which only hands packets on and so is the limit. In turns, in one run, as a ratio."""

import contextlib
import pathlib
import statistics
import tempfile
import time

import intent
from lonely import loose_underlay
from node import Node
from testpmd_session import Testpmd

MAC = [intent.mac(1), intent.mac(2)]
SWITCH_CPU, GENERATOR_CPU = 0, 1


@contextlib.contextmanager
def socle(directory, sockets):
    """Our switch with the two ports in one overlay network, as declared by an orchestrator."""
    node = Node(directory, "bench", cpu=SWITCH_CPU, memory=1024, mbufs=65536, options=())
    try:
        loose_underlay(node)
        node.start()
        node.apply(intent.underlay(vtep_ipv6=None), intent.network("blue", vni=100, mtu=1500),
                   *(intent.vhost_port(f"p{i}", "blue", MAC[i], [f"10.0.0.{i + 1}"], socket=sockets[i])
                     for i in (0, 1)))
        yield node
    finally:
        node.stop()
        for file in node.directory.iterdir():
            file.unlink()
        node.directory.rmdir()


@contextlib.contextmanager
def testpmd_io(directory, sockets):
    vdevs = [f"net_vhost{i},iface={path},client=1" for i, path in enumerate(sockets)]
    process = Testpmd("limit", SWITCH_CPU, vdevs, ["--forward-mode=io", "--burst=32"], memory=1024)
    try:
        process.ready()
        process.say("start")
        yield process
    finally:
        process.close()


def measure(switch, directory, arguments):
    """One round: Mpps that came back to the generator (both ports), and how many it offered."""
    sockets = [f"{directory}/s{i}" for i in (0, 1)]
    vdevs = [f"net_virtio_user{i},path={path},server=1,queues=1,queue_size=1024,mac={MAC[i]}"
             for i, path in enumerate(sockets)]
    options = ["--forward-mode=flowgen", f"--flowgen-flows={arguments.flows}", f"--txpkts={arguments.frame}",
               f"--eth-peer=0,{MAC[1]}", f"--eth-peer=1,{MAC[0]}"]
    generator = Testpmd("generator", GENERATOR_CPU, vdevs, options)
    try:
        with switch(directory, sockets):
            generator.ready()
            generator.say("start")
            await_traffic(generator)
            time.sleep(1)
            start = generator.counters()
            time.sleep(arguments.seconds)
            end = generator.counters()
    finally:
        generator.close()
        for path in sockets:
            pathlib.Path(path).unlink(missing_ok=True)
    took = end[0] - start[0]
    received, size, sent, refused = (b - a for a, b in zip(start[1:], end[1:]))
    assert size == received * (arguments.frame - 4), f"frames of {size / received:.1f} bytes without FCS"
    return {"mpps": received / took / 1e6, "offered_mpps": (sent + refused) / took / 1e6}


def await_traffic(generator):
    for _ in range(100):
        if generator.counters()[1] > 10000:
            return
        time.sleep(0.1)
    raise SystemExit("nothing comes back to the generator: " + generator.say("show port stats all"))



def run(arguments):
    rounds = []
    print(f"pvp: {arguments.frame}-byte frames, {arguments.flows} flows each way, {arguments.rounds} rounds "
          f"of {arguments.seconds:g} s\n")
    print(f"{'round':>5}  {'socle Mpps':>10}  {'testpmd io Mpps':>15}  {'ratio':>5}")
    with tempfile.TemporaryDirectory(prefix="socle-bench-", dir="/tmp") as directory:
        for number in range(1, arguments.rounds + 1):
            ours, limit = measure(socle, directory, arguments), measure(testpmd_io, directory, arguments)
            ratio = ours["mpps"] / limit["mpps"]
            rounds.append({"socle": ours, "testpmd_io": limit, "ratio": ratio})
            print(f"{number:>5}  {ours['mpps']:>10.2f}  {limit['mpps']:>15.2f}  {ratio:>5.2f}", flush=True)

    def summary(values):
        return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"
    print(f"\nmedian (min–max): socle {summary([r['socle']['mpps'] for r in rounds])} Mpps, "
          f"testpmd io {summary([r['testpmd_io']['mpps'] for r in rounds])} Mpps, "
          f"ratio {summary([r['ratio'] for r in rounds])}")
    for name in ("socle", "testpmd_io"):
        if all(r[name]["offered_mpps"] < 1.02 * r[name]["mpps"] for r in rounds):
            print(f"{name} forwarded all that the generator could offer: the generator is the bottleneck there")
    return {"frame": arguments.frame, "flows": arguments.flows, "seconds": arguments.seconds, "rounds": rounds,
            "ratio": statistics.median(r["ratio"] for r in rounds)}
