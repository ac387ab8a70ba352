"""What Linux' connection tracking said, kept: conntrack_recorded.txt. A third oracle, which needs neither root nor a
kernel that has it. Written anew, when conversations change, by `python3 conntrack_recorded.py` as root."""

import pathlib
import platform
import zlib

import conntrack_random
import conntrack_sctp
from conntrack_conversations import OTHERS, SCTP, TCP, Conversation, Step, Wait
from conntrack_oracle import Answer, Linux, Settings

FILE = pathlib.Path(__file__).with_name("conntrack_recorded.txt")
SHORT = {"tcp_retrans": 20, "tcp_unack": 25}  # RETRANS and UNACK then cut every state short


def from_seed(kind, seed):
    """A random conversation, in the form of those written by hand."""
    settings = Settings(loose=seed % 4 != 1, liberal=seed % 8 == 2, max_retrans=seed % 5 + 1,
                        timeouts=SHORT if seed % 3 == 0 else None)
    steps = [Step(side, packet, words, None) for side, packet, words in kind(seed, family=6 if seed % 5 == 4 else 4)]
    return Conversation(f"{kind.__name__} of seed {seed}", steps, settings)


def random_connection(seed):
    return from_seed(conntrack_random.Connection, seed)


def random_association(seed):
    return from_seed(conntrack_sctp.Association, seed)


BY_HAND = TCP + SCTP + OTHERS
FROM_SEEDS = [random_connection(seed) for seed in range(40)] + [random_association(seed) for seed in range(30)]
CONVERSATIONS = BY_HAND + FROM_SEEDS


def packets_of(conversation):
    return [step for step in conversation.steps if not isinstance(step, Wait)]


def fingerprint(conversation):
    return f"{zlib.crc32(b''.join(step.data for step in packets_of(conversation))):08x}"


def write(answer):
    flags = ("r" if answer.replied else "-") + ("a" if answer.assured else "-")
    session = f" {answer.state} {answer.seconds:g} {flags}" if answer.state else ""
    return ("pass" if answer.passed else "drop") + session


def read(words):
    passed, *session = words.split()
    if not session:
        return Answer(passed == "pass")
    return Answer(passed == "pass", session[0], float(session[1]), session[2][0] == "r", session[2][1] == "a")


class Recorded:
    """As Linux in conntrack_oracle.py; knows the one conversation that begin() names."""

    def __init__(self):
        self.answers, self.left = {}, []
        for block in FILE.read_text().split("\n\n")[1:]:
            name, mark, *answers = block.strip().split("\n")
            self.answers[name] = mark, answers

    def begin(self, conversation):
        mark, answers = self.answers.get(conversation.name, ("nothing", []))
        assert mark == fingerprint(conversation), \
            f"{FILE.name} does not know these packets; write it anew: sudo python3 {pathlib.Path(__file__).name}"
        self.left = list(answers)

    def send(self, _side, _packet):
        return read(self.left.pop(0))


def main():
    import os
    import time
    os.sched_setaffinity(0, {0})
    linux = Linux()
    blocks = [f"Answers of Linux {platform.release()}: passed or not; then the session: state, seconds left, answered, "
              "assured."]
    try:
        for conversation in CONVERSATIONS:
            linux.begin(conversation.settings)
            answers = []
            for step in conversation.steps:
                if isinstance(step, Wait):
                    time.sleep(step.seconds)
                else:
                    answers.append(write(linux.send(step.side, step.data)))
            blocks.append("\n".join([conversation.name, fingerprint(conversation), *answers]))
    finally:
        linux.close()
    FILE.write_text("\n\n".join(blocks) + "\n")


if __name__ == "__main__":
    main()
