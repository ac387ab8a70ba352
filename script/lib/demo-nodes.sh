# The demo's machine: two nodes and four guests made of network namespaces, and their end. Sourced by script/demo.

run=/run/socle-demo
nodes=(node1 node2)
guests=(red1 blue1 red2 blue2)
# In pages of 2 MiB, each node.
dataplane_pages=128

in_node() { # NODE COMMAND…
    ip netns exec "socle-$1" "${@:2}"
}
in_guest() { # GUEST COMMAND…
    ip netns exec "socle-$1" "${@:2}"
}

node_soclectl() { # NODE ARGUMENTS…
    SOCLE_SOCKET=$run/$1/control.sock "$soclectl" "${@:2}"
}

# The same, and says so first, as one would type it.
shell_soclectl() {
    printf '   %s$ soclectl %s\n' "$1" "${*:2}"
    node_soclectl "$@" 2>&1 | sed 's/^/     /'
}

pid_of() { # NODE PROGRAM
    cat "$run/$1/$2.pid"
}

namespaces_up() {
    local name
    for name in "${nodes[@]}" "${guests[@]}"; do
        ip netns add "socle-$name"
        ip -n "socle-$name" link set lo up
    done
    ip link add underlay0 netns socle-node1 mtu 1600 type veth peer name underlay0 netns socle-node2
    for name in "${nodes[@]}"; do
        ip netns exec "socle-$name" sysctl -qw net.ipv6.conf.underlay0.disable_ipv6=1
        ip -n "socle-$name" link set underlay0 mtu 1600 up
    done
}

# One after the other, so that the CPUs of a small machine are shared out.
daemons_up() { # DATAPLANE-OPTION…
    local node cpu=0 cpus
    cpus=$(nproc)
    for node in "${nodes[@]}"; do
        mkdir -p "$run/$node"
        cat >"$run/$node/socled.conf" <<-EOF
		[socled]
		control_socket = $run/$node/control.sock
		dataplane_socket = $run/$node/dataplane.sock
		store = $run/$node/intent.db
		EOF
        supervised "$node" socle-dataplane "$dataplane" --socket "$run/$node/dataplane.sock" \
            --state-dir "$run/$node" --file-prefix "socle-$node" --workers 1 --cpus $((cpu % cpus)) "$@"
        supervised "$node" socled "$socled" -c "$run/$node/socled.conf"
        cpu=$((cpu + 1))
    done
    for node in "${nodes[@]}"; do
        await 20 node_soclectl "$node" get || die "$node's socled does not answer"
    done
}

supervised() { # NODE NAME COMMAND…
    local node=$1 name=$2
    shift 2
    setsid ip netns exec "socle-$node" "$top/script/lib/supervise" "$run/$node/$name.pid" "$run/$node/$name.log" "$@" \
        </dev/null >/dev/null 2>&1 &
    echo "$!" >"$run/$node/$name.supervisor"
    disown
}

nodes_complain() {
    local log
    for log in "$run"/*/*.log; do
        [[ -s $log ]] || continue
        printf -- '---- the end of %s\n' "$log" >&2
        tail -n 15 "$log" >&2
    done
}

# Safe to call in any state, twice too.
nodes_down() {
    local file pid name
    for file in "$run"/*/*.supervisor; do
        [[ -e $file ]] || continue
        pid=$(<"$file")
        if grep -qs "$run" "/proc/$pid/cmdline"; then
            kill -TERM "$pid" 2>/dev/null || true
            await 8 test ! -e "/proc/$pid" || kill -KILL "$pid" 2>/dev/null || true
        fi
    done
    for name in "${guests[@]}" "${nodes[@]}"; do
        [[ -e /run/netns/socle-$name ]] || continue
        for pid in $(ip netns pids "socle-$name" 2>/dev/null); do
            kill -KILL "$pid" 2>/dev/null || true
        done
        ip netns del "socle-$name" || true
    done
    if [[ -e $run/huge ]]; then # we may be another process than the one that took them
        read -r huge_before huge_mounted <"$run/huge" || true
        [[ $huge_before != - ]] || huge_before=
        huge_pages_give_back
    fi
    rm -rf "$run"
}

nodes_leftovers() {
    ip netns list 2>/dev/null | grep -E '^socle-(node|red|blue)[12]\b' || true
    ps -eo pid=,args= | grep -F "$run/" | grep -v grep || true
    [[ ! -e $run ]] || echo "$run"
    find /dev/hugepages -name 'socle-node*' 2>/dev/null || true
}

nodes_how_to_play() {
    local node
    printf '\nIt is left running. Talk to a node with:\n'
    for node in "${nodes[@]}"; do
        printf '   export SOCLE_SOCKET=%s/%s/control.sock\n' "$run" "$node"
    done
    printf '   %s status        (or: top, get, watch, explain Port, apply -f FILE)\n' "${soclectl#"$PWD"/}"
    printf 'Be a guest with:    ip netns exec socle-red1 ping 10.0.0.2\n'
    printf 'See the wire with:  ip netns exec socle-node1 tcpdump -ni underlay0\n'
    printf 'Read the logs in:   %s/node1/*.log\n' "$run"
    printf 'Take it down with:  script/demo --down\n\n'
}
