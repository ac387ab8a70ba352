"""A large intent, and a guest for each of its ports: for the tests and for the benchmark."""

import resource

import intent
from vhost_guest import VhostGuest

# A guest takes eight descriptors.
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)

NETWORKS, PORTS, PEERS, HOSTS = 200, 1000, 20, 5


def everything(directory):
    """The underlay excepted. HOSTS addresses a network and peer: 20 * 200 * 5 = 20,000."""
    objects = [intent.network(f"net{n}", vni=1000 + n) for n in range(NETWORKS)]
    for p in range(PORTS):
        objects.append(intent.vhost_port(f"port{p}", f"net{p % NETWORKS}", intent.mac(p), [f"10.1.{p >> 8}.{p & 255}"],
                                         socket=f"{directory}/p{p}.sock"))
    for n in range(PEERS):
        networks = {f"net{i}": [(intent.mac(1 << 16 | n * HOSTS + h), [f"10.2.{n}.{h}"]) for h in range(HOSTS)]
                    for i in range(NETWORKS)}
        objects.append(intent.peer(f"peer{n}", f"192.0.2.{100 + n}", **networks))
    return objects


def memory(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmRSS"))


def small_frame(source, destination):
    return bytes.fromhex((destination + source).replace(":", "") + "88b5") + b"s" * 50


def sent(one, two, frame, timeout=0.2):
    """One try: did the frame get across?"""
    one.send(frame)
    return two.recv(timeout, match=lambda f: f == frame)


def small_guest(directory, port):
    """The guest of port `port`, listening; with little memory, since there are many."""
    return VhostGuest(f"{directory}/p{port}.sock", size=64, rx_slot=2048, tx_slots=4, tx_slot=2048)
