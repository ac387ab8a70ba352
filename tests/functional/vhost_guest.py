"""A guest's virtio-net driver and QEMU's side of vhost-user in one, in memory of our own: `VhostGuest`.

The switch is the vhost-user client, so we listen. Split rings (virtio 1.1, 2.6); queue pair i has rings 2i (we receive)
and 2i + 1 (we send). Unlike a real driver, it can be told to break every rule: `send_chain` takes raw descriptors.
Protocol: https://qemu.readthedocs.io/en/latest/interop/vhost-user.html"""

import array
import contextlib
import mmap
import os
import select
import socket
import struct
import time

(GET_FEATURES, SET_FEATURES, SET_OWNER, SET_MEM_TABLE) = (1, 2, 3, 5)
(SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE, SET_VRING_KICK, SET_VRING_CALL) = (8, 9, 10, 12, 13)
(GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES, SET_VRING_ENABLE) = (15, 16, 18)

CSUM, GUEST_CSUM, GUEST_TSO4, GUEST_TSO6, HOST_TSO4, HOST_TSO6, MRG_RXBUF, MQ, PROTOCOL, VERSION_1 = (
    1 << b for b in (0, 1, 7, 8, 11, 12, 15, 22, 30, 32))
PLAIN = MRG_RXBUF | VERSION_1
OFFLOADS = PLAIN | CSUM | GUEST_CSUM | GUEST_TSO4 | GUEST_TSO6 | HOST_TSO4 | HOST_TSO6
MULTIQUEUE = MQ | 1 << 17  # MQ needs CTRL_VQ

PROTOCOL_MQ, PROTOCOL_REPLY_ACK = 1 << 0, 1 << 3
VERSION, NEED_REPLY = 1, 1 << 3
NEXT, WRITE, INDIRECT = 1, 2, 4

GUEST_BASE = 0x1_0000_0000  # guest-physical address of our memory; the "user" addresses are the same
HEADER = struct.Struct("<BBHHHHH")
NEEDS_CSUM, DATA_VALID = 1, 2
GSO_NONE, GSO_TCPV4, GSO_TCPV6 = 0, 1, 4


class Ring:
    """One virtqueue: where its parts lie, and how far we are."""

    def __init__(self, base, size, slot_base, slots, slot_size):
        self.size, self.slots, self.slot_size, self.slot_base = size, slots, slot_size, slot_base
        self.desc = base
        self.avail = base + 16 * size
        self.used = (self.avail + 6 + 2 * size + 63) & ~63
        self.end = (self.used + 6 + 8 * size + 4095) & ~4095
        self.avail_index = self.used_index = 0
        self.kick, self.call = os.eventfd(0, os.EFD_NONBLOCK), os.eventfd(0, os.EFD_NONBLOCK)

    def close(self):
        os.close(self.kick)
        os.close(self.call)


