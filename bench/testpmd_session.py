"""dpdk-testpmd driven by its own command line: started, asked for its counters, ended."""

import os
import re
import selectors
import subprocess
import time

PROMPT = b"testpmd> "


class Testpmd:
    def __init__(self, name, cpu, vdevs, options, memory=512):
        command = ["stdbuf", "-oL",  # its answers come through stdio, its prompt does not
                   "dpdk-testpmd", "--in-memory", "--single-file-segments", "--no-pci", "--no-telemetry", "-m", memory,
                   f"--file-prefix={name}", "--lcores", f"0@{cpu},1@{cpu}"]
        for vdev in vdevs:
            command += ["--vdev", vdev]
        command += ["--", "-i", "--total-num-mbufs=32768", *options]
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, bufsize=0)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = b""

    def ready(self, timeout=30):
        """Until it takes commands. With virtio-user servers that is not before the switch has connected to all."""
        self._until_prompt(timeout)

    def _until_prompt(self, timeout):
        """What it says up to its next prompt."""
        end = time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while PROMPT not in self.text:
                if not selector.select(max(0, end - time.monotonic())):
                    raise TimeoutError(f"testpmd gives no prompt: {self.text[-800:].decode(errors='replace')}")
                part = self.process.stdout.read(65536)
                if part == b"":
                    raise RuntimeError(f"testpmd ended: {self.text[-1500:].decode(errors='replace')}")
                self.text += part or b""
        said, self.text = self.text.split(PROMPT, 1)
        return said.decode(errors="replace")

    def say(self, command, timeout=10):
        self.process.stdin.write(command.encode() + b"\n")
        return self._until_prompt(timeout)

    def counters(self):
        """(time, received packets, received bytes, sent packets, packets the ring had no room for) of all ports."""
        out = self.say("show port stats all")
        now = time.monotonic()
        numbers = [sum(map(int, re.findall(rf"{what}:\s*(\d+)", out)))
                   for what in ("RX-packets", "RX-bytes", "TX-packets")]
        forwarding = self.say("show fwd stats all").partition("Accumulated")[0]
        return now, *numbers, sum(map(int, re.findall(r"TX-dropped:\s*(\d+)", forwarding)))

    def close(self):
        self.process.kill()
        self.process.wait()
