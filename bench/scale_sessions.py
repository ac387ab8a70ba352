"""The rate against the number of sessions, and what they take in memory."""

import rounds
from cases import Case
from generator_session import figures

FLOWS = (1, 1024, 16384, 65536, 262144, 1000000)
SECONDS = 3


def one(flows):
    with rounds.session("socle", Case("sg", flows), seconds=SECONDS) as (sender, switch):
        summaries, clocks = rounds.watched(switch, sender, SECONDS)
        live = switch.node.call("stats")["sessions"]["live"]
        return {"flows": flows, **figures(summaries[0]), "clocks": clocks[0], "sessions": live,
                "dataplane_mb": switch.memory()}


def run():
    return [one(flows) for flows in FLOWS]


def report(numbers):
    print(f"{'sessions':>10}  {'Mpps':>6}  {'of the most':>11}  {'clocks outside I/O':>18}  {'dataplane MB':>12}")
    most = max(row["mpps"] for row in numbers)
    for row in numbers:
        print(f"{row['sessions']:>10,}  {row['mpps']:>6.2f}  {row['mpps'] / most:>11.2f}  {row['clocks']:>18.0f}  "
              f"{row['dataplane_mb']:>12,}")
