"""Conversations between guests' kernel stacks: an echo server, and whether what is asked comes back."""

import contextlib
import select
import socket
import threading

from netns import wait_until

PATIENT = 10  # for what must come back
BRIEF = 0.5   # for what must not: that it was dropped, and why, the counters say


class Echo:
    """Echoes on TCP and UDP ports of a guest, IPv4 and IPv6: `with Echo(guest, 80, 443): …`"""

    def __init__(self, guest, *ports):
        self.sockets, self.clients = [], []
        for port in ports:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                sock = guest.namespace.socket(socket.AF_INET6, kind)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
                sock.bind(("::", port))
                if kind == socket.SOCK_STREAM:
                    sock.listen()
                self.sockets.append(sock)

    def __enter__(self):
        self.stopping, self.wake = socket.socketpair()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()
        return self

    def _serve(self):
        while True:
            ready = select.select([self.stopping, *self.sockets, *self.clients], [], [])[0]
            if self.stopping in ready:
                return
            for sock in ready:
                self._serve_one(sock)

    def _serve_one(self, sock):
        if sock.type == socket.SOCK_DGRAM:
            data, peer = sock.recvfrom(65536)
            with contextlib.suppress(OSError):  # an ICMP error, or no way back
                sock.sendto(data, peer)
        elif sock in self.sockets:
            self.clients.append(sock.accept()[0])
        else:
            with contextlib.suppress(OSError):
                if data := sock.recv(65536):
                    sock.sendall(data)
                    return
            self.clients.remove(sock)
            sock.close()

    def __exit__(self, *_):
        self.wake.send(b"x")
        self.thread.join()
        for sock in (*self.sockets, *self.clients, self.stopping, self.wake):
            sock.close()


def dial(guest, kind, address, port, patience, source=None):
    """A connected socket, or None when nobody answers."""
    sock = guest.namespace.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    sock.settimeout(patience)
    if source:
        sock.bind((source, 0))
    try:
        sock.connect((address, port))
    except TimeoutError:
        sock.close()
        return None
    return sock


def answers(sock, patience, word=b"a word"):
    """Does the echo come back? Raises what the socket was told, such as ConnectionRefusedError."""
    sock.settimeout(patience)
    try:
        sock.send(word)
        return sock.recv(65536) == word
    except TimeoutError:
        return False


def _asks(guest, kind, address, port, patience, source):
    sock = dial(guest, kind, address, port, patience, source)
    if not sock:
        return False
    with sock:
        return answers(sock, patience)


def tcp(guest, address, port, patience=PATIENT, source=None):
    """Opens a connection and has a word echoed."""
    return _asks(guest, socket.SOCK_STREAM, address, port, patience, source)


def udp(guest, address, port, patience=PATIENT, source=None):
    return _asks(guest, socket.SOCK_DGRAM, address, port, patience, source)


def ping(guest, address, patience=PATIENT):
    return guest.ping(address, count=1, wait=patience)[0] == 1


class Chatter:
    """A TCP connection that has words echoed all the time: `heard` counts them."""

    def __init__(self, guest, address, port):
        self.socket = dial(guest, socket.SOCK_STREAM, address, port, PATIENT)
        assert self.socket, f"{guest.name} does not reach {address}:{port}"
        self.heard, self.error = 0, None

    def __enter__(self):
        self.stopping = False
        self.thread = threading.Thread(target=self._talk)
        self.thread.start()
        return self

    def _talk(self):
        self.socket.settimeout(0.1)
        try:
            while not self.stopping:
                word = b"%16d" % self.heard
                self.socket.sendall(word)
                heard = b""
                while len(heard) < len(word) and not self.stopping:
                    with contextlib.suppress(TimeoutError):
                        heard += self.socket.recv(len(word) - len(heard)) or self._ended()
                assert heard == word or self.stopping, f"said {word}, heard {heard}"
                self.heard += heard == word
        except (OSError, AssertionError) as error:
            self.error = error

    @staticmethod
    def _ended():
        raise ConnectionError("the connection ended")

    def goes_on(self, words=20):
        """Another `words` are echoed from now on."""
        target = self.heard + words
        wait_until(lambda: self.heard >= target or self.error, 30, "the conversation goes on")
        assert not self.error, self.error

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join()
        self.socket.close()
