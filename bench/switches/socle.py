"""socle as an orchestrator would set it up: real daemons, objects over the control socket.

l2 is a port with port security and a stateless group that allows everything: source MAC and addresses are checked,
nothing is remembered. sg is Neutron's default group on both ports: stateful, all egress, ingress from the group."""

import contextlib
import json
import subprocess

import intent
from cases import MAC, NETWORK
from many import memory
from node import Node, program
from switches import SWITCH_CPU

name = "socle"
SESSIONS = 1 << 20  # the daemon's own default
MEMORY, MBUFS = 1024, 65536
DIRECTIONS, ETHERTYPES = ("ingress", "egress"), ("IPv4", "IPv6")


def security_group(mode, group="bench"):
    def rules(directions, **more):
        return [{"direction": d, "ethertype": e, **more} for d in directions for e in ETHERTYPES]
    spec = {"stateful": False, "rules": rules(DIRECTIONS)}
    if mode == "sg":
        spec = {"rules": rules(["egress"]) + rules(["ingress"], remote_group=group)}
    return {"kind": "SecurityGroup", "name": group, "spec": spec}


def port(number, network, socket, **more):
    return intent.vhost_port(f"p{number}", network, MAC[number], [NETWORK[number].replace("0.0/16", "255.254")],
                             socket=socket, port_security=True,
                             allowed_address_pairs=[{"ip_address": NETWORK[number]}], **more)


def underlay(number, device):
    spec = {"device": device, "vtep_ipv4": f"192.0.2.{number + 1}/24", "mtu": 1600}
    return {"kind": "Underlay", "name": f"physnet{number}", "spec": spec}


def flat(case, links, groups):
    """Both ports in one network, on an underlay that leads nowhere."""
    return [underlay(0, {"tap": {"name": "underlay0"}}),
            {"kind": "Network", "name": "blue0", "spec": {"underlay": "physnet0", "vni": 100, "mtu": 1500}},
            security_group(case.mode),
            *(port(i, "blue0", links.guests[i], security_groups=["bench", *groups]) for i in (0, 1))]


def tunnelled(case, links, groups):
    """Each port on an underlay of its own, and the other one behind it."""
    objects = [security_group(case.mode)]
    for i in (0, 1):
        hosts = [{"mac_address": MAC[1 - i], "ip_addresses": [NETWORK[1 - i].replace("0.0/16", "255.254")]}]
        objects += [underlay(i, {"vhost_user": {"socket": links.wires[i]}}),
                    {"kind": "Network", "name": f"blue{i}",
                     "spec": {"underlay": f"physnet{i}", "vni": 100, "mtu": 1500}},
                    port(i, f"blue{i}", links.guests[i], security_groups=["bench", *groups]),
                    {"kind": "Peer", "name": f"far{i}",
                     "spec": {"underlay": f"physnet{i}", "vtep": f"192.0.2.{2 - i}",
                              "networks": [{"network": f"blue{i}", "hosts": hosts}]}}]
    return objects


class Socle:
    changes = ("another rule in the group of both ports", "another port in their network and group",
               "another address group, and a rule for it", "the port removed, the group as before")

    def __init__(self, node, case):
        self.node, self.case = node, case

    def alive(self):
        return self.node.dataplane.alive() and self.node.socled.alive()

    def says(self):
        if not self.alive():
            return "nothing, a daemon has ended; its log: " + self.node.dataplane.log.read_text()[-2000:]
        return json.dumps(self.node.call("stats")["ports"])

    def drops(self):
        total = {}
        for entry in self.node.call("stats")["ports"]:
            for reason, packets in entry["drops"].items():
                total[reason] = total.get(reason, 0) + packets
        return total

    def perf(self, seconds):
        command = [program("soclectl"), "--socket", self.node.control_socket, "perf", "-d", f"{seconds:g}", "-o",
                   "json"]
        return subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    @staticmethod
    def measured(process):
        """What `soclectl perf` has found: its "total"."""
        out, said = process.communicate(timeout=60)
        if process.returncode:
            raise SystemExit(f"soclectl perf: {said.strip()}")
        return json.loads(out)["total"]

    def outside_io(self, process):
        return self.measured(process)["outside_io_cycles_per_packet"]

    def memory(self):
        return memory(self.node.dataplane.pid)

    def memory_of_socled(self):
        return memory(self.node.socled.pid)

    def change(self, number):
        group = security_group(self.case.mode)
        rules = group["spec"]["rules"]
        step = number % len(self.changes)
        if step == 0:
            rules.append({"direction": "ingress", "protocol": "tcp", "port_range_min": 1 + number % 60000,
                          "port_range_max": 1 + number % 60000})
            self.node.apply(group)
        elif step == 1:
            self.node.apply(intent.vhost_port("another", "blue0", intent.mac(3), [f"10.3.0.{1 + number % 250}"],
                                              socket=self.node.directory / "nobody", port_security=True,
                                              security_groups=["bench"]))
        elif step == 2:
            rules.append({"direction": "ingress", "remote_address_group": "others"})
            addresses = [f"198.51.100.{(number + i) % 250}" for i in range(5)]
            self.node.apply({"kind": "AddressGroup", "name": "others", "spec": {"addresses": addresses}}, group)
        else:
            self.node.apply(group)
            self.node.delete(("Port", "another"))


@contextlib.contextmanager
def start(case, links, objects=(), groups=(), **_):
    """objects: more of them, in the same transaction; groups: more that both ports are in."""
    two_of_each = case.mode == "sg" and case.traffic == "one-way"
    node = Node(links.directory, "bench", cpu=SWITCH_CPU, memory=MEMORY, mbufs=MBUFS,
                options=("--sessions", max(SESSIONS, 2 * case.flows if two_of_each else case.flows)))
    try:
        node.start()
        node.apply(*objects, *(tunnelled if case.tunnelled else flat)(case, links, groups))
        if case.tunnelled:
            node.wait_peers()
        yield Socle(node, case)
    finally:
        node.stop()
