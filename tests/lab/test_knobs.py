"""Knobs on a real kernel, with systemd, GRUB and irqbalance: there and back, kept from being set, cut off, drifting, booted."""

import json
import os
import pathlib
import subprocess
import time

import pytest
from machine import NODES, command_line, read, wait_for
from netns import run

TOOL = pathlib.Path(os.environ.get("SOCLE_BUILD", "")) / "tests/tuner/knob-tool"
STATE = pathlib.Path("/var/lib/knobs")
SLICE = pathlib.Path("/sys/fs/cgroup/socle.slice")
SPEC = {
    "classes": {"housekeeping": {"cpus": "0-1,4-5"}, "dataplane": {"cpus": "2-3"}, "guests": {"dedicated": {"cpus": "6-7"}}},
    "isolation": {"partition": True, "boot": False},
    "hugepages": {"pages": [{"size": "2MiB", "count": 40, "node": 0}, {"size": "2MiB", "count": 24, "node": 1}]},
    "dataplane": {"memory": 64},
    "memory": {"reserved": 512, "swappiness": 7},
    "kernel": {"rt_runtime": 900000, "iommu": "keep"},
}
ISOLATED = "2-3,6-7"


def tool(*arguments, spec=None, expect=0, trace=None):
    command = [str(TOOL), str(STATE), *arguments]
    if spec is not None:
        (path := pathlib.Path("/tmp/spec.json")).write_text(json.dumps(spec))
        command.append(str(path))
    done = subprocess.run(command, capture_output=True, text=True, timeout=200,
                          env={**os.environ, "KNOB_TOOL_TRACE": "1"})
    if trace:
        trace.write_text(done.stderr)
    assert done.returncode == expect, f"{done.returncode}: {done.stdout}{done.stderr}"
    return json.loads(done.stdout) if done.stdout else None


def states(answer):
    return {(r["knob"], r["target"]): r["state"] for r in answer["results"]}


def image():
    """All that the profile touches."""
    files = {"default": "/proc/irq/default_smp_affinity", "wq": "/sys/devices/virtual/workqueue/cpumask",
             "thp": "/sys/kernel/mm/transparent_hugepage/enabled", "ksm": "/sys/kernel/mm/ksm/run",
             "grub": "/boot/grub/grub.cfg"}
    files |= {name: f"/proc/sys/{name}" for name in ("vm/swappiness", "vm/stat_interval", "kernel/numa_balancing",
                                                     "kernel/nmi_watchdog", "kernel/sched_rt_runtime_us")}
    files |= {f"pages{n}": NODES / f"node{n}/hugepages/hugepages-2048kB/nr_hugepages" for n in (0, 1)}
    found = {name: read(path) for name, path in files.items()}
    found |= {p.parent.name: read(p) for p in pathlib.Path("/proc/irq").glob("*/smp_affinity_list")}
    partition = SLICE / "cpuset.cpus.partition"
    found["partition"] = read(partition) if partition.exists() else "member"
    found["systemd"] = affinity(1)
    found["drop-ins"] = sorted(str(p) for d in ("/etc/systemd", "/etc/default") for p in pathlib.Path(d).rglob("*socle*"))
    return found


def affinity(pid):
    return next(line.split()[1] for line in read(f"/proc/{pid}/status").splitlines() if line.startswith("Cpus_allowed_list"))


@pytest.fixture
def untouched():
    """Nothing of ours is in force before the test, and nothing is left of it afterwards. irqbalance rests, but where it is
    tested: it moves interrupts about."""
    run("systemctl", "stop", "irqbalance.service", check=False)
    tool("restore")
    before = image()
    yield before
    tool("restore")
    assert image() == before


def test_there_and_back(untouched, artefacts):
    began = time.monotonic()
    answer = tool("apply", spec=SPEC, trace=artefacts / "steps")
    (artefacts / "seconds").write_text(f"{time.monotonic() - began:.3f}\n")
    (artefacts / "apply.json").write_text(json.dumps(answer, indent=1))
    assert not answer["errors"]
    assert set(states(answer).values()) <= {"changed", "satisfied"}

    assert read("/proc/irq/default_smp_affinity") == "33"
    assert read("/sys/devices/virtual/workqueue/cpumask") in ("33", "00000033")
    assert [read(NODES / f"node{n}/hugepages/hugepages-2048kB/nr_hugepages") for n in (0, 1)] == ["40", "24"]
    assert read("/proc/sys/vm/swappiness") == "7" and read("/proc/sys/kernel/sched_rt_runtime_us") == "900000"
    assert read(SLICE / "cpuset.cpus.partition") == "isolated" and read(SLICE / "cpuset.cpus.effective") == ISOLATED
    assert read("/sys/fs/cgroup/cpuset.cpus.effective") == "0-1,4-5"
    assert affinity(1) == "0-1,4-5"

    assert set(states(tool("apply", spec=SPEC)).values()) == {"satisfied"}
    assert not tool("drift", spec=SPEC)["results"]
    tool("recover")
    assert set(states(tool("compare", spec=SPEC)).values()) == {"satisfied"}


