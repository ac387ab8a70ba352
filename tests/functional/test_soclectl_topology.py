"""soclectl topology: machines that are read from files and descriptions, drawn on terminals and as SVG; without any node."""

import json
import pathlib
import re
import xml.etree.ElementTree

import pytest

from cli_fixture import OK, SOCLECTL, UNREACHABLE, USAGE, run, run_on_terminal

MACHINES = pathlib.Path(__file__).resolve().parents[1] / "tuner/machines"
NOWHERE = {"SOCLE_SOCKET": "/nonexistent/socket", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}

pytestmark = pytest.mark.skipif(not SOCLECTL.exists(), reason=f"needs {SOCLECTL}")


def topology(*arguments, env=None):
    return run("topology", *arguments, env={**NOWHERE, **(env or {})})


def test_file_as_json():
    done = topology("--topology", MACHINES / "two-sockets.xml", "-o", "json")
    assert done.status == OK, done
    machine = done.json()
    assert machine["cpus"] == {"present": "0-7", "online": "0-6", "allowed": "0-6"}
    assert [node["number"] for node in machine["nodes"]] == [0, 2, 4]
    assert {nic["interface"]: nic.get("node") for nic in machine["pci"] if "interface" in nic} == {
        "ens1f0np0": None, "ens2f0": 2, "ens2f0v1": 2}
    assert not machine["live"]


def test_tree():
    done = topology("--synthetic", "pack:2 core:2 pu:2")
    assert done.status == OK and done.out == """\
synthetic "pack:2 core:2 pu:2": 8 CPUs in 4 cores, 1 NUMA node, 1 GiB
└─ node 0: 1 GiB, 1 GiB free
   ├─ package 0
   │  └─ 2 cores, CPUs 0-3
   └─ package 1
      └─ 2 cores, CPUs 4-7
""", done


def test_plain_locale_gets_plain_characters():
    done = topology("--synthetic", "pu:2", env={"LC_ALL": "C"})
    assert done.status == OK and done.out.isascii() and "`- node 0" in done.out, done


@pytest.mark.parametrize("columns", [40, 60, 100])
def test_terminal(columns):
    done = run_on_terminal("--colour", "always", "topology", "--topology", MACHINES / "two-sockets.xml", columns=columns,
                           env=NOWHERE)
    assert done.status == OK and "\033[1m" in done.out, done
    lines = re.sub(r"\033\[[0-9;]*m", "", done.out).splitlines()
    assert max(map(len, lines)) <= columns
    assert "ens2f0v1" in done.out and "guess" in done.out


def test_svg(tmp_path):
    picture = tmp_path / "machine.svg"
    done = topology("--topology", MACHINES / "two-sockets.xml", "--svg", picture)
    assert done.status == OK and done.out == "", done
    root = xml.etree.ElementTree.parse(picture).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert [group.get("class") for group in root.iter("{http://www.w3.org/2000/svg}g")].count("cpu") == 7

    both = topology("--synthetic", "pu:1", "--svg", picture, "-o", "json")
    assert both.status == OK and both.json()["cpus"]["online"] == "0"
    assert xml.etree.ElementTree.fromstring(topology("--synthetic", "pu:1", "--svg", "-").out).tag.endswith("svg")


@pytest.mark.parametrize("arguments, says", [
    (["--synthetic", "fish"], "unknown object type at 'fish'"),
    (["--synthetic", "pu:99999999"], "more CPUs than a machine can have"),
    (["--topology", "/nonexistent"], "file /nonexistent: No such file"),
    (["--topology", __file__], "line 1, column 3: not well-formed"),
    (["--topology", "/dev"], "has no sys/devices/system/cpu in it"),
    (["--topology", "/", "--synthetic", "pu:1"], "two machines"),
    (["--synthetic", "pu:1", "--svg", "/nonexistent/a.svg"], "cannot write /nonexistent/a.svg"),
    (["--synthetic", "pu:1", "--svg", "/dev/full"], "cannot write /dev/full"),
    (["-o", "png"], "cannot be \"png\""),
    (["fish"], "one argument too many"),
])
def test_what_is_wrong_is_said(arguments, says):
    done = topology(*arguments)
    assert done.status == USAGE and says in done.err and done.out == "", done


def test_without_a_file_socled_is_asked():
    assert topology().status == UNREACHABLE
