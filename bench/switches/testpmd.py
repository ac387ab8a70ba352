"""dpdk-testpmd's io forwarding: hands packets from one port to the other and looks at none. What vhost-user itself
costs, and so the limit. Of a tunnel: twice that, since each packet enters and leaves twice.

Its own flow generator is of no use: it gives every frame the same built-in destination MAC, whatever --eth-peer says
(app/test-pmd/flowgen.c of DPDK 22.11), which a switch with declared MACs rightly drops."""

import contextlib

from switches import SWITCH_CPU, Switch, running

name = "testpmd"


@contextlib.contextmanager
def start(case, links, **_):
    command = ["dpdk-testpmd", "--in-memory", "--single-file-segments", "--no-pci", "--no-telemetry", "-m", "1024",
               "--file-prefix=limit", "--lcores", f"0@{SWITCH_CPU},1@{SWITCH_CPU}"]
    paths = [path for pair in links.pairs() for path in pair]  # it pairs ports 0 and 1, 2 and 3
    for number, path in enumerate(paths):
        command += ["--vdev", f"net_vhost{number},iface={path},client=1"]
    command += ["--", "--auto-start", "--forward-mode=io", "--burst=32", "--total-num-mbufs=65536",
                "--stats-period=3600"]  # or it would end at once, without a terminal
    log = links.directory / "testpmd.log"
    with running(command, log) as process:
        yield Switch(process, log)
