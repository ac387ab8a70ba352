"""kill -9 of socled, and of Ironic, at each request of an enrolment and of its taking back: before Ironic has heard it, and before
socled has heard the answer. Nothing is there twice afterwards, and nothing is left."""

import contextlib
import threading

import pytest

from baremetal_fixture import PATIENCE, directory, host, ironic, needs_ironic, socled  # noqa: F401
from baremetal_host import MACS, UUID

pytestmark = [needs_ironic, pytest.mark.large]


def check_enrolled(host, ironic):  # noqa: F811
    assert [(n["uuid"], n["provision_state"]) for n in ironic.nodes()] == [(UUID, "manageable")]
    assert sorted(p["address"] for p in ironic.ports()) == MACS
    assert [g["name"] for g in ironic.portgroups()] == ["n1-bond0"]


class Killer:
    """Kills at the n-th request from now on, once."""

    def __init__(self, host, kill):  # noqa: F811
        self.host, self.kill = host, kill
        self.happened = threading.Event()
        self.lock = threading.Lock()
        self.at = None

    def arm(self, moment, number, chosen=lambda place, method, path: True):
        """`chosen`: is it one to be counted? `place`: of the request in the middleman's lists, from 1."""
        self.host.middleman.reset()  # requests that are under way have nothing to interfere any more
        self.happened.clear()
        seen = iter(range(1, 1 << 30))

        def interfere(place, method, path):
            with self.lock:  # who sees that it has happened, starts another: that one must not be the one that is killed
                if self.happened.is_set() or not chosen(place, method, path) or next(seen) != number:
                    return False
                self.at = (moment, number, method, path)
                self.kill()
                self.happened.set()
            return True

        setattr(self.host.middleman, moment, interfere)


def ask(call):
    """The answer may never come: what was asked for is on disk before Ironic hears of it."""
    with contextlib.suppress(OSError, ValueError):
        call(wait=0)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_socled_dies_at_each_request_of_an_enrolment(host, ironic, moment):  # noqa: F811
    host.start()
    killer = Killer(host, host.daemon.kill)
    for number in range(1, 200):
        killer.arm(moment, number)
        ask(host.apply)
        if not wait_for(killer, host, "manageable"):
            break
        host.rpc.close()
        host.start()
        host.until_state("manageable")
        check_enrolled(host, ironic)
        host.delete()
        assert ironic.everything() == [[], [], []], killer.at
    print(f"killed at {number - 1} requests, {moment} the answer" if moment == "after" else f"killed before {number - 1} requests")
    assert number > 15


@pytest.mark.parametrize("moment", ["before", "after"])
def test_socled_dies_at_each_request_of_taking_back(host, ironic, moment):  # noqa: F811
    host.start()
    killer = Killer(host, host.daemon.kill)
    for number in range(1, 50):
        host.middleman.reset()
        host.apply()
        killer.arm(moment, number)
        ask(host.delete)
        try:
            while not killer.happened.wait(0.02) and host.rpc.call("info")["baremetal"]["leaving"]:
                pass
        except (OSError, ValueError):
            killer.happened.wait(PATIENCE)  # socled died in the middle of our question
        if not killer.happened.is_set():
            break
        host.daemon.process.wait(PATIENCE)
        host.rpc.close()
        host.start()
        host.until_gone()
        assert ironic.everything() == [[], [], []] and host.ledgers() == [], killer.at
    assert number > 4


@pytest.mark.parametrize("moment", ["before", "after"])
def test_ironic_dies_at_each_write(host, ironic, moment):  # noqa: F811
    """Each write of one enrolment after the other: the enrolment goes on as soon as Ironic is back."""
    host.start()
    killer = Killer(host, ironic.kill)
    kills, cut = 0, set()

    def is_new(place, method, path):
        """A write that was cut off before comes again, perhaps at once (libcurl repeats it on a new connection), and passes."""
        write = (method, path, host.middleman.bodies[place - 1])
        return method != "GET" and write not in cut and not cut.add(write)

    killer.arm(moment, 1, is_new)
    ask(host.apply)
    while wait_for(killer, host, "manageable"):
        kills += 1
        killer.arm(moment, 1, is_new)
        ironic.launch()
    check_enrolled(host, ironic)
    print(f"Ironic was killed {kills} times")
    assert kills >= 4
    killer.arm(moment, 1, lambda place, method, path: method == "DELETE")
    ask(host.delete)
    assert killer.happened.wait(PATIENCE)
    ironic.start()
    host.until_gone()
    assert ironic.everything() == [[], [], []]


def wait_for(killer, host, state):  # noqa: F811
    """True: it has killed; False: the state was reached without."""
    while not killer.happened.wait(0.02):
        try:
            if host.status()["state"] == state:
                return False
        except (AssertionError, OSError, ValueError):
            killer.happened.wait(PATIENCE)  # socled died in the middle of our question
            break
    if killer.kill == host.daemon.kill:
        host.daemon.process.wait(PATIENCE)
    return True
