"""The benchmark driver behind script/bench: chooses the benchmark, writes its numbers as JSON when asked to."""

import argparse
import importlib
import json
import pathlib
import signal
import sys

TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "tests/functional"))  # nodes, namespaces, guests: the same as in the tests

import cases  # noqa: E402
import switches.ovs  # noqa: E402
from control import RpcError  # noqa: E402

PEERS = ("testpmd", "ovs")
PARTS = ("ports", "rules", "sessions")  # of scale
FLOWS_MAX = (1 << 24) - 1


def listed(kind, known):
    """The type of an option that takes a list: a,b,c."""
    def parse(text):
        values = [kind(value) for value in text.split(",") if value]
        if not values or len(set(values)) < len(values):
            raise argparse.ArgumentTypeError(f"'{text}': expected {known}, each once")
        return values
    return parse


def choice(*known):
    def one(text):
        if text not in known:
            raise argparse.ArgumentTypeError(f"'{text}': expected some of {', '.join(known)}")
        return text
    return one


def number(least, most):
    def one(text):
        if not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"'{text}': expected a number from {least} to {most}")
        return int(text)
    return one


def seconds(text):
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0.1 <= value <= 600:
        raise argparse.ArgumentTypeError(f"'{text}': expected seconds, from 0.1 to 600")
    return value


def frame(text):
    return text if text == "imix" else number(64, 1518)(text)


def peers(text):
    return [] if text == "none" else listed(choice(*PEERS), "testpmd, ovs or none")(text)


def add_rounds(one, count, length, known=PEERS):
    if known:
        one.add_argument("--peers", type=peers, default=list(known), metavar="LIST",
                         help=f"beside socle: {','.join(known)} (default), some of testpmd,ovs, or none")
    one.add_argument("--rounds", type=number(1, 1000), default=count, metavar="N", help=f"(default {count})")
    one.add_argument("--seconds", type=seconds, default=length, help=f"measured in each round (default {length})")
    one.add_argument("--warm-up", type=seconds, default=1, metavar="SECONDS", help="before that (default 1)")
    one.add_argument("--ovs-setting", choices=list(switches.ovs.SETTINGS),
                     help="flow caches of OVS; by default all are tried for each case, and the best is taken")


def add_pvp(one):
    add_rounds(one, 5, 5)
    one.add_argument("--flows", type=listed(number(1, FLOWS_MAX), "numbers"), default=[1, 1024, 65536, 1000000],
                     metavar="LIST", help="each way (default 1,1024,65536,1000000)")
    one.add_argument("--frame", type=listed(frame, "64 … 1518, imix"), default=list(cases.FRAMES), metavar="LIST",
                     help="bytes with FCS, as is the custom, or imix (default 64,imix,1518)")
    one.add_argument("--mode", type=listed(choice(*cases.MODES), "l2, sg, vxlan"), default=list(cases.MODES),
                     metavar="LIST", help="l2, sg: stateful security groups, vxlan (default: all)")
    one.add_argument("--traffic", choices=["conversation", "one-way"], default="conversation",
                     help="conversation (default): the second direction answers the first")
    one.add_argument("--protocol", choices=["udp", "tcp"], default="udp",
                     help="tcp: connections, opened before; conversations only")
    one.add_argument("--details", metavar="FILE", help="write every round there, as JSON")
    one.add_argument("--plot", metavar="FILE.svg", help="draw the rows")


def add_cps(one):
    add_rounds(one, 5, 10)
    one.add_argument("--connections", type=number(1000, FLOWS_MAX), default=800000, metavar="N",
                     help="opened in each round, or as many as --seconds allow (default 800000)")
    one.add_argument("--protocol", type=listed(choice("udp", "tcp"), "udp, tcp"), default=["udp", "tcp"],
                     metavar="LIST", help="udp, tcp (default: both)")
    one.add_argument("--close", choices=["open", "rst", "fin"], default="open",
                     help="how TCP connections end: not (default), by RST, by FINs")
    one.add_argument("--window", type=number(1, 1024), default=512, metavar="N",
                     help="connections being opened at once (default 512)")


