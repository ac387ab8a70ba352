"""Who may do what: the roles of other users, by the credentials of their socket."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest
from socled_fixture import *  # noqa: F403
from socled_fixture import network, port, underlay

UID, GID, GROUP = 64123, 64124, 64125

CLIENT = textwrap.dedent("""
    import socket, sys
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.sendall(sys.stdin.buffer.read())
    s.shutdown(socket.SHUT_WR)
    sys.stdout.write(s.makefile().read())
""")


def ask(socled, *requests, uid=UID, gid=GID, groups=()):
    """As another user; the answers."""
    lines = "".join(json.dumps({"jsonrpc": "2.0", "id": i, "method": m, "params": p}) + "\n" for i, (m, p) in enumerate(requests))
    done = subprocess.run([sys.executable, "-c", CLIENT, str(socled.control)], input=lines, text=True, capture_output=True,
                          user=uid, group=gid, extra_groups=list(groups), timeout=60, cwd="/")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def codes(answers):
    return [a.get("error", {}).get("code") for a in answers]


@pytest.fixture
def shared(socled):
    """Started with a configuration, its socket open to the test's group."""
    if os.geteuid() != 0:
        pytest.skip("the test acts as other users: needs root")

    def start(roles):
        socled.config.write_text("[roles]\n" + roles)
        socled.start()
        os.chown(socled.control, -1, GROUP)
        with socled.connect() as rpc:
            rpc.apply(underlay(), network())
        return socled
    return start


EVERYTHING = [
    ("get", {}), ("schema", {}), ("watch", {}),
    ("apply", {"objects": [port("vm9", 9)], "dry_run": True}),
    ("apply", {"objects": [port("vm1", 1)]}),
    ("delete", {"objects": [{"kind": "Port", "name": "vm1"}], "ignore_missing": True}),
    ("apply", {"objects": [underlay(mtu=1600)]}),
]

# None has a dataplane here: whoever may ask is told that.
QUESTIONS = [("sessions", {}), ("trace", {"port": "physnet0", "frame_hex": "00" * 14}), ("sessions_kill", {"all": True}),
             ("capture", {"drops": True}), ("capture_stop", {"capture": 1})]


@pytest.mark.parametrize("role, expected", [
    ("read", [None] * 4 + [-32001, None, -32001]),
    ("operate", [None] * 6 + [-32001]),
    ("admin", [None] * 7),
])
@pytest.mark.parametrize("who", [f"uid:{UID}", f"gid:{GROUP}", f"gid:{GID}"])
def test_roles(shared, role, expected, who):
    socled = shared(f"{role} = {who}\n")
    requests = [r for r in EVERYTHING if r[0] != "watch"]  # with it, the connection would stay
    expected = expected[:2] + expected[3:]
    answers = ask(socled, ("info", {}), *requests, groups=[GROUP])
    assert answers[0]["result"]["role"] == role
    assert codes(answers[1:]) == expected, answers


@pytest.mark.parametrize("role, expected", [
    ("read", [-32010, -32010, -32001, -32001, -32001]),
    ("operate", [-32010, -32010, -32010, -32001, -32001]),
    ("admin", [-32010, -32010, -32010, -32010, -32003]),
])
def test_roles_of_what_is_asked_of_the_dataplane(shared, role, expected):
    assert codes(ask(shared(f"{role} = uid:{UID}\n"), *QUESTIONS, groups=[GROUP])) == expected


def test_an_operator_may_not_touch_an_underlay_and_is_told(shared):
    socled = shared(f"operate = uid:{UID}\n")
    answers = ask(socled, ("apply", {"objects": [underlay(mtu=1600), port("vm1", 1)]}),
                  ("delete", {"objects": [{"kind": "Underlay", "name": "physnet0"}]}), groups=[GROUP])
    assert codes(answers) == [-32001, -32001]
    complaint = answers[0]["error"]["data"]["errors"][0]
    assert (complaint["kind"], complaint["name"]) == ("Underlay", "physnet0") and "admin" in json.dumps(complaint)
    with socled.connect() as rpc:
        assert rpc.call("get", kind="Port")["objects"] == []
        assert rpc.call("info")["revision"] == 1


def test_a_stranger_may_nothing(shared):
    socled = shared("read = uid:1\n")
    answers = ask(socled, *EVERYTHING, ("info", {}), ("stats", {}), groups=[GROUP])
    assert codes(answers) == [-32001] * 9
    assert "uid 64123" in answers[0]["error"]["message"]


def test_the_socket_is_closed_to_others(shared):
    socled = shared(f"admin = uid:{UID}\n")
    with pytest.raises(AssertionError, match="PermissionError"):
        ask(socled, ("info", {}))  # not in the socket's group: the file system refuses


def test_roles_are_read_anew_on_sighup(shared):
    socled = shared("")
    assert codes(ask(socled, ("get", {}), groups=[GROUP])) == [-32001]
    with socled.connect() as rpc:
        socled.config.write_text(f"[roles]\nread = uid:{UID}\n")
        socled.process.send_signal(signal.SIGHUP)
        while "read anew" not in socled.log.read_text():
            rpc.call("info")
        assert codes(ask(socled, ("get", {}), groups=[GROUP])) == [None]
        socled.config.write_text("[roles]\nread = nonsense:\n")
        socled.process.send_signal(signal.SIGHUP)
        while "stays as it was" not in socled.log.read_text():
            rpc.call("info")
        assert codes(ask(socled, ("get", {}), groups=[GROUP])) == [None]


def test_the_best_of_several_roles(shared):
    socled = shared(f"read = uid:{UID}\noperate = gid:{GROUP}\nadmin = gid:{GROUP + 1}\n")
    assert ask(socled, ("info", {}), groups=[GROUP])[0]["result"]["role"] == "operate"
    assert ask(socled, ("info", {}), groups=[GROUP, GROUP + 1])[0]["result"]["role"] == "admin"
