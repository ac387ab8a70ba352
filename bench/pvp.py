"""Two vhost-user ports under full load from both sides ("PVP", with the generator as the VM): Mpps that came back, of
socle and of its peers, in turns, in one run."""

import itertools
import json
import pathlib
import statistics

import plot
import rounds
from cases import Case
from tables import about, machine, ratio, rounded, shown
from progress import Progress

TRY_SECONDS = 1  # for each of a peer's settings


def cases_of(arguments):
    return [Case(mode, flows, frame, arguments.traffic, arguments.protocol)
            for mode, frame, flows in itertools.product(arguments.mode, arguments.frame, arguments.flows)]


def measure(case, names, arguments, progress):
    """{switch: [figures() of each round]}, and the settings of those that have some."""
    settings = rounds.best_settings(
        names, case,
        lambda name, options: rounds.full_load(name, case, TRY_SECONDS, arguments.warm_up, options)["mpps"],
        arguments, progress)
    results = rounds.in_turns(
        names, case, arguments.rounds,
        lambda name, options: rounds.full_load(name, case, arguments.seconds, arguments.warm_up, options),
        settings, progress)
    return results, {name: options["setting"] for name, options in settings.items()}


def rows_of(case, results):
    """One a switch, the format that `--json` promises."""
    mpps = {name: [r["mpps"] for r in figures] for name, figures in results.items()}
    return [{"switch": name, "mode": case.mode, "flows": case.flows, "frame": case.frame, "mpps": rounded(values),
             "ratio_testpmd": ratio(values, mpps.get("testpmd")), "ratio_ovs": ratio(values, mpps.get("ovs"))}
            for name, values in mpps.items()]


HEAD = (f"{'mode':<6}{'flows':>9}  {'frame':>5}  {'switch':<8}{'Mpps: median (min–max)':>24}  {'÷ testpmd':>9}  "
        f"{'÷ OVS':>6}  {'lost':>7}  {'clocks outside I/O':>18}")


def lines_of(case, results, settings):
    for row in rows_of(case, results):
        figures = results[row["switch"]]
        clocks = [f["clocks"] for f in figures if f.get("clocks") is not None]
        lost = sum(f["lost"] for f in figures) / max(1, sum(f["sent_mpps"] for f in figures)) / 1e6
        cells = [f"{case.mode:<6}{case.flows:>9,}  {case.frame!s:>5}  {row['switch']:<8}",
                 f"{shown([f['mpps'] for f in figures]):>24}"]
        cells += [f"{row[key]:>{width}.2f}" if row[key] is not None else " " * width
                  for key, width in (("ratio_testpmd", 9), ("ratio_ovs", 6))]
        cells += [f"{lost:>7.2%}", f"{statistics.median(clocks):>18.0f}" if clocks else " " * 18]
        notes = [settings[row["switch"]]] if settings.get(row["switch"]) else []
        if rounds.generator_bound(figures):
            notes.append("THE GENERATOR IS THE BOTTLENECK: may be faster than that")
        if sum(f["reordered"] for f in figures):
            notes.append(f"{sum(f['reordered'] for f in figures)} packets came behind a later one of their flow")
        yield "  ".join(cells).rstrip() + (f"  ({'; '.join(notes)})" if notes else "")


def run(arguments):
    names = ["socle", *arguments.peers]
    cases = cases_of(arguments)
    here = machine()
    rows, details, everything = [], [], []
    print(f"pvp: {arguments.traffic} ({arguments.protocol}), {arguments.rounds} rounds of {arguments.seconds:g} s; "
          f"{about(here)}\n\n{HEAD}", flush=True)
    with Progress(len(cases) * (rounds.tries(names, arguments) + arguments.rounds * len(names))) as progress:
        for case in cases:
            results, settings = measure(case, names, arguments, progress)
            for line in lines_of(case, results, settings):
                progress.say(line)
            rows += rows_of(case, results)
            details.append({"case": vars(case), "settings": settings, "rounds": results})
            everything += [f for figures in results.values() for f in figures]
    print(f"\nlost: of what the switch had taken. {rounds.unsteady(everything)}".rstrip())
    if arguments.details:
        text = json.dumps({"machine": here, "seconds": arguments.seconds, "cases": details}, indent=1)
        pathlib.Path(arguments.details).write_text(text + "\n")
    if arguments.plot:
        plot.bars(rows, arguments.plot, about(here))
    return rows
