"""The switches in turns, A B C A B C …: what the machine does meanwhile, it does to all of them alike."""

import contextlib
import tempfile

import switches
from cases import Links
from generator_session import Generator, GeneratorError, figures

KEEPS_UP = 0.05  # a switch that refuses less than this share of what is offered waits for the generator
UNSTEADY = 1.7  # the same work by the same CPU, yet that many times the clocks: other load, or a hypervisor's whim
PERF_SHARE = 0.6  # of the measured time, in which a switch that can tell says where its clocks go


@contextlib.contextmanager
def session(name, case, options=None, **generator):
    """(generator, running switch) of one measurement; both gone in the end. What fails is said with the switch's last
    words."""
    with tempfile.TemporaryDirectory(prefix="socle-bench-", dir="/tmp") as directory:
        links = Links.within(directory, case)
        with Generator(links, case, **generator) as sender:
            with switches.by_name()[name].start(case, links, **(options or {})) as switch:
                try:
                    yield sender, switch
                except GeneratorError as error:
                    raise SystemExit(f"{name} ({case}): {error}\nwhat the switch says: {switch.says()}") from None


def watched(switch, sender, seconds):
    """(summaries, clocks a packet outside the devices or None): the measured loads of a generator."""
    started = []

    def on_phase(state, _):
        if state == "measuring":
            started.append(switch.perf(PERF_SHARE * seconds))
    summaries = sender.summaries(switch.alive, on_phase)
    return summaries, [switch.outside_io(process) if process else None for process in started]


def full_load(name, case, seconds, warm_up=1, options=None):
    """One round of one switch, as fast as it takes the frames: figures(), of socle with "clocks"."""
    with session(name, case, options, seconds=seconds, warm_up=warm_up) as (sender, switch):
        summaries, clocks = watched(switch, sender, seconds)
        return {**figures(summaries[0]), "clocks": clocks[0]}


def best_setting(name, what, measure, progress):
    """Of a switch that can be set up in several ways: the one that is fastest, by a short try of each with
    measure(options). None for others."""
    tried = {}
    for setting in settings_of(name):
        progress.step(f"{what}: {name}, trying {setting}")
        tried[setting] = measure({"setting": setting})
    return max(tried, key=tried.get) if tried else None


def settings_of(name):
    return list(getattr(switches.by_name()[name], "SETTINGS", {}))


def tries(names, arguments):
    """How many short tries best_settings() makes."""
    return sum(0 if arguments.ovs_setting else len(settings_of(name)) for name in names)


def best_settings(names, what, measure, arguments, progress):
    """{switch: options for its start} of those that have settings; measure(switch, options)."""
    chosen = {}
    for name in names:
        if settings_of(name):
            chosen[name] = {"setting": arguments.ovs_setting or best_setting(
                name, what, lambda options, name=name: measure(name, options), progress)}
    return chosen


def in_turns(names, what, count, measure, settings, progress):
    """{switch: [what measure(switch, options) gives, a round each]}."""
    results = {name: [] for name in names}
    for number in range(1, count + 1):
        for name in names:
            progress.step(f"{what}: round {number} of {count}, {name}")
            results[name].append(measure(name, settings.get(name)))
    return results


def unsteady(results):
    """Words, when the generator's own cost for the same work varied too much for the figures to be believed."""
    clocks = [r["generator_clocks"]["tx"] for r in results if r["generator_clocks"]["tx"]]
    if not clocks or max(clocks) <= UNSTEADY * min(clocks):
        return ""
    return (f"THE MACHINE WAS NOT STEADY: the generator's clocks for a packet sent went from {min(clocks):.0f} to "
            f"{max(clocks):.0f}; believe ratios rather than rates, and neither much")


def generator_bound(results):
    """Was the generator the limit in most rounds?"""
    return 2 * sum(r["refused"] < KEEPS_UP for r in results) > len(results)
