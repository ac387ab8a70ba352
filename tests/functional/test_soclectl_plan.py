"""soclectl plan: without any node, of machines that hwloc's synthetic strings describe; good profiles and bad ones."""

import json
import pathlib
import subprocess

import pytest
from cli_fixture import OK, SOCLECTL, USAGE, Done

TOP = pathlib.Path(__file__).resolve().parents[2]
TWO_SOCKETS = "pack:2 [numa(memory=256GiB)] l3:2 core:4 pu:2(indexes=core,pu)"

pytestmark = pytest.mark.skipif(not SOCLECTL.exists(), reason=f"needs {SOCLECTL} (SOCLE_BUILD)")


def plan(*arguments, stdin=""):
    done = subprocess.run([SOCLECTL, "plan", *map(str, arguments)], input=stdin, capture_output=True, text=True,
                          timeout=60, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def profile(spec):
    return json.dumps({"kind": "HostProfile", "name": "h", "spec": spec})


def cpus(text):
    found = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def test_this_machine():
    done = plan("-o", "json")
    assert done.status == OK and not done.err, done
    classes = [cpus(text) for text in done.json()["classes"].values()]
    online = cpus(pathlib.Path("/sys/devices/system/cpu/online").read_text().strip())
    assert set().union(*classes) == online and sum(map(len, classes)) == len(online)


def test_another_machine():
    done = plan("--synthetic", TWO_SOCKETS)
    assert done.status == OK and "HOUSEKEEPING" in done.out and "147 × 2MiB" in done.out, done
    assert "WHY" not in done.out
    assert "one core a node, with the lowest CPU" in plan("--synthetic", TWO_SOCKETS, "--why").out
    as_json = plan("--synthetic", TWO_SOCKETS, "-o", "json").json()
    assert as_json["classes"]["housekeeping"] == "0,8,16,24"
    assert as_json["nodes"][1]["huge_pages"] == [
        {"size": "2MiB", "page_bytes": 2 << 20, "count": 147, "dataplane": 147}]
    assert as_json["reasons"] and f'nohz_full={as_json["isolated"]}' in as_json["kernel_arguments"]


@pytest.mark.parametrize("machine", sorted((TOP / "tests/tuner/machines").glob("*.xml")), ids=lambda path: path.stem)
def test_a_file_of_hwloc(machine):
    done = plan("--topology", machine, "-o", "json")
    assert done.status == OK and machine.name in done.json()["machine"], done
    assert done.json()["classes"]["housekeeping"] and "HOUSEKEEPING" in plan("-t", machine).out


def test_the_example():
    done = plan("-f", TOP / "examples/host-profile.yaml", "--synthetic", TWO_SOCKETS, "-o", "json")
    assert done.status == OK, done
    made = done.json()
    # 4 OSDs of 3 CPUs on nodes without a known disk: two each, in whole cores.
    assert [len(cpus(node["classes"]["storage"])) for node in made["nodes"]] == [6, 6]
    assert [len(cpus(node["classes"]["dataplane"])) for node in made["nodes"]] == [4, 4]
    assert len(cpus(made["workers"])) == 4
    assert all(node["guests"] > 20 and node["reserved"]["osd_bytes"] == 10 << 30 for node in made["nodes"])
    assert "mitigations=auto" in made["kernel_arguments"] and made["cpu_allocation_ratio"] > 0.5


@pytest.mark.parametrize("spec, pointer, words", [
    ({"classes": {"dataplane": {"cores": 15}}}, "/spec/classes/dataplane/cores", "at most 14"),
    ({"classes": {"dataplane": {"core": 1}}}, "/spec/classes/dataplane/core", "did you mean cores?"),
    ({"classes": {"dataplane": {"cpus": "1"}}}, "/spec/classes/dataplane/cpus", "CPU 17: left out"),
    ({"hugepages": {"pages": [{"size": "1GiB", "count": 256}]}}, "/spec/hugepages/pages/0/count", "at most 253"),
    ({"guests": {"page_size": "16GiB"}}, "/spec/guests/page_size", "2MiB, 1GiB"),
])
def test_what_cannot_be(tmp_path, spec, pointer, words):
    file = tmp_path / "h.json"
    file.write_text(profile(spec))
    done = plan("-f", file, "--synthetic", TWO_SOCKETS)
    assert done.status == USAGE and not done.out
    assert f"{file}:1: HostProfile h {pointer}: " in done.err and words in done.err, done


@pytest.mark.parametrize("arguments, stdin, words", [
    (["-f", "-"], "{kind: Network, name: n, spec: {}}", "no HostProfile"),
    (["-f", "-"], f"[{profile({})}, {profile({})}]", "two profiles"),
    (["-f", "-"], "", "no object"),
    (["-f", "/nonexistent"], "", "cannot read"),
    (["-t", "/nonexistent"], "", "No such file"),
    (["-t", "/etc/passwd"], "", "right would be: XML that"),
    (["--synthetic", "potato:2"], "", "not a topology"),
    (["--synthetic", "pu:1", "-t", "x"], "", "exclude each other"),
])
def test_bad_input(arguments, stdin, words):
    done = plan(*arguments, stdin=stdin)
    assert done.status == USAGE and words in done.err and not done.out, done


def test_other_objects_may_be_in_the_file():
    done = plan("-f", "-", "--synthetic", "pu:4",
                stdin="{kind: Network, name: n, spec: {}}\n---\n" + profile({"classes": {"dataplane": {"cores": 0}}}))
    assert done.status == OK and "DATAPLANE" in done.out, done
