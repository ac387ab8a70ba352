"""The switches under test, one a file. Each has a `name`, and `start(case, links, **options)`, a context that gives the
running switch:

    alive()   whether it still runs
    says()    the end of what it has to say, for a person who asks why nothing comes back
    drops()   {reason: packets} since its start, where it counts them
    perf(seconds)          measures what a packet costs it, meanwhile: a process, or None where it cannot tell
    outside_io(process)    what that has measured: clocks a packet outside the devices' receive and transmit
    change(number)         one change of its configuration that concerns no packet under way, and waits until it is in
                           force; of a cycle of `changes`, words for each
    memory()  MB that its process has, huge pages left out

On leaving the context nothing of it is left.

All of them run on SWITCH_CPU, as the client of the generator's sockets, and have one thread that moves packets."""

import contextlib
import pathlib
import subprocess

from many import memory

SWITCH_CPU, GENERATOR_CPU = 0, 1


class Switch:
    """What those that are a single process share."""

    def __init__(self, process, log):
        self.process, self.log = process, pathlib.Path(log)

    def alive(self):
        return self.process.poll() is None

    def says(self):
        return self.log.read_text(errors="replace")[-2000:]

    def drops(self):
        return {}

    def perf(self, seconds):
        return None

    def memory(self):
        return memory(self.process.pid)


@contextlib.contextmanager
def running(command, log, **options):
    """A process whose output goes to the file `log`; killed in the end."""
    with open(log, "ab") as out:
        process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=subprocess.STDOUT, **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def by_name():
    from switches import ovs, socle, testpmd
    return {module.name: module for module in (socle, testpmd, ovs)}
