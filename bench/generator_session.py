"""socle-generator, run for one measurement: started before the switch, its lines read while it runs."""

import json
import os
import selectors
import subprocess
import time

from cases import MAC
from netns import wait_until
from node import program
from switches import GENERATOR_CPU

WRONG = ("wrong_mac", "wrong_length", "wrong_content")


class GeneratorError(Exception):
    pass


class Generator:
    """A context: on leaving it the process is gone. `more`: further options, as {"seconds": 5, "latency": True}."""

    def __init__(self, links, case, mode=None, wait=60, **more):
        self.silent = wait + 60  # it has a line at least every second, once the switch has connected
        options = {"cpu": GENERATOR_CPU, "flows": case.flows, "frame": case.frame, "protocol": case.protocol,
                   "mode": mode or case.traffic, "wait": wait, **more}
        command = [program("socle-generator")]
        for key, value in options.items():
            command += [f"--{key.replace('_', '-')}", *([] if value is True else [value])]
        for path, mac in zip(links.guests, MAC):
            command += ["--port", f"{path},{mac}"]
        for path in links.wires:
            command += ["--wire", path]
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        wait_until(lambda: os.path.exists(links.guests[0]) or self.process.poll() is not None, 20,
                   "the generator listens")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def lines(self, alive):
        """What it prints, each as soon as it is there. `alive` tells whether the switch still runs."""
        rest, heard = b"", time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while True:
                if selector.select(0.5):
                    data = os.read(self.process.stdout.fileno(), 65536)
                    if not data:
                        break
                    heard = time.monotonic()
                    *whole, rest = (rest + data).split(b"\n")
                    yield from map(json.loads, whole)
                elif not alive():
                    raise GeneratorError("the switch has ended by itself")
                elif time.monotonic() > heard + self.silent:
                    raise GeneratorError(f"the generator has said nothing for {self.silent} s; "
                                         "did the switch connect to all sockets?")
        said = self.process.stderr.read().decode(errors="replace").strip()
        if self.process.wait() != 0:
            raise GeneratorError(said or f"the generator ended with status {self.process.returncode}")

    def summaries(self, alive, on_phase=None):
        """[what was measured, a load each]. on_phase(state, load) is called when a phase begins."""
        found = []
        for line in self.lines(alive):
            if line["state"] == "summary":
                found.append(line)
            elif on_phase and "seconds" not in line:
                on_phase(line["state"], line["load"])
        return found


def figures(summary):
    """Of both ports together. GeneratorError when what came back is not what was sent.

    mpps, sent_mpps      that came back, that were sent
    refused              share of the offered frames that the switch's queues had no room for
    lost, reordered      packets, of those sent in the measured time
    idle                 share of the time in which the generator had nothing to do
    generator_clocks     its own, for a packet sent and received
    paused_ms, silence_ms  how long the generator was not running; the longest time without an arrival"""
    def total(name):
        return sum(port[name] for port in summary["ports"])
    wrong = {name: total(name) for name in WRONG if total(name)}
    if wrong:
        raise GeneratorError(f"of {total('rx')} frames that came back some are not what was sent: {wrong}")
    return {"mpps": total("rx") / summary["seconds"] / 1e6,
            "sent_mpps": total("tx") / summary["seconds"] / 1e6,
            "refused": total("tx_refused") / max(1, total("tx") + total("tx_refused")),
            "lost": sum(summary["lost"]), "reordered": total("reordered"), "idle": summary["idle"],
            "paused_ms": summary["paused_ms"], "silence_ms": max(summary["silence_ms"]),
            "generator_clocks": {way: summary[f"{way}_clocks_per_packet"] for way in ("tx", "rx")}}
