"""What was answered is there: after kill -9 at any moment, and on a full disk."""

import errno
import json
import os
import subprocess
import threading

import pytest
from socled_fixture import *  # noqa: F403
from socled_fixture import SOCLED, Socled, everything, network, port, underlay


def test_everything_is_there_after_a_restart(socled):
    socled.start()
    with socled.connect() as rpc:
        rpc.apply(underlay(), network(), *[port(f"vm{i}", i) for i in range(100)])
        rpc.call("delete", objects=[{"kind": "Port", "name": "vm50"}])
        before = everything(rpc)
    for stop in (socled.kill, socled.stop):
        stop()
        socled.start()
        with socled.connect() as rpc:
            assert everything(rpc) == before


def test_kill_during_a_stream_of_applies(socled):
    """Twenty times: one writer, killed at a random moment. Each answered revision is there, each object whole, and what
    was not answered is either there whole or not at all."""
    import random
    chance = random.Random(9)
    socled.start()
    with socled.connect() as rpc:
        rpc.apply(underlay(), network())
    answered, number = {}, 0
    for _ in range(20):
        killer = threading.Timer(chance.uniform(0.02, 0.25), socled.process.kill)
        with socled.connect() as rpc:
            killer.start()
            try:
                while True:
                    number += 1
                    pair = [port(f"a{number % 500}", number, admin_state_up=True), port(f"b{number % 500}", number + 100000)]
                    revision = rpc.apply(*pair)["revision"]
                    answered[pair[0]["name"]] = answered[pair[1]["name"]] = (revision, number)
            except (ConnectionError, OSError):
                pass
        killer.join()
        socled.process.wait()
        socled.start()
        with socled.connect() as rpc:
            info = rpc.call("info")
            assert info["revision"] >= max((r for r, _ in answered.values()), default=0)
            seen = {o["name"]: o for o in rpc.call("get", kind="Port")["objects"]}
        for name, (revision, value) in answered.items():
            assert seen[name]["revision"] >= revision, f"{name}: revision {revision} was answered and is lost"
            if seen[name]["revision"] == revision:
                offset = 0 if name[0] == "a" else 100000
                assert seen[name]["spec"]["fixed_ips"] == port(name, value + offset)["spec"]["fixed_ips"]
        pairs = {n[1:] for n in seen}
        for pair in pairs:
            assert seen["a" + pair]["revision"] == seen["b" + pair]["revision"], "half a transaction"
    assert len(answered) > 40


@pytest.fixture
def tiny(directory):
    """A socled whose store is on a file system of 2 MB."""
    state = directory / "state"
    state.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(state)]).returncode:
        pytest.skip("the test mounts a tmpfs: needs root")
    daemon = Socled(directory)
    yield daemon.start()
    daemon.stop()
    subprocess.run(["umount", str(state)], check=True)


def fill(path):
    """Until nothing is left."""
    with open(path, "wb", buffering=0) as f:
        try:
            while True:
                f.write(bytes(4096))
        except OSError as e:
            assert e.errno == errno.ENOSPC


def test_full_disk(tiny):
    ballast = tiny.store.parent / "ballast"
    with tiny.connect() as rpc:
        rpc.apply(underlay(), network(), *[port(f"vm{i}", i) for i in range(100)])
        fill(ballast)
        answered, error = everything(rpc), None
        for i in range(200):
            answer = rpc.request("apply", objects=[port(f"new{i}-{j}", 1000 + i * 50 + j) for j in range(50)])
            if "error" in answer:
                error = answer["error"]
                break
            answered = everything(rpc)
        assert error and error["code"] == -32005, error
        assert "full" in json.dumps(error) or "space" in json.dumps(error), error
        assert everything(rpc) == answered, "memory and answer differ"
        tiny.kill()
        ballast.unlink()
        tiny.start()
    with tiny.connect() as rpc:
        assert everything(rpc) == answered, "store and answer differ"
        rpc.apply(port("after", 90000))


def test_full_disk_heals_without_a_restart(tiny):
    ballast = tiny.store.parent / "ballast"
    with tiny.connect() as rpc:
        rpc.apply(underlay(), network())
        fill(ballast)
        large = [port(f"vm{i}", i) for i in range(500)]
        assert rpc.error("apply", objects=large)["code"] == -32005
        assert rpc.call("info")["revision"] == 1
        ballast.unlink()
        assert rpc.apply(*large)["revision"] == 2


def test_a_store_that_is_none(socled):
    socled.store.parent.mkdir()
    socled.store.write_bytes(b"this is not a database, and must not be overwritten" * 100)
    done = subprocess.run(socled.command(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and str(socled.store) in done.stderr
    assert socled.store.read_bytes().startswith(b"this is not")


def test_two_on_one_store(socled, directory):
    socled.start()
    done = subprocess.run([str(SOCLED), "-c", str(socled.config), "--control-socket", str(directory / "other.sock"), "--store",
                           str(socled.store), "--dataplane-socket", str(socled.dataplane)],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "intent.db" in done.stderr
    socled.alive()
