"""Builders of objects, so that a test shows only what matters to it."""


def underlay(vtep_ipv4="192.0.2.1/24", vtep_ipv6="fd00:2::1/64", interface="underlay0", mtu=1600, **more):
    spec = {"device": {"af_packet": {"interface": interface}}, "mtu": mtu, **more}
    if vtep_ipv4:
        spec["vtep_ipv4"] = vtep_ipv4
    if vtep_ipv6:
        spec["vtep_ipv6"] = vtep_ipv6
    return {"kind": "Underlay", "name": "physnet0", "spec": spec}


def network(name, vni=None, vlan=None, **more):
    spec = {"underlay": "physnet0", **more}
    spec |= {"vni": vni} if vlan is None else {"vlan": vlan}
    return {"kind": "Network", "name": name, "spec": spec}


def port(name, network, mac, ips=(), *, attachment, **more):
    return {"kind": "Port", "name": name, "spec": {"network": network, "mac_address": mac, "fixed_ips": list(ips),
                                                   "attachment": attachment, **more}}


def vhost_port(name, network, mac, ips=(), *, socket, queues=1, **more):
    return port(name, network, mac, ips, attachment={"vhost_user": {"socket": str(socket), "queues": queues}}, **more)


def peer(name, vtep, **networks):
    """peer("node2", "192.0.2.2", blue=[(mac, [ip…]), …]); a list ending in False: no flooding there."""
    entries = []
    for network, hosts in networks.items():
        entry = {"network": network,
                 "hosts": [{"mac_address": h[0], "ip_addresses": list(h[1])} for h in hosts if h is not False]}
        if False in hosts:
            entry["flood"] = False
        entries.append(entry)
    return {"kind": "Peer", "name": name, "spec": {"underlay": "physnet0", "vtep": vtep, "networks": entries}}


def mac(number):
    """A locally administered unicast MAC."""
    return "fa:16:3e:%02x:%02x:%02x" % (number >> 16 & 255, number >> 8 & 255, number & 255)
