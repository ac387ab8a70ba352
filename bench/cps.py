"""New connections a second through stateful security groups: one after the other, a bounded number under way, each a
question and its answer (UDP) or a handshake (TCP), until so many have been opened. testpmd shows what the generator
could open at most."""

import rounds
from cases import Case
from progress import Progress
from tables import about, machine, ratio, rounded, shown

TRY = 100000  # connections, for each of a peer's settings
CLOSES = {"udp": "open"}  # there is nothing to close


def measure(name, protocol, connections, arguments, options=None):
    case = Case("sg", connections, 64, "conversation", protocol)
    close = CLOSES.get(protocol, arguments.close)
    with rounds.session(name, case, options, mode="dial", close=close, seconds=arguments.seconds,
                        window=arguments.window) as (sender, switch):
        before = switch.drops()
        result = sender.summaries(switch.alive)[0]
        result["rate"] = result["complete"] / result["seconds"]
        result["drops"] = {reason: count - before.get(reason, 0) for reason, count in switch.drops().items()
                           if count > before.get(reason, 0)}
        return result


def rows_of(protocol, results):
    rates = {name: [r["rate"] for r in found] for name, found in results.items()}
    return [{"switch": name, "protocol": protocol, "connections_per_second": rounded(values, 0),
             "failed": sum(r["failed"] for r in results[name]),
             "ratio_testpmd": ratio(values, rates.get("testpmd")), "ratio_ovs": ratio(values, rates.get("ovs"))}
            for name, values in rates.items()]


HEAD = (f"{'protocol':<9}{'switch':<9}{'1,000 connections/s: median (min–max)':>38}  {'÷ testpmd':>9}  {'÷ OVS':>6}  "
        f"{'failed':>8}  {'generator idle':>14}")


def lines_of(protocol, results, settings):
    for row in rows_of(protocol, results):
        found = results[row["switch"]]
        cells = [f"{protocol:<9}{row['switch']:<9}{shown([r['rate'] / 1e3 for r in found], '{:,.0f}'):>38}"]
        cells += [f"{row[key]:>{width}.2f}" if row[key] is not None else " " * width
                  for key, width in (("ratio_testpmd", 9), ("ratio_ovs", 6))]
        idle = sum(r["idle"] for r in found) / len(found)
        cells += [f"{row['failed']:>8,}", f"{idle:>14.0%}"]
        notes = [settings[row["switch"]]["setting"]] if row["switch"] in settings else []
        if idle < rounds.KEEPS_UP:
            notes.append("THE GENERATOR IS THE BOTTLENECK: may be faster than that")
        notes += sorted({f"dropped: {reason}" for r in found for reason in r["drops"]})
        yield "  ".join(cells) + (f"  ({'; '.join(notes)})" if notes else "")


def run(arguments):
    names, here, rows = ["socle", *arguments.peers], machine(), []
    print(f"cps: {arguments.connections:,} connections, {arguments.window} at once, {arguments.rounds} rounds; "
          f"{about(here)}\n\n{HEAD}", flush=True)
    steps = len(arguments.protocol) * (rounds.tries(names, arguments) + arguments.rounds * len(names))
    with Progress(steps) as progress:
        for protocol in arguments.protocol:
            def one(name, options, connections=arguments.connections, protocol=protocol):
                return measure(name, protocol, connections, arguments, options)
            settings = rounds.best_settings(names, protocol, lambda name, options: one(name, options, TRY)["rate"],
                                            arguments, progress)
            results = rounds.in_turns(names, protocol, arguments.rounds, one, settings, progress)
            for line in lines_of(protocol, results, settings):
                progress.say(line)
            rows += rows_of(protocol, results)
    return rows
