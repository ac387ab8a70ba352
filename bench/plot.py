"""Draws the rows of pvp with gnuplot: a panel a mode and frame; in it a group of bars a number of flows, and a
bar a switch."""

import shutil
import subprocess

COLOURS = {"socle": "#1b6ca8", "testpmd": "#9aa5ab", "ovs": "#d98b2b"}
LABELS = {"testpmd": "testpmd io", "ovs": "OVS-DPDK"}
PANEL = 420, 300  # pixels


def data(rows):
    """gnuplot's here-document of one panel: flows, then median, least and most of each switch."""
    names = list(dict.fromkeys(row["switch"] for row in rows))
    lines = []
    for flows in sorted({row["flows"] for row in rows}):
        cells = [f'"{flows:,}"']
        for name in names:
            mpps = next(row["mpps"] for row in rows if row["flows"] == flows and row["switch"] == name)
            cells += [f"{mpps[key]}" for key in ("median", "min", "max")]
        lines.append(" ".join(cells))
    return names, lines


def panel(number, title, rows, legend):
    names, lines = data(rows)
    plots = [f'$panel{number} using {3 * i + 2}:{3 * i + 3}:{3 * i + 4}:xtic(1) '
             f'title "{LABELS.get(name, name)}" linecolor rgb "{COLOURS[name]}"' for i, name in enumerate(names)]
    room = 1.5 if legend else 1.15
    highest = max(row["mpps"]["max"] for row in rows)
    return [f"$panel{number} << EOD", *lines, "EOD", f'set title "{title}"', f"set yrange [0:{room * highest:.3f}]",
            f"set key {'top right' if legend else 'off'}", "plot " + ", ".join(plots)]


def script(rows, path, words):
    panels = list(dict.fromkeys((row["mode"], row["frame"]) for row in rows))
    columns = min(len(panels), len({frame for _, frame in panels}), 3)
    height = -(-len(panels) // columns)
    lines = [f'set terminal svg size {columns * PANEL[0]},{height * PANEL[1] + 40} font "sans,11" background "white"',
             f'set output "{path}"', "set style data histograms",
             "set style histogram errorbars gap 1 linewidth 1", "set style fill solid 0.9 noborder", "set boxwidth 0.9",
             "set errorbars 1 linecolor rgb '#333333' linewidth 1",
             "set grid ytics linetype 1 linecolor rgb '#dddddd'", "set border 3", "set tics nomirror scale 0.5",
             'set xlabel "flows each way"', 'set ylabel "Mpps, both directions"',
             f'set multiplot layout {height},{columns} title "{words}" font ",9"']
    for number, (mode, frame) in enumerate(panels):
        chosen = [row for row in rows if (row["mode"], row["frame"]) == (mode, frame)]
        title = f"{mode}, {frame if frame == 'imix' else f'{frame} bytes'}"
        lines += panel(number, title, chosen, number == 0)
    return "\n".join([*lines, "unset multiplot", ""])


def bars(rows, path, words):
    if not shutil.which("gnuplot"):
        raise SystemExit("--plot needs gnuplot; please run: script/deps bench")
    text = script(rows, path, words.replace('"', ""))
    done = subprocess.run(["gnuplot"], input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise SystemExit(f"gnuplot could not draw {path}: {done.stdout.strip()}")
