"""soclectl inventory: for people and for programs."""

import json
import os

import pytest

from baremetal_fixture import Host, directory, socled  # noqa: F401
from cli_fixture import OK, SOCLECTL, UNREACHABLE, run

pytestmark = pytest.mark.skipif(not SOCLECTL.exists(), reason=f"needs {SOCLECTL}")


class Nowhere:
    url = "http://127.0.0.1:1"


@pytest.fixture
def machine(socled):  # noqa: F811
    host = Host(socled, Nowhere)
    yield host.start()
    host.stop()


def test_for_people(machine):
    done = run("-s", machine.daemon.control, "inventory")
    assert done.status == OK, done
    words = {line.split()[0]: line.split(None, 1)[1] for line in done.out.splitlines() if line.strip()}
    assert words["machine"] == "Makers Inc. PowerThing R9 serial SN123" and words["host"] == os.uname().nodename
    assert "uefi" in words["firmware"] and "7 CPUs" in words["CPU"] and words["memory"].startswith("56")
    assert "52:54:00:aa:00:02" in words["eno2"] and "25 Gbit/s" in words["eno2"], words
    assert "SSD X" in words["/dev/sda"] and words["/dev/sda"].startswith("480"), words


def test_for_programs(machine):
    done = run("-s", machine.daemon.control, "inventory", "-o", "json")
    assert done.status == OK and json.loads(done.out)["inventory"]["system_vendor"]["product_name"] == "PowerThing R9", done
    assert run("-s", "/nonexistent", "inventory").status == UNREACHABLE
