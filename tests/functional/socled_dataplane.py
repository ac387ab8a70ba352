"""The other end of socled's wire, for fault injection: a real SOCK_SEQPACKET server that keeps what it is sent, and
misbehaves on demand. (That packets flow is for the tests with a real socle-dataplane.)"""

import os
import pathlib
import re
import socket
import struct
import threading
import time

TOP = pathlib.Path(__file__).parents[2]
HEADER = (TOP / "include/socle/wire.h").read_text()


def wire_types():
    """Their numbers, read from the header that both programs are built from."""
    body = re.sub(r"/\*.*?\*/", "", re.search(r"enum wire_type \{(.*?)\}", HEADER, re.S)[1], flags=re.S)
    return {name: number for number, name in enumerate(re.findall(r"WIRE_(\w+)", body))}


def x_names(header):
    """The names in a table of X(ID, "name", …), in their order: drop reasons, session states."""
    return re.findall(r'^ +X\([A-Z_0-9]+, "(\w+)"', (TOP / "include/socle" / header).read_text(), re.M)


VERSION = int(re.search(r"#define WIRE_VERSION +(\d+)", HEADER)[1])
TYPES = wire_types()
(HELLO, BEGIN, DELETE, COMMIT, RESULT, COMMITTED, UNDERLAY, NETWORK, PORT, PEER, FDB, NEIGH, FLOOD, PORT_STATE,
 STATS_GET, PORT_STATS, WORKER_STATS, NODE_STATS, SESSION_STATS, STATS_END) = [TYPES[name] for name in (
     "HELLO BEGIN DELETE COMMIT RESULT COMMITTED UNDERLAY NETWORK PORT PEER FDB NEIGH FLOOD PORT_STATE "
     "STATS_GET PORT_STATS WORKER_STATS NODE_STATS SESSION_STATS STATS_END").split()]
KEY_SIZE = {TYPES[name]: int(size) for name, size in
            re.findall(r"RECORD\(WIRE_(\w+), \w+, (\d+)\)", (TOP / "common/wire.c").read_text()) if size != "0"}
DROP_REASONS, SESSION_STATES = x_names("drop.h"), x_names("session_states.h")
DROPS = len(DROP_REASONS)


def record(kind, body):
    body += bytes(-len(body) % 8)
    return struct.pack("=HHI", kind, 8 + len(body), 0) + body


def records(datagram):
    while datagram:
        kind, length, _ = struct.unpack_from("=HHI", datagram)
        yield kind, datagram[8:length]
        datagram = datagram[length:]


def hello(version=VERSION):
    return record(HELLO, struct.pack("=IIQQII64s", version, os.getpid(), 0, 0, 2, 1, b"fake dataplane"))


def port_state(number, link=1, error=0, text=b""):
    return record(PORT_STATE, struct.pack("=IBBHQII192s", number, link, link, 1, 0x8000, error, 0, text))


def now(value):
    return value() if callable(value) else value


class Generation:
    def __init__(self, number, full):
        self.number, self.full, self.upserts, self.deletes = number, full, {}, []


