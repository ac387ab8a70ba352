"""tests/tuner/guest_driver.c, driven: tuner/guest/ as socled's tuner calls it, against a real libvirtd."""

import json
import os
import pathlib
import select
import signal
import subprocess
import time

from node import program

PATIENCE = 120


class Answer:
    def __init__(self, line):
        answer = json.loads(line)
        self.code, self.result, self.errors = answer["code"], answer["result"], answer["errors"]

    def ok(self):
        assert self.code == 0, self.errors
        return self.result

    def words(self):
        return " ".join(f"{e.get('pointer', '')} {e['message']} {e.get('expected', '')}" for e in self.errors)


class Driver:
    def __init__(self, libvirt, state, plan):
        self.log = pathlib.Path(libvirt.directory, "driver.log")
        self.command = [program("guest-driver"), libvirt.uri, str(state), json.dumps(plan)]
        self.start()

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)

    def send(self, what, **request):
        self.process.stdin.write(json.dumps({"do": what, **request}).encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, what, **request):
        self.send(what, **request)
        assert select.select([self.process.stdout], [], [], PATIENCE)[0], f"{what} hangs"
        line = self.process.stdout.readline()
        assert line, f"guest-driver ended: {self.log.read_text(errors='replace')[-3000:]}"
        return Answer(line)

    def connected(self):
        """Waits until libvirtd is there; returns what is observed."""
        end = time.monotonic() + PATIENCE
        while (answer := self.ask("observe")).code:
            assert time.monotonic() < end, answer.words()
            self.ask("wait", ms=1000)
        return answer.result

    def news(self, ms=30000):
        return self.ask("wait", ms=ms).result

    def quiet(self):
        """All that has been told so far is taken note of."""
        while self.news(300):
            pass

    def apply(self, guest, spec, **more):
        return self.ask("apply", guest=guest, spec=spec, **more)

    def look(self):
        """Is there anything that libvirt did not tell of?"""
        answer = self.ask("look")
        answer.ok()
        return answer.result

    def restore(self, guest):
        return self.ask("restore", guest=guest)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            assert self.process.wait(PATIENCE) == 0, self.log.read_text(errors="replace")[-3000:]


def guest(domain, by="name", policy="dedicated", dedicated=None, siblings="prefer", emulator="housekeeping",
          iothreads="housekeeping", hugepages="keep", cells=0, near=None):
    """A spec of kind Guest with all its defaults, as socled has validated it."""
    vcpus = {"policy": policy, "siblings": siblings, **({"dedicated": dedicated} if dedicated else {})}
    return {"domain": {by: domain}, "vcpus": vcpus, "emulator": emulator, "iothreads": iothreads,
            "memory": {"hugepages": hugepages}, "numa": {"cells": cells}, "near": {"required": False, **(near or {})}}


def cpus():
    return sorted(os.sched_getaffinity(0))