class VhostGuest:
    def __init__(self, path, features=PLAIN, queues=1, size=256, rx_slot=4096, tx_slots=16, tx_slot=69632):
        self.path, self.wanted = str(path), features
        self.queues, self.size, self.rx_slot, self.tx_slots, self.tx_slot = queues, size, rx_slot, tx_slots, tx_slot
        self.features = 0
        self.connection = self.memory = None
        self.rings = []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self.listener.bind(self.path)
        self.listener.listen(4)

    # ---- the vhost-user side ----

    def accept(self, timeout=20):
        """Waits for the switch and sets everything up; the queues are enabled when it returns."""
        self.listener.settimeout(timeout)
        self.disconnect()
        self.connection, _ = self.listener.accept()
        self.connection.settimeout(timeout)
        offered = self._ask(GET_FEATURES)
        self.features = offered & (self.wanted | PROTOCOL)
        if self.features & PROTOCOL:
            protocol = self._ask(GET_PROTOCOL_FEATURES) & (PROTOCOL_MQ | PROTOCOL_REPLY_ACK)
            self._tell(SET_PROTOCOL_FEATURES, struct.pack("<Q", protocol))
        self._tell(SET_OWNER)
        self._tell(SET_FEATURES, struct.pack("<Q", self.features))
        self._lay_out()
        region = struct.pack("<IIQQQQ", 1, 0, GUEST_BASE, self.length, GUEST_BASE, 0)
        self._tell(SET_MEM_TABLE, region, [self.memfd])
        for index, ring in enumerate(self.rings):
            self._tell(SET_VRING_NUM, struct.pack("<II", index, ring.size))
            self._tell(SET_VRING_BASE, struct.pack("<II", index, 0))
            self._tell(SET_VRING_ADDR, struct.pack("<IIQQQQ", index, 0, GUEST_BASE + ring.desc,
                                                   GUEST_BASE + ring.used, GUEST_BASE + ring.avail, 0))
            self._tell(SET_VRING_KICK, struct.pack("<Q", index), [ring.kick])
            self._tell(SET_VRING_CALL, struct.pack("<Q", index), [ring.call])
        for ring in self.rings[::2]:
            self._fill(ring)
        for index in range(len(self.rings)):
            self._tell(SET_VRING_ENABLE, struct.pack("<II", index, 1), acknowledged=True)
        return self

    def _tell(self, request, payload=b"", fds=(), acknowledged=False):
        acknowledged = acknowledged and self.features & PROTOCOL
        flags = VERSION | (NEED_REPLY if acknowledged else 0)
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.connection.sendmsg([struct.pack("<III", request, flags, len(payload)) + payload], control)
        if acknowledged:
            assert self._reply() == 0, f"vhost-user request {request} was refused"

    def _ask(self, request):
        self._tell(request)
        return self._reply()

    def _reply(self):
        data = b""
        while len(data) < 20:
            part = self.connection.recv(20 - len(data))
            if not part:
                raise ConnectionError("the switch closed the connection")
            data += part
        return struct.unpack("<IIIQ", data)[3]

    def _lay_out(self):
        offset, self.rings = 4096, []
        for index in range(2 * self.queues):
            slots, slot_size = (self.tx_slots, self.tx_slot) if index % 2 else (self.size, self.rx_slot)
            ring = Ring(offset, self.size, 0, slots, slot_size)
            ring.slot_base = ring.end
            offset = ring.end + slots * slot_size
            self.rings.append(ring)
        self.length = (offset + (1 << 21) - 1) & ~((1 << 21) - 1)
        self.memfd = os.memfd_create("guest")
        os.ftruncate(self.memfd, self.length)
        self.memory = mmap.mmap(self.memfd, self.length)
        # Indices are read by the switch at any time: stored whole, which struct.pack_into() does not (it zeroes first).
        self.words = memoryview(self.memory).cast("H")

    # ---- the driver's side ----

    def _put(self, format, offset, *values):
        struct.pack_into(format, self.memory, offset, *values)

    def _get(self, format, offset):
        return struct.unpack_from(format, self.memory, offset)

    def _offer(self, ring, head):
        self._put("<H", ring.avail + 4 + 2 * (ring.avail_index % ring.size), head)
        ring.avail_index = (ring.avail_index + 1) & 0xFFFF

    def _publish(self, ring):
        self.words[ring.avail // 2 + 1] = ring.avail_index
        if not self.words[ring.used // 2] & 1:  # VRING_USED_F_NO_NOTIFY
            os.eventfd_write(ring.kick, 1)

    def asked_for_buffers(self):
        """Queues whose receive ring wants a kick for each new buffer, which costs a guest an exit."""
        return [queue for queue, ring in enumerate(self.rings[::2]) if not self.words[ring.used // 2] & 1]

    def _fill(self, ring):
        for head in range(ring.size):
            self._put("<QIHH", ring.desc + 16 * head, GUEST_BASE + ring.slot_base + head * ring.slot_size,
                      ring.slot_size, WRITE, 0)
            self._offer(ring, head)
        self._publish(ring)

    def _used(self, ring):
        return (self.words[ring.used // 2 + 1] - ring.used_index) & 0xFFFF

    def recv(self, timeout=2.0, queue=0, match=lambda frame: True):
        """The next (frame, virtio header) that matches, or None."""
        ring, end = self.rings[2 * queue], time.monotonic() + timeout
        while True:
            while self._used(ring):
                frame, header = self._take(ring)
                if match(frame):
                    return frame, header
            if time.monotonic() >= end:
                return None
            poll = select.poll()  # select() ends at descriptor 1023
            poll.register(ring.call, select.POLLIN)
            poll.poll(5)
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(ring.call)

    def _take(self, ring):
        data, buffers = b"", 1
        while buffers:
            head, length = self._get("<II", ring.used + 4 + 8 * (ring.used_index % ring.size))
            start = ring.slot_base + head * ring.slot_size
            if not data:
                header = HEADER.unpack_from(self.memory, start)
                buffers = header[6] if self.features & MRG_RXBUF else 1
            data += self.memory[start:start + length]
            ring.used_index = (ring.used_index + 1) & 0xFFFF
            buffers -= 1
            self._offer(ring, head)
        self._publish(ring)
        return data[HEADER.size:], header

    def send(self, frame, header=(0, GSO_NONE, 0, 0, 0, 0), queue=0, timeout=2.0):
        """Puts one frame on the ring; waits while there is no room."""
        ring, data = self.rings[2 * queue + 1], HEADER.pack(*header, 0) + bytes(frame)
        self.wait_sent(queue, ring.slots - 1, timeout)
        slot = ring.avail_index % ring.slots
        start = ring.slot_base + slot * ring.slot_size
        self.memory[start:start + len(data)] = data
        self._put("<QIHH", ring.desc + 16 * slot, GUEST_BASE + start, len(data), 0, 0)
        self._offer(ring, slot)
        self._publish(ring)

    def wait_sent(self, queue=0, outstanding=0, timeout=2.0):
        """Until the switch has taken all but `outstanding` frames. TimeoutError if it does not."""
        ring, end = self.rings[2 * queue + 1], time.monotonic() + timeout
        while True:
            ring.used_index = self.words[ring.used // 2 + 1]
            if (ring.avail_index - ring.used_index) & 0xFFFF <= outstanding:
                return
            if time.monotonic() > end:
                raise TimeoutError("the switch does not take our frames")
            time.sleep(0.0005)

    def send_chain(self, descriptors, queue=0, head=0, index_step=1):
        """Writes (address, length, flags, next) as they are into the sending ring from 0 on, and offers `head`."""
        ring = self.rings[2 * queue + 1]
        for number, descriptor in enumerate(descriptors):
            self._put("<QIHH", ring.desc + 16 * number, *descriptor)
        self._put("<H", ring.avail + 4 + 2 * (ring.avail_index % ring.size), head)
        ring.avail_index = (ring.avail_index + index_step) & 0xFFFF
        self._publish(ring)

    # ---- the end ----

    def disconnect(self):
        """As when the guest is killed: all is gone at once."""
        if self.connection:
            self.connection.close()
            self.connection = None
        for ring in self.rings:
            ring.close()
        self.rings = []
        if self.memory is not None:
            self.words.release()
            self.memory.close()
            os.close(self.memfd)
            self.memory = None

    def close(self):
        self.disconnect()
        self.listener.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