class FakeDataplane:
    """Attributes are switches that may be thrown at any time."""

    def __init__(self, path):
        self.reset()
        self.force, self.generations, self.connections, self.greetings = {}, [], 0, []
        self.changed = threading.Condition()
        self.stopping = False
        self.connection, self.connected = None, False
        path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(path))
        self.listener.listen(8)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def reset(self):
        """All switches as they are at first."""
        self.version = VERSION
        self.greet = True            # answer HELLO
        self.commit = True           # answer COMMIT
        self.garbage = None          # send this instead of COMMITTED
        self.hang_up = 0             # so many connections are closed in the middle of a generation
        self.fail = {}               # (type, key): (errno, text)
        self.link = True             # ports come up when committed
        self.reading = True
        self.count = True            # answer STATS_GET; what was not answered is when it is on again, late
        self.workers = []            # (index, packets), as STATS_GET is answered; or what makes it
        self.nodes = []              # (worker, name, calls, packets, cycles, io_cycles), likewise
        self.session_stats = None    # ([capacity, live], [created … tsc_hz], {state: count})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stopping = True
        for s in (self.listener, self.connection):
            if s:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                s.close()
        self.thread.join()

    def wait_for(self, condition, patience=60):
        with self.changed:
            assert self.changed.wait_for(lambda: condition(self), patience), "the dataplane never saw it"

    def note(self):
        with self.changed:
            self.changed.notify_all()

    def serve(self):
        while not self.stopping:
            try:
                self.connection = self.listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            self.connected = True
            self.note()
            try:
                self.talk(self.connection)
            except OSError:
                pass
            self.connection.close()
            self.connected = False
            self.note()

    def talk(self, connection):
        generation, uncounted = None, []
        while True:
            while not self.reading and not self.stopping:
                time.sleep(0.01)
            datagram = connection.recv(1 << 16)
            if not datagram:
                return
            for kind, body in records(datagram):
                if kind == HELLO:
                    self.greetings.append(struct.unpack_from("=II", body))
                    if self.greet:
                        connection.send(hello(self.version))
                    if self.version != VERSION:
                        return
                elif kind == BEGIN:
                    generation = Generation(*struct.unpack_from("=QI", body))
                elif kind == DELETE:
                    deleted = struct.unpack_from("=I", body)[0]
                    generation.deletes.append((deleted, body[8:8 + KEY_SIZE[deleted]]))
                elif kind in KEY_SIZE:
                    generation.upserts[kind, body[:KEY_SIZE[kind]]] = body
                elif kind == COMMIT:
                    assert struct.unpack_from("=Q", body)[0] == generation.number
                    self.committed(connection, generation)
                elif kind == STATS_GET:
                    uncounted.append(body)
                    while self.count and uncounted:
                        self.answer_stats(connection, uncounted.pop(0))
            if generation and self.hang_up > 0:
                self.hang_up -= 1
                return

    def committed(self, connection, generation):
        if self.hang_up > 0:
            return
        if self.garbage is not None:
            connection.send(self.garbage)
            return
        if not self.commit:
            self.generations.append(generation)
            self.note()
            return
        assert not set(generation.upserts) & set(generation.deletes), "both upserted and deleted"
        before = {} if generation.full else dict(self.force)
        for key in generation.deletes:
            assert key in before, f"deleted what was never there: {key}"
            del before[key]
        failed = [key for key in generation.upserts if key in self.fail]
        before.update(generation.upserts)
        out = [self.result(generation, key) for key in failed]
        out.append(record(COMMITTED, struct.pack("=QIIIIIIQ", generation.number, 0, len(generation.upserts), 0,
                                                 len(generation.deletes), len(failed), 0, 1000)))
        if self.link:
            out += [port_state(struct.unpack("=I", key)[0]) for kind, key in generation.upserts
                    if kind == PORT and (kind, key) not in failed]
        self.force = before
        self.generations.append(generation)
        for datagram in out:
            connection.send(datagram)
        self.note()

    def result(self, generation, key):
        error, text = self.fail[key]
        return record(RESULT, struct.pack("=QIi32s192s", generation.number, key[0], error, key[1], text))

    def answer_stats(self, connection, body):
        for kind, key in self.force:
            if kind == PORT:
                counters = struct.pack("=4sIQQQQ", key, 0, 10, 1000, 20, 2000)
                connection.send(record(PORT_STATS, counters + struct.pack(f"={DROPS}Q", 3, *[0] * (DROPS - 1))))
        for index, packets in now(self.workers):
            connection.send(record(WORKER_STATS, struct.pack(f"=II5QII{DROPS}Q", index, index, 0, 0, 0, 0, packets, 1, 0,
                                                             *[0] * DROPS)))
        for worker, name, *counters in now(self.nodes):
            connection.send(record(NODE_STATS, struct.pack("=IIQQQQ64s", worker, 0, *counters, name.encode())))
        if self.session_stats:
            table, counters, states = self.session_stats
            by_state = [states.get(name, 0) for name in SESSION_STATES]
            connection.send(record(SESSION_STATS, struct.pack(f"=2I8Q{len(by_state)}I", *table, *counters, *by_state)))
        connection.send(record(STATS_END, body[:8]))

    def of(self, kind):
        return {key: body for (k, key), body in self.force.items() if k == kind}
