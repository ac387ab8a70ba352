"""script/bench: that it runs with real switches and leaves nothing behind, what it writes, and its arithmetic. Never
how fast anything is."""

import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

from node import BUILD, TOP

sys.path.insert(0, str(TOP / "bench"))

import plot  # noqa: E402
import tables  # noqa: E402
from progress import Progress  # noqa: E402

HUGE = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")
BENCH = TOP / "script/bench"
SHORT = ["--rounds", "1", "--seconds", "0.3", "--warm-up", "0.1"]


def memory_available():
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) >> 20
    return 0


needs_machine = [
    pytest.mark.netns, pytest.mark.testpmd, pytest.mark.large,
    pytest.mark.skipif(not os.access(HUGE, os.W_OK), reason="the benchmark makes huge pages of 2 MiB"),
    pytest.mark.skipif(memory_available() < 5, reason="the benchmark needs 4 GiB of free memory"),
]


def machine():
    """What a benchmark must leave as it was."""
    spaces = {path.name for path in pathlib.Path("/run").glob("netns/*-bench")}
    return HUGE.read_text(), spaces, {path.name for path in pathlib.Path("/tmp").glob("socle-bench-*")}


def bench(*arguments, timeout=120):
    return subprocess.run([BENCH, *map(str, arguments)], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=timeout, env={**os.environ, "SOCLE_BUILD": str(BUILD)})


def test_calls(tmp_path):
    """Needs no huge pages, and no root but script/bench's own."""
    if os.geteuid():
        pytest.skip("script/bench needs root")
    done = bench("calls", "--rounds", 1, "--seconds", 0.2, "--clients", 20, "--json", tmp_path / "rows.json")
    assert done.returncode == 0, done.stderr
    numbers = json.loads((tmp_path / "rows.json").read_text())
    assert [(row["way"], row["window"]) for row in numbers["requests"]] == [(w, n) for w in ("unix", "tls") for n in (1, 16, 64)]
    for row in numbers["requests"]:
        assert row["rate"]["min"] > 0 and 0 < row["p50_us"]["median"] <= row["p99_us"]["median"]
        assert row["limit"] in ("socled", "the client", "delay") and row["limit"] in done.stdout
    assert [(row["way"], row["clients"]) for row in numbers["watchers"]] == [("unix", 20), ("tls", 20)]
    assert not list(pathlib.Path("/tmp").glob("socle-bench-*/control.sock"))


@pytest.fixture
def untouched():
    before = machine()
    yield
    assert machine() == before


