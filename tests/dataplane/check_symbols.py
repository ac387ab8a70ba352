"""The packets' way calls nothing that can block: lists the undefined symbols of the objects of dataplane/path and
refuses what makes a system call, allocates, locks, logs or prints.

Usage: check_symbols.py LIBRARY…; exit status 1 and a line for each forbidden symbol.
"""

import re
import subprocess
import sys

# What an object of the path may need from outside; all else is forbidden by default, so that a new call is a decision.
ALLOWED = [
    r"dp$|dp_\w+",                                   # our own: state/ and path/
    r"mem(cpy|set|cmp|move)(_chk)?$|__mem\w+_chk$",  # string functions the compiler makes
    r"__rte_node_register|__rte_node_stream_alloc(_size)?$",  # registration; growth of a stream, from the graph's own pool
    r"rte_node_\w+|rte_graph_\w+",
    r"rte_pktmbuf_(copy|free_bulk|clone)$|__rte_mbuf_\w+|rte_mbuf_sanity_check|rte_mempool_ops_table",
    r"per_lcore__lcore_id|rte_crc32_\w+|crc32_alg|rte_hash_\w+",
    r"__rte_panic$",                                 # RTE_VERIFY in the inlines of mempool: corrupted memory, no way on
    r"rte_cpu_get_flag_enabled|rte_memcpy\w*|rte_net_\w+",
    r"strtoul|__isoc\w+_strtoul",                    # node.c, once a graph: which worker it is
    r"__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__tls_get_addr",
    r"__(asan|ubsan|tsan|sanitizer|lsan)_\w+|__interceptor\w*|_ITM_\w+|__gmon_start__",
]
ALLOWED_RE = re.compile("^(" + "|".join(ALLOWED) + ")")


def undefined(library):
    """Pairs of (object, symbol) that the library's objects leave undefined."""
    listing = subprocess.run(["nm", "-A", "--undefined-only", library], check=True, capture_output=True, text=True).stdout
    for line in listing.splitlines():
        place, symbol = line.rsplit(None, 1)
        yield place.split(":")[-2] if ":" in place else place, symbol


ONCE = "setup.c.o"  # of session/: memory at start, by control


def check(pairs):
    return sorted({f"{place}: {symbol}" for place, symbol in pairs
                   if not ALLOWED_RE.match(symbol) and not place.endswith(ONCE)})


def main():
    # It must be able to fail: what it exists to refuse is refused.
    for bad in ("malloc", "printf", "write", "pthread_mutex_lock", "epoll_wait", "rte_zmalloc", "rte_log", "usleep"):
        assert check([("x.o", bad)]), f"{bad} was let through"
    pairs = [pair for library in sys.argv[1:] for pair in undefined(library)]
    assert pairs, "no symbols found: is this the right library?"
    wrong = check(pairs)
    for line in wrong:
        print(f"{line}: not allowed on the packets' way (see tests/dataplane/check_symbols.py)")
    print(f"{len(pairs)} symbols, {len(wrong)} forbidden")
    return 1 if wrong else 0


sys.exit(main())
