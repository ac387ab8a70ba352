"""The Ansible collection, built, installed and run by a real ansible-core against real daemons."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

import intent
from pki import Authority
from socled_fixture import directory, network, socled, underlay  # noqa: F401
from test_socled_tls import Node as TlsNode

TOP = pathlib.Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(not shutil.which("ansible-playbook"), reason="the test needs ansible-core (package ansible-core)")


@pytest.fixture(scope="module")
def collections(tmp_path_factory):
    path = tmp_path_factory.mktemp("ansible")
    for command in (["build", TOP / "clients/ansible", "--output-path", path],
                    ["install", path / "socle-node-0.1.0.tar.gz", "-p", path]):
        subprocess.run(["ansible-galaxy", "collection", *map(str, command)], check=True, capture_output=True,
                       env={**os.environ, "HOME": str(path)})
    installed = path / "ansible_collections/socle/node/plugins/module_utils/socle.py"
    assert installed.read_text() == (TOP / "clients/python/socle.py").read_text()
    return path


class Ansible:
    def __init__(self, home, directory, socket):  # noqa: F811
        self.home, self.directory, self.socket = home, directory, socket

    def run(self, *arguments):
        done = subprocess.run(["ansible-playbook", "-i", "localhost,", "-c", "local", *map(str, arguments)], text=True,
                              capture_output=True, check=False, cwd=self.directory,
                              env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(self.home),
                                   "ANSIBLE_CALLBACK_PLUGINS": str(TOP / "tests/functional/ansible_callback"),
                                   "ANSIBLE_STDOUT_CALLBACK": "socle_json",
                                   "HOME": str(self.home), "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3"})
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout[done.stdout.index("{"):])

    def task(self, *more, **parameters):
        """One task of socle_object: its result."""
        play = [{"hosts": "all", "gather_facts": False,
                 "tasks": [{"socle.node.socle_object": {"socket": str(self.socket), "wait": 0, **parameters}}]}]
        path = self.directory / "play.yml"
        path.write_text(json.dumps(play))
        _, answer = self.run(path, *more)
        return answer["plays"][0]["tasks"][0]["hosts"]["localhost"]


@pytest.fixture
def ansible(collections, socled, tmp_path):  # noqa: F811
    socled.start()
    return Ansible(collections, tmp_path, socled.control)


def test_present_is_idempotent_and_absent_too(ansible):
    objects = [underlay(), network()]
    first = ansible.task(objects=objects)
    assert first["changed"] and first["revision"] == 1 and [o["name"] for o in first["objects"]] == ["physnet0", "blue"]
    again = ansible.task(objects=first["objects"])  # with what only the node says in them
    assert not again["changed"] and again["revision"] == 1
    gone = ansible.task(state="absent", kind="Network", name="blue")
    assert gone["changed"] and gone["changes"][0]["action"] == "delete"
    assert not ansible.task(state="absent", kind="Network", name="blue")["changed"]


def test_check_mode_changes_nothing_and_shows_the_difference(ansible, socled):  # noqa: F811
    ansible.task(objects=[underlay(), network()])
    checked = ansible.task("--check", "--diff", objects=[underlay(), network(vni=7), network("red", 8)])
    assert checked["changed"] and "objects" not in checked
    assert "Network blue /spec/vni: 100" in checked["diff"]["before"]
    assert "Network blue /spec/vni: 7" in checked["diff"]["after"] and "Network red" in checked["diff"]["after"]
    with socled.connect() as rpc:
        assert rpc.call("info")["revision"] == 1


def test_what_is_wrong_is_said_in_words(ansible):
    failed = ansible.task(kind="Network", name="blue", spec={"underlay": "nowhere", "vni": 0})
    assert failed["failed"] and "/spec/vni" in failed["msg"] and failed["errors"][0]["name"] == "blue"
    failed = ansible.task(kind="Network", name="blue", socket="/nowhere.sock")
    assert failed["failed"] and "cannot connect to socled at /nowhere.sock" in failed["msg"]
    failed = ansible.task(kind="Network", name="blue", objects=[network()])
    assert failed["failed"] and "mutually exclusive" in failed["msg"]


def test_over_tls_from_the_orchestrator(collections, socled, tmp_path):  # noqa: F811
    node = TlsNode(socled, Authority(tmp_path / "ca")).start()
    certificate, key = node.authority.issue("tower", common_name="tower operator")
    ansible = Ansible(collections, tmp_path, "/nowhere.sock")
    files = {"host": f"localhost:{node.port}", "certificate": str(certificate), "key": str(key), "ca": str(node.authority.ca)}
    failed = ansible.task(objects=[underlay()], **files)
    assert failed["failed"] and "admin" in failed["msg"]  # an Underlay needs more than the role operate
    certificate, key = node.authority.issue("orchestrator", "DNS:orchestrator.example.org")
    files.update(certificate=str(certificate), key=str(key))
    assert ansible.task(objects=[underlay()], **files)["changed"]


@pytest.mark.netns
def test_the_playbook_brings_up_a_node(collections, one_node, tmp_path):
    ansible = Ansible(collections, tmp_path, one_node.control_socket)
    (tmp_path / "node.json").write_text(json.dumps({
        "socle_nodes": "all", "socle_socket": str(one_node.control_socket),
        "socle_underlays": {"physnet0": intent.underlay()["spec"]},
        "socle_objects": [intent.network("blue", vni=100), intent.security_group("web", intent.rule("ingress", "tcp", 443))]}))
    status, answer = ansible.run("socle.node.node", "-e", "@node.json")
    assert status == 0, json.dumps(answer)[:3000]
    assert {o["name"] for o in one_node.call("get")["objects"]} == {"physnet0", "blue", "web"}
    status, answer = ansible.run("socle.node.node", "-e", "@node.json")
    assert status == 0 and answer["stats"]["localhost"]["changed"] == 0
