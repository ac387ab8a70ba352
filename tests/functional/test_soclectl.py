"""soclectl against a real socled: every command, every exit status, files good and bad, completion."""

import json
import os
import random
import re
import signal
import subprocess
import time

import pytest

from cli_fixture import (BUILD, COMPLETION, DATAPLANE, DEGRADED, OK, REFUSED, SOCLECTL, SOCLED, TIMEOUT, UNREACHABLE,
                         USAGE, Node, complete, run, run_on_terminal)

pytestmark = pytest.mark.skipif(not (SOCLED.exists() and SOCLECTL.exists()),
                                reason=f"needs socled and soclectl in {BUILD} (SOCLE_BUILD)")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

TENANT = """\
kind: Underlay
name: physnet0
spec:
  device: {af_packet: {interface: eth-none}}
  vtep_ipv4: 192.0.2.1/24
---
- kind: Network
  name: blue
  spec: {underlay: physnet0, vni: 100}
- kind: Port
  name: vm1-eth0
  spec:
    network: blue
    mac_address: 00:11:22:33:44:55
    fixed_ips: [10.0.0.1, fd00::1]
    attachment:
      tap: {name: vm1}
---
{"objects": [
\t{"kind": "Peer", "name": "node2", "spec": {"underlay": "physnet0", "vtep": "192.0.2.2",
\t\t"networks": [{"network": "blue", "hosts": [{"mac_address": "fa:16:3e:00:00:02", "ip_addresses": ["10.0.0.2"]}]}]}}
]}
"""


@pytest.fixture(scope="module")
def shared():
    node = Node().start()
    yield node
    node.stop()


@pytest.fixture
def node(shared):
    """An empty node; all tests of this module share its socled."""
    shared.clear()
    return shared


@pytest.fixture
def own():
    """A node of one's own, to kill or to configure."""
    node = Node()
    yield node
    node.stop()


@pytest.fixture
def tenant(node):
    node.apply(TENANT)
    return node


def convert(text, *options):
    done = run("convert", "-f", "-", *options, stdin=text)
    assert done.status == OK, done
    return done.json()


def value(text):
    """What a YAML value is read as."""
    return convert(f"{{kind: Some, v: {text}}}")[0]["v"]


# ---- reading YAML and JSON ----