def add_latency(one):
    add_rounds(one, 5, 5)
    one.add_argument("--load", type=listed(number(1, 100), "percentages"), default=[10, 50, 90], metavar="LIST",
                     help="percent of the load at which the switch is saturated (default 10,50,90)")
    one.add_argument("--flows", type=number(1, FLOWS_MAX), default=1024, help="each way (default 1024)")
    one.add_argument("--frame", type=frame, default=64, help="bytes with FCS, or imix (default 64)")
    one.add_argument("--mode", type=listed(choice(*cases.MODES), "l2, sg, vxlan"), default=["l2", "sg"],
                     metavar="LIST", help="of l2, sg, vxlan (default l2,sg)")
    one.add_argument("--traffic", choices=["conversation", "one-way"], default="conversation")


def add_reconf(one):
    add_rounds(one, 5, 10, ("ovs",))
    one.add_argument("--load", type=number(1, 100), default=50, metavar="PERCENT",
                     help="of the load at which the switch is saturated (default 50)")
    one.add_argument("--changes", type=number(1, 10000), default=50, metavar="N", help="a second (default 50)")
    one.add_argument("--flows", type=number(1, FLOWS_MAX), default=1024, help="each way (default 1024)")
    one.add_argument("--frame", type=frame, default=64, help="bytes with FCS, or imix (default 64)")
    one.add_argument("--mode", choices=["l2", "sg"], default="sg")


def add_aims(one):
    add_rounds(one, 5, 5, None)
    one.set_defaults(peers=list(PEERS), close="open", window=512, load=50, changes=50)


def add_scale(one):
    one.add_argument("--part", type=listed(choice(*PARTS), ", ".join(PARTS)), default=list(PARTS), metavar="LIST",
                     help=f"of {', '.join(PARTS)} (default: all)")


def add_calls(one):
    one.add_argument("--rounds", type=number(1, 1000), default=5, metavar="N", help="(default 5)")
    one.add_argument("--seconds", type=seconds, default=3, help="measured in each round (default 3)")
    one.add_argument("--clients", type=number(1, 1500), default=1000, metavar="N", help="that watch (default 1000)")


COMMANDS = {
    "pvp": ("two vhost-user ports under full load: Mpps, beside testpmd and OVS-DPDK", add_pvp),
    "cps": ("new connections a second through stateful security groups", add_cps),
    "latency": ("delays at shares of the load that a switch takes", add_latency),
    "reconf": ("packets lost while policy and ports change all the time", add_reconf),
    "aims": ("all that this switch is to reach, in one run, as a table", add_aims),
    "calls": ("requests a second over one connection to socled, and what clients that watch cost", add_calls),
    "scale": ("what many ports, rules and sessions cost, in time and memory", add_scale),
}


def parser():
    top = argparse.ArgumentParser(prog="script/bench", description="Benchmarks; docs/performance.md says how to read "
                                                                   "them. The machine should have nothing else to do.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (words, add) in COMMANDS.items():
        one = commands.add_parser(name, help=words, description=words)
        one.add_argument("--json", metavar="FILE", help="write the numbers there as well")
        add(one)
    return top


def check(arguments, top):
    if arguments.command == "pvp" and arguments.protocol == "tcp" and arguments.traffic == "one-way":
        top.error("--protocol tcp needs --traffic conversation: a connection has two directions")
    if "ovs" in getattr(arguments, "peers", []) and switches.ovs.missing():
        top.error(f"the peer ovs is not installed; please run: script/deps bench (package {switches.ovs.missing()})")
    for name in ("json", "plot", "details"):
        path = getattr(arguments, name, None)
        if path and not pathlib.Path(path).absolute().parent.is_dir():
            top.error(f"--{name} {path}: there is no such directory")


def interrupted(*_):
    """Once; what is set up is taken down then, undisturbed."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main():
    top = parser()
    arguments = top.parse_args()
    check(arguments, top)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupted)
    benchmark = importlib.import_module(arguments.command)
    try:
        numbers = benchmark.run(arguments)
    except KeyboardInterrupt:
        sys.exit("script/bench: interrupted; what it had started is gone")
    except (AssertionError, OSError, RpcError) as error:  # a daemon, a command, or socled's answer, in its own words
        sys.exit(f"script/bench: {error}")
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main()
