"""A ping in the background, to see what a change costs the packets."""

import re
import threading


class Ping:
    """A ping of 200 a second in the background: `with Ping(guest, address) as ping: …` and then `ping.lost`."""

    def __init__(self, guest, address, count=600):
        self.guest, self.address, self.count = guest, address, count

    def __enter__(self):
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        return self

    def _run(self):
        self.out = self.guest.namespace.run("ping", "-n", "-i", "0.005", "-c", self.count, "-W", "1", self.address,
                                            check=False, timeout=120)

    def __exit__(self, *_):
        self.thread.join()
        self.answered = set(map(int, re.findall(r"icmp_seq=(\d+) ttl", self.out)))
        self.lost = self.count - len(self.answered)
