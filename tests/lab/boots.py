"""Tests that span reboots: `@pytest.mark.boots(2)` runs a test as test_x[boot1] and, after a reboot, as test_x[boot2].

pytest itself runs anew at each boot, with the same arguments: what is done already is left out, and what needs a reboot
first is held back. When something was held back, the file `reboot` in the state directory asks script/lib/lab/inside for
it. The state is on the machine's disk, and written through to it: a power cut may follow."""

import contextlib
import json
import os
import re

import pytest


def parametrize(metafunc):
    mark = metafunc.definition.get_closest_marker("boots")
    if mark:
        count = mark.args[0]
        metafunc.parametrize("boot", range(1, count + 1), ids=[f"boot{k}" for k in range(1, count + 1)])


def write(path, text):
    """Durable when it returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    directory = os.open(path.parent, os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)


def before(nodeid):
    """The id of the same test a boot earlier, or None."""
    found = re.search(r"\bboot(\d+)\b(?=[^\[]*\]$)", nodeid)
    if not found or found[1] == "1":
        return None
    return nodeid[:found.start(1)] + str(int(found[1]) - 1) + nodeid[found.end(1):]


@contextlib.contextmanager
def kept(state, item):
    path = state / "kept" / re.sub(r"\W+", "_", f"{item.path.name}_{item.originalname}.json")
    values = json.loads(path.read_text()) if path.exists() else {}
    yield values
    write(path, json.dumps(values))


class Boots:
    def __init__(self, state):
        self.state = state
        self.path = state / "done.json"
        self.done = json.loads(self.path.read_text()) if self.path.exists() else {}  # id → "passed", "failed", "skipped"
        self.held = []

    @pytest.hookimpl(trylast=True)  # after -k and -m
    def pytest_collection_modifyitems(self, config, items):
        chosen = {item.nodeid for item in items}
        left = [item for item in items if item.nodeid not in self.done]
        waiting = next((i for i, item in enumerate(left) if self.needs_reboot(item, chosen)), len(left))
        now, self.held = left[:waiting], left[waiting:]
        for item in now:
            if self.done.get(before(item.nodeid), "passed") != "passed":
                item.add_marker(pytest.mark.skip(reason=f"{before(item.nodeid)} had not passed"))
        config.hook.pytest_deselected(items=[item for item in items if item not in now])
        items[:] = now

    def needs_reboot(self, item, chosen):
        earlier = before(item.nodeid)
        if earlier and earlier not in chosen:
            raise pytest.UsageError(f"{item.nodeid} means nothing without {earlier}: choose both")
        return earlier is not None and earlier not in self.done

    def pytest_runtest_logreport(self, report):
        worst = self.done.get(report.nodeid)
        if report.outcome != "passed" or worst is None:
            self.done[report.nodeid] = report.outcome if worst != "failed" else worst
        if report.when == "teardown":
            write(self.path, json.dumps(self.done))

    def pytest_sessionfinish(self, session):
        if self.held and not session.shouldfail and not session.shouldstop:
            cut = self.held[0].get_closest_marker("boots").kwargs.get("power_cut", False)
            write(self.state / "reboot", "power-cut" if cut else "reboot")
