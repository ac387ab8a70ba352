"""The wire without socled: a client that says to the dataplane what no user can make socled say, and asks it directly."""

import socket
import struct

import intent
import socled_dataplane as wire_format
from netns import wait_until


class Wire:
    """In socled's place. Records are sent as they are."""

    ATTACHMENT_VHOST = 5

    def __init__(self, node):
        self.generation, self.pending = 0, []
        self.socket = node.namespace.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(20)
        wait_until(lambda: self.socket.connect_ex(f"{node.directory}/dataplane.sock") == 0, 20, "the dataplane listens")
        self.socket.send(wire_format.hello())
        self.answer(wire_format.HELLO)

    def answer(self, wanted):
        return self.answers(wanted)[-1][1]

    def answers(self, last):
        """[(type, body)] up to the first record of the type `last`, which is the last one."""
        found = []
        while True:
            if not self.pending:
                datagram = self.socket.recv(1 << 16)
                assert datagram, "the dataplane closed the connection: see its log"
                self.pending = list(wire_format.records(datagram))
            found.append(self.pending.pop(0))
            if found[-1][0] == last:
                return found

    def commit(self, *records):
        """Puts the records into force; how many failed."""
        self.generation += 1
        begin = wire_format.record(wire_format.BEGIN, struct.pack("=QII", self.generation, 0, 0))
        commit = wire_format.record(wire_format.COMMIT, struct.pack("=Q", self.generation))
        self.socket.send(begin + b"".join(records) + commit)
        return struct.unpack_from("=QIIIII", self.answer(wire_format.COMMITTED))[5]

    def send(self, kind, body):
        self.socket.send(wire_format.record(kind, body))

    @staticmethod
    def network(number):
        body = struct.pack("=8I64s", number, 99, 1, number, 1500, 0, 0, 0, b"network")
        return wire_format.record(wire_format.NETWORK, body)

    def port(self, number, network, guest, secured=0):
        attachment = struct.pack("=IIQ32s108sI", self.ATTACHMENT_VHOST, 1, 0, b"", guest.path.encode(), 0)
        mac = bytes.fromhex(intent.mac(number).replace(":", ""))
        return wire_format.record(wire_format.PORT, struct.pack("=II", number, network) + attachment
                                  + struct.pack("=I6sBBII64s", 1500, mac, 1, secured, 0, 0, b"port"))

    def close(self):
        self.socket.close()
