"""The Python client against a real socled: over the unix socket and over TLS, and what it says when something is wrong."""

import pathlib
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "clients/python"))

import socle  # noqa: E402
from pki import Authority  # noqa: E402
from socled_fixture import directory, network, socled, underlay  # noqa: E402, F401
from test_socled_tls import Node as TlsNode  # noqa: E402


@pytest.fixture(params=["unix", "tls"])
def client(request, socled, tmp_path):  # noqa: F811
    if request.param == "unix":
        socled.start()
        options = {"path": str(socled.control)}
    else:
        node = TlsNode(socled, Authority(tmp_path / "ca")).start()
        certificate, key = node.authority.issue("me", "DNS:orchestrator.example.org")
        options = {"host": f"localhost:{node.port}", "certificate": certificate, "key": key, "ca": node.authority.ca}
    with socle.Client(timeout=30, **options) as connection:
        connection.again = lambda: socle.Client(timeout=30, **options)
        yield connection


def test_apply_get_delete(client):
    answer = client.apply([underlay(), network()])
    assert answer["counts"]["added"] == 2 and answer["revision"] == 1
    assert client.apply([underlay(), network()])["counts"]["unchanged"] == 2
    assert [o["name"] for o in client.get("Network")] == ["blue"]
    assert client.apply([network(vni=7)], dry_run=True)["changes"][0]["diff"][0]["pointer"] == "/spec/vni"
    assert client.delete([{"kind": "Network", "name": "blue"}])["revision"] == 2
    assert client.get("Network") == [] and client.info()["revision"] == 2


def test_an_error_says_which_object_where_and_what_would_be_right(client):
    with pytest.raises(socle.Refused) as refused:
        client.apply([network(vni=0), network("red", underlay="nowhere")])
    pointers = {(e["name"], e["pointer"]) for e in refused.value.errors}
    assert ("blue", "/spec/vni") in pointers and "nowhere" in str(refused.value)
    assert "Network blue /spec/vni" in str(refused.value)
    assert client.info()["revision"] == 0


def test_watch_sees_what_another_changes(client):
    events = client.watch(kinds=["Network"])
    seen = []
    reader = threading.Thread(target=lambda: seen.append(next(e for e in events if e.get("name") == "blue")))
    reader.start()
    with client.again() as other:
        other.apply([underlay(), network()])
    reader.join(30)
    assert seen and seen[0]["kind"] == "Network"


def test_it_connects_again_after_socled_has_started_anew(client, socled):  # noqa: F811
    client.apply([underlay()])
    socled.stop()
    with pytest.raises(socle.Unreachable):
        client.info()
    socled.start()
    assert client.info()["revision"] == 1


def test_nobody_there(tmp_path):
    with pytest.raises(socle.Unreachable, match="cannot connect to socled at .*nowhere.sock"):
        socle.Client(path=str(tmp_path / "nowhere.sock")).info()
    with pytest.raises(socle.Unreachable, match="cannot connect to socled at 127.0.0.1:1"):
        socle.Client("127.0.0.1:1").info()


@pytest.mark.parametrize("host, expected", [("a", ("a", 9696)), ("a:1", ("a", 1)), ("[::1]:2", ("::1", 2)), ("::1", ("::1", 9696)),
                                            ("[fe80::1]", ("fe80::1", 9696))])
def test_hosts(host, expected):
    assert socle._split(host) == expected
