"""An underlay that leads nowhere, for benchmarks of what happens within one node."""


def loose_underlay(node):
    node.namespace.ip("link", "add", "underlay0", "mtu", "1600", "type", "veth", "peer", "name", "far0")
    for name in ("underlay0", "far0"):
        node.namespace.ip("link", "set", name, "mtu", "1600", "up")
