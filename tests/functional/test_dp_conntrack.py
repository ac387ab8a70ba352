"""Linux' connection tracking as the oracle of ours: the same packets through both, and the same must become of each
packet, and of the session: state, time left, answered, assured. Where Linux cannot be asked, its recorded answers are.
What differs on purpose is in DIFFERENCES, each with its reason and a conversation that shows it."""

import os
import time
from dataclasses import dataclass
from typing import Callable

import pytest

import conntrack_sctp
from conntrack_conversations import Wait
from conntrack_oracle import Linux, Ours, linux_lacks
from conntrack_recorded import BY_HAND, CONVERSATIONS, Recorded, random_association, random_connection
from node import program

ICMP, TCP_NUMBER, SCTP_NUMBER = 1, 6, 132
HEARTBEAT, HEARTBEAT_ACK = 4, 5  # SCTP chunks


@dataclass
class Difference:
    reason: str
    example: str  # the conversation that shows it
    applies: Callable  # (IP packet, Linux' answer, ours) → bool
    ends: bool = False  # what comes after it cannot be compared
    # A packet that both dropped may show it only later: (IP packet) → bool of that one, and of the one that differs.
    hides: Callable = lambda packet: False
    shows: Callable = lambda packet: False


def protocol(packet):
    return packet[6] if packet[0] >> 4 == 6 else packet[9]


def payload(packet):
    return packet[40:] if packet[0] >> 4 == 6 else packet[20:]


def sctp_chunks(packet):
    return sum(1 for _ in conntrack_sctp.chunks(payload(packet)))


def has_chunk(packet, wanted):
    return protocol(packet) == SCTP_NUMBER and any(c[0] == wanted for c in conntrack_sctp.chunks(payload(packet)))


DIFFERENCES = [
    Difference("An answered UDP, ICMP or other session is assured at once, and UDP has its longer timeout. Linux waits "
               "two seconds with UDP, and never assures the others: it spares its table, we bound what a port may hold "
               "(session_limit).",
               "ping",
               lambda packet, linux, ours: protocol(packet) not in (TCP_NUMBER, SCTP_NUMBER) and ours.assured and
               (linux.passed, linux.replied) == (ours.passed, ours.replied)),
    Difference("ICMP source quench is obsolete, and hosts must ignore it (RFC 6633). Linux lets it through as related.",
               "source quench",
               lambda packet, linux, ours: protocol(packet) == ICMP and payload(packet)[0] == 4),
    Difference("An ICMP redirect would let whoever sees a conversation bend its way. Linux lets it through as related.",
               "redirect",
               lambda packet, linux, ours: protocol(packet) == ICMP and payload(packet)[0] == 5),
    Difference("An SCTP packet with a chunk that does not belong is dropped whole, and changes nothing. Linux drops it, "
               "but has then taken the chunks before it for true: who does not know the tag could end an association so.",
               "chunks before one that does not belong",
               lambda packet, linux, ours: protocol(packet) == SCTP_NUMBER and sctp_chunks(packet) > 1 and
               not linux.passed and not ours.passed, ends=True,
               hides=lambda packet: has_chunk(packet, HEARTBEAT) and sctp_chunks(packet) > 1,
               shows=lambda packet: has_chunk(packet, HEARTBEAT_ACK)),
]


@pytest.fixture(scope="module")
def ours():
    oracle = Ours(program("oracle-path"))
    yield oracle
    oracle.close()


@pytest.fixture(scope="module")
def linux():
    lacks = linux_lacks()
    if lacks:
        pytest.skip(f"Linux is not to be asked: {lacks}")
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cpus)})  # what one CPU sends stays in order
    oracle = Linux()
    yield oracle
    oracle.close()
    os.sched_setaffinity(0, cpus)


class Comparison:
    """One conversation through both. Time is ours to tell where nobody else has a clock."""

    def __init__(self, theirs, ours, conversation, clock=time):
        self.theirs, self.ours, self.conversation, self.clock = theirs, ours, conversation, clock
        self.lines, self.found, self.hidden, self.slack = [], [], [], 0

    def run(self):
        self.ours.begin(self.conversation.settings)
        for step in self.conversation.steps:
            if isinstance(step, Wait):
                self.clock.sleep(step.seconds)
            elif not self.step(step):
                break
        return self

    def step(self, step):
        """True when the conversation is to go on. AssertionError when the two differ without a reason."""
        now = self.clock.monotonic()
        theirs = self.theirs.send(step.side, step.data)
        mine = self.ours.send(step.side, step.data, now)
        self.slack = max(self.slack, self.clock.monotonic() - now)
        self.lines.append(f"{step.words:64} Linux {theirs!s:28} ours {mine!s:28} {mine.reason}")
        assert step.drop is None or mine.passed != step.drop, self.say("not what was to become of the last packet")
        if theirs.same(mine, self.slack):
            if not mine.passed:
                self.hidden += [d for d in DIFFERENCES if d.hides(step.data)]
            return True
        known = next((d for d in DIFFERENCES if d.applies(step.data, theirs, mine)), None) or \
            next((d for d in self.hidden if d.shows(step.data)), None)
        assert known, self.say("they differ in the last step")
        self.found.append(known)
        return not known.ends

    def say(self, what):
        return f"{what}, {self.conversation.settings}:\n" + "\n".join(self.lines)


class Clock:
    """Goes on when told to."""

    def __init__(self):
        self.now = time.monotonic()

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def ask_linux(linux, ours, conversation):
    linux.begin(conversation.settings)
    return Comparison(linux, ours, conversation).run()


def ids(conversation):
    return conversation.name


def test_names_are_unique():
    assert len({c.name for c in CONVERSATIONS}) == len(CONVERSATIONS)


@pytest.fixture(scope="module")
def recorded():
    return Recorded()


@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=ids)
def test_as_recorded(recorded, ours, conversation):
    recorded.begin(conversation)
    Comparison(recorded, ours, conversation, Clock()).run()


@pytest.mark.netns
@pytest.mark.parametrize("conversation", BY_HAND, ids=ids)
def test_as_linux(linux, ours, conversation):
    ask_linux(linux, ours, conversation)


@pytest.mark.netns
@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda d: d.example)
def test_difference_is_still_there(linux, ours, difference):
    conversation = next(c for c in BY_HAND if c.name == difference.example)
    assert difference in ask_linux(linux, ours, conversation).found


def ask_much(linux, ours, conversation_of, seeds):
    """How many packets."""
    return sum(len(ask_linux(linux, ours, conversation_of(seed)).lines) for seed in seeds)


KINDS = pytest.mark.parametrize("conversation_of", [random_connection, random_association], ids=["tcp", "sctp"])


@pytest.mark.netns
@pytest.mark.parametrize("part", range(6))
@KINDS
def test_random(linux, ours, conversation_of, part):
    assert ask_much(linux, ours, conversation_of, range(1000 + part * 40, 1040 + part * 40)) > 1000


@pytest.mark.netns
@pytest.mark.large
@KINDS
def test_random_at_length(linux, ours, conversation_of):
    assert ask_much(linux, ours, conversation_of, range(10000, 11500)) > 30000
