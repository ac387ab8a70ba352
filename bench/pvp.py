"""Two vhost-user ports, loaded from both sides by socle-generator on CPU 1; on CPU 0 the switch under test: ours, or
testpmd's io forwarding, which only hands packets on and so is the limit. In turns, in one run, as a ratio.

testpmd's own flow generator cannot do it: it gives every frame the same built-in destination MAC, whatever --eth-peer
says (app/test-pmd/flowgen.c of DPDK 22.11), which a switch with declared MACs rightly drops."""

import contextlib
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

import intent
from generator_session import Generator, GeneratorError, figures
from lonely import loose_underlay
from node import Node

MAC = [intent.mac(1), intent.mac(2)]
SWITCH_CPU, GENERATOR_CPU = 0, 1
KEEPS_UP = 0.05  # a switch that refuses less than this share of what is offered waits for the generator
UNSTEADY = 1.7  # the same work by the same CPU, yet that many times the clocks: other load, or a hypervisor's whim


@contextlib.contextmanager
def socle(directory, sockets):
    """Our switch with the two ports in one overlay network, as declared by an orchestrator. Gives whether it runs, and
    what it has to say."""
    node = Node(directory, "bench", cpu=SWITCH_CPU, memory=1024, mbufs=65536, options=())
    try:
        loose_underlay(node)
        node.start()
        node.apply(intent.underlay(vtep_ipv6=None), intent.network("blue", vni=100, mtu=1500),
                   *(intent.vhost_port(f"p{i}", "blue", MAC[i], [f"10.0.0.{i + 1}"], socket=sockets[i])
                     for i in (0, 1)))
        alive = node.dataplane.alive
        yield alive, lambda: json.dumps(node.call("stats")["ports"]) if alive() else "nothing, its dataplane has ended"
    finally:
        node.stop()


@contextlib.contextmanager
def testpmd_io(directory, sockets):
    command = ["dpdk-testpmd", "--in-memory", "--single-file-segments", "--no-pci", "--no-telemetry", "-m", "1024",
               "--file-prefix=limit", "--lcores", f"0@{SWITCH_CPU},1@{SWITCH_CPU}"]
    for number, path in enumerate(sockets):
        command += ["--vdev", f"net_vhost{number},iface={path},client=1"]
    command += ["--", "--auto-start", "--forward-mode=io", "--burst=32", "--total-num-mbufs=65536",
                "--stats-period=3600"]  # or it would end at once, without a terminal
    log = pathlib.Path(directory) / "testpmd.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield lambda: process.poll() is None, lambda: log.read_text(errors="replace")[-2000:]
    finally:
        process.kill()
        process.wait()


SWITCHES = {"socle": socle, "testpmd_io": testpmd_io}


def measure(name, arguments):
    """One round of one switch: figures()."""
    with tempfile.TemporaryDirectory(prefix="socle-bench-", dir="/tmp") as directory:
        sockets = [f"{directory}/s{i}" for i in (0, 1)]
        with Generator(GENERATOR_CPU, list(zip(sockets, MAC)), arguments) as generator:
            with SWITCHES[name](directory, sockets) as (alive, seen):
                try:
                    return figures(generator.summary(alive))
                except GeneratorError as error:
                    raise SystemExit(f"{name}: {error}\nwhat the switch says: {seen()}") from None


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def one_round(number, arguments):
    result = {}
    for name in SWITCHES:
        progress(f"round {number} of {arguments.rounds}: {name} …")
        result[name] = measure(name, arguments)
    progress("")
    result["ratio"] = result["socle"]["mpps"] / result["testpmd_io"]["mpps"]
    return result


def run(arguments):
    rounds = []
    print(f"pvp: {arguments.frame}-byte frames, {arguments.flows} flows each way ({arguments.mode}), "
          f"{arguments.rounds} rounds of {arguments.seconds:g} s\n")
    print(f"{'round':>5}  {'socle Mpps':>10}  {'testpmd io Mpps':>15}  {'ratio':>5}", flush=True)
    for number in range(1, arguments.rounds + 1):
        rounds.append(one_round(number, arguments))
        ours, limit, ratio = rounds[-1].values()
        print(f"{number:>5}  {ours['mpps']:>10.2f}  {limit['mpps']:>15.2f}  {ratio:>5.2f}", flush=True)
    report(rounds)
    return {"frame": arguments.frame, "flows": arguments.flows, "mode": arguments.mode, "seconds": arguments.seconds,
            "rounds": rounds, "ratio": statistics.median(r["ratio"] for r in rounds)}


def report(rounds):
    def summary(values):
        return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"
    print(f"\nmedian (min–max): socle {summary([r['socle']['mpps'] for r in rounds])} Mpps, "
          f"testpmd io {summary([r['testpmd_io']['mpps'] for r in rounds])} Mpps, "
          f"ratio {summary([r['ratio'] for r in rounds])}")
    for name in SWITCHES:
        report_generator(name, [r[name] for r in rounds])
    clocks = [r[name]["generator_clocks"]["tx"] for r in rounds for name in SWITCHES]
    clocks = [c for c in clocks if c]
    if clocks and max(clocks) > UNSTEADY * min(clocks):
        print(f"THE MACHINE WAS NOT STEADY: the generator's clocks for a packet sent went from {min(clocks):.0f} to "
              f"{max(clocks):.0f}; believe only rounds whose two sides ran in the same state (they are in the JSON)")


def report_generator(name, results):
    """Whether the generator or the switch was the limit."""
    clocks = {way: [r["generator_clocks"][way] for r in results if r["generator_clocks"][way]] for way in ("tx", "rx")}
    own = ", ".join(f"{way} {statistics.median(c):.0f}" if c else f"{way} –" for way, c in clocks.items())
    refused = statistics.median(r["refused"] for r in results)
    print(f"{name}: had no room for {refused:.0%} of what was offered; the generator's own clocks a packet: {own}")
    if refused < KEEPS_UP:
        print(f"{name} took nearly all that the generator could offer: THE GENERATOR IS THE BOTTLENECK there, "
              f"{name} may be faster than its figure")
