"""Our Debian packages under real systemd: installed, they run; upgraded, not a packet is lost; purged, nothing is left.

script/lab has built them outside (script/package); `2` are the same as if of a later version."""

import contextlib
import pathlib
import re
import signal
import subprocess
import threading

import intent
import pytest
from control import Control
from guest import Guest
from machine import wait_for
from netns import run

HERE = pathlib.Path("/run/socle-lab")
PACKAGES, INSTALLED = HERE / "packages", HERE / "install"
NAMES = ["socled", "socle-dataplane", "soclectl", "python3-socle"]
UNITS = ["socled.service", "socle-dataplane.service"]
SOCKET = "/run/socle/control.sock"
OPTIONS = pathlib.Path("/etc/default/socle-dataplane")

pytestmark = pytest.mark.skipif(not (PACKAGES / "1").is_dir(), reason="script/lab could not build our Debian packages")


def dpkg(*arguments):
    return run("env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "--force-confold", *arguments, timeout=400)


def unit(name, what):
    return run("systemctl", "show", "--value", "--property", what, name).strip()


def active():
    return all(unit(name, "ActiveState") == "active" for name in UNITS)


def version(name):
    return run("dpkg-query", "-W", "-f", "${Version}", name)


def tree():
    """All that packages and daemons could leave behind."""
    found = set()
    for top in ("/etc", "/usr/lib/systemd", "/usr/lib/sysusers.d", "/usr/lib/tmpfiles.d", "/usr/lib/modules-load.d", "/usr/sbin",
                "/usr/bin", "/usr/share", "/usr/lib/python3", "/run/systemd/system", "/var/lib/systemd"):
        found |= {str(p) for p in pathlib.Path(top).rglob("*socle*")}
    for ours in ("/etc/socle", "/run/socle", "/var/lib/socle"):
        if pathlib.Path(ours).exists():
            found |= {ours} | {str(p) for p in pathlib.Path(ours).rglob("*")}
    return found


@pytest.fixture
def bare():
    """The machine without what script/lab has installed by `meson install`; afterwards it is there again."""
    ours = [pathlib.Path("/") / p.relative_to(INSTALLED) for p in INSTALLED.rglob("*") if not p.is_dir()]
    run("systemctl", "disable", "--now", "socled.socket", *UNITS, check=False)
    for path in ours:
        path.unlink(missing_ok=True)
    for leftover in ("/etc/socle", "/var/lib/socle", "/run/socle"):
        run("rm", "-rf", leftover)
    OPTIONS.unlink(missing_ok=True)
    run("systemctl", "daemon-reload")
    before = tree()
    yield before
    dpkg("--purge", *NAMES)
    run("cp", "-a", "--no-preserve=ownership", f"{INSTALLED}/.", "/")
    run("systemctl", "daemon-reload")


@pytest.fixture
def guests():
    guests = [Guest(f"pk{i}", intent.mac(i), [f"10.0.0.{i}"]) for i in (1, 2)]
    run("ip", "link", "add", "underlay0", "mtu", "1600", "type", "veth", "peer", "name", "underlay1", "mtu", "1600")
    for end in ("underlay0", "underlay1"):
        run("ip", "link", "set", end, "up")
    yield guests
    run("ip", "link", "delete", "underlay0")
    for guest in guests:
        guest.delete()


def install(number):
    dpkg("-i", *sorted((PACKAGES / str(number)).glob("*.deb")))


@contextlib.contextmanager
def pinging(guest, address):
    """200 a second, for as long as it takes; the numbers of those that were answered are in the set, afterwards."""
    answered = set()
    process = guest.namespace.popen("ping", "-n", "-i", "0.005", address, stdout=subprocess.PIPE, text=True)
    reader = threading.Thread(target=lambda: answered.update(map(int, re.findall(r"icmp_seq=(\d+) ttl", process.stdout.read()))))
    reader.start()
    try:
        yield answered
    finally:
        process.send_signal(signal.SIGINT)
        reader.join()
        process.wait()


def call(method, **params):
    control = Control(SOCKET)
    try:
        return control.call(method, **params)
    finally:
        control.close()


def test_install_upgrade_purge(bare, guests, huge_pages, artefacts):
    huge_pages(0, 80)
    OPTIONS.write_text('SOCLE_DATAPLANE_OPTIONS="--memory 96 --mbufs 8192"\n')  # the machine is small; kept by --force-confold
    install(1)
    wait_for(active, "both daemons are ready")
    wait_for(lambda: call("info")["dataplane"]["state"] == "connected", "socled has found its dataplane")
    assert all(unit(name, "UnitFileState") == "enabled" for name in [*UNITS, "socled.socket"])
    assert "socle:" in pathlib.Path("/etc/group").read_text()
    for name in UNITS:
        words = run("systemd-analyze", "security", "--no-pager", name)
        exposure = float(re.search(r"exposure level for \S+: ([\d.]+)", words)[1])
        (artefacts / f"{name}.security").write_text(words)
        assert exposure < 4.0, (name, exposure)

    one, two = guests
    answer = call("apply", objects=[intent.underlay(), intent.network("blue", vni=8), one.port("blue"), two.port("blue")], wait=60)
    assert answer["in_force"], answer
    for guest in guests:
        guest.up(silent=True)
    one.reaches("10.0.0.2")

    pids = {name: unit(name, "MainPID") for name in UNITS}
    with pinging(one, "10.0.0.2") as answered:
        install(2)
        wait_for(active, "both daemons are ready again")
    lost = sorted(set(range(1, max(answered))) - answered)
    (artefacts / "lost").write_text(f"{len(lost)} of {max(answered)}\n")
    assert all(version(name).endswith("+2") for name in NAMES)
    assert unit("socled.service", "MainPID") != pids["socled.service"], "the new socled runs"
    assert unit("socle-dataplane.service", "MainPID") == pids["socle-dataplane.service"], "the dataplane went on"
    assert len(answered) > 200 and not lost, lost
    wait_for(lambda: call("info")["dataplane"]["state"] == "connected", "the new socled has found the dataplane")
    assert {o["name"] for o in call("get", kind="Port")["objects"]} == {"pk1", "pk2"}
    one.reaches("10.0.0.2")

    # A new dataplane is taken when its administrator says so.
    run("systemctl", "restart", "socle-dataplane.service")
    wait_for(lambda: one.ping("10.0.0.2", count=1)[0] == 1, "packets flow again")

    # Removed and purged, one after the other: who is there for longer goes on.
    dpkg("--purge", "socled")
    assert unit("socle-dataplane.service", "ActiveState") == "active" and pathlib.Path("/run/socle").exists()
    one.reaches("10.0.0.2")
    dpkg("--purge", *NAMES[1:])
    assert not active() and not run("pgrep", "-x", "socle.*", check=False).strip()
    left = tree() - bare
    (artefacts / "left").write_text("\n".join(sorted(left)))
    assert not left, left
    listed = run("systemctl", "list-unit-files", "--no-legend", "--no-pager", "socle*", check=False)
    assert not [line for line in listed.splitlines() if "socle-lab" not in line], listed
