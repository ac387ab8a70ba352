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


def port(name, network, mac, ips=(), *, attachment, port_security=False, **more):
    """Without port security, unless the test is about it."""
    return {"kind": "Port", "name": name, "spec": {"network": network, "mac_address": mac, "fixed_ips": list(ips),
                                                   "attachment": attachment, "port_security": port_security, **more}}


def vhost_port(name, network, mac, ips=(), *, socket, queues=1, **more):
    return port(name, network, mac, ips, attachment={"vhost_user": {"socket": str(socket), "queues": queues}}, **more)


def security_group(name, *rules, **more):
    return {"kind": "SecurityGroup", "name": name, "spec": {"rules": list(rules), **more}}


def rule(direction, protocol="any", low=None, high=None, **more):
    """rule("ingress", "tcp", 80): one port; ICMP: type, code. Of IPv4, or of what `ethertype` or the prefix say."""
    spec = {"direction": direction, "protocol": protocol, **more}
    if ":" in more.get("remote_ip_prefix", ""):
        spec.setdefault("ethertype", "IPv6")
    if low is not None:
        spec["port_range_min"] = low
        if high is not None or "icmp" not in protocol:
            spec["port_range_max"] = low if high is None else high
    return spec


def address_group(name, *addresses):
    return {"kind": "AddressGroup", "name": name, "spec": {"addresses": list(addresses)}}


def peer(name, vtep, **networks):
    """peer("node2", "192.0.2.2", blue=[(mac, [ip…], [group…]), …]); a list ending in False: no flooding there."""
    entries = []
    for network, hosts in networks.items():
        entry = {"network": network,
                 "hosts": [host(*h) for h in hosts if h is not False]}
        if False in hosts:
            entry["flood"] = False
        entries.append(entry)
    return {"kind": "Peer", "name": name, "spec": {"underlay": "physnet0", "vtep": vtep, "networks": entries}}


def host(mac, ips, groups=()):
    spec = {"mac_address": mac, "ip_addresses": list(ips)}
    return spec | {"security_groups": list(groups)} if groups else spec


def mac(number):
    """A locally administered unicast MAC."""
    return "fa:16:3e:%02x:%02x:%02x" % (number >> 16 & 255, number >> 8 & 255, number & 255)
