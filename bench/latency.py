"""Delay through the switch, from when a frame was due to be sent until it is back: at shares of the load that this very
switch, in this very round, brought back when it was offered more than it could take."""

import statistics

import rounds
from cases import Case
from generator_session import figures
from progress import Progress
from tables import about, machine, rounded, shown

QUANTILES = ("p50", "p99", "p99.9")


def measure(name, case, arguments, options=None):
    """{load: figures() with "latency_us"}, "max" among them."""
    text = ",".join(["max", *(f"{load}%" for load in arguments.load)])
    with rounds.session(name, case, options, seconds=arguments.seconds, warm_up=arguments.warm_up, loads=text,
                        latency=True) as (sender, switch):
        found = {}
        for summary in sender.summaries(switch.alive):
            delays = {key: value / 1e3 for key, value in summary["latency_ns"].items() if key != "samples"}
            found[summary["load"]] = {**figures(summary), "latency_us": delays}
        return found


def rows_of(case, results):
    return [{"switch": name, "mode": case.mode, "flows": case.flows, "frame": case.frame, "load": load,
             "mpps": rounded([r[load]["mpps"] for r in found]), "lost": sum(r[load]["lost"] for r in found),
             "latency_us": {q: rounded([r[load]["latency_us"][q] for r in found]) for q in QUANTILES}}
            for name, found in results.items() for load in found[0]]


HEAD = (f"{'mode':<7}{'switch':<9}{'load':>5}  {'Mpps':>6}  " + "  ".join(f"{'µs: ' + q:>22}" for q in QUANTILES)
        + f"  {'lost':>8}")


def lines_of(case, results):
    for name, found in results.items():
        for load in found[0]:
            delays = [shown([r[load]["latency_us"][q] for r in found], "{:.1f}") for q in QUANTILES]
            mpps = statistics.median(r[load]["mpps"] for r in found)
            lost = sum(r[load]["lost"] for r in found)
            yield (f"{case.mode:<7}{name:<9}{load:>5}  {mpps:>6.2f}  " + "  ".join(f"{d:>22}" for d in delays)
                   + f"  {lost:>8,}")


def run(arguments):
    names, here, rows, results = ["socle", *arguments.peers], machine(), [], {}
    cases = [Case(mode, arguments.flows, arguments.frame, arguments.traffic) for mode in arguments.mode]
    print(f"latency: {arguments.flows:,} flows, {arguments.frame} B, {arguments.rounds} rounds of "
          f"{arguments.seconds:g} s a load; {about(here)}\n\n{HEAD}", flush=True)
    with Progress(len(cases) * (rounds.tries(names, arguments) + arguments.rounds * len(names))) as progress:
        for case in cases:
            settings = rounds.best_settings(
                names, case, lambda name, options, case=case: rounds.full_load(name, case, 1, 1, options)["mpps"],
                arguments, progress)
            results = rounds.in_turns(
                names, case, arguments.rounds,
                lambda name, options, case=case: measure(name, case, arguments, options), settings, progress)
            for line in lines_of(case, results):
                progress.say(line)
            rows += rows_of(case, results)
    print("\nmax: more is offered than the switch takes, queues are full. Frames that were under way while the "
          "generator itself did not run are left out.")
    return rows
