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

PEERS = ("testpmd", "ovs")
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


def parser():
    top = argparse.ArgumentParser(prog="script/bench", description="Benchmarks; docs/performance.md says how to read "
                                                                   "them. The machine should have nothing else to do.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name, words, traffic=False):
        one = commands.add_parser(name, help=words, description=words)
        one.add_argument("--json", metavar="FILE", help="write the numbers there as well")
        if traffic:
            one.add_argument("--peers", type=peers, default=list(PEERS), metavar="LIST",
                             help="beside socle: testpmd,ovs (default), one of them, or none")
            one.add_argument("--rounds", type=number(1, 1000), default=5, metavar="N")
            one.add_argument("--seconds", type=seconds, default=5, help="measured in each round (default 5)")
            one.add_argument("--ovs-setting", choices=list(switches.ovs.SETTINGS),
                             help="flow caches of OVS; by default all are tried for each case, and the best is taken")
        return one

    pvp = command("pvp", "two vhost-user ports under full load", traffic=True)
    pvp.add_argument("--flows", type=listed(number(1, FLOWS_MAX), "numbers"), default=[1, 1024, 65536, 1000000],
                     metavar="LIST", help="each way (default 1,1024,65536,1000000)")
    pvp.add_argument("--frame", type=listed(frame, "64 … 1518, imix"), default=list(cases.FRAMES), metavar="LIST",
                     help="bytes with FCS, as is the custom, or imix (default 64,imix,1518)")
    pvp.add_argument("--mode", type=listed(choice(*cases.MODES), "l2, sg, vxlan"), default=list(cases.MODES),
                     metavar="LIST", help="l2, sg: stateful security groups, vxlan (default: all)")
    pvp.add_argument("--traffic", choices=["conversation", "one-way"], default="conversation",
                     help="conversation (default): the second direction answers the first")
    pvp.add_argument("--protocol", choices=["udp", "tcp"], default="udp",
                     help="tcp: connections, opened before; conversations only")
    pvp.add_argument("--details", metavar="FILE", help="write every round there, as JSON")
    pvp.add_argument("--plot", metavar="FILE.svg", help="draw the rows")
    command("scale", "1,000 ports, 200 networks, 20,000 addresses")
    return top


def check(arguments, top):
    if getattr(arguments, "protocol", "udp") == "tcp" and arguments.traffic == "one-way":
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
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main()