class TestRuns:
    pytestmark = needs_machine

    def test_pvp(self, tmp_path, untouched):
        done = bench("pvp", "--flows", 16, "--frame", "imix", "--peers", "testpmd", "--mode", "l2,vxlan", *SHORT,
                     "--json", tmp_path / "rows.json", "--details", tmp_path / "details.json")
        assert done.returncode == 0, done.stderr
        rows = json.loads((tmp_path / "rows.json").read_text())
        assert [(row["mode"], row["switch"]) for row in rows] == [
            ("l2", "socle"), ("l2", "testpmd"), ("vxlan", "socle"), ("vxlan", "testpmd")]
        for row in rows:
            assert list(row) == ["switch", "mode", "flows", "frame", "mpps", "ratio_testpmd", "ratio_ovs"]
            assert (row["flows"], row["frame"], row["ratio_ovs"]) == (16, "imix", None)
            assert 0 < row["mpps"]["min"] <= row["mpps"]["median"] <= row["mpps"]["max"]
        for ours, limit in (rows[:2], rows[2:]):
            assert limit["ratio_testpmd"] == 1
            assert ours["ratio_testpmd"] == pytest.approx(ours["mpps"]["median"] / limit["mpps"]["median"], rel=0.05)
        for case in json.loads((tmp_path / "details.json").read_text())["cases"]:
            ours = case["rounds"]["socle"][0]
            assert ours["clocks"] > 0 and ours["sent_mpps"] > 0
        assert "[4/4]" in done.stderr  # nobody watches: lines instead of a bar

    @pytest.mark.skipif(not os.path.exists("/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"),
                        reason="the peer is openvswitch-switch-dpdk")
    def test_ovs(self, tmp_path, untouched):
        done = bench("pvp", "--mode", "sg,vxlan", "--flows", 16, "--frame", 64, "--peers", "ovs", *SHORT,
                     "--ovs-setting", "emc", "--json", tmp_path / "rows.json")
        assert done.returncode == 0, done.stderr
        rows = json.loads((tmp_path / "rows.json").read_text())
        assert [row["switch"] for row in rows] == ["socle", "ovs"] * 2
        assert all(row["mpps"]["min"] > 0 and row["ratio_ovs"] > 0 for row in rows)

    def test_tcp_connections_through_security_groups(self, tmp_path, untouched):
        """Established ones under load: their segments are all within the windows, so that none is dropped."""
        done = bench("pvp", "--mode", "sg", "--flows", 100, "--frame", 64, "--protocol", "tcp", "--peers", "none",
                     *SHORT, "--details", tmp_path / "details.json")
        assert done.returncode == 0, done.stderr
        ours = json.loads((tmp_path / "details.json").read_text())["cases"][0]["rounds"]["socle"][0]
        assert ours["mpps"] > 0 and ours["lost"] < 0.5 * ours["sent_mpps"] * 0.3 * 1e6

    def test_cps(self, tmp_path, untouched):
        done = bench("cps", "--connections", 2000, "--peers", "none", *SHORT, "--seconds", 20, "--json",
                     tmp_path / "rows.json")
        assert done.returncode == 0, done.stderr
        rows = json.loads((tmp_path / "rows.json").read_text())
        assert [row["protocol"] for row in rows] == ["udp", "tcp"]
        for row in rows:
            assert row["connections_per_second"]["min"] > 0

    def test_latency(self, tmp_path, untouched):
        done = bench("latency", "--mode", "l2", "--load", "10,50", "--peers", "none", *SHORT, "--json",
                     tmp_path / "rows.json")
        assert done.returncode == 0, done.stderr
        rows = json.loads((tmp_path / "rows.json").read_text())
        assert [row["load"] for row in rows] == ["max", "10%", "50%"]
        for row in rows:
            delays = [row["latency_us"][q]["median"] for q in ("p50", "p99", "p99.9")]
            assert 0 < delays[0] <= delays[1] <= delays[2]

    def test_reconf(self, tmp_path, untouched):
        done = bench("reconf", "--peers", "none", *SHORT, "--seconds", 1, "--json", tmp_path / "rows.json")
        assert done.returncode == 0, done.stderr
        rest, changing = json.loads((tmp_path / "rows.json").read_text())
        assert (rest["when"], rest["changes"], changing["when"]) == ("at rest", 0, "changing")
        assert changing["changes"] >= 4  # one of each

    def test_interrupted(self, untouched):
        process = subprocess.Popen([BENCH, "pvp", "--peers", "none", "--mode", "l2", "--seconds", "60"], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                                   env={**os.environ, "SOCLE_BUILD": str(BUILD)})
        assert process.stderr.readline().startswith("[1/")
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        assert process.returncode != 0 and "interrupted" in said
        with pytest.raises(ProcessLookupError):  # nobody of its session is left
            os.killpg(process.pid, 0)


