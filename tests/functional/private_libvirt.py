"""A libvirtd of our own for tests, in a mount namespace in which libvirt's directories are private: the machine's libvirt,
if there is one, is neither seen nor touched. Guests are tiny, emulated and paused: their threads can be pinned all the same.

No cgroups (qemu.conf), so that nothing is left behind in the machine's; pins are then sched_setaffinity() alone."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess

from netns import wait_until

DIRECTORIES = {"etc": "/etc/libvirt", "lib": "/var/lib/libvirt", "run": "/run/libvirt", "log": "/var/log/libvirt",
               "cache": "/var/cache/libvirt"}

QEMU_CONF = """user = "root"
group = "root"
security_driver = "none"
dynamic_ownership = 0
remember_owner = 0
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
"""

DOMAIN = """<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>{memory_mib}</memory>
  <vcpu>{vcpus}</vcpu>
  <iothreads>1</iothreads>
  {extra}
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    {devices}
  </devices>
  {after}
</domain>
"""


def there():
    return os.geteuid() == 0 and shutil.which("libvirtd") and shutil.which("virsh") and \
        shutil.which("qemu-system-x86_64") and shutil.which("unshare")


class Domains:
    """The domains of a libvirtd, by virsh, and what the kernel says of their threads."""

    uri, run_directory, directory = None, None, None  # libvirt's address; its pid files; where our files go
    uuids = {}  # of what was defined, by name

    def virsh(self, *words, check=True):
        done = subprocess.run(["virsh", "-q", "-c", self.uri, *words], capture_output=True, text=True, timeout=120)
        assert not check or done.returncode == 0, f"virsh {' '.join(words)}: {done.stderr}"
        return done

    def define(self, name, vcpus=2, memory_mib=64, extra="", devices="", after=""):
        xml = self.directory / f"{name}.xml"
        xml.write_text(DOMAIN.format(name=name, vcpus=vcpus, memory_mib=memory_mib, extra=extra, devices=devices,
                                     after=after))
        self.virsh("define", str(xml))
        self.uuids[name] = self.virsh("domuuid", name).stdout.strip()

    def xml(self, name):
        """As it is defined."""
        return self.virsh("dumpxml", "--inactive", name).stdout

    def run(self, name):
        self.virsh("start", "--paused", name)

    def migrating(self, name, to, *how):
        """Under way: the libvirtds talk to each other, and so do the QEMUs, over unix sockets. Ends by itself."""
        return subprocess.Popen(["virsh", "-q", "-c", self.uri, "migrate", "--live", "--p2p", *how, name, to.uri, "--migrateuri",
                                 f"unix://{to.directory}/migration"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def migrate(self, name, to, *how):
        process = self.migrating(name, to, *how)
        out = process.communicate(timeout=120)[0]
        assert process.returncode == 0, out

    def forget(self):
        """No domain is left."""
        for name in self.virsh("list", "--all", "--name").stdout.split():
            self.virsh("destroy", name, check=False)
            self.virsh("undefine", name, check=False)

    def pid(self, name):
        return int((self.run_directory / f"{name}.pid").read_text())

    def thread(self, name, start):
        """The thread whose name begins so."""
        for task in pathlib.Path(f"/proc/{self.pid(name)}/task").iterdir():
            if (task / "comm").read_text().startswith(start):
                return int(task.name)
        raise LookupError(start)

    def affinities(self, name):
        """What the kernel says: {"CPU 0": "0-1", "qemu": …, "iothread1": …}."""
        found = {}
        for task in pathlib.Path(f"/proc/{self.pid(name)}/task").iterdir():
            status = dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines() if ":\t" in line)
            thread, cpus = status["Name"].strip(), status["Cpus_allowed_list"].strip()
            if thread.startswith("CPU "):
                found[thread.split("/")[0]] = cpus
            elif task.name == str(self.pid(name)):
                found["qemu"] = cpus
            elif thread == "IO iothread1":
                found["iothread"] = cpus
        return found


class Libvirt(Domains):
    """`number`: of the host that it says it is. libvirt migrates to no other of the same UUID or name."""

    def __init__(self, directory, number=0):
        self.directory = pathlib.Path(directory)
        self.host_name = f"socle-virt-{number}"
        self.socket = self.directory / "sock/libvirt-sock"
        self.uri = f"qemu+unix:///system?socket={self.socket}"
        self.run_directory = self.directory / "run/qemu"
        self.process = None
        self.made = [to for to in DIRECTORIES.values() if not os.path.exists(to)]  # mount points
        for name in (*DIRECTORIES, "sock"):
            (self.directory / name).mkdir()
        (self.directory / "etc/qemu.conf").write_text(QEMU_CONF)
        (self.directory / "libvirtd.conf").write_text(
            f'unix_sock_dir = "{self.directory}/sock"\nauth_unix_rw = "none"\nauth_unix_ro = "none"\n'
            f'log_outputs = "3:file:{self.directory}/libvirtd.log"\nhost_uuid = "00112233-4455-6677-8899-aabbccddee{number:02x}"\n')
        # Debian's libvirt looks up its user before it reads that another is wanted.
        for name, line in (("passwd", "libvirt-qemu:x:0:0::/:/bin/false\n"), ("group", "libvirt-qemu:x:0:\n")):
            (self.directory / name).write_text(pathlib.Path("/etc", name).read_text() + line)

    def start(self, wait=True):
        binds = [(self.directory / name, target) for name, target in DIRECTORIES.items()] + \
            [(self.directory / name, f"/etc/{name}") for name in ("passwd", "group")]
        for to in self.made:
            os.makedirs(to, exist_ok=True)
        script = f"set -e\nhostname {self.host_name}\n" + "".join(f"mount --bind {what} {to}\n" for what, to in binds) + \
            f"exec libvirtd -f {self.directory}/libvirtd.conf -p {self.directory}/pid\n"
        with open(self.directory / "out", "ab") as out:
            self.process = subprocess.Popen(["unshare", "--uts", "--mount", "--propagation", "private", "sh", "-c", script],
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        if wait:
            wait_until(lambda: self.virsh("list", check=False).returncode == 0, 60, "libvirtd answers")

    def signal(self, number):
        self.process.send_signal(number)

    def revive(self):
        """Whoever ended it: a test, or libvirtd itself, which is not ours to judge."""
        if self.process and self.process.poll() is not None:
            self.kill()
        if self.process is None:
            self.start()

    def kill(self):
        """Guests run on without it."""
        self.process.kill()
        self.process.wait()
        self.process = None
        for name in ("pid", "sock/libvirt-sock", "sock/libvirt-sock-ro", "sock/libvirt-admin-sock"):
            (self.directory / name).unlink(missing_ok=True)

    def stop(self):
        if self.process:
            self.signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pid_file in self.run_directory.glob("*.pid"):
            pid = int(pid_file.read_text())
            if self.is_ours(pid):
                os.kill(pid, signal.SIGKILL)
        for to in self.made:
            with contextlib.suppress(OSError):
                os.rmdir(to)

    @staticmethod
    def is_ours(pid):
        try:
            return b"qemu-system" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        except FileNotFoundError:
            return False
