"""What was bound is unbound again; a transient domain stays where it was put. (Beside test_guests.py.)"""


from guest_driver import guest
from machine import wait_for
from netns import run
from test_guests import AT_ONCE, MIB, driver, libvirt, memory_by_node, only, vcpus  # noqa: F401


def nodeset(libvirt, name):
    out = libvirt.virsh("numatune", name, "--live").stdout
    return dict(line.split(":", 1) for line in out.splitlines() if ":" in line)


def test_binding_undone(libvirt, driver, artefacts):
    libvirt.define("d", extra=AT_ONCE)
    run("numactl", "--cpunodebind=0", "--membind=0", "virsh", "-q", "start", "--paused", "d")
    driver.apply("g", guest("d", near={"node": 1, "required": True})).ok()
    wait_for(lambda: memory_by_node(libvirt.pid("d"))[0] < MIB, "moved")
    (artefacts / "numatune-applied").write_text(str(nodeset(libvirt, "d")))
    assert only(driver.apply("g", guest("d", near={"node": 1, "required": True})))["steps"] == []
    driver.restore("g").ok()
    (artefacts / "numatune-restored").write_text(str(nodeset(libvirt, "d")))
    assert "0-1" in str(nodeset(libvirt, "d")), nodeset(libvirt, "d")


def test_transient_stays(libvirt, driver, artefacts):
    libvirt.define("t", extra=AT_ONCE)
    xml = libvirt.directory / "t.xml"
    libvirt.virsh("undefine", "t")
    libvirt.virsh("create", str(xml), "--paused")
    first = only(driver.apply("g", guest("t")))
    second = only(driver.apply("g", guest("t")))
    assert second["placement"] == first["placement"] and second["steps"] == [], (first, second)
    libvirt.define("x", vcpus=1)
    other = only(driver.apply("x", guest("x")))
    third = only(driver.apply("g", guest("t")))
    assert third["placement"] == first["placement"] and third["steps"] == [], (other, third)