def test_interrupts_that_cannot_be_moved(untouched):
    """The disk's queues are the kernel's (EIO or EPERM on writing): told, and no failure."""
    notes = {n["target"]: n["text"] for n in tool("plan", spec=SPEC)["notes"] if n["knob"] == "irq_affinity"}
    queues = [line.split(":")[0].strip() for line in read("/proc/interrupts").splitlines() if "-req." in line]
    assert queues and all("the kernel places this interrupt itself" in notes[f"irq {q}"] for q in queues)
    movable = [n for n in pathlib.Path("/proc/irq").iterdir() if n.is_dir() and f"irq {n.name}" not in notes]
    for irq in movable:  # and those can be
        (irq / "smp_affinity_list").write_text(read(irq / "smp_affinity_list"))


def test_kept_from_it(untouched):
    """A file that is mounted read-only: everything is undone, and the words say what and why."""
    knob = pathlib.Path("/sys/kernel/mm/ksm/run")
    knob.write_text("1")
    before = image()
    run("mount", "--bind", knob, knob)
    run("mount", "-o", "remount,ro,bind", knob)
    try:
        answer = tool("apply", spec=SPEC, expect=1)
    finally:
        run("umount", knob)
    assert [e["message"] for e in answer["errors"]] == ["ksm: asked '0', found '1': Read-only file system"]
    assert answer["errors"][0]["pointer"] == "/spec/memory/ksm"
    assert "undone" in states(answer).values() and image() == before
    knob.write_text("0")


