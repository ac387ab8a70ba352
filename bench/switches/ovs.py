"""Open vSwitch with DPDK, from Debian's openvswitch-switch-dpdk: what a user would take instead. Started privately,
in a directory and a network namespace of its own, with its own database and sockets; set up as well as we can for the
case: one rule a direction, and of its flow caches the one that is best there (SETTINGS; the bench tries them all).

sg is its conntrack, one pass before the decision as it has to be. The tunnel's two ends are two pairs of bridges."""

import contextlib
import os
import pathlib
import subprocess

from netns import Namespace, wait_until
from switches import SWITCH_CPU, Switch, running

name = "ovs"
DAEMON = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
SETTINGS = {
    "emc": {"emc-insert-inv-prob": "1"},
    "emc-1-in-100": {"emc-insert-inv-prob": "100"},  # its default
    "smc": {"emc-insert-inv-prob": "0", "smc-enable": "true"},
    "no-cache": {"emc-insert-inv-prob": "0"},
}
VTEP = ["192.0.2.1", "192.0.2.2"]

L2 = ["in_port=1,actions=output:2", "in_port=2,actions=output:1"]
CONNTRACK = [
    "table=0,priority=1,in_port=1,ip,actions=ct(table=1)",
    "table=0,priority=1,in_port=2,ip,actions=ct(table=1)",
    "table=0,priority=0,actions=drop",
    "table=1,priority=1,in_port=1,ip,ct_state=+trk+est,actions=output:2",
    "table=1,priority=1,in_port=2,ip,ct_state=+trk+est,actions=output:1",
    "table=1,priority=1,in_port=1,ip,ct_state=+trk+new,actions=ct(commit),output:2",
    "table=1,priority=1,in_port=2,ip,ct_state=+trk+new,actions=ct(commit),output:1",
    "table=1,priority=0,actions=drop",
]


class Ovs(Switch):
    changes = ("a flow added", "a port added", "the flow changed", "the port and the flow removed")

    def __init__(self, process, log, directory, namespace):
        super().__init__(process, log)
        self.directory, self.namespace = directory, namespace

    def run(self, command, *arguments):
        """ovs-vsctl, ovs-ofctl or ovs-appctl, of this instance."""
        where = {"ovs-vsctl": [f"--db=unix:{self.directory}/db.sock", "--timeout=20"],
                 "ovs-ofctl": ["-O", "OpenFlow13"],
                 "ovs-appctl": ["-t", f"{self.directory}/vswitchd.ctl"]}[command]
        done = subprocess.run([command, *where, *map(str, arguments)], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment(self.directory),
                              timeout=60)
        if done.returncode:
            raise SystemExit(f"ovs: {command} {' '.join(map(str, arguments))}: {done.stdout.strip()}\n{self.says()}")
        return done.stdout

    def bridge(self, bridge, ports, flows):
        """ports: {name: [arguments of `ovs-vsctl set interface`]}, numbered from 1 in this order."""
        command = ["add-br", bridge, "--", "set", "bridge", bridge, "datapath_type=netdev", "fail_mode=secure",
                   f"other_config:hwaddr={MAC_OF_BRIDGE[bridge]}"]
        for number, (port, arguments) in enumerate(ports.items(), 1):
            command += ["--", "add-port", bridge, port, "--", "set", "interface", port, f"ofport_request={number}",
                        *arguments]
        self.run("ovs-vsctl", *command)
        for flow in flows:
            self.run("ovs-ofctl", "add-flow", self.bridge_socket(bridge), flow)

    def bridge_socket(self, bridge):
        return f"unix:{self.directory}/{bridge}.mgmt"

    def change(self, number):
        step, flow = number % len(self.changes), "priority=9,tcp,in_port=1,tp_dst=1"
        if step == 1:
            self.run("ovs-vsctl", "add-port", "br0", "another", "--", "set", "interface", "another",
                     *vhost(self.directory / "nobody"))
        elif step == 3:
            self.run("ovs-vsctl", "del-port", "br0", "another")
            self.run("ovs-ofctl", "del-flows", "--strict", self.bridge_socket("br0"), flow)
        else:
            self.run("ovs-ofctl", "add-flow", self.bridge_socket("br0"),
                     f"{flow},actions={'output:2' if step == 0 else 'drop'}")

    def drops(self):
        text = self.run("ovs-appctl", "coverage/show")
        return {line.split()[0]: int(line.split()[-1]) for line in text.splitlines()
                if line.startswith(("datapath_drop", "drop_action", "conntrack_full"))}


