"""Linux' connection tracking as the oracle of ours: the same packets through both, and the same must become of each packet,
and of the session: state, time left, answered, assured. What differs on purpose is in DIFFERENCES, each with its reason and a
conversation that shows it."""

import os
import time
from dataclasses import dataclass
from typing import Callable

import pytest

import conntrack_random
import conntrack_sctp
from conntrack_conversations import OTHERS, SCTP, TCP, Wait
from conntrack_oracle import Linux, Ours, Settings, linux_lacks
from node import program

CONVERSATIONS = TCP + SCTP + OTHERS
ICMP, TCP_NUMBER, SCTP_NUMBER = 1, 6, 132


@dataclass
class Difference:
    reason: str
    example: str  # the conversation that shows it
    applies: Callable  # (IP packet, Linux' answer, ours) → bool
    ends: bool = False  # what comes after it cannot be compared


def protocol(packet):
    return packet[6] if packet[0] >> 4 == 6 else packet[9]


def payload(packet):
    return packet[40:] if packet[0] >> 4 == 6 else packet[20:]


def sctp_chunks(packet):
    return sum(1 for _ in conntrack_sctp.chunks(payload(packet)))


DIFFERENCES = [
    Difference("An answered UDP, ICMP or other session is assured at once, and UDP has its longer timeout. Linux waits two seconds "
               "with UDP, and never assures the others: it spares its table, we bound what a port may hold (session_limit).",
               "ping",
               lambda packet, linux, ours: protocol(packet) not in (TCP_NUMBER, SCTP_NUMBER) and ours.assured and
               (linux.passed, linux.replied) == (ours.passed, ours.replied)),
    Difference("ICMP source quench is obsolete, and hosts must ignore it (RFC 6633). Linux lets it through as related.",
               "source quench",
               lambda packet, linux, ours: protocol(packet) == ICMP and payload(packet)[0] == 4),
    Difference("An ICMP redirect would let whoever sees a conversation bend its way. Linux lets it through as related.",
               "redirect",
               lambda packet, linux, ours: protocol(packet) == ICMP and payload(packet)[0] == 5),
    Difference("An SCTP packet with a chunk that does not belong is dropped whole, and changes nothing. Linux drops it, but has "
               "then taken the chunks before it for true: an attacker without the tag could end an association so.",
               "chunks before one that does not belong",
               lambda packet, linux, ours: protocol(packet) == SCTP_NUMBER and sctp_chunks(packet) > 1 and
               not linux.passed and not ours.passed, ends=True),
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
    """One conversation through both."""

    def __init__(self, linux, ours, settings):
        self.linux, self.ours = linux, ours
        self.lines, self.found, self.slack = [], [], 0
        for oracle in linux, ours:
            oracle.begin(settings)

    def step(self, side, packet, words):
        """True when the conversation is to go on. AssertionError when the two differ without a reason."""
        now = time.monotonic()
        theirs = self.linux.send(side, packet)
        mine = self.ours.send(side, packet, now)
        self.slack = max(self.slack, time.monotonic() - now)
        self.lines.append(f"{words:64} Linux {theirs!s:28} ours {mine!s:28} {mine.reason}")
        if theirs.same(mine, self.slack):
            return True
        known = next((d for d in DIFFERENCES if d.applies(packet, theirs, mine)), None)
        assert known, "they differ in the last step:\n" + "\n".join(self.lines)
        self.found.append(known)
        return not known.ends


def compare(linux, ours, conversation):
    comparison = Comparison(linux, ours, conversation.settings)
    for step in conversation.steps:
        if isinstance(step, Wait):
            time.sleep(step.seconds)
        elif not comparison.step(step.side, step.data, step.words):
            break
    return comparison


def ids(conversation):
    return conversation.name


def test_names_are_unique():
    assert len({c.name for c in TCP}) == len(TCP) and len({c.name for c in OTHERS}) == len(OTHERS)


@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=ids)
def test_what_passes(ours, conversation):
    """Without Linux: what is written beside each packet is what becomes of it."""
    ours.begin(conversation.settings)
    for step in conversation.steps:
        if isinstance(step, Wait):
            continue
        answer = ours.send(step.side, step.data)
        assert answer.passed != step.drop, f"{step.words}: {answer} {answer.reason}"


@pytest.mark.netns
@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=ids)
def test_as_linux(linux, ours, conversation):
    compare(linux, ours, conversation)


@pytest.mark.netns
@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda d: d.example)
def test_difference_is_still_there(linux, ours, difference):
    conversation = next(c for c in CONVERSATIONS if c.name == difference.example)
    assert difference in compare(linux, ours, conversation).found


SHORT = {"tcp_retrans": 20, "tcp_unack": 25}  # RETRANS and UNACK then cut every state short


def random_settings(seed):
    return Settings(loose=seed % 4 != 1, liberal=seed % 8 == 2, max_retrans=seed % 5 + 1, timeouts=SHORT if seed % 3 == 0 else None)


def compare_random(linux, ours, seed, kind):
    comparison = Comparison(linux, ours, random_settings(seed))
    for side, packet, words in kind(seed, family=6 if seed % 5 == 4 else 4):
        try:
            if not comparison.step(side, packet, words):
                break
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, {random_settings(seed)}: {error}") from None
    return len(comparison.lines)


@pytest.mark.netns
@pytest.mark.parametrize("part", range(6))
@pytest.mark.parametrize("kind", [conntrack_random.Conversation, conntrack_sctp.Association], ids=["tcp", "sctp"])
def test_random(linux, ours, kind, part):
    steps = sum(compare_random(linux, ours, seed, kind) for seed in range(part * 40, part * 40 + 40))
    assert steps > 1000


@pytest.mark.netns
@pytest.mark.large
@pytest.mark.parametrize("kind", [conntrack_random.Conversation, conntrack_sctp.Association], ids=["tcp", "sctp"])
def test_random_at_length(linux, ours, kind):
    steps = sum(compare_random(linux, ours, seed, kind) for seed in range(10000, 11500))
    assert steps > 30000