def test_full_disk(untouched):
    """Nothing is begun without a journal."""
    STATE.mkdir(exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", STATE)
    try:
        (STATE / "filler").write_bytes(b"x" * 12288)
        answer = tool("apply", spec=SPEC, expect=1)
    finally:
        run("umount", STATE)
    assert "so nothing was changed: No space left on device" in answer["errors"][0]["message"]
    assert image() == untouched


@pytest.mark.timeout(900)
def test_killed(untouched):
    """Before the n-th step: afterwards all is as it was, or as wanted. Every step is tried by tests/tuner/test_apply_profile.c;
    here, a few are on a real kernel."""
    tool("apply", spec=SPEC)
    after = image()
    tool("restore")
    deaths = 0
    for step in (70, 110, 130, 150, 170, 190):
        done = subprocess.run([TOOL, STATE, "apply", "/tmp/spec.json"], capture_output=True,
                              env={**os.environ, "KNOB_TOOL_DIE": str(step)})
        deaths += done.returncode == 42
        answer = tool("recover")
        assert not answer["errors"]
        assert image() in (untouched, after), f"died at {step}"
        tool("restore")
        assert image() == untouched, f"died at {step}"
    assert deaths >= 4


def test_drift(untouched):
    tool("apply", spec=SPEC)
    pathlib.Path("/proc/sys/vm/swappiness").write_text("55")
    (SLICE / "cpuset.cpus.partition").write_text("member")
    drift = {r["knob"]: (r["wanted"], r["found"]) for r in tool("drift", spec=SPEC)["results"]}
    forgotten = drift.pop("systemd_affinity", None)  # by kernels before 6.2, when a cpuset changes
    assert forgotten in (None, ("0-1,4-5", "0-1,4-5 (systemd is on 0-7)"))
    assert drift == {"swappiness": ("7", "55"), "partition": (f"isolated {ISOLATED}", f"member {ISOLATED}")}
    assert states(tool("apply", spec=SPEC))["swappiness", ""] == "changed"
    assert not tool("drift", spec=SPEC)["results"]


def test_neighbours_partition(untouched):
    """A neighbour has a CPU of ours: told, all is undone, and its partition is still one (listing its CPUs would end it)."""
    run("systemctl", "--runtime", "set-property", "neighbour.slice", "AllowedCPUs=3")
    run("systemctl", "start", "neighbour.slice")
    neighbour = pathlib.Path("/sys/fs/cgroup/neighbour.slice/cpuset.cpus.partition")
    try:
        neighbour.write_text("root")
        assert read(neighbour) == "root"
        before = image()
        answer = tool("apply", spec=SPEC, expect=1)
        assert "'neighbour.slice' is a partition that has the CPUs 3 already" in answer["errors"][0]["message"]
        assert image() == before and read(neighbour) == "root"
    finally:
        neighbour.write_text("member")
        run("systemctl", "stop", "neighbour.slice")


def test_who_may_run_in_the_partition(untouched):
    """Only who is inside: the kernel lets no other thread be pinned to its CPUs. And nobody is driven away by us."""
    pinned = subprocess.Popen(["taskset", "-c", "3", "sleep", "1000"])
    try:
        wait_for(lambda: affinity(pinned.pid) == "3", "the thread is pinned")
        answer = tool("apply", spec=SPEC, expect=1)
        assert f"({pinned.pid} of process {pinned.pid}) is pinned to these CPUs" in answer["errors"][0]["message"]
        assert affinity(pinned.pid) == "3" and image() == untouched
    finally:
        pinned.kill()
        pinned.wait()
    tool("apply", spec=SPEC)
    outside = subprocess.run(["taskset", "-c", "3", "true"], capture_output=True, text=True)
    assert outside.returncode != 0 and "Invalid argument" in outside.stderr
    run("systemd-run", "--quiet", "--wait", "--slice=socle.slice", "taskset", "-c", "3", "true")


def test_irqbalance(untouched):
    """Told at its start, and by being started anew; its own environment says so."""
    run("systemctl", "start", "irqbalance.service")
    tool("apply", spec=SPEC)

    def environment():
        pid = run("systemctl", "show", "--value", "--property=MainPID", "irqbalance.service").strip()
        return pathlib.Path(f"/proc/{pid}/environ").read_text().split("\0")
    wait_for(lambda: f"IRQBALANCE_BANNED_CPULIST={ISOLATED}" in environment(), "irqbalance was told")
    assert not [r for r in tool("drift", spec=SPEC)["results"] if r["knob"] == "irqbalance"]
    off = {**SPEC, "irq": {"irqbalance": "off"}}
    assert states(tool("apply", spec=off))["irqbalance_service", ""] == "changed"
    assert run("systemctl", "is-active", "irqbalance.service", check=False).strip() == "inactive"
    tool("restore")
    assert run("systemctl", "is-active", "irqbalance.service", check=False).strip() == "active"
    run("systemctl", "stop", "irqbalance.service")
    for number, cpus in untouched.items():  # what it moved meanwhile
        if (irq := pathlib.Path(f"/proc/irq/{number}/smp_affinity_list")).exists() and read(irq) != cpus:
            irq.write_text(cpus)


BOOT_SPEC = {**SPEC, "isolation": {"partition": False, "boot": True},
             "kernel_arguments": ["systemd.unified_cgroup_hierarchy=0", "audit=0"]}
V1 = pathlib.Path("/sys/fs/cgroup/cpuset")


def domains(cpu):
    return list(pathlib.Path(f"/sys/kernel/debug/sched/domains/cpu{cpu}").iterdir())


@pytest.mark.boots(3)
def test_command_line(boot):
    """Written, booted, in force; and gone again. The second boot is one with the cpusets of cgroup v1, which are tried too."""
    if boot == 1:
        result = next(r for r in tool("apply", spec=BOOT_SPEC)["results"] if r["knob"] == "kernel_command_line")
        assert result["state"] == "changed" and result["reboot_required"]
        # in another order, nothing is to be done
        shuffled = {**BOOT_SPEC, "kernel_arguments": ["audit=0", "systemd.unified_cgroup_hierarchy=0"]}
        assert states(tool("apply", spec=shuffled))["kernel_command_line", ""] == "satisfied"
    elif boot == 2:
        assert f"isolcpus=domain,managed_irq,{ISOLATED}" in command_line() and f"nohz_full={ISOLATED}" in command_line()
        assert read("/sys/devices/system/cpu/isolated") == ISOLATED
        answer = tool("apply", spec=BOOT_SPEC)
        assert not [r for r in answer["results"] if r.get("reboot_required")]
        findings = {f["rule"] for f in tool("audit", spec=BOOT_SPEC)["findings"]}
        assert not findings & {"irqaffinity-isolcpus", "argument-twice", "siblings-split", "isolcpus-class"}

        v1 = {**BOOT_SPEC, "isolation": {"partition": True, "boot": True}}
        assert states(tool("apply", spec=v1))["cpuset", "socle"] == "changed"
        assert read(V1 / "cpuset.sched_load_balance") == "0" and read(V1 / "socle/cpuset.cpus") == "0-1,4-5"
        assert domains(0) and not domains(2) and not domains(7)
        assert set(states(tool("apply", spec=v1)).values()) == {"satisfied"}

        result = next(r for r in tool("restore")["results"] if r["knob"] == "kernel_command_line")
        assert result["reboot_required"] and f"nohz_full={ISOLATED}" in result["in_force"]
        assert not (V1 / "socle").exists() and read(V1 / "cpuset.sched_load_balance") == "1"
    else:
        assert not [a for a in command_line() if a.startswith(("isolcpus", "nohz_full", "rcu_nocbs", "irqaffinity"))]
        assert not list(STATE.iterdir())
