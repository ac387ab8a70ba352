"""What is measured: a case, and the sockets that the switch under test connects to."""

import dataclasses
import pathlib

import intent

MODES = ("l2", "sg", "vxlan")
FRAMES = (64, "imix", 1518)
MAC = [intent.mac(1), intent.mac(2)]  # of the generator's two ports
NETWORK = ["10.1.0.0/16", "10.2.0.0/16"]  # and all their addresses, see bench/generator/frame.c


@dataclasses.dataclass(frozen=True)
class Case:
    """mode: l2: forwarding with nothing to remember; sg: stateful security groups on both ports; vxlan: as l2, over a
    tunnel whose two ends are both in the switch. traffic: conversation or one-way, protocol: udp or tcp, as
    socle-generator knows them."""
    mode: str = "l2"
    flows: int = 1024
    frame: int | str = 64
    traffic: str = "conversation"
    protocol: str = "udp"

    @property
    def tunnelled(self):
        return self.mode == "vxlan"

    def __str__(self):
        frame = self.frame if self.frame == "imix" else f"{self.frame} B"
        return f"{self.mode}, {self.flows:,} flows, {frame}"


@dataclasses.dataclass(frozen=True)
class Links:
    """Sockets of the generator: two guests', and both ends of the wire between two tunnel endpoints."""
    directory: pathlib.Path
    guests: tuple
    wires: tuple

    @classmethod
    def within(cls, directory, case):
        return cls(pathlib.Path(directory), tuple(f"{directory}/s{i}" for i in (0, 1)),
                   tuple(f"{directory}/w{i}" for i in (0, 1)) if case.tunnelled else ())

    def pairs(self):
        """[(guest's socket, socket it leads to through one end), …]: without a tunnel the two guests."""
        return list(zip(self.guests, self.wires)) if self.wires else [self.guests]
