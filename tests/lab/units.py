"""socled and socle-dataplane as systemd runs them: transient units, in the machine's own network namespace."""

import pathlib
import shutil
import subprocess

import machine
from netns import run
from node import Daemon, Node


class Unit(Daemon):
    """A Daemon (tests/functional/node.py) whose process is systemd's child."""

    def __init__(self, name, log, *command):
        super().__init__(None, log, *command)
        self.unit = f"{name}.service"

    def start(self):
        run("systemctl", "reset-failed", self.unit, check=False)
        run("systemd-run", "--quiet", f"--unit={self.unit}", f"--property=StandardOutput=append:{self.log}",
            f"--property=StandardError=append:{self.log}", "--property=TimeoutStopSec=60", *self.command)

    def show(self, name):
        return run("systemctl", "show", "--value", "--property", name, self.unit).strip()

    @property
    def pid(self):
        return int(self.show("MainPID"))

    def alive(self):
        return self.show("ActiveState") in ("active", "activating")

    def kill(self):
        """As the out-of-memory killer does it."""
        run("systemctl", "kill", "--signal=KILL", self.unit)
        machine.wait_for(lambda: not self.alive(), f"{self.unit} is dead")

    def stop(self):
        early = not self.alive()
        state, result = self.show("ActiveState"), self.show("Result")
        run("systemctl", "stop", self.unit, check=False)
        failed = subprocess.run(["systemctl", "is-failed", "--quiet", self.unit]).returncode == 0
        run("systemctl", "reset-failed", self.unit, check=False)
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-30:]) if self.log.exists() else ""
        assert not early, f"{self.unit} had ended by itself ({state}, {result}); its log ends:\n{tail}"
        assert not failed, f"{self.unit} did not stop well:\n{tail}"


class LabNode(Node):
    """A Node (tests/functional/node.py) of units. Its dataplane uses huge pages: the test takes them (huge_pages)."""

    def __init__(self, directory, name, workers=1, cpu=0, memory=128, mbufs=8192, options=()):
        self.directory = pathlib.Path(directory) / name
        self.directory.mkdir()
        self.name, self.namespace, self._control = name, None, None
        config = self.directory / "socled.conf"
        config.write_text(f"[socled]\ncontrol_socket = {self.control_socket}\nstore = {self.directory}/intent.db\n"
                          f"dataplane_socket = {self.directory}/dataplane.sock\n")
        cpus = ",".join(str(cpu + i) for i in range(workers))
        self.dataplane = Unit(f"{name}-dataplane", self.directory / "dataplane.log", shutil.which("socle-dataplane"),
                              "--socket", self.directory / "dataplane.sock", "--state-dir", self.directory,
                              "--file-prefix", name, "--workers", workers, "--cpus", cpus,
                              "--memory", memory, "--mbufs", mbufs, *options)
        self.socled = Unit(f"{name}-socled", self.directory / "socled.log", shutil.which("socled"), "-c", config)

    def stop(self):
        self.disconnect()
        try:
            self.socled.stop()
        finally:
            self.dataplane.stop()
