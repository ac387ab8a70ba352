"""dpdk-testpmd as a guest: virtio-user ports whose vhost-user sockets it serves, like QEMU."""

import contextlib
import os
import pathlib
import subprocess

from netns import wait_until


@contextlib.contextmanager
def guest(paths, *options, cpu=None, log=None, device="queues=1"):
    """Runs it, a port a socket path, until the block ends; then it is killed like a guest whose host ran out of memory.

    Without huge pages: its memory is a memfd, which virtio-user can share as well. device: more of the virtio-user
    devices' arguments."""
    cpu = os.cpu_count() - 1 if cpu is None else cpu
    log = pathlib.Path(log or f"{paths[0]}.log")
    vdevs = []
    for number, path in enumerate(paths):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        vdevs += ["--vdev", f"net_virtio_user{number},path={path},server=1,{device}"]
    command = ["dpdk-testpmd", "--no-huge", "-m", "128", "--no-pci", "--no-telemetry",
               f"--file-prefix=guest{os.getpid()}-{pathlib.Path(paths[0]).name}", "--lcores", f"0@{cpu},1@{cpu}",
               *vdevs, "--", "--total-num-mbufs=8192", "--auto-start", "--stats-period", "60", *options]
    with log.open("w") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
    try:
        # It listens on the next socket only when the switch has connected to the one before.
        wait_until(lambda: process.poll() is not None or os.path.exists(paths[0]), 20)
        assert process.poll() is None, f"testpmd ended:\n{log.read_text()[-2000:]}"
        yield process
    finally:
        process.kill()
        process.wait()
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
