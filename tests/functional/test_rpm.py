"""The rpms: a real rpmbuild of the spec, from what this build installs; the same in them as in the Debian packages, whose lists
are the law. Minutes of compiling are script/package --rpm's."""

import os
import re
import shutil
import subprocess

import pytest

from node import BUILD, TOP

pytestmark = pytest.mark.skipif(not all(map(shutil.which, ("rpmbuild", "meson", "scdoc"))),
                                reason="the test builds rpms: packages rpm, meson, scdoc")
DEBIAN = TOP / "packaging/debian"
PACKAGES = ["python3-socle", "socle-dataplane", "soclectl", "socled"]
DEBIANS_OWN = {"etc/needrestart/conf.d/socle.conf"}  # there is no needrestart elsewhere
MOVED = {"lib/systemd": "usr/lib/systemd", "usr/lib/python3/dist-packages": "usr/lib/python3/site-packages"}


def run(*command, **environment):
    done = subprocess.run(list(map(str, command)), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=TOP,
                          env={**os.environ, **environment})
    assert done.returncode == 0, done.stdout
    return done.stdout


def installed(directory):
    """As with --prefix=/usr, whatever this build's is."""
    tree = directory / "tree"
    run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", DESTDIR=str(tree))
    local = tree / "usr/local"
    if local.is_dir():
        if (local / "etc").is_dir():
            (local / "etc").rename(tree / "etc")
        shutil.copytree(local, tree / "usr", dirs_exist_ok=True)
        shutil.rmtree(local)
    return tree


@pytest.fixture(scope="module")
def rpms(tmp_path_factory):
    directory = tmp_path_factory.mktemp("rpm")
    run("script/package", "--rpm", installed(directory), SOCLE_RPMS=str(directory / "rpms"))
    return {re.match(r"(.*?)-\d", path.name)[1]: path for path in (directory / "rpms").glob("*.rpm")}


def listed(rpm):
    """{path: (mode, owner, group)}."""
    lines = run("rpm", "-qp", "--qf", "[%{FILENAMES}\t%{FILEMODES:perms}\t%{FILEUSERNAME}\t%{FILEGROUPNAME}\n]", rpm).splitlines()
    return {path: tuple(more) for path, *more in (line.split("\t") for line in lines)}


def wanted(package):
    """What debhelper is told to put into the package, as it lies elsewhere."""
    for line in (DEBIAN / f"{package}.install").read_text().splitlines():
        source = line.split()[0]
        if source in DEBIANS_OWN:
            continue
        for before, after in MOVED.items():
            if source.startswith(before):
                source = after + source.removeprefix(before)
        yield f"/{source}"


def test_they_are_the_debian_packages(rpms):
    assert sorted(rpms) == PACKAGES == sorted(path.stem for path in DEBIAN.glob("*.install"))


@pytest.mark.parametrize("package", PACKAGES)
def test_each_has_what_the_debian_package_has(rpms, package):
    """Nothing that is installed is in none of them: rpmbuild itself fails then."""
    there = {re.sub(r"(/man/.*)\.gz$", r"\1", path) for path in listed(rpms[package])}
    assert [path for path in wanted(package) if path not in there] == []
    roots = (*wanted(package), "/usr/share/licenses", "/usr/lib/.build-id", "/etc/socle")
    assert [path for path in there if not path.startswith(roots) and not any(root.startswith(f"{path}/") for root in roots)] == []


def test_whose_they_are_and_who_may_write_them(rpms):
    for package, rpm in rpms.items():
        for path, (mode, owner, group) in listed(rpm).items():
            assert (owner, group) == ("root", "root"), path
            program = re.fullmatch(r"/usr/s?bin/.*", path)
            right = {"l": "lrwxrwxrwx", "d": "drwxr-xr-x", "-": "-rwxr-xr-x" if program else "-rw-r--r--"}[mode[0]]
            assert mode == ("drwx------" if path == "/etc/socle/credentials" else right), (package, path)


def test_what_an_administrator_writes_is_his(rpms):
    flags = {package: run("rpm", "-qp", "--configfiles", rpm).split() for package, rpm in rpms.items()}
    assert flags == {"socled": ["/etc/socle/socled.conf"], "socle-dataplane": ["/etc/default/socle-dataplane"], "soclectl": [],
                     "python3-socle": []}


def test_what_is_done_at_an_upgrade_and_a_removal(rpms):
    scripts = {package: run("rpm", "-qp", "--scripts", rpm) for package, rpm in rpms.items()}
    assert not scripts["soclectl"] and not scripts["python3-socle"]
    assert "restart" not in re.sub("#.*", "", scripts["socle-dataplane"]), "an upgrade must not cost a packet"
    assert "try-restart socled.service" in scripts["socled"] and "%" not in scripts["socle-dataplane"]
    for kind in ("Guest", "SriovDevice", "HostProfile"):
        assert kind in scripts["socled"], "what was set on the host is taken back"
    assert '"${name%%/*}" "${name#*/}"' in scripts["socled"]
