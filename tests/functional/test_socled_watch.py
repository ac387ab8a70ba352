"""watch: everything first, then every change, from a revision on, and what becomes of who does not read."""

import json

from socled_fixture import *  # noqa: F403
from socled_fixture import network, port, underlay


def synced(event):
    return event["type"] == "synced"


def brief(events):
    return [(e["type"], e.get("kind"), e.get("name")) for e in events]


def test_everything_then_changes(socled):
    socled.start()
    with socled.connect() as writer, socled.connect() as watcher:
        writer.apply(underlay(), network(), port("vm1", 1))
        answer = watcher.call("watch")
        assert answer["revision"] == 1
        first = watcher.events_until(synced)
        assert sorted(brief(first[:-1])) == [("upsert", "Network", "blue"), ("upsert", "Port", "vm1"),
                                             ("upsert", "Underlay", "physnet0")]
        assert first[-1]["revision"] == 1
        assert first[0]["object"]["spec"]

        writer.apply(port("vm2", 2), network(flood=True))
        events = [e for e in watcher.events() if e["type"] == "upsert"]
        assert sorted(brief(events)) == [("upsert", "Network", "blue"), ("upsert", "Port", "vm2")]
        assert all(e["revision"] == 2 == e["object"]["revision"] for e in events)

        writer.call("delete", objects=[{"kind": "Port", "name": "vm1"}])
        deleted = watcher.events_until(lambda e: e["type"] == "delete")[-1]
        assert (deleted["kind"], deleted["name"], deleted["revision"]) == ("Port", "vm1", 3)


def test_only_some_kinds(socled):
    socled.start()
    with socled.connect() as writer, socled.connect() as watcher:
        writer.apply(underlay(), network(), port("vm1", 1))
        watcher.call("watch", kinds=["Port"])
        assert brief(watcher.events_until(synced)) == [("upsert", "Port", "vm1"), ("synced", None, None)]
        writer.apply(network(flood=True))
        writer.apply(port("vm2", 2))
        assert brief(watcher.events_until(lambda e: e["type"] == "upsert"))[-1] == ("upsert", "Port", "vm2")


def test_from_a_revision_with_deletions(socled):
    socled.start()
    with socled.connect() as writer:
        writer.apply(underlay(), network())              # 1
        writer.apply(port("vm1", 1), port("vm2", 2))     # 2
        writer.apply(port("vm3", 3))                     # 3
        writer.call("delete", objects=[{"kind": "Port", "name": "vm1"}])  # 4
        writer.apply(port("vm1", 9))                     # 5
        writer.call("delete", objects=[{"kind": "Port", "name": "vm3"}])  # 6
        writer.apply(port("vm2", 22))                    # 7
    expected = [("delete", "vm1", 4), ("upsert", "vm1", 5), ("delete", "vm3", 6), ("upsert", "vm2", 7), ("synced", None, 7)]
    for restarted in (False, True):
        if restarted:
            socled.kill()
            socled.start()
        with socled.connect() as watcher:
            watcher.call("watch", from_revision=2)
            events = watcher.events_until(synced)
            assert [(e["type"], e.get("name"), e["revision"]) for e in events] == expected
            watcher.call("watch", from_revision=7)
            assert brief(watcher.events_until(synced)) == [("synced", None, None)]


def test_unwatch(socled):
    socled.start()
    with socled.connect() as rpc:
        one, two = rpc.call("watch")["subscription"], rpc.call("watch")["subscription"]
        assert one != two
        rpc.call("unwatch", subscription=one)
        rpc.notifications.clear()
        rpc.apply(underlay())
        rpc.call("unwatch", subscription=two)
        rpc.call("info")
        while rpc.notifications:
            message = rpc.notifications.pop(0)
            assert message["params"]["subscription"] == two
        assert rpc.error("unwatch", subscription=two)["code"] == -32003


def test_a_stream_replayed_is_the_state(socled):
    """Events applied in order give what `get` gives, whenever one began to listen."""
    import random
    chance = random.Random(7)
    socled.start()
    with socled.connect() as writer:
        writer.apply(underlay(), network())
        present, watchers = set(), []
        for step in range(300):
            if step % 60 == 0:
                watcher = socled.connect()
                watcher.call("watch", kinds=["Port"])
                watchers.append((watcher, {}))
            i = chance.randrange(40)
            if i in present and chance.random() < 0.5:
                writer.call("delete", objects=[{"kind": "Port", "name": f"vm{i}"}])
                present.discard(i)
            else:
                writer.apply(port(f"vm{i}", i, admin_state_up=chance.random() < 0.5))
                present.add(i)
        end = writer.apply(port("end", 9999))["revision"]
        wanted = {o["name"]: o["spec"] for o in writer.call("get", kind="Port")["objects"]}
        for watcher, state in watchers:
            for event in watcher.events_until(lambda e: e.get("name") == "end" and e["revision"] == end):
                if event["type"] == "upsert":
                    state[event["name"]] = event["object"]["spec"]
                elif event["type"] == "delete":
                    state.pop(event["name"], None)
            assert state == wanted
            watcher.close()


def test_who_does_not_read_is_told_and_disconnected(socled):
    socled.config.write_text("[limits]\nwatch_events = 200\n")
    socled.start()
    with socled.connect() as writer, socled.connect() as deaf, socled.connect() as reader:
        writer.apply(underlay(), network())
        deaf.call("watch")
        reader.call("watch")
        ports = [port(f"vm{i}", i) for i in range(150)]
        # Far more than its socket and its queue take; the reader beside it gets everything.
        for i in range(40):
            writer.apply(*[{**p, "spec": {**p["spec"], "admin_state_up": i % 2 == 0}} for p in ports])
            reader.events_until(lambda e: e.get("name") == "vm99" and e["type"] == "upsert")
        last = None
        while (message := deaf.receive()) is not None:
            last = message
        assert last["error"]["code"] == -32006 and "watch" in last["error"]["message"]


def test_a_long_beginning_goes_out_in_pieces(socled):
    """More than a socket takes: it arrives whole all the same, and nobody waits for it."""
    socled.start()
    with socled.connect() as writer, socled.connect() as watcher:
        writer.apply(underlay(), network(), *[port(f"vm{i}", i) for i in range(4000)])
        watcher.send({"jsonrpc": "2.0", "id": 1, "method": "watch"})
        writer.call("info")
        writer.apply(port("vm77", 77, admin_state_up=False))
        writer.call("delete", objects=[{"kind": "Port", "name": "vm3999"}])
        assert watcher.receive()["id"] == 1
        events = watcher.events_until(lambda e: e["type"] == "delete")
        names = [e["name"] for e in events if e["type"] == "upsert" and e["kind"] == "Port"]
        assert set(names) >= {f"vm{i}" for i in range(3999)}
        assert [e["object"]["spec"]["admin_state_up"] for e in events
                if e.get("name") == "vm77" and e["type"] == "upsert"][-1] is False
        assert len(json.dumps(events)) > 1 << 20
