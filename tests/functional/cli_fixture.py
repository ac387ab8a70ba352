"""A real socled in a directory of its own, and soclectl beside it: what test_soclectl.py works with."""

import json
import os
import pathlib
import pty
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import fcntl
import struct
import termios

BUILD = pathlib.Path(os.environ.get("SOCLE_BUILD", "build")).resolve()
SOCLED = BUILD / "ctl/socled/socled"
SOCLECTL = BUILD / "ctl/cli/soclectl"
DATAPLANE = BUILD / "dataplane/socle-dataplane"
COMPLETION = pathlib.Path(__file__).resolve().parents[2] / "packaging/completion/soclectl.bash"

OK, REFUSED, USAGE, DEGRADED, UNREACHABLE, TIMEOUT, DROPPED = range(7)


class Done:
    """What a run of soclectl came to."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit {self.status}\n--- out\n{self.out}\n--- err\n{self.err}"


class Node:
    """A socled (and, when asked for, a dataplane) with all its paths below one temporary directory."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="soclectl-test-"))
        self.dir.chmod(0o755)
        self.socket = self.dir / "control.sock"
        self.config = self.dir / "socled.conf"
        self.config.write_text("[tuner]\nenabled = no\n")  # this machine is not the tests' to tune
        self.socled = None
        self.dataplane = None

    def start(self):
        self.socled = subprocess.Popen(
            [SOCLED, "-c", self.config, "--control-socket", self.socket, "--store", self.dir / "intent.db",
             "--dataplane-socket", self.dir / "dataplane.sock", "--log-level", "warning"],
            stderr=open(self.dir / "socled.log", "ab"))
        self._until(self._answers, "socled did not come up", self.socled, "socled.log")
        return self

    def start_dataplane(self):
        self.dataplane = subprocess.Popen(
            [DATAPLANE, "--socket", self.dir / "dataplane.sock", "--no-huge", "--memory", "256", "--workers", "1",
             "--state-dir", self.dir, "--file-prefix", self.dir.name, "--log-level", "warning"],
            stdout=subprocess.DEVNULL, stderr=open(self.dir / "dataplane.log", "ab"))
        self._until(lambda: self.ctl("info", "-o", "json").json()["dataplane"]["state"] == "connected",
                    "socled did not connect to the dataplane", self.dataplane, "dataplane.log")
        return self

    def _answers(self):
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def _until(self, condition, complaint, process, log):
        deadline = time.monotonic() + 60
        while not condition():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{complaint}: {(self.dir / log).read_text()}")
            time.sleep(0.02)

    def kill(self, number=signal.SIGKILL):
        self.socled.send_signal(number)
        self.socled.wait()

    def stop(self):
        for process in (self.socled, self.dataplane):
            if process and process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def ctl(self, *arguments, stdin="", env=None, prefix=()):
        """soclectl with these arguments; bytes or text on its standard input."""
        return run(*arguments, stdin=stdin, prefix=prefix, env={"SOCLE_SOCKET": str(self.socket), **(env or {})})

    def spawn(self, *arguments):
        """soclectl, left running, with its output in a pipe."""
        return subprocess.Popen([SOCLECTL, "--socket", self.socket, *arguments], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def apply(self, text, *options):
        """Applies what must be right; the dataplane is not waited for."""
        done = self.ctl("apply", "-f", "-", "--no-wait", *options, stdin=text)
        assert done.status == OK, done
        return done

    def get(self, kind, name):
        done = self.ctl("get", kind, name, "-o", "json")
        assert done.status == OK, done
        return done.json()["objects"][0]

    def clear(self):
        """Back to no objects at all."""
        objects = self.ctl("get", "-o", "json").json()["objects"]
        if objects:
            done = self.ctl("delete", "-f", "-", stdin=json.dumps(objects))
            assert done.status == OK, done


def run(*arguments, stdin="", env=None, prefix=()):
    environment = {k: v for k, v in os.environ.items() if k not in ("SOCLE_SOCKET", "NO_COLOR")}
    # A sanitizer's complaint is an exit status that no test expects.
    environment.update({"ASAN_OPTIONS": "exitcode=99", "UBSAN_OPTIONS": "halt_on_error=1:exitcode=99", **(env or {})})
    done = subprocess.run([*prefix, SOCLECTL, *map(str, arguments)], env=environment, capture_output=True, timeout=120,
                          input=stdin if isinstance(stdin, bytes) else stdin.encode())
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def run_on_terminal(*arguments, columns=80, keys=b"", until=b"", env=None):
    """soclectl on a pseudo-terminal of this width; `keys` are typed once `until` was seen."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.pop("NO_COLOR", None)
        os.environ.update({"TERM": "xterm", **(env or {})})
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.execv(SOCLECTL, [str(SOCLECTL), *map(str, arguments)])
    seen, typed, deadline = b"", False, time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([fd], [], [], 1)[0]:
            continue
        try:
            chunk = os.read(fd, 65536)
        except OSError:  # the terminal's other end is closed
            break
        if not chunk:
            break
        seen += chunk
        if keys and not typed and until in seen:
            os.write(fd, keys)
            typed = True
    else:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    return Done(os.waitstatus_to_exitcode(status), seen.decode(), "")


def complete(node, line):
    """What bash offers after this line, through the real completion script."""
    script = r"""
        source "$1"
        PATH=$2:$PATH
        COMP_LINE=$3 COMP_POINT=${#3}
        read -ra COMP_WORDS <<<"$3"
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _soclectl
        printf '%s\n' "${COMPREPLY[@]}"
    """
    done = subprocess.run(["bash", "--norc", "-c", script, "bash", COMPLETION, SOCLECTL.parent, line], timeout=60,
                          capture_output=True, text=True, env={**os.environ, "SOCLE_SOCKET": str(node.socket)})
    assert done.returncode == 0 and not done.stderr, done
    return done.stdout.split()
