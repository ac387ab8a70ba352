"""The benchmark driver behind script/bench: chooses the benchmark, writes its numbers as JSON when asked to."""

import argparse
import json
import pathlib
import signal
import sys

TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "tests/functional"))  # nodes, namespaces, guests: the same as in the tests

import pvp  # noqa: E402
import scale  # noqa: E402


def main():
    parser = argparse.ArgumentParser(prog="script/bench")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("pvp", help="two vhost-user ports under full load, beside testpmd")
    one.add_argument("--flows", type=int, default=1024)
    one.add_argument("--frame", type=int, default=64, help="bytes with FCS, as is the custom (64 … 1518)")
    one.add_argument("--mode", choices=["one-way", "conversation"], default="one-way",
                     help="conversation: the second direction answers the first")
    one.add_argument("--rounds", type=int, default=3)
    one.add_argument("--seconds", type=float, default=5, help="measured in each round")
    two = commands.add_parser("scale", help="1,000 ports, 200 networks, 20,000 addresses")
    for command in (one, two):
        command.add_argument("--json", metavar="FILE", help="write the numbers there as well")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # and what was set up is taken down
    numbers = pvp.run(arguments) if arguments.command == "pvp" else scale.run(arguments)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(numbers, indent=2) + "\n")


if __name__ == "__main__":
    main()
