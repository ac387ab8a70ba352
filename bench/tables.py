"""Several rounds of one figure: median and range, ratios round by round; and where and when they were measured."""

import datetime
import os
import pathlib
import platform
import statistics


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def rounded(values, digits=3):
    return {key: round(value, digits) for key, value in spread(values).items()}


def ratio(ours, theirs):
    """The median of the rounds' ratios: each compares what ran right after each other. None without the other."""
    return round(statistics.median(a / b for a, b in zip(ours, theirs)), 3) if theirs else None


def shown(values, form="{:.2f}"):
    """median (min–max)."""
    numbers = spread(values)
    return f"{form.format(numbers['median'])} ({form.format(numbers['min'])}–{form.format(numbers['max'])})"


def percentiles(samples):
    ordered = sorted(samples)
    return {"p50": statistics.median(ordered), "p99": ordered[int(len(ordered) * 0.99)], "max": ordered[-1]}


def machine():
    """What the figures depend on, besides the program."""
    cpu = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    return {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"), "cpu": cpu,
            "cpus": os.cpu_count(), "kernel": platform.release(),
            "load": round(os.getloadavg()[0], 2)}


def about(numbers):
    return (f"{numbers['date']}, {numbers['cpus']} × {numbers['cpu']}, Linux {numbers['kernel']}, "
            f"load before the start {numbers['load']}")