class TestMistakes:
    @pytest.mark.parametrize("arguments, words", [
        (["pvp", "--frame", "63"], "64"),
        (["pvp", "--flows", "0"], "1"),
        (["pvp", "--mode", "l3"], "l2, sg, vxlan"),
        (["pvp", "--peers", "vpp"], "testpmd"),
        (["pvp", "--flows", "1,1"], "once"),
        (["pvp", "--rounds", "0"], "1"),
        (["pvp", "--seconds", "x"], "seconds"),
        (["pvp", "--protocol", "tcp", "--traffic", "one-way", "--peers", "none"], "conversation"),
        (["pvp", "--json", "/no/such/place.json", "--peers", "none"], "directory"),
        (["latency", "--load", "101"], "100"),
        (["nothing"], "pvp"),
    ])
    def test_refused_with_words(self, arguments, words):
        done = subprocess.run(["/usr/bin/python3", TOP / "bench/main.py", *arguments], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.returncode == 2 and words in done.stderr

    def test_help_says_all(self):
        done = subprocess.run(["/usr/bin/python3", TOP / "bench/main.py", "pvp", "--help"], text=True,
                              stdout=subprocess.PIPE)
        assert done.returncode == 0
        for option in ("--flows", "--frame", "--mode", "--peers", "--rounds", "--json", "--plot"):
            assert option in done.stdout


class TestArithmetic:
    def test_ratio_is_of_the_rounds(self):
        """Each round against its own neighbour: a machine that slows down by half changes no ratio."""
        assert tables.ratio([8, 4, 2], [10, 5, 2.5]) == 0.8
        assert tables.ratio([1, 2, 9], [1, 1, 1]) == 2
        assert tables.ratio([1], None) is None

    def test_spread(self):
        assert tables.spread([3, 1, 2]) == {"median": 2, "min": 1, "max": 3}
        assert tables.shown([3, 1, 2]) == "2.00 (1.00–3.00)"

    def test_percentiles(self):
        assert tables.percentiles(range(1000)) == {"p50": 499.5, "p99": 990, "max": 999}


class Terminal:
    def __init__(self, watched):
        self.text, self.isatty = "", lambda: watched

    def write(self, text):
        self.text += text

    def flush(self):
        pass


class TestProgress:
    def test_lines(self):
        out = Terminal(False)
        with Progress(2, out) as progress:
            progress.step("one")
            progress.step("two")
        assert out.text == "[1/2] one\n[2/2] two\n"

    def test_bar(self):
        out = Terminal(True)
        with Progress(4, out) as progress:
            for word in ("one", "two", "three"):
                progress.step(word)
        bars = out.text.split("\r\033[K")
        assert "0%" in bars[1] and bars[1].endswith("one")
        assert "50%" in bars[3] and bars[3].count("█") == bars[3].count("·") and "left" in bars[3]
        assert bars[-1] == ""  # cleared


ROWS = [{"switch": switch, "mode": mode, "flows": flows, "frame": 64,
         "mpps": {"median": 1.5, "min": 1, "max": 2}, "ratio_testpmd": None, "ratio_ovs": None}
        for mode in ("l2", "sg") for flows in (1, 1000000) for switch in ("socle", "ovs")]


@pytest.mark.skipif(not shutil.which("gnuplot"), reason="drawn by gnuplot (package gnuplot-nox)")
def test_plot(tmp_path):
    path = tmp_path / "rows.svg"
    plot.bars(ROWS, path, "somewhere, some day")
    text = path.read_text()
    assert text.startswith("<?xml")
    for words in ("somewhere, some day", "l2, 64 bytes", "sg, 64 bytes", "1,000,000", "OVS-DPDK", "socle"):
        assert words in text


def test_one_at_a_time():
    """The second says whom it waits for."""
    if os.geteuid() != 0:
        pytest.skip("the benchmark needs root")
    with open("/run/lock/socle-bench.lock", "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pytest.skip("a benchmark is running")
        waiting = subprocess.Popen([BENCH, "pvp"], text=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   env={**os.environ, "SOCLE_BUILD": str(BUILD)}, start_new_session=True)
        try:
            assert "another benchmark is running" in waiting.stderr.readline()
        finally:
            os.killpg(waiting.pid, signal.SIGKILL)
            waiting.communicate()
