"""Layering is law: checks every #include of the project against who may include whom (docs/architecture.md).

    include/socle, common  <-  tuner  <-  ctl
    include/socle, common  <-  dataplane          control -> observe -> path -> session -> state, and only io/ names a driver

First it checks itself on a made-up tree in which every rule is broken once.

Usage: check_layers.py ROOT; exit status 1 and a line for each forbidden include.
"""

import re
import sys
import tempfile
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
TOPS = ("include", "common", "tuner", "ctl", "dataplane", "bench")

# (who includes, what is forbidden there, why); both are matched against paths like "dataplane/path/parse.c".
FORBIDDEN_FILES = [
    (r"(include|common)/", r"(?!include/|common/)", "common stands below everything else"),
    (r"tuner/", r"(ctl|dataplane|bench)/", "the tuner knows only common"),
    (r"ctl/", r"(dataplane|bench)/", "socled and the dataplane meet only in socle/wire.h"),
    (r"dataplane/", r"(ctl|tuner|bench)/", "socled and the dataplane meet only in socle/wire.h"),
    (r"dataplane/", r"include/socle/errors\.h", "errors are JSON for people: the dataplane answers with codes"),
    (r"dataplane/state/", r"dataplane/(path|session)/", "path -> session -> state"),
    (r"dataplane/session/", r"dataplane/path/", "path -> session -> state"),
    (r"dataplane/(state|session|path|io)/", r"dataplane/observe/", "control -> observe -> path: workers know no observer"),
    (r"dataplane/observe/", r"dataplane/(control|io)/", "observe knows control by names.h only, so that tests need no control"),
    (r"ctl/store/", r"ctl/(?!store/)", "the store knows rows, not kinds"),
    (r"ctl/model/", r"ctl/(?!store/|model/)", "the model knows neither the socket nor the reconcilers"),
]

# The same for headers of libraries, matched against what stands between <>.
FORBIDDEN_LIBRARIES = [
    (r"(?!dataplane/|bench/|tests/)", r"rte_", "DPDK belongs to the dataplane"),
    (r"(include(?!/socle/errors\.h)|common(?!/errors\.c)|dataplane)/", r"(jansson|sqlite3|libfyaml|curl/|openssl/|gnutls/|libvirt/|systemd/sd-bus)",
     "no JSON, database, TLS, HTTP or libvirt in the process that sees tenants' packets"),
    (r"dataplane/(path|session|state)/", r"(systemd/|sys/(socket|epoll))", "nothing that can block on the packets' way"),
    (r"dataplane/(?!io/)", r"rte_(vhost|vdpa|eth_|pmd_|bus_vdev|bus_pci|vfio)", "only io/ names a device driver"),
]


def resolve(root, file, name):
    """The project's own file that an include means, as a path below root; None: not ours."""
    for place in (file.parent / name, root / "include" / name):
        if place.is_file():
            return place.resolve().relative_to(root.resolve()).as_posix()
    found = [p.relative_to(root).as_posix() for top in TOPS for p in sorted((root / top).rglob(Path(name).name))
             if p.as_posix().endswith("/" + name)]
    own = file.relative_to(root).parts[0]
    found.sort(key=lambda p: p.split("/")[0] != own)
    return found[0] if found else None


def check(root):
    """Every forbidden include, as (file, what it includes, why not), and how many includes were looked at."""
    wrong, seen = [], 0
    for file in sorted(p for top in TOPS for p in (root / top).rglob("*.[ch]")):
        who = file.relative_to(root).as_posix()
        for quote, name in INCLUDE.findall(file.read_text(encoding="utf-8")):
            seen += 1
            ours = resolve(root, file, name)
            rules, what = (FORBIDDEN_FILES, ours) if ours else (FORBIDDEN_LIBRARIES, name)
            wrong += [(who, what, why) for by, of, why in rules if re.match(by, who) and re.match(of, what)]
    return wrong, seen


BROKEN = {
    "common/a.c": '#include "model.h"\n#include <jansson.h>\n',
    "include/socle/b.h": '  #  include "worker.h"\n',
    "tuner/c.c": '#include "model/model.h"\n',
    "ctl/rpc/d.c": '#include "worker.h"\n#include <rte_mbuf.h>\n',
    "ctl/store/e.c": '#include "model.h"\n#include "socle/errors.h"\n',
    "ctl/model/f.c": '#include "server.h"\n#include "store.h"\n',
    "dataplane/state/g.c": '#include "session.h"\n',
    "dataplane/session/h.c": '#include "../path/parse.h"\n',
    "dataplane/path/i.c": '#include "session/session.h"\n#include <rte_vhost.h>\n#include <rte_ether.h>\n',
    "dataplane/j.c": '#include "model/model.h"\n#include "socle/errors.h"\n#include "socle/b.h"\n',
    "dataplane/io/k.c": '#include <rte_vhost.h>\n#include <systemd/sd-event.h>\n#include <curl/curl.h>\n',
    "dataplane/path/l.c": "#include <systemd/sd-event.h>\n#include \"observe.h\"\n",
    "dataplane/observe/m.c": '#include "objects.h"\n#include "session.h"\n#include <systemd/sd-event.h>\n',
}
HEADERS = ["ctl/model/model.h", "include/socle/errors.h", "ctl/store/store.h", "ctl/rpc/server.h", "dataplane/worker.h",
           "dataplane/session/session.h", "dataplane/path/parse.h", "dataplane/observe/observe.h",
           "dataplane/control/objects.h"]
EXPECTED = {
    ("common/a.c", "ctl/model/model.h"), ("common/a.c", "jansson.h"), ("include/socle/b.h", "dataplane/worker.h"),
    ("tuner/c.c", "ctl/model/model.h"), ("ctl/rpc/d.c", "dataplane/worker.h"), ("ctl/rpc/d.c", "rte_mbuf.h"),
    ("ctl/store/e.c", "ctl/model/model.h"), ("ctl/model/f.c", "ctl/rpc/server.h"),
    ("dataplane/state/g.c", "dataplane/session/session.h"), ("dataplane/session/h.c", "dataplane/path/parse.h"),
    ("dataplane/io/k.c", "curl/curl.h"), ("dataplane/path/l.c", "systemd/sd-event.h"),
    ("dataplane/path/l.c", "dataplane/observe/observe.h"), ("dataplane/observe/m.c", "dataplane/control/objects.h"),
    ("dataplane/path/i.c", "rte_vhost.h"), ("dataplane/j.c", "ctl/model/model.h"),
    ("dataplane/j.c", "include/socle/errors.h"),
}


def check_itself():
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        for name, text in {**BROKEN, **dict.fromkeys(HEADERS, "")}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        found = {(who, what) for who, what, _ in check(root)[0]}
    if found != EXPECTED:
        sys.exit(f"the check is wrong itself: missed {EXPECTED - found}, made up {found - EXPECTED}")


def main():
    check_itself()
    wrong, seen = check(Path(sys.argv[1]))
    for who, what, why in wrong:
        print(f"{who} includes {what}: {why}")
    print(f"{seen} includes, {len(wrong)} forbidden")
    if seen < 100:
        sys.exit("that is too few: is this the root of the project?")
    sys.exit(1 if wrong else 0)


main()
