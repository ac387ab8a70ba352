"""Two vhost-user ports, loaded from both sides by socle-generator on CPU 1; on CPU 0 the switch under test: ours, or
testpmd's io forwarding, which only hands packets on and so is the limit. In turns, in one run, as a ratio."""

import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

import intent
from lonely import loose_underlay
from netns import wait_until
from node import Node, program

MAC = [intent.mac(1), intent.mac(2)]
SWITCH_CPU, GENERATOR_CPU = 0, 1


@contextlib.contextmanager
def socle(directory, sockets):
    """Our switch with the two ports in one overlay network, as declared by an orchestrator."""
    with tempfile.TemporaryDirectory(dir=directory) as home:
        node = Node(home, "bench", cpu=SWITCH_CPU, memory=1024, mbufs=65536, options=())
        try:
            loose_underlay(node)
            node.start()
            node.apply(intent.underlay(vtep_ipv6=None), intent.network("blue", vni=100, mtu=1500),
                       *(intent.vhost_port(f"p{i}", "blue", MAC[i], [f"10.0.0.{i + 1}"], socket=sockets[i])
                         for i in (0, 1)))
            yield
        finally:
            node.stop()


@contextlib.contextmanager
def testpmd_io(directory, sockets):
    command = ["dpdk-testpmd", "--in-memory", "--single-file-segments", "--no-pci", "--no-telemetry", "-m", "1024",
               "--file-prefix=limit", "--lcores", f"0@{SWITCH_CPU},1@{SWITCH_CPU}"]
    for number, path in enumerate(sockets):
        command += ["--vdev", f"net_vhost{number},iface={path},client=1"]
    command += ["--", "--auto-start", "--forward-mode=io", "--total-num-mbufs=65536", "--stats-period=3600"]
    with open(f"{directory}/testpmd.log", "w") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def measure(switch, directory, arguments):
    """One round: Mpps that came back to the generator, over both ports, and how many it tried to send."""
    sockets = [f"{directory}/s{i}" for i in (0, 1)]
    command = [program("socle-generator"), "--cpu", GENERATOR_CPU, "--flows", arguments.flows, "--frame",
               arguments.frame, "--seconds", arguments.seconds, "--mode", arguments.mode]
    for path, mac in zip(sockets, MAC):
        command += ["--port", f"{path},{mac}"]
    generator = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: generator.poll() is not None or os.path.exists(sockets[0]), 20, "the generator listens")
        with switch(directory, sockets):
            out, _ = generator.communicate(timeout=60 + arguments.seconds)
    finally:
        generator.kill()
        generator.wait()
        for path in sockets:
            pathlib.Path(path).unlink(missing_ok=True)
    if generator.returncode != 0:
        raise SystemExit(f"the generator ended with status {generator.returncode}")
    summary = json.loads(out.splitlines()[-1])
    return evaluate(summary)


def evaluate(summary):
    total = {name: sum(port[name] for port in summary["ports"]) for name in summary["ports"][0]}
    wrong = sum(count for name, count in total.items() if name.startswith("wrong"))
    if wrong > total["rx"] / 1000:
        raise SystemExit(f"frames came back that are not as they were sent: {total}")
    return {"mpps": total["rx"] / summary["seconds"] / 1e6,
            "offered_mpps": (total["tx"] + total["tx_refused"]) / summary["seconds"] / 1e6, "generator": summary}


def run(arguments):
    rounds = []
    print(f"pvp: {arguments.frame}-byte frames, {arguments.flows} flows each way ({arguments.mode}), "
          f"{arguments.rounds} rounds of {arguments.seconds:g} s\n")
    print(f"{'round':>5}  {'socle Mpps':>10}  {'testpmd io Mpps':>15}  {'ratio':>5}")
    with tempfile.TemporaryDirectory(prefix="socle-bench-", dir="/tmp") as directory:
        for number in range(1, arguments.rounds + 1):
            ours, limit = measure(socle, directory, arguments), measure(testpmd_io, directory, arguments)
            ratio = ours["mpps"] / limit["mpps"]
            rounds.append({"socle": ours, "testpmd_io": limit, "ratio": ratio})
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
    for name in ("socle", "testpmd_io"):
        if all(r[name]["offered_mpps"] < 1.02 * r[name]["mpps"] for r in rounds):
            print(f"{name} forwarded all that the generator could offer: the generator is the bottleneck there")