@pytest.mark.parametrize("text, expected", [
    ("00:11:22:33:44:55", "00:11:22:33:44:55"), ("12:34:56", "12:34:56"), ("fa:16:3e:00:00:01", "fa:16:3e:00:00:01"),
    ("10.0.0.1", "10.0.0.1"), ("1.2.3", "1.2.3"), ("fd00::1", "fd00::1"), ("::1", "::1"), ("0000:3b:00.0", "0000:3b:00.0"),
    ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"), ("2001-01-01", "2001-01-01"),
    ("1_000", "1_000"), ("12e", "12e"), ("0b11", "0b11"), ("0x", "0x"), ("1 2", "1 2"), (".", "."), ("+", "+"),
    ("true", True), ("True", True), ("TRUE", True), ("tRUE", "tRUE"), ("false", False), ("False", False),
    ("null", None), ("Null", None), ("~", None), ("", None), ("nULL", "nULL"),
    ("0", 0), ("12", 12), ("-12", -12), ("+12", 12), ("007", 7), ("0x1f", 31), ("0o17", 15), ("0o18", "0o18"),
    ("9223372036854775807", 9223372036854775807), ("-9223372036854775808", -9223372036854775808),
    ("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("1e+3", 1000.0), ("-1.5E-1", -0.15),
    ('"12"', "12"), ("'12'", "12"), ('"true"', "true"), ("'null'", "null"), ('"~"', "~"), ('""', ""), ("''", ""),
    ("'it''s'", "it's"), ('"a\\tb"', "a\tb"), ('"\\u00e9"', "é"), ('"\\ud83d\\ude00"', "\U0001f600"), ("é", "é"),
    ("!!str 12", "12"), ("! 12", "12"), ("!!int \"12\"", 12), ("!!float 1.5", 1.5), ("!!bool true", True), ("!!null ~", None),
    ("[]", []), ("{}", {}), ("[1, [2, {a: b}]]", [1, [2, {"a": "b"}]]),
])
def test_yaml_values(text, expected):
    read = value(text)
    assert read == expected and type(read) is type(expected)


def test_yaml_block_scalars_and_comments():
    read = convert("kind: Some # a comment\nv: |\n  two\n  lines # text\nw: >-\n  folded\n  text\n")
    assert read == [{"kind": "Some", "v": "two\nlines # text\n", "w": "folded text"}]


def test_yaml_anchors_aliases_and_merge_keys():
    read = convert("kind: Some\nbase: &b {x: 1, y: 2}\na: *b\nc: {<<: *b, x: 3}\nd: {<<: [{x: 7}, *b]}\n")
    assert read[0]["a"] == {"x": 1, "y": 2}
    assert read[0]["c"] == {"x": 3, "y": 2}
    assert read[0]["d"] == {"x": 7, "y": 2}


def test_yaml_forms_of_files():
    assert [o["name"] for o in convert("--- {kind: A, name: a}\n---\n---\n- {kind: A, name: b}\n- {kind: A, name: c}\n"
                                       "--- \nobjects:\n- {kind: A, name: d}\n...\n")] == ["a", "b", "c", "d"]


def test_byte_order_mark_and_crlf():
    assert convert(b"\xef\xbb\xbfkind: A\r\nname: b\r\n") == [{"kind": "A", "name": "b"}]


def test_json_with_tabs_and_escapes():
    assert convert('{\n\t"kind": "A",\n\t"v": "\\/\\n\\u0041"\n}\n') == [{"kind": "A", "v": "/\nA"}]


def test_what_only_the_node_says_is_left_out():
    assert convert("{kind: A, name: b, id: 3, revision: 4, status: {state: up}, spec: {id: 5}}") == [
        {"kind": "A", "name": "b", "spec": {"id": 5}}]


NASTY = ["", " ", "a ", " a", "yes", "no", "Off", "null", "~", "true", "1", "1.5", "0x1f", "1e3", "12:34:56", "1_0", "2001-01-01",
         "00:11:22:33:44:55", "fd00::", "::1", "a: b", "a #b", "#a", "-", "-x", "- x", "?", "? x", "[a", "a]", "{", "*a", "&a", "!a", "|",
         ">", "%a", "@a", "`a", "'", "\"", "a'b", "a\"b", "\n", "a\nb", "\t", "\\", "=", "<<", "...", "---", "é", "\U0001f600", "\x7f",
         "a,b", "10.0.0.1", "10.0.0.1/24", "0000:3b:00.0", ".inf", ".5", "a:b", "a: ", "x" * 3000, "\u2028", "\x85", "0o7", "+1"]


def test_yaml_output_reads_back_as_it_was():
    objects = [{"kind": "A", "v": NASTY, "keys": {key: [{key: [[key]]}, [], {}] for key in NASTY if key != "<<"},
                "n": [0, -1, 1.5, 1e300, 0.1, 1e-7, 3.0, 0.0035049999, 1/3, True, False, None, 2**63 - 1]}]
    text = run("convert", "-f", "-", "-o", "yaml", stdin=json.dumps(objects))
    assert text.status == OK
    assert convert(text.out) == objects


def test_yaml_output_is_the_same_to_readers_of_yaml_1_1():
    yaml = pytest.importorskip("yaml", reason="needs python3-yaml, which reads YAML 1.1")
    objects = [{"kind": "A", "v": [text for text in NASTY if text not in ("\u2028", "\x85", "\x7f")]}]
    text = run("convert", "-f", "-", "-o", "yaml", stdin=json.dumps(objects))
    assert [yaml.safe_load(text.out)] == objects


# ---- files that are wrong ----

@pytest.mark.parametrize("text, line, words", [
    ("kind: A\nname: b\nkind: C\n", 3, 'the key "kind" is there twice'),
    ("kind: A\nspec:\n  x: 1\n  y: 2\n  x: 3\n", 5, 'the key "x" is there twice'),
    ('{"kind": "A",\n "kind": "B"}', 2, 'the key "kind" is there twice'),
    ("kind: A\nspec: &s\n  x: *s\n", 3, "refers to what it is itself in"),
    ("kind: A\nspec: *nowhere\n", 2, "there is no anchor &nowhere"),
    ("kind: &a A\n---\nkind: *a\n", 3, "there is no anchor &a"),
    ("kind: A\nspec: {x: 99999999999999999999}\n", 2, "does not fit"),
    ("kind: A\nspec: .inf\n", 2, "does not fit"),
    ("kind: A\nspec: 1e999\n", 2, "does not fit"),
    ("kind: A\nspec: !thing x\n", 2, "!thing"),
    ("kind: A\nspec: !!int x\n", 2, "int"),
    ("kind: A\nspec:\n  ? [a]\n  : b\n", 3, "cannot be a key"),
    ("kind: A\nspec: {<<: 3}\n", 2, "cannot merge"),
    ("kind: A\nspec:\n\tx: 1\n", 3, "tab"),
    ("kind: A\nspec: [1, 2\n", 3, ""),
    ("kind: A\nspec: b: c\n", 2, "nested block mapping"),
    ("kind: A\nx: @y\n", 2, "@"),
    ("kind: A\nname: \x01\n", 2, "byte 0x01 is not text"),
    (b"kind: A\nname: \xff\xfe\n", 2, "byte 0xff is not text"),
    (b"kind: A\nname: \xc0\xaf\n", 2, "byte 0xc0 is not text"),
    (b"kind: A\nname: \xed\xa0\x80\n", 2, "byte 0xed is not text"),
    (b"kind: A\x00\n", 1, "byte 0x00 is not text"),
])
def test_bad_yaml_says_where(text, line, words):
    done = run("convert", "-f", "-", stdin=text)
    assert done.status == USAGE and done.out == "", done
    assert f"standard input:{line}:" in done.err and words in done.err


@pytest.mark.parametrize("text", ["", "\n\n", "---\n---\n", "# nothing\n", "[]", "{objects: []}"])
def test_files_without_objects(text):
    done = run("convert", "-f", "-", stdin=text)
    assert done.status == USAGE and "there is no object in standard input" in done.err


@pytest.mark.parametrize("text, words", [("hello", "a string"), ("3", "a number"), ("- [a]", "at /0 is a list"),
                                         ("objects: [{kind: A}, 3]", "at /objects/1 is a number"),
                                         ("--- {kind: A}\n--- true\n", "document 2 is a boolean")])
def test_documents_that_are_no_objects(text, words):
    done = run("convert", "-f", "-", stdin=text)
    assert done.status == USAGE and words in done.err


@pytest.mark.parametrize("text", ["[" * 100000, '{"a":' * 100000, "- " * 10000 + "x", "[" * 65 + "]" * 65],
                         ids=["lists", "mappings", "block", "closed"])
def test_huge_nesting(text):
    done = run("convert", "-f", "-", stdin=text)
    assert done.status == USAGE and "more than 64 levels" in done.err


def test_billion_laughs():
    lines = ["kind: A", "spec:", "  a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]"]
    lines += [f"  a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 40)]
    done = run("convert", "-f", "-", stdin="\n".join(lines))
    assert done.status == USAGE and re.search(r":9:\d+: this expands to more than 5000000 values", done.err), done


def test_aliases_that_nest_deeper_than_text():
    lines = ["kind: A", "spec:", "  a0: &a0 " + "[" * 30 + "]" * 30]
    lines += [f"  a{i}: &a{i} {'[' * 30}*a{i - 1}{']' * 30}" for i in range(1, 4)]
    done = run("convert", "-f", "-", stdin="\n".join(lines))
    assert done.status == USAGE and "levels deep" in done.err


def test_garbage_never_crashes():
    noise = random.Random(7)
    seeds = [TENANT.encode(), json.dumps({"objects": [{"kind": "A", "v": NASTY}]}).encode()]
    for round_ in range(300):
        data = bytearray(noise.choice(seeds))
        for _ in range(noise.randint(1, 12)):
            at = noise.randrange(len(data))
            data[at:at + noise.randint(0, 3)] = noise.choice(
                [bytes([noise.randrange(256)]), b"\n", b"\t", b"*", b"&a ", b"{", b"]", b": ", b"- ", b"'", b'"', b"|", b"? ", b"%", b"!x "])
        done = run("convert", "-f", "-", stdin=bytes(data))
        assert done.status in (OK, USAGE), (round_, bytes(data), done)


def test_binary_file(tmp_path):
    done = run("apply", "-f", SOCLECTL)
    assert done.status == USAGE and f"{SOCLECTL}:1:5: byte 0x02 is not text" in done.err


def test_files_that_cannot_be_read(tmp_path):
    for path, words in ((tmp_path / "none", "No such file"), (tmp_path, "directory")):
        done = run("apply", "-f", path)
        assert done.status == USAGE and str(path) in done.err and words in done.err


# ---- the command line ----

COMMANDS = ["apply", "audit", "capture", "convert", "delete", "explain", "get", "info", "inventory", "noise", "perf", "plan", "sessions",
            "stats", "status", "top", "topology", "trace", "version", "watch"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(command):
    done = run(command, "--help")
    assert done.status == OK and done.out.startswith(f"soclectl {command}") and "--help" in done.out and not done.err
    assert run(command, "-h").out == done.out


def test_help_lists_all_commands_and_exit_statuses():
    done = run("--help")
    assert done.status == OK and not done.err
    assert [line.split()[0] for line in done.out.split("Commands:")[1].split("Options")[0].strip().splitlines()] == COMMANDS
    assert "socled cannot be reached" in done.out and "__complete" not in done.out


@pytest.mark.parametrize("arguments, words", [
    ([], "which command"), (["frobnicate"], 'no command "frobnicate"'), (["--frob"], "no option --frob"),
    (["--socket"], "needs an argument"), (["--timeout", "soon", "info"], 'cannot be "soon"'),
    (["--timeout", "-1", "info"], 'cannot be "-1"'), (["--colour", "blue", "info"], 'cannot be "blue"'),
    (["apply"], "which file"), (["apply", "-f"], "-f needs an argument"), (["apply", "--file"], "--file needs an argument"),
    (["apply", "-f", "x", "extra"], "one argument too many"), (["apply", "-f", "-", "--dry-run=3"], "takes no argument"),
    (["apply", "-f", "-", "--wait=-1"], "--wait cannot be"), (["apply", "-f", "-", "--wait=61"], "--wait cannot be"),
    (["apply", "-f", "-", "--wait", "--no-wait"], "exclude each other"),
    (["apply", "-f", "-", "--if-revision", "x"], "--if-revision cannot be"),
    (["get", "-o", "xml"], 'cannot be "xml"'), (["get", "-x"], "no option -x"), (["watch", "-n", "0"], "--count cannot be"),
    (["delete"], "which objects"), (["delete", "Port"], "which objects"), (["delete", "Port", "x", "-f", "y"], "which objects"),
    (["top", "-d", "0"], "--delay cannot be"), (["explain", "a", "b"], "one argument too many"), (["convert"], "which file"),
])
def test_usage_errors(arguments, words):
    done = run(*arguments)
    assert done.status == USAGE and words in done.err and done.out == "", done


def test_version(node):
    done = node.ctl("version")
    assert done.status == OK
    assert re.fullmatch(r"soclectl (\S+)\nsocled \1\nsocle-dataplane not connected\n", done.out)
    assert run("version", "--client").out == run("--version").out == done.out.splitlines()[0] + "\n"


# ---- the connection ----

def test_no_socket(tmp_path):
    done = run("--socket", tmp_path / "none.sock", "info")
    assert done.status == UNREACHABLE and "is socled running? systemctl status socled" in done.err
    assert run("info", env={"SOCLE_SOCKET": str(tmp_path / "none.sock")}).status == UNREACHABLE


def test_socket_path_too_long():
    done = run("--socket", "/" + "x" * 200, "info")
    assert done.status == UNREACHABLE and "107 bytes" in done.err


def test_socket_nobody_listens_on(own):
    own.start()
    own.kill()
    done = own.ctl("info")
    assert done.status == UNREACHABLE and "nobody listens" in done.err


def test_no_answer_in_time(own):
    own.start()
    own.socled.send_signal(signal.SIGSTOP)
    done = own.ctl("--timeout", "0.2", "info")
    own.socled.send_signal(signal.SIGCONT)
    assert done.status == TIMEOUT and "did not answer in 0.2 s" in done.err


def test_connection_breaks(own):
    own.start()
    watching = own.spawn("watch")
    assert "synced" in watching.stdout.readline()
    own.kill()
    _, err = watching.communicate(timeout=60)
    assert watching.returncode == UNREACHABLE and "closed the connection" in err


@needs_root
def test_permission_denied_names_who_may(node):
    done = node.ctl("info", prefix=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
    assert done.status == UNREACHABLE and "Permission denied" in done.err
    assert "it is open to user root" in done.err


@needs_root
def test_role_read_may_look_and_not_touch(own):
    own.config.write_text("[roles]\nadmin=root\nread=uid:65534\n")
    own.start()
    own.apply(TENANT)
    own.socket.chmod(0o666)
    reader = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    assert own.ctl("get", "port", "-o", "name", prefix=reader).out == "vm1-eth0\n"
    assert own.ctl("apply", "--dry-run", "-f", "-", stdin=TENANT, prefix=reader).status == OK
    done = own.ctl("delete", "port", "vm1-eth0", prefix=reader)
    assert done.status == REFUSED and "[roles]" in done.err
    assert own.get("Port", "vm1-eth0")


# ---- apply ----

def test_apply_answers_what_it_changed(node):
    done = node.apply(TENANT)
    assert set(done.out.splitlines()[:-1]) == {"+ Underlay physnet0", "+ Network blue", "+ Port vm1-eth0", "+ Peer node2"}
    assert done.out.splitlines()[-1].startswith("4 added, 0 updated, 0 deleted, 0 unchanged; revision ")
    assert "0 added, 0 updated, 0 deleted, 4 unchanged" in node.apply(TENANT).out
    port = node.get("Port", "vm1-eth0")["spec"]
    assert port["mac_address"] == "00:11:22:33:44:55" and port["fixed_ips"] == ["10.0.0.1", "fd00::1"]


def test_apply_of_several_files_is_one_transaction(node, tmp_path):
    documents = TENANT.split("---\n")
    for i, text in enumerate(documents):
        (tmp_path / f"{i}.yaml").write_text(text)
    files = [word for i in reversed(range(len(documents))) for word in ("-f", str(tmp_path / f"{i}.yaml"))]
    done = node.ctl("apply", "--no-wait", *files)
    assert done.status == OK and "4 added" in done.out


def test_apply_quiet(node):
    assert node.apply(TENANT, "--quiet").out == ""


def test_dry_run_shows_the_diff_and_changes_nothing(tenant):
    changed = TENANT.replace("[10.0.0.1, fd00::1]", "[10.0.0.9]").replace("name: node2", "name: node3").replace(
        '"node2"', '"node3"').replace("192.0.2.2", "192.0.2.3").replace("fa:16:3e:00:00:02", "fa:16:3e:00:00:03").replace(
        '"10.0.0.2"', '"10.0.0.3"').replace("vni: 100", "vni: 100, flood: true")
    before = tenant.ctl("get", "-o", "json").out
    done = tenant.ctl("apply", "--dry-run", "-f", "-", stdin=changed)
    assert done.status == OK, done
    assert "~ Port vm1-eth0\n" in done.out and "10.0.0.9" in done.out
    assert "/spec/flood: false → true" in done.out
    assert "+ Peer node3\n" in done.out and "  +   vtep: 192.0.2.3\n" in done.out
    assert done.out.endswith("1 added, 2 updated, 0 deleted, 1 unchanged; a dry run: nothing was changed\n")
    assert "\x1b[" not in done.out
    assert tenant.ctl("get", "-o", "json").out == before
    coloured = tenant.ctl("--colour=always", "apply", "--dry-run", "-f", "-", stdin=changed)
    assert "\x1b[31mfalse\x1b[0m → \x1b[32mtrue\x1b[0m" in coloured.out


def test_replace_deletes_the_others_of_these_kinds(tenant):
    done = tenant.apply("{kind: Port, name: vm2, spec: {network: blue, mac_address: fa:16:3e:00:00:09, attachment: {tap: {name: vm2}}}}",
                        "--replace")
    assert set(done.out.splitlines()[:-1]) == {"+ Port vm2", "- Port vm1-eth0"}
    assert tenant.ctl("get", "port", "-o", "name").out == "vm2\n"
    assert tenant.ctl("get", "peer", "-o", "name").out == "node2\n"


def test_if_revision_guards_against_lost_updates(tenant):
    seen = tenant.get("Network", "blue")["revision"]
    tenant.apply(TENANT.replace("vni: 100", "vni: 101"), "--if-revision", str(seen))
    done = tenant.ctl("apply", "--no-wait", "-f", "-", "--if-revision", str(seen), stdin=TENANT)
    assert done.status == REFUSED and "Network blue" in done.err and "somebody was faster" in done.err
    assert tenant.get("Network", "blue")["spec"]["vni"] == 101


def test_stored_but_not_in_force_is_a_timeout(node):
    done = node.ctl("apply", "--wait=0.1", "-f", "-", stdin=TENANT)
    assert done.status == TIMEOUT and "4 added" in done.out and "stored, but not in force" in done.err
    assert node.get("Port", "vm1-eth0")


@pytest.mark.parametrize("old, new, line, words", [
    ("mac_address: 00:11:22:33:44:55", "mac_address: 00:11:22", 14, "/spec/mac_address"),
    ("fixed_ips: [10.0.0.1, fd00::1]", "fixed_ips: [10.0.0.1,\n              fd00::g]", 16, "/spec/fixed_ips/1"),
    ("vni: 100", "vni: 16777216", 9, "/spec/vni"),
    ("network: blue\n", "network: green\n", 13, "green"),
    ("tap: {name: vm1}", "tap: {name: vm1, colour: red}", 17, "colour"),
    ("mac_address: 00:11:22:33:44:55", "mac_address: 00:11:22:33:44:55\n    zone: a", 15, "zone"),
    ("    network: blue\n", "", 12, "network"),
    ('"vtep": "192.0.2.2"', '"vtep": "192.0.2.999"', 20, "/spec/vtep"),
    ('"10.0.0.2"', '"10.0.0"', 21, "/spec/networks/0/hosts/0/ip_addresses/0"),
    ("kind: Port", "kind: Prot", 10, "Prot"),
])
def test_complaints_name_file_and_line(node, tmp_path, old, new, line, words):
    path = tmp_path / "tenant.yaml"
    assert TENANT.count(old) == 1
    path.write_text(TENANT.replace(old, new))
    done = node.ctl("apply", "-f", path)
    assert done.status == REFUSED and done.out == "", done
    assert re.search(rf"^soclectl: {re.escape(str(path))}:{line}: .*{re.escape(words)}", done.err, re.M), done
    assert "right would be: " in done.err
    assert node.ctl("get").out == "no objects\n"


def test_complaints_about_several_files(node, tmp_path):
    for name, vni in (("a.yaml", 0), ("b.yaml", "x")):
        (tmp_path / name).write_text(f"kind: Network\nname: {name[0]}\nspec:\n  underlay: physnet0\n  vni: {vni}\n")
    done = node.ctl("apply", "-f", tmp_path / "a.yaml", "-f", tmp_path / "b.yaml")
    assert done.status == REFUSED and "a.yaml:5:" in done.err and "b.yaml:5:" in done.err, done


def test_many_complaints_are_counted(node):
    objects = [{"kind": "Port", "name": f"p{i}", "spec": {"network": 3}} for i in range(200)]
    done = node.ctl("apply", "-f", "-", stdin=json.dumps(objects))
    assert done.status == REFUSED and re.search(r"… and \d+ more", done.err)


def test_wrong_objects_in_files(node):
    for text in ("{name: a}", "{kind: Port}", "{kind: 3, name: a}", "{kind: Port, name: 100, spec: {}}", "{}"):
        done = node.ctl("apply", "-f", "-", stdin=text)
        assert done.status == REFUSED and "standard input:1:" in done.err, (text, done)


def test_large_apply(node):
    """Larger than any socket buffer, in both directions."""
    hosts = [{"mac_address": f"fa:16:3e:{i >> 16:02x}:{i >> 8 & 255:02x}:{i & 255:02x}",
              "ip_addresses": [f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}"]} for i in range(1, 20001)]
    node.apply(TENANT.split("---\n{")[0])
    peer = {"kind": "Peer", "name": "big", "spec": {"underlay": "physnet0", "vtep": "192.0.2.9",
                                                  "networks": [{"network": "blue", "hosts": hosts}]}}
    assert "1 added" in node.apply(json.dumps(peer)).out
    yaml = node.ctl("get", "peer", "big", "-o", "yaml", "--export").out
    assert len(yaml) > 1 << 20
    assert "0 added, 0 updated, 0 deleted, 1 unchanged" in node.apply(yaml).out


def test_request_over_the_limit(own):
    own.config.write_text("[limits]\nline_bytes=65536\n")
    own.start()
    done = own.ctl("apply", "-f", "-", stdin="kind: Port\nname: a\nspec: {x: " + "y" * 5_000_000 + "}\n")
    assert done.status in (REFUSED, UNREACHABLE) and done.err, done
    assert own.ctl("info").status == OK


# ---- get ----

def test_get_table_of_one_kind(tenant):
    lines = tenant.ctl("get", "ports").out.splitlines()
    assert re.split(r"\s{2,}| (?=[A-Z])", lines[0].strip())[:2] == ["NAME", "STATE"]
    assert re.match(r"vm1-eth0 +\w+ +blue +00:11:22:33:44:55 +10\.0\.0\.1, fd00::1 +tap vm1", lines[1]), lines
    assert len(lines) == 2


def test_get_all(tenant):
    out = tenant.ctl("get").out
    assert [line for line in out.splitlines() if line in ("Underlay", "Network", "Port", "Peer")] == [
        "Network", "Peer", "Port", "Underlay"]
    assert tenant.ctl("get", "-o", "name").out.split() == [
        "Network", "blue", "Peer", "node2", "Port", "vm1-eth0", "Underlay", "physnet0"]


@pytest.mark.parametrize("word", ["Port", "port", "PORTS", "ports", "po"])
def test_get_kind_as_people_write_it(tenant, word):
    assert tenant.ctl("get", word, "-o", "name").out == "vm1-eth0\n"


@pytest.mark.parametrize("word, words", [("p", "more than one kind"), ("frob", 'no kind "frob"'), ("portss", 'no kind "portss"')])
def test_get_no_such_kind(tenant, word, words):
    done = tenant.ctl("get", word)
    assert done.status == USAGE and words in done.err and "Port" in done.err


def test_get_no_such_object(tenant):
    done = tenant.ctl("get", "port", "vm1-eth0", "vm9")
    assert done.status == REFUSED and "vm9" in done.err and done.out == ""


def test_get_json(tenant):
    got = tenant.ctl("get", "network", "blue", "-o", "json").json()
    assert set(got) == {"revision", "objects"}
    assert set(got["objects"][0]) >= {"kind", "name", "id", "revision", "spec", "status"}
    exported = tenant.ctl("get", "network", "-o", "json", "--export").json()["objects"][0]
    assert set(exported) == {"kind", "name", "spec"}


@pytest.mark.parametrize("options", [[], ["--export"]])
def test_get_yaml_can_be_applied_again(tenant, options):
    text = tenant.ctl("get", "-o", "yaml", *options).out
    assert "0 added, 0 updated, 0 deleted, 4 unchanged" in tenant.apply(text).out
    tenant.clear()
    assert "4 added" in tenant.apply(text).out
    assert ("status" in text) == (not options)


def test_table_fits_the_terminal_and_is_whole_in_a_pipe(node):
    node.apply(TENANT.replace("[10.0.0.1, fd00::1]", str([f"10.0.0.{i}" for i in range(1, 60)]).replace("'", "")))
    assert "10.0.0.59" in node.ctl("get", "port").out
    done = run_on_terminal("--socket", node.socket, "get", "port", columns=90)
    rows = re.sub(r"\x1b\[[0-9;]*m", "", done.out).replace("\r", "").splitlines()
    assert done.status == OK and max(map(len, rows)) <= 90 and "10.0.0.59" not in done.out


def test_colours_only_on_terminals_and_not_with_no_color(tenant):
    assert "\x1b[" not in tenant.ctl("status").out
    assert "\x1b[" in tenant.ctl("--colour=always", "status").out
    assert "\x1b[" in run_on_terminal("--socket", tenant.socket, "status").out
    assert "\x1b[" not in run_on_terminal("--socket", tenant.socket, "status", env={"NO_COLOR": "1"}).out
    assert "\x1b[" not in run_on_terminal("--socket", tenant.socket, "--colour=never", "status").out


def test_output_in_the_c_locale(tenant):
    done = tenant.ctl("get", "port", env={"LC_ALL": "C"})
    assert done.status == OK and "\\x" not in done.out


# ---- delete ----

def test_delete_by_name(tenant):
    done = tenant.ctl("delete", "ports", "vm1-eth0")
    assert done.status == OK and done.out.startswith("- Port vm1-eth0\n0 added, 0 updated, 1 deleted")
    assert tenant.ctl("get", "port").out == "no objects\n"


def test_delete_by_file_is_one_transaction(tenant):
    done = tenant.ctl("delete", "-f", "-", stdin=TENANT)
    assert done.status == OK and "4 deleted" in done.out
    assert tenant.ctl("get").out == "no objects\n"


def test_delete_of_what_others_refer_to(tenant):
    done = tenant.ctl("delete", "network", "blue")
    assert done.status == REFUSED and "vm1-eth0" in done.err
    assert tenant.get("Network", "blue")


def test_delete_of_what_is_not_there(tenant):
    done = tenant.ctl("delete", "port", "vm9", "vm1-eth0")
    assert done.status == REFUSED and "vm9" in done.err
    assert tenant.get("Port", "vm1-eth0")
    done = tenant.ctl("delete", "port", "vm9", "vm1-eth0", "--ignore-missing")
    assert done.status == OK and "1 deleted" in done.out


# ---- explain ----

def test_explain_lists_kinds(node):
    done = node.ctl("explain")
    assert done.status == OK
    assert [line.split()[0] for line in done.out.splitlines()] == [
        "KIND", "AddressGroup", "BaremetalNode", "Guest", "HostProfile", "Network", "Peer", "Port", "SecurityGroup", "SessionSettings", "SriovDevice",
        "Underlay"]


def test_explain_kind_and_fields(node):
    done = node.ctl("explain", "port")
    assert done.status == OK and done.out.startswith("Port: ") and re.search(r"^mac_address +mac +required", done.out, re.M)
    done = node.ctl("explain", "port.attachment")
    assert done.status == OK and "exactly one of its fields" in done.out and re.search(r"^vhost_user ", done.out, re.M)
    assert re.search(r"^socket +path", node.ctl("explain", "Port.attachment.vhost_user").out, re.M)
    assert re.search(r"^mac_address ", node.ctl("explain", "peers.spec.networks.hosts").out, re.M)
    mtu = node.ctl("explain", "underlay.mtu").out
    rules = node.ctl("explain", "SecurityGroup.rules").out
    assert rules.startswith("SecurityGroup.rules: ") and re.search(r"^direction +string +required", rules, re.M)
    assert re.search(r"^remote_group +name of a SecurityGroup ", rules, re.M)
    assert re.search(r'^protocol +protocol +"any" ', rules, re.M) and re.search(r"^remote_ip_prefix +prefix ", rules, re.M)
    assert re.search(r"^tcp_established +int +432000 ", node.ctl("explain", "sessionsettings.timeouts").out, re.M)
    assert "576" in mtu and "9702" in mtu and re.search(r"default +1500", mtu)


def test_explain_what_is_not_there(node):
    done = node.ctl("explain", "port.atachment")
    assert done.status == USAGE and 'Port has no field "atachment"' in done.err and "attachment" in done.err
    assert node.ctl("explain", "port.mac_address.x").status == USAGE
    assert node.ctl("explain", "nothing").status == USAGE


def test_explain_every_field_there_is(node):
    """The schema as it is: each path in it can be explained."""
    def paths(prefix, fields):
        for field in fields:
            path = f"{prefix}.{field['name']}"
            yield path
            while "item" in field:
                field = field["item"]
            yield from paths(path, field.get("fields", []))

    schema = node.ctl("explain", "-o", "json").json()
    all_paths = [path for kind in schema["kinds"] for path in paths(kind["kind"], kind["fields"])]
    assert len(all_paths) > 40
    for path in all_paths:
        done = node.ctl("explain", path)
        assert done.status == OK and done.out.startswith(f"{path}: ") and not done.err, done


# ---- watch ----

def test_watch_until_synced(tenant):
    done = tenant.ctl("watch", "-o", "json", "--until-synced")
    events = [json.loads(line) for line in done.out.splitlines()]
    assert done.status == OK and events[-1]["type"] == "synced"
    assert {(e["kind"], e["name"]) for e in events if e["type"] == "upsert"} == {
        ("Underlay", "physnet0"), ("Network", "blue"), ("Port", "vm1-eth0"), ("Peer", "node2")}


def test_watch_changes_of_some_kinds(tenant):
    watching = tenant.spawn("watch", "-o", "json", "ports", "nets", "-n", "3")
    events = [json.loads(watching.stdout.readline()) for _ in range(3)]
    assert [e["type"] for e in events] == ["upsert", "upsert", "synced"]
    tenant.ctl("delete", "peer", "node2")
    tenant.ctl("delete", "port", "vm1-eth0")
    out, _ = watching.communicate(timeout=60)
    assert [(e["type"], e["name"]) for e in map(json.loads, out.splitlines())] == [("delete", "vm1-eth0")]
    assert watching.returncode == OK


def test_watch_for_people(tenant):
    done = tenant.ctl("watch", "peer", "-n", "1")
    assert done.status == OK and re.match(r"\d\d:\d\d:\d\d  upsert +\d+  Peer +node2", done.out)


def test_watch_from_revision(tenant):
    revision = tenant.ctl("get", "-o", "json").json()["revision"]
    tenant.ctl("delete", "port", "vm1-eth0")
    done = tenant.ctl("watch", "-o", "json", "--from-revision", str(revision), "-n", "1")
    assert done.status == OK and json.loads(done.out.splitlines()[0])["type"] == "delete"


def test_watch_from_a_revision_that_is_not_there(tenant):
    done = tenant.ctl("watch", "--from-revision", "999999999")
    assert done.status == REFUSED and done.err


# ---- status, info, stats, top without a dataplane ----

def test_status_without_dataplane(tenant):
    done = tenant.ctl("status")
    assert done.status == DEGRADED
    assert done.out.splitlines()[0] == "✗ the node is not well"
    assert "the dataplane is not connected: is it running? systemctl status socle-dataplane" in done.out
    assert "4 objects are not yet in force" in done.out and str(tenant.dir / "intent.db") in done.out
    verdict = tenant.ctl("status", "-o", "json")
    assert verdict.status == DEGRADED and verdict.json()["well"] is False and len(verdict.json()["problems"]) >= 2


def test_info(node):
    done = node.ctl("info")
    assert done.status == OK and re.search(r"^name: socled$", done.out, re.M)
    info = node.ctl("info", "-o", "json").json()
    assert info["pid"] == node.socled.pid and info["role"] == "admin"


@pytest.mark.parametrize("command", [["stats"], ["top", "--once"]])
def test_without_dataplane(node, command):
    done = node.ctl(*command)
    assert done.status == REFUSED and "systemctl status socle-dataplane" in done.err and done.out == ""


# ---- with a dataplane ----

@pytest.fixture(scope="module")
def live():
    if not DATAPLANE.exists() or os.geteuid() != 0:
        pytest.skip(f"needs root and {DATAPLANE}")
    prefix = f"ctl{os.getpid() % 10000}"
    node = Node()
    node.tap, node.veth = f"{prefix}t", f"{prefix}v"
    subprocess.run(["ip", "link", "add", node.veth, "type", "veth", "peer", "name", f"{prefix}w"], check=True)
    for name in (node.veth, f"{prefix}w"):
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
    try:
        node.start().start_dataplane()
        yield node
    finally:
        node.stop()
        for name in (node.veth, node.tap):  # the tap outlives a dataplane, for the next one to adopt
            subprocess.run(["ip", "link", "del", name], check=False, stderr=subprocess.DEVNULL)


def live_tenant(node):
    return TENANT.replace("eth-none", node.veth).replace("{name: vm1}", f"{{name: {node.tap}}}")


def test_apply_waits_until_in_force(live):
    done = live.ctl("apply", "-f", "-", stdin=live_tenant(live))
    assert done.status == OK and re.search(r"^in force after \d+ ms$", done.out, re.M), done
    assert live.ctl("apply", "-q", "-f", "-", stdin=live_tenant(live)).out == ""


def test_status_of_a_node_that_is_well(live):
    assert live.ctl("apply", "-f", "-", stdin=live_tenant(live)).status == OK
    deadline = time.monotonic() + 60
    while (done := live.ctl("status")).status != OK and time.monotonic() < deadline:
        time.sleep(0.1)
    assert done.status == OK and done.out.splitlines()[0] == "● the node is well", done
    assert re.search(r"^  dataplane +connected", done.out, re.M) and "1 worker" in done.out
    assert live.ctl("status", "-o", "json").json()["problems"] == []
    assert re.search(r"^socle-dataplane \d", live.ctl("version").out, re.M)


def test_failed_object_is_an_error_with_its_reason(live):
    broken = live_tenant(live).replace("  device:", "  mtu: 1500\n  device:")
    port = "{kind: Port, name: broken, spec: {network: blue, mac_address: fa:16:3e:00:00:77, attachment: {tap: {name: x, netns: /none/there}}}}"
    assert live.ctl("apply", "-f", "-", stdin=broken).status == OK
    done = live.ctl("apply", "-f", "-", stdin=port)
    assert done.status == REFUSED and "Port broken could not be put into force" in done.err, done
    status = live.ctl("status")
    assert status.status == DEGRADED and status.out.count("Port broken: ") == 1
    assert "broken" in live.ctl("get", "port").out and "ERROR" in live.ctl("get", "port").out
    assert live.ctl("delete", "port", "broken").status == OK


def test_stats_and_top(live):
    assert live.ctl("apply", "-f", "-", stdin=live_tenant(live)).status == OK
    stats = live.ctl("stats", "-o", "json").json()
    assert {port["name"] for port in stats["ports"]} == {"vm1-eth0", "physnet0"}
    table = live.ctl("stats").out
    assert re.search(r"^vm1-eth0 +blue +\d+ +\d+ +\d+ +\d+", table, re.M) and "WORKER" in table
    done = live.ctl("top", "-n", "2", "-d", "0.2")
    assert done.status == OK and done.out.count("MOST FOR") == 2 and "worker 0 on CPU" in done.out
    assert re.search(r"^physnet0 +\(underlay\)", done.out, re.M) and "\x1b" not in done.out
    assert live.ctl("top", "--once", "-d", "0.1").out.count("MOST FOR") == 1


def test_top_on_a_terminal_ends_with_q(live):
    done = run_on_terminal("--socket", live.socket, "top", "-d", "0.1", keys=b"q", until=b"q quits")
    assert done.status == OK and done.out.startswith("\x1b[?1049h") and done.out.endswith("\x1b[?1049l")


def test_watch_shows_status(live):
    live.clear()
    watching = live.spawn("watch", "port", "-o", "json")
    assert json.loads(watching.stdout.readline())["type"] == "synced"
    assert live.ctl("apply", "-f", "-", stdin=live_tenant(live)).status == OK
    seen = []
    while not any(e["type"] == "status" and e["object"]["status"]["state"] != "pending" for e in seen):
        seen.append(json.loads(watching.stdout.readline()))
    watching.terminate()
    watching.communicate()
    assert seen[0]["type"] == "upsert"


# ---- completion ----

def test_completion_script_is_bash():
    assert subprocess.run(["bash", "-n", COMPLETION]).returncode == 0


@pytest.mark.parametrize("line, expected", [
    ("soclectl ", COMMANDS), ("soclectl st", ["stats", "status"]), ("soclectl __", []),
    ("soclectl --s", ["--socket"]), ("soclectl --colour ", ["auto", "always", "never"]),
    ("soclectl --timeout 3 ver", ["version"]), ("soclectl get -", ["--output", "--export", "--help"]),
    ("soclectl get -o ", ["table", "json", "yaml", "name"]), ("soclectl get --output=j", ["json"]),
    ("soclectl get -o json po", ["port"]), ("soclectl get P", ["Peer", "Port"]),
    ("soclectl get port ", ["vm1-eth0"]), ("soclectl get Ports vm", ["vm1-eth0"]), ("soclectl delete networks b", ["blue"]),
    ("soclectl delete port zz", []), ("soclectl watch port n", ["network"]),
    ("soclectl explain un", ["underlay"]), ("soclectl explain port.att", ["port.attachment"]),
    ("soclectl explain Port.attachment.t", ["Port.attachment.tap"]),
    ("soclectl explain peer.networks.hosts.", [f"peer.networks.hosts.{field}" for field in (
        "mac_address", "ip_addresses", "security_groups", "allowed_address_pairs")]),
    ("soclectl info ", []), ("soclectl frob ", []),
    ("soclectl trace ", ["vm1-eth0", "physnet0"]), ("soclectl trace vm1-eth0 ", []), ("soclectl capture --drops vm", ["vm1-eth0"]),
    ("soclectl sessions --port ", ["vm1-eth0"]), ("soclectl sessions --network=b", ["blue"]),
    ("soclectl sessions --state tcp_syn_r", ["tcp_syn_recv"]), ("soclectl sessions --l", ["--l4-port", "--limit"]),
])
def test_completion(tenant, line, expected):
    assert sorted(complete(tenant, line)) == sorted(expected)


def test_completion_of_files(tenant, tmp_path):
    (tmp_path / "some.yaml").touch()
    assert complete(tenant, f"soclectl apply -f {tmp_path}/so") == [f"{tmp_path}/some.yaml"]
    assert complete(tenant, f"soclectl apply --file={tmp_path}/so") == [f"{tmp_path}/some.yaml"]


def test_completion_without_socled_is_quiet(own):
    assert complete(own, "soclectl get ") == []
    assert complete(own, "soclectl get -o j") == ["json"]
