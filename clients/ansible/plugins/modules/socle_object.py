#!/usr/bin/python
# -*- coding: utf-8 -*-
"""Objects of a socle node: present or absent, in one transaction."""

from __future__ import annotations

DOCUMENTATION = r"""
module: socle_object
short_description: What a socle node is to be
description:
  - Makes, changes and deletes objects of socled, all of them or none, and waits until they are in force.
  - Nothing is sent that would change nothing. Check mode asks the node what would change (a dry run), and what on the host.
options:
  state:
    description: Whether the objects are to be there.
    type: str
    choices: [present, absent]
    default: present
  objects:
    description:
      - The objects, as I(kind), I(name) and I(spec) each; what else C(get) answers is left out. For O(state=absent), a
        I(spec) is not looked at.
      - Instead of O(kind), O(name) and O(spec).
    type: list
    elements: dict
  kind:
    description: The kind of the one object.
    type: str
  name:
    description: The name of the one object.
    type: str
  spec:
    description: What is wanted of the one object; members that are left out have their defaults.
    type: dict
    default: {}
  replace:
    description: The list is the whole truth for the kinds in it; others of these kinds are deleted.
    type: bool
    default: false
  wait:
    description: Seconds to wait until it is in force; 0 does not wait. An object that cannot be put into force is a failure.
    type: float
    default: 30
  wait_for:
    description: States that all objects must reach, in the time of O(wait) again, such as C([up, active]).
    type: list
    elements: str
  socket:
    description: socled's control socket on the managed node.
    type: path
    default: /run/socle/control.sock
  host:
    description: Another node's socled, over TLS, as NAME or NAME:PORT; for plays that run on the orchestrator.
    type: str
  certificate:
    description: Who asks, PEM; with O(host).
    type: path
  key:
    description: Its private key, PEM.
    type: path
  ca:
    description: Who vouches for the node, PEM.
    type: path
  timeout:
    description: Seconds to wait for an answer.
    type: float
    default: 30
attributes:
  check_mode: {support: full, description: Asks the node what would change.}
  diff_mode: {support: full, description: Shows what changes in the specs.}
author: [The socle authors]
"""

EXAMPLES = r"""
- name: The tenant's network and its group
  socle.node.socle_object:
    objects:
      - {kind: Network, name: blue, spec: {underlay: physnet0, vni: 100}}
      - kind: SecurityGroup
        name: web
        spec: {rules: [{direction: ingress, protocol: tcp, port_range_min: 443, port_range_max: 443}]}

- name: The host's profile, once it is in force
  socle.node.socle_object:
    kind: HostProfile
    name: node
    spec: {classes: {dataplane: {cores_per_node: 2}}}
    wait_for: [active]

- name: A port is gone
  socle.node.socle_object: {state: absent, kind: Port, name: web1}
"""

RETURN = r"""
changes:
  description: What was changed, or would be, as {action, kind, name, diff} each.
  returned: success
  type: list
revision:
  description: The node's revision after it.
  returned: success
  type: int
objects:
  description: The objects as they are then, with their status.
  returned: state=present, and not in check mode
  type: list
host:
  description: In check mode, what would change on the host itself, knob by knob.
  returned: check mode, for objects of the host
  type: list
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.socle.node.plugins.module_utils.socle import Client, Error

ARGUMENTS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "objects": {"type": "list", "elements": "dict"},
    "kind": {"type": "str"},
    "name": {"type": "str"},
    "spec": {"type": "dict", "default": {}},
    "replace": {"type": "bool", "default": False},
    "wait": {"type": "float", "default": 30},
    "wait_for": {"type": "list", "elements": "str"},
    "socket": {"type": "path", "default": "/run/socle/control.sock"},
    "host": {"type": "str"},
    "certificate": {"type": "path"},
    "key": {"type": "path"},
    "ca": {"type": "path"},
    "timeout": {"type": "float", "default": 30},
}


def wanted(module):
    """The objects without what only the node says."""
    given = module.params["objects"]
    if given is None:
        given = [{name: module.params[name] for name in ("kind", "name", "spec")}]
    members = ("kind", "name") if module.params["state"] == "absent" else ("kind", "name", "spec")
    return [{name: one[name] for name in members if name in one} for one in given]


def change(node, module, objects, dry_run):
    wait = None if dry_run else min(module.params["wait"], 60) or None
    if module.params["state"] == "absent":
        return node.delete(objects, ignore_missing=True, dry_run=dry_run, wait=wait)
    return node.apply(objects, replace=module.params["replace"], dry_run=dry_run, wait=wait)


def diff_of(changes):
    """One text before, one after: a line a member that differs."""
    before, after = [], []
    for entry in changes:
        head = "%s %s" % (entry["kind"], entry["name"])
        if entry["action"] == "add":
            after.append(head)
        elif entry["action"] == "delete":
            before.append(head)
        for part in entry.get("diff") or []:
            for lines, side in ((before, "before"), (after, "after")):
                if part[side] is not None:
                    lines.append("%s %s: %s" % (head, part["pointer"], part[side]))
    return {"before": "".join(line + "\n" for line in before), "after": "".join(line + "\n" for line in after)}


def seen(node, objects):
    return [found for one in objects for found in node.get(one["kind"], one["name"])]


def wait_for_states(node, module, objects):
    """The objects, once all have one of the states."""
    states, deadline = module.params["wait_for"] or [], time.monotonic() + module.params["wait"]
    while True:
        found = seen(node, objects)
        others = [one for one in found if (one.get("status") or {}).get("state") not in states]
        if not states or not others:
            return found
        if time.monotonic() > deadline:
            words = ["%s %s is %s%s" % (one["kind"], one["name"], (one.get("status") or {}).get("state", "unknown"),
                                        ": " + one["status"]["error"] if (one.get("status") or {}).get("error") else "")
                     for one in others]
            module.fail_json(msg="not %s after %g s: %s" % (" or ".join(states), module.params["wait"], "; ".join(words)),
                             objects=found)
        time.sleep(0.2)


def run(module, node):
    objects = wanted(module)
    result = change(node, module, objects, dry_run=True)
    if result["changes"] and not module.check_mode:
        result = change(node, module, objects, dry_run=False)
        if result.get("failures"):
            module.fail_json(msg="; ".join("%s %s: %s" % (f["kind"], f["name"], f["message"]) for f in result["failures"]),
                             changed=True, **{name: result[name] for name in ("changes", "revision", "failures")})
        if result.get("in_force") is False and module.params["wait"]:
            module.fail_json(msg="stored, but not in force after %g s" % module.params["wait"], changed=True,
                             changes=result["changes"], revision=result["revision"])
    answer = {"changed": bool(result["changes"]), "changes": result["changes"], "revision": result["revision"],
              "diff": diff_of(result["changes"])}
    if "host" in result:
        answer["host"] = result["host"]
    if module.params["state"] == "present" and not module.check_mode:
        answer["objects"] = wait_for_states(node, module, objects)
    module.exit_json(**answer)


def main():
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True, required_one_of=[["objects", "kind"]],
                           mutually_exclusive=[["objects", "kind"], ["objects", "name"]], required_together=[["kind", "name"]])
    p = module.params
    client = Client(p["host"], path=p["socket"], certificate=p["certificate"], key=p["key"], ca=p["ca"], timeout=p["timeout"])
    try:
        with client as node:
            run(module, node)
    except Error as error:
        module.fail_json(msg=str(error), errors=getattr(error, "errors", []))


if __name__ == "__main__":
    main()
