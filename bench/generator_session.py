"""socle-generator, run for one measurement: started before the switch, its summary read once it has ended."""

import json
import os
import subprocess
import time

from netns import wait_until
from node import program

WARM_UP, WAIT = 1, 30  # seconds
WRONG = ("wrong_mac", "wrong_length", "wrong_content")


class GeneratorError(Exception):
    pass


class Generator:
    """A context: on leaving it the process is gone."""

    def __init__(self, cpu, ports, arguments):
        """ports: [(socket, MAC), …] of its two ends."""
        self.timeout = 2 * WAIT + WARM_UP + arguments.seconds
        command = [program("socle-generator"), "--cpu", cpu, "--flows", arguments.flows, "--frame", arguments.frame,
                   "--mode", arguments.mode, "--seconds", arguments.seconds, "--warm-up", WARM_UP, "--wait", WAIT]
        for path, mac in ports:
            command += ["--port", f"{path},{mac}"]
        self.process = subprocess.Popen(list(map(str, command)), text=True, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_until(lambda: os.path.exists(ports[0][0]) or self.process.poll() is not None, 20, "the generator listens")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def summary(self, alive):
        """Of the measured time, once it is over: what the program prints, see bench/generator/report.h. `alive` tells
        whether the switch still runs."""
        end = time.monotonic() + self.timeout
        while True:
            try:
                out, said = self.process.communicate(timeout=1)
                break
            except subprocess.TimeoutExpired:
                if not alive():
                    raise GeneratorError("the switch has ended by itself") from None
                if time.monotonic() > end:
                    raise GeneratorError(f"the generator has not ended after {self.timeout:g} s; "
                                         "did the switch connect to both sockets?") from None
        if self.process.returncode != 0:
            raise GeneratorError(said.strip() or f"the generator ended with status {self.process.returncode}")
        return json.loads(out.splitlines()[-1])


def figures(summary):
    """Of both ports together: Mpps that came back, share of the offered frames that the switch's queues had no room
    for, the generator's own clocks a packet. GeneratorError when what came back is not what was sent."""
    def total(name):
        return sum(port[name] for port in summary["ports"])
    wrong = {name: total(name) for name in WRONG if total(name)}
    if wrong:
        raise GeneratorError(f"of {total('rx')} frames that came back some are not what was sent: {wrong}")
    return {"mpps": total("rx") / summary["seconds"] / 1e6,
            "sent_mpps": total("tx") / summary["seconds"] / 1e6,
            "refused": total("tx_refused") / max(1, total("tx") + total("tx_refused")),
            "generator_clocks": {way: summary[f"{way}_clocks_per_packet"] for way in ("tx", "rx")}}