MAC_OF_BRIDGE = {bridge: f"02:00:00:00:00:0{i}" for i, bridge in enumerate(("br0", "br1", "phy0", "phy1"))}


def environment(directory):
    return {**os.environ, **{f"OVS_{what}DIR": str(directory) for what in ("RUN", "DB", "LOG", "SYSCONF")}}


def vhost(socket):
    return ["type=dpdkvhostuserclient", f"options:vhost-server-path={socket}"]


def flat(switch, case, links):
    switch.bridge("br0", {"p0": vhost(links.guests[0]), "p1": vhost(links.guests[1])},
                  CONNTRACK if case.mode == "sg" else L2)


def tunnelled(switch, links):
    local = ["in_port=1,actions=LOCAL", "in_port=LOCAL,actions=output:1"]
    for i in (0, 1):
        switch.bridge(f"phy{i}", {f"w{i}": vhost(links.wires[i])}, local)
        switch.namespace.ip("addr", "add", f"{VTEP[i]}/24", "dev", f"phy{i}")
        switch.namespace.ip("link", "set", f"phy{i}", "up", "mtu", "1600")
        switch.bridge(f"br{i}", {f"p{i}": vhost(links.guests[i]),
                                 f"vx{i}": ["type=vxlan", f"options:remote_ip={VTEP[1 - i]}", "options:key=100",
                                            "options:egress_pkt_mark=1"]}, L2)
    for i in (0, 1):
        switch.run("ovs-appctl", "ovs/route/add", f"{VTEP[1 - i]}/32", f"phy{i}", "pkt_mark=1")
        switch.run("ovs-appctl", "tnl/arp/set", f"phy{i}", VTEP[1 - i], MAC_OF_BRIDGE[f"phy{1 - i}"])


def settings_of(setting):
    config = {"dpdk-init": "true", "pmd-cpu-mask": hex(1 << SWITCH_CPU), "dpdk-socket-mem": "1024",
              "dpdk-extra": "--no-pci --in-memory --single-file-segments --no-telemetry --file-prefix=ovs",
              **SETTINGS[setting]}
    return [f'other_config:{key}="{value}"' for key, value in config.items()]


@contextlib.contextmanager
def database(directory):
    file = directory / "conf.db"
    subprocess.run(["ovsdb-tool", "create", file, SCHEMA], check=True, capture_output=True)
    command = ["ovsdb-server", file, f"--remote=punix:{directory}/db.sock", f"--unixctl={directory}/db.ctl",
               "--no-chdir", "-vconsole:off", f"--log-file={directory}/db.log"]
    with running(command, directory / "db.out", env=environment(directory)) as process:
        wait_until(lambda: process.poll() is not None or (directory / "db.sock").exists(), 10, "ovsdb-server listens")
        yield process


@contextlib.contextmanager
def start(case, links, setting="emc", **_):
    directory = links.directory / "ovs"
    directory.mkdir()
    namespace = Namespace("ovs")
    with contextlib.ExitStack() as stack:
        stack.callback(namespace.delete)
        stack.enter_context(database(directory))
        vsctl = ["ovs-vsctl", f"--db=unix:{directory}/db.sock", "--no-wait", "--timeout=20"]
        subprocess.run([*vsctl, "init", "--", "set", "Open_vSwitch", ".", *settings_of(setting)], check=True,
                       capture_output=True)
        log = directory / "vswitchd.log"
        command = ["ip", "netns", "exec", namespace.name, DAEMON, f"unix:{directory}/db.sock", "--no-chdir",
                   f"--unixctl={directory}/vswitchd.ctl", "-vconsole:off", "-vsyslog:off", f"--log-file={log}"]
        process = stack.enter_context(running(command, directory / "vswitchd.out", env=environment(directory)))
        wait_until(lambda: process.poll() is not None or (directory / "vswitchd.ctl").exists(), 30, "vswitchd answers")
        switch = Ovs(process, log, directory, namespace)
        if case.tunnelled:
            tunnelled(switch, links)
        else:
            flat(switch, case, links)
        yield switch


def missing():
    """What is to be installed before it can run; empty when nothing is."""
    return "" if pathlib.Path(DAEMON).exists() else "openvswitch-switch-dpdk"
