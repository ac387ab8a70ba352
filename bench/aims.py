"""What this switch is to reach, measured in one run: a table for docs/performance.md. Rounds are the outermost turn,
so that each ratio is of what ran close to each other, between cases too."""

import reconf
import rounds
from cases import Case
from cps import measure as dial
from progress import Progress
from tables import about, machine, shown, spread

L2, SG_1K, SG_64K, SG_1M = (Case("l2", 1024), *(Case("sg", flows) for flows in (1024, 65536, 1000000)))
VXLAN = Case("vxlan", 1024)
LOADED = {L2: ("socle", "testpmd", "ovs"), SG_64K: ("socle", "testpmd", "ovs"), SG_1K: ("socle",), SG_1M: ("socle",),
          VXLAN: ("socle", "ovs")}
DIALLED = {"udp": ("socle", "ovs"), "tcp": ("socle", "ovs")}
CONNECTIONS, TRY = 800000, 100000

# words, the sign of the aim, the aim, how its figure follows from a round
AIMS = [
    ("L2, 1,024 flows ÷ testpmd", ">=", 0.9, lambda r: r[L2, "socle"] / r[L2, "testpmd"]),
    ("L2, 1,024 flows ÷ OVS-DPDK port to port", ">=", 1.1, lambda r: r[L2, "socle"] / r[L2, "ovs"]),
    ("stateful, 65,536 flows ÷ testpmd", ">=", 0.75, lambda r: r[SG_64K, "socle"] / r[SG_64K, "testpmd"]),
    ("stateful, 65,536 flows ÷ OVS-DPDK conntrack", ">=", 4, lambda r: r[SG_64K, "socle"] / r[SG_64K, "ovs"]),
    ("stateful, 65,536 flows ÷ our own L2", ">=", 0.9, lambda r: r[SG_64K, "socle"] / r[L2, "socle"]),
    ("stateful, 65,536 flows: clocks a packet outside vhost receive and transmit", "<=", 80, lambda r: r["clocks"]),
    ("stateful, 1,000,000 flows ÷ our own 1,024 flows", ">=", 0.7, lambda r: r[SG_1M, "socle"] / r[SG_1K, "socle"]),
    ("new UDP connections a second ÷ OVS-DPDK", ">=", 5, lambda r: r["udp", "socle"] / r["udp", "ovs"]),
    ("new TCP connections a second ÷ OVS-DPDK", ">=", 5, lambda r: r["tcp", "socle"] / r["tcp", "ovs"]),
    ("VXLAN, encapsulated and decapsulated ÷ OVS-DPDK", ">=", 1.5, lambda r: r[VXLAN, "socle"] / r[VXLAN, "ovs"]),
    ("packets lost to changes of configuration", "<=", 0, lambda r: r["lost"]),
]


def choose_settings(arguments, progress):
    """{case or protocol: options of OVS}."""
    chosen = {}
    for case, names in LOADED.items():
        chosen[case] = rounds.best_settings(
            names, case, lambda name, options, case=case: rounds.full_load(name, case, 1, 1, options)["mpps"],
            arguments, progress)
    for protocol, names in DIALLED.items():
        chosen[protocol] = rounds.best_settings(
            names, protocol,
            lambda name, options, protocol=protocol: dial(name, protocol, TRY, arguments, options)["rate"], arguments,
            progress)
    return chosen


def one_round(number, arguments, settings, progress):
    found = {}
    for case, names in LOADED.items():
        for name in names:
            progress.step(f"round {number}: {case}: {name}")
            result = rounds.full_load(name, case, arguments.seconds, arguments.warm_up, settings[case].get(name))
            found[case, name] = result["mpps"]
            if (case, name) == (SG_64K, "socle"):
                found["clocks"] = result["clocks"]
    for protocol, names in DIALLED.items():
        for name in names:
            progress.step(f"round {number}: connections, {protocol}: {name}")
            found[protocol, name] = dial(name, protocol, CONNECTIONS, arguments, settings[protocol].get(name))["rate"]
    progress.step(f"round {number}: reconfiguration: socle")
    found["lost"] = reconf.to_configuration(reconf.measure("socle", SG_1K, arguments)[reconf.CHANGING])
    return found


def rows_of(results):
    rows = []
    for words, sign, aim, figure in AIMS:
        # A busy machine may leave socled no time to say, while the load runs, where the clocks went.
        values = [value for value in map(figure, results) if value is not None]
        if not values:
            raise SystemExit(f"{words}: no round could tell")
        median = spread(values)["median"]
        rows.append({"what": words, "aim": f"{'≥' if sign == '>=' else '≤'} {aim:g}", "values": values,
                     "median": median, "reached": median >= aim if sign == ">=" else median <= aim})
    return rows


def steps(arguments):
    measured = sum(map(len, LOADED.values())) + sum(map(len, DIALLED.values())) + 1
    tries = sum(rounds.tries(names, arguments) for names in (*LOADED.values(), *DIALLED.values()))
    return tries + arguments.rounds * measured


def run(arguments):
    here = machine()
    with Progress(steps(arguments)) as progress:
        settings = choose_settings(arguments, progress)
        results = [one_round(number, arguments, settings, progress) for number in range(1, arguments.rounds + 1)]
    rows = rows_of(results)
    print(f"{about(here)}; 64 bytes, {arguments.rounds} rounds of {arguments.seconds:g} s\n\n"
          "| what | aim | median (min–max) | reached |\n|---|---|---|---|")
    for row in rows:
        form = "{:.0f}" if row["what"].endswith("configuration") or "clocks" in row["what"] else "{:.2f}"
        print(f"| {row['what']} | {row['aim']} | {shown(row['values'], form)} | {'yes' if row['reached'] else 'no'} |")
    rates = {f"{key[0]}: {key[1]}": shown([result[key] for result in results], "{:,.2f}")
             for key in results[0] if isinstance(key, tuple) and isinstance(key[0], Case)}
    rates |= {f"{key[0]} connections a second: {key[1]}": shown([result[key] for result in results], "{:,.0f}")
              for key in results[0] if isinstance(key, tuple) and not isinstance(key[0], Case)}
    print("\n| measured | Mpps, or a second: median (min–max) |\n|---|---|")
    for words, value in rates.items():
        print(f"| {words} | {value} |")
    return {"machine": here, "aims": rows, "rates": rates}
