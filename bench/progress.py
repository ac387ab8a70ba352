"""How far a benchmark is: a bar where someone watches, plain lines otherwise."""

import sys
import time

WIDTH = 24


class Progress:
    """A context. `steps`: how many there will be."""

    def __init__(self, steps, out=None):
        self.steps, self.done = steps, 0
        self.out = out or sys.stderr
        self.start = time.monotonic()
        self.live = self.out.isatty()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.clear()

    def clear(self):
        if self.live:
            self.out.write("\r\033[K")
            self.out.flush()

    def step(self, what):
        """Begins a step, and so ends the one before."""
        share = min(1, self.done / self.steps)
        self.done += 1
        if self.live:
            filled = round(share * WIDTH)
            self.out.write(f"\r\033[K[{'█' * filled}{'·' * (WIDTH - filled)}] {share:4.0%} {self.left()}{what}")
        else:
            self.out.write(f"[{self.done}/{self.steps}] {what}\n")
        self.out.flush()

    def left(self):
        """Of the time, by the steps there were."""
        before = self.done - 1
        if before < 2:
            return ""
        seconds = (time.monotonic() - self.start) / before * (self.steps - before)
        return f"{seconds / 60:.0f} min left, " if seconds > 90 else f"{seconds:.0f} s left, "

    def say(self, text):
        """A line that stays."""
        self.clear()
        print(text, flush=True)
