"""Packets lost while rules, groups and ports change all the time, as blocked time: lost ÷ rate (CSIT's "reconf"). At a
load that loses nothing at rest; the same load at rest, in the same round, is the control: what is lost then, or held
up, is the machine's.

A packet that finds the generator's queue full is lost to whoever kept the generator from emptying it, not to the
configuration: the switch counts those by their reason. What a stalled switch does not take is not lost here, since the
generator offers it again, so the longest time without an arrival is told as well."""

import statistics
import threading
import time

import rounds
from cases import Case
from generator_session import figures
from progress import Progress
from tables import about, machine, rounded

RECEIVER_FULL = {"tx_full", "datapath_drop_rx_invalid_packet"}
REST, CHANGING = "at rest", "changing"


class Changes(threading.Thread):
    """Changes the switch's configuration, again and again, until it is stopped."""

    def __init__(self, switch, per_second):
        super().__init__()
        self.switch, self.interval = switch, 1 / per_second
        self.done, self.error = 0, None
        self.over = threading.Event()

    def run(self):
        due = time.monotonic()
        try:
            while not self.over.wait(max(0, due - time.monotonic())):
                self.switch.change(self.done)
                self.done += 1
                due = max(due + self.interval, time.monotonic() - self.interval)
        except BaseException as error:  # told by stop(), in the thread that can report it
            self.error = error

    def stop(self):
        self.over.set()
        self.join()
        if self.error:
            raise SystemExit(f"a change of the configuration failed: {self.error}")
        return self.done


def grown(before, after):
    return {reason: count - before.get(reason, 0) for reason, count in after.items() if count > before.get(reason, 0)}


def measure(name, case, arguments, options=None):
    """{REST: …, CHANGING: …}: figures() with "drops" by reason, "blocked_ms", and of CHANGING "changes"."""
    share = f"{arguments.load:g}%"
    with rounds.session(name, case, options, seconds=arguments.seconds, warm_up=arguments.warm_up,
                        loads=f"max,{share},{share}") as (sender, switch):
        began, changes = [], None
        drops = []

        def on_phase(state, load):
            nonlocal changes
            if state == "warm-up":
                drops.append(switch.drops())
                began.append(load)
                if len(began) == 3:
                    changes = Changes(switch, arguments.changes)
                    changes.start()
        try:
            summaries = sender.summaries(switch.alive, on_phase)
        finally:
            done = changes.stop() if changes else 0
        drops.append(switch.drops())
        found = {}
        for index, what in ((1, REST), (2, CHANGING)):
            one = figures(summaries[index])
            rate = one["sent_mpps"] * 1e6
            found[what] = {**one, "drops": grown(drops[index], drops[index + 1]),
                           "blocked_ms": 1e3 * one["lost"] / rate, "offered_pps": summaries[index]["offered_pps"]}
        found[CHANGING]["changes"] = done
        return found


def to_configuration(one):
    """Lost, and not because the receiver's queue was full. None when the switch does not tell reasons."""
    return max(0, one["lost"] - sum(count for reason, count in one["drops"].items() if reason in RECEIVER_FULL))


def rows_of(results):
    return [{"switch": name, "when": what,
             "mpps": rounded([r[what]["mpps"] for r in found]),
             "lost": sum(r[what]["lost"] for r in found),
             "lost_to_configuration": sum(to_configuration(r[what]) for r in found) if name == "socle" else None,
             "blocked_ms": rounded([r[what]["blocked_ms"] for r in found]),
             "silence_ms": rounded([r[what]["silence_ms"] for r in found]),
             "changes": sum(r[what].get("changes", 0) for r in found)}
            for name, found in results.items() for what in (REST, CHANGING)]


HEAD = (f"{'switch':<9}{'':<10}{'changes':>8}  {'Mpps':>6}  {'lost':>8}  {'blocked ms a round':>18}  "
        f"{'longest silence ms':>18}  why")


def lines_of(results):
    for row in rows_of(results):
        found = [r[row["when"]] for r in results[row["switch"]]]
        reasons = {}
        for one in found:
            for reason, count in one["drops"].items():
                reasons[reason] = reasons.get(reason, 0) + count
        words = ", ".join(f"{reason} {count:,}" for reason, count in sorted(reasons.items())) or "–"
        yield (f"{row['switch']:<9}{row['when']:<10}{row['changes']:>8,}  {row['mpps']['median']:>6.2f}  "
               f"{row['lost']:>8,}  {row['blocked_ms']['median']:>18.3f}  {row['silence_ms']['max']:>18.2f}  {words}")


def run(arguments):
    names, here = ["socle", *arguments.peers], machine()
    case = Case(arguments.mode, arguments.flows, arguments.frame)
    print(f"reconf: {case}, {arguments.load:g} % of the load at which it is saturated, {arguments.changes:g} changes a "
          f"second at most, {arguments.rounds} rounds of {arguments.seconds:g} s; {about(here)}\n\n{HEAD}", flush=True)
    with Progress(rounds.tries(names, arguments) + arguments.rounds * len(names)) as progress:
        settings = rounds.best_settings(
            names, case, lambda name, options: rounds.full_load(name, case, 1, 1, options)["mpps"], arguments, progress)
        results = rounds.in_turns(names, case, arguments.rounds,
                                  lambda name, options: measure(name, case, arguments, options), settings, progress)
        for line in lines_of(results):
            progress.say(line)
    rows = rows_of(results)
    ours = next(row for row in rows if row["switch"] == "socle" and row["when"] == CHANGING)
    paused = statistics.median(r[CHANGING]["paused_ms"] for r in results["socle"])
    print(f"\nsocle lost {ours['lost_to_configuration']:,} packets to {ours['changes']:,} changes of its "
          f"configuration; the generator itself did not run for {paused:.0f} ms of a round.")
    return rows
