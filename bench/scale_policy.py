"""1,000 groups, 10,000 rules, 10,000 members on a node, and the two ports in ten of the groups: what it takes in memory,
how long a change of it takes until it is in force, and what a connection's first packet costs with it, and without."""

import time

import rounds
from cases import Case
from tables import percentiles

GROUPS, RULES, SETS, MEMBERS = 1000, 10, 100, 100
MORE_GROUPS = [f"group{g}" for g in range(9)]  # that the ports are in, beside their own
CONNECTIONS, CHANGES = 400000, 200
PERF_SECONDS = 0.5


def rule(group, number):
    """A mixture: prefixes, other groups, address groups; ports and ranges of them."""
    port = 1024 + (group * RULES + number) % 60000
    common = {"direction": "ingress", "protocol": "tcp" if number % 2 else "udp", "port_range_min": port,
              "port_range_max": port + number}
    remote = [{"remote_ip_prefix": f"203.{group % 250}.{number}.0/24"},
              {"remote_group": f"group{(group + 1) % GROUPS}"},
              {"remote_address_group": f"set{(group + number) % SETS}"}]
    return {**common, **remote[number % 3]}


def security_group(number, extra=()):
    return {"kind": "SecurityGroup", "name": f"group{number}",
            "spec": {"rules": [*(rule(number, r) for r in range(RULES)), *extra]}}


def policy():
    sets = [{"kind": "AddressGroup", "name": f"set{s}",
             "spec": {"addresses": [f"100.{64 + s}.{m >> 6}.{1 + m % 64}" for m in range(MEMBERS)]}}
            for s in range(SETS)]
    return [*sets, *(security_group(g) for g in range(GROUPS))]


def changes(node):
    """One rule more or less in a group that the ports are in: until every worker honours it."""
    samples, inside = [], []
    for number in range(CHANGES):
        extra = [{"direction": "ingress", "protocol": "udp", "port_range_min": 5, "port_range_max": 5}][:number % 2]
        start = time.monotonic()
        node.apply(security_group(0, extra))
        samples.append(1000 * (time.monotonic() - start))
        inside.append(node.call("info")["dataplane"]["last_commit"]["took_ms"])
    return {"end_to_end_ms": percentiles(samples), "dataplane_ms": percentiles(inside)}


def first_packets(with_policy):
    """Connections a second, and clocks of the node that admits each first packet; of the policy also memory."""
    case = Case("sg", CONNECTIONS)
    options = {"objects": policy(), "groups": MORE_GROUPS} if with_policy else {}
    with rounds.session("socle", case, options, mode="dial", seconds=60) as (sender, switch):
        processes = []

        def on_phase(state, _):
            if state == "measuring":
                processes.append(switch.perf(PERF_SECONDS))
        memory = switch.memory()
        summary = sender.summaries(switch.alive, on_phase)[0]
        nodes = {node["name"]: node for node in switch.measured(processes[0])["nodes"]}
        hertz = switch.node.call("stats")["sessions"]["tsc_hz"]
        clocks = nodes["admit"]["cycles_per_packet"]
        found = {"connections_per_second": round(summary["complete"] / summary["seconds"]),
                 "first_packet_clocks": round(clocks), "first_packet_us": round(1e6 * clocks / hertz, 3),
                 "dataplane_mb": memory}
        if with_policy:
            found |= {"socled_mb": switch.memory_of_socled(), "change": changes(switch.node)}
        return found


def run():
    bare, full = first_packets(False), first_packets(True)
    return {"without": bare, "with": full, "policy_mb": full["dataplane_mb"] - bare["dataplane_mb"]}


def report(numbers):
    bare, full = numbers["without"], numbers["with"]
    whole, inside = full["change"]["end_to_end_ms"], full["change"]["dataplane_ms"]
    lines = [
        ("memory in the dataplane", f"{numbers['policy_mb']:.0f} MB", ""),
        ("one rule changed, end to end", f"{whole['p50']:.1f} ms",
         f"99 %: {whole['p99']:.1f}; in the dataplane {inside['p50']:.2f}, 99 %: {inside['p99']:.2f}"),
        ("first packet of a connection", f"{full['first_packet_us']:.2f} µs",
         f"{full['first_packet_clocks']:,} clocks; with its own group only {bare['first_packet_clocks']:,}"),
        ("new UDP connections", f"{full['connections_per_second'] / 1e3:,.0f} k/s",
         f"with their own group only {bare['connections_per_second'] / 1e3:,.0f} k/s"),
    ]
    print(f"{GROUPS:,} groups, {GROUPS * RULES:,} rules, {SETS * MEMBERS:,} members; both ports in "
          f"{1 + len(MORE_GROUPS)} groups")
    for words, value, more in lines:
        print(f"  {words:<32}{value:>12}" + (f"   ({more})" if more else ""))
