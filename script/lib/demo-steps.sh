# What the demo shows, a function a step. Each dies when what it shows does not hold. Sourced by script/demo.

show_nodes() {
    local options=()
    step "Two nodes joined by one wire, and two guests on each"
    cat <<-'EOF'
	     node1: red1  10.0.0.1                      node2: red2  10.0.0.2
	            blue1 10.0.0.1  ── VXLAN over ──           blue2 10.0.0.2 and 10.0.0.22
	            VTEP 192.0.2.1     veth, MTU 1600          VTEP 192.0.2.2
	EOF
    mkdir -p "$run"
    namespaces_up
    if huge_pages_take $((2 * dataplane_pages)); then
        options=(--memory $((2 * dataplane_pages)))
        say "huge pages: $((2 * dataplane_pages)) of 2 MiB${huge_before:+, made for the demo}"
    else
        options=(--no-huge --memory 256)
        say "huge pages: none to be had here; it runs without, and slower"
    fi
    echo "${huge_before:--} $huge_mounted" >"$run/huge"
    daemons_up "${options[@]}"
    say "socled and socle-dataplane run on both nodes; nobody has told them anything yet"
}

show_intent() {
    local guest number
    step "Each node is told what it is to do"
    shell_soclectl node1 apply -f examples/two-tenants.yaml
    shell_soclectl node2 apply -f examples/two-tenants-node2.yaml
    for guest in "${guests[@]}"; do
        number=${guest: -1}
        await 10 ip -n "socle-$guest" link show eth0 || die "the dataplane made no eth0 for $guest"
        ip -n "socle-$guest" link set eth0 up
        ip -n "socle-$guest" addr add "10.0.0.$number/24" dev eth0
        ip -n "socle-$guest" addr add "fd00::$number/64" dev eth0 nodad
    done
    ip -n socle-blue2 addr add 10.0.0.22/24 dev eth0
    say "in force on both; the guests have set up their addresses, as a VM would by DHCP"
}

show_reach() {
    step "A tenant reaches its own guests on the other node"
    shell_ping red1 10.0.0.2
    shell_ping blue1 10.0.0.2
    shell_ping red1 fd00::2
}

# Three pings, all of which must come back.
shell_ping() { # GUEST ADDRESS
    local out
    printf '   %s$ ping -c 3 %s\n' "$1" "$2"
    out=$(in_guest "$1" ping -c 3 -i 0.2 -W 2 "$2" 2>&1) || {
        printf '%s\n' "$out" >&2
        die "$1 does not reach $2"
    }
    tail -n 2 <<<"$out" | sed 's/^/     /'
}

show_throughput() {
    local report server
    step "TCP between the nodes, with checksum and segmentation offload as in a virtual machine"
    in_guest red2 iperf3 -s >/dev/null 2>&1 &
    server=$!
    await 5 listens red2 5201 || die "iperf3's server has not started"
    say "red1\$ iperf3 -c 10.0.0.2 -t 3"
    report=$(in_guest red1 timeout 20 iperf3 -c 10.0.0.2 -t 3 -J) || die "iperf3 does not get through: $report"
    kill "$server"
    python3 -c '
import json, sys
end = json.load(sys.stdin)["end"]
received, sent = end["sum_received"], end["sum_sent"]
print("     %.2f Gbit/s received, %d segments sent twice" % (received["bits_per_second"] / 1e9, sent["retransmits"]))
sys.exit(received["bytes"] == 0)' <<<"$report" || die "no byte arrived"
}

listens() { # GUEST PORT
    in_guest "$1" ss -Hltn "sport = :$2" | grep -q .
}

# Serves a word over TCP in a guest, to whoever asks.
serve_word() { # GUEST WORD
    in_guest "$1" python3 -c '
import socket, sys
server = socket.create_server(("0.0.0.0", 7000))
while True:
    client, _ = server.accept()
    client.sendall(sys.argv[1].encode() + b"\n")
    client.close()' "$2" >/dev/null 2>&1 &
}

ask() { # GUEST ADDRESS
    in_guest "$1" timeout 5 bash -c "cat </dev/tcp/$2/7000"
}

show_isolation() {
    local tenant word
    step "The tenants do not meet, though their addresses and MACs are the same"
    serve_word red2 "this is red's"
    serve_word blue2 "this is blue's"
    for tenant in red blue; do
        await 5 listens "${tenant}2" 7000 || die "the server in ${tenant}2 has not started"
        word=$(ask "${tenant}1" 10.0.0.2)
        say "${tenant}1 asks 10.0.0.2:7000 and hears: $word"
        [[ $word == "this is $tenant's" ]] || die "${tenant}1 has reached another tenant"
    done
    in_guest blue1 ping -c 2 -i 0.2 -W 1 10.0.0.22 >/dev/null || die "blue1 does not reach 10.0.0.22"
    if in_guest red1 ping -c 2 -i 0.2 -W 1 10.0.0.22 >/dev/null 2>&1; then
        die "red1 reaches 10.0.0.22, which only blue has"
    fi
    say "10.0.0.22, which only blue has, answers blue1, and not red1"
}

# Counts aloud over TCP, ten times a second, for whoever connects.
serve_count() { # GUEST PORT
    in_guest "$1" python3 -c '
import socket, sys, time
client, _ = socket.create_server(("0.0.0.0", int(sys.argv[1]))).accept()
for number in range(100000):
    client.sendall(b"%d\n" % number)
    time.sleep(0.1)' "$2" >/dev/null 2>&1 &
}

hear_count() { # GUEST ADDRESS PORT
    in_guest "$1" python3 -u -c '
import socket, sys
for line in socket.create_connection((sys.argv[1], int(sys.argv[2]))).makefile():
    print(line, end="")' "$2" "$3" >"$run/count" 2>/dev/null &
}

heard() {
    tail -n 1 "$run/count"
}

heard_more_than() {
    [[ $(heard) -gt $1 ]]
}

drops_of() { # NODE PORT REASON
    node_soclectl "$1" stats -o json | python3 -c '
import json, sys
ports = json.load(sys.stdin)["ports"]
print(next(p["drops"].get(sys.argv[2], 0) for p in ports if p["name"] == sys.argv[1]))' "$2" "$3"
}

show_security_groups() {
    local server client before now
    step "Security groups: red lets its guests be pinged only, and the next packet honours it"
    serve_count red2 7001
    server=$!
    await 5 listens red2 7001 || die "the server in red2 has not started"
    hear_count red1 10.0.0.2 7001
    client=$!
    await 5 heard_more_than 5 || die "red1 does not hear red2 count"
    say "red2 counts aloud over TCP, and red1 hears it: $(heard)"
    shell_soclectl node2 apply -f - <<-'EOF'
	kind: SecurityGroup
	name: red
	spec:
	  rules:
	    - {direction: egress}
	    - {direction: ingress, protocol: icmp, remote_group: red}
	EOF
    before=$(heard)
    shell_ping red1 10.0.0.2
    if ask red1 10.0.0.2 >/dev/null 2>&1; then
        die "red1 opens a connection that no rule allows"
    fi
    now=$(heard)
    [[ $((now - before)) -le 2 ]] || die "the connection that was there goes on"
    now=$(drops_of node2 red2 sg_ingress)
    [[ $now -gt 0 ]] || die "nothing was counted as sg_ingress"
    say "pings are answered; new connections are refused, and the one that was there hears no more: $(heard)"
    say "red2's port has counted $now drops as sg_ingress"
    shell_soclectl node2 apply -f examples/two-tenants-node2.yaml
    await 30 heard_more_than $((before + 5)) || die "the connection does not go on"
    say "allowed again, it goes on where it was: $(heard)"
    kill "$server" "$client" 2>/dev/null || true
}

show_status() {
    step "Is the node well?"
    shell_soclectl node1 status
    in_guest red1 ping -q -i 0.002 -c 1000 10.0.0.2 >/dev/null &
    shell_soclectl node1 top --once
    wait $!
}

show_socled_killed() {
    local before summary pinging
    step "kill -9 of socled, under a ping of 100 a second: not one packet is to notice"
    in_guest red1 ping -q -i 0.01 -c 400 -W 1 10.0.0.2 >"$run/ping" 2>&1 &
    pinging=$!
    sleep 1
    before=$(pid_of node1 socled)
    kill -KILL "$before"
    say "socled of node1 (pid $before) is dead"
    await 10 restarted node1 socled "$before" || die "socled has not come back"
    await 10 node_soclectl node1 status || die "socled is not well again"
    say "socled of node1 (pid $(pid_of node1 socled)) is back, and has its intent from its store"
    wait "$pinging" || true
    summary=$(grep 'packets transmitted' "$run/ping") || die "ping said: $(<"$run/ping")"
    say "$summary"
    [[ $summary == "400 packets transmitted, 400 received"* ]] || die "packets were lost"
}

restarted() { # NODE PROGRAM OLD-PID
    local pid
    pid=$(pid_of "$1" "$2" 2>/dev/null) && [[ $pid != "$3" ]]
}

show_dataplane_killed() {
    local before pinging killed
    step "kill -9 of a dataplane, under the same ping: it heals by itself"
    in_guest red1 ping -D -n -i 0.01 -c 1000 -W 1 10.0.0.2 >"$run/ping" 2>&1 &
    pinging=$!
    sleep 1
    before=$(pid_of node1 socle-dataplane)
    killed=$(date +%s.%N)
    kill -KILL "$before"
    say "socle-dataplane of node1 (pid $before) is dead: its supervisor starts it again, socled tells it all anew"
    wait "$pinging" || true
    grep -q 'packets transmitted' "$run/ping" || die "ping said: $(tail -n 3 "$run/ping")"
    python3 -c '
import re, sys
killed = float(sys.argv[1])
replies = [float(t) for t in re.findall(r"^\[([0-9.]+)\] \d+ bytes from", sys.stdin.read(), re.M)]
after = [t for t in replies if t > killed + 0.02]
if not after:
    sys.exit("no reply since")
gap, before = max((b - a, a) for a, b in zip(replies, replies[1:]))
print("     pings are answered again %d ms after the kill" % round(1000 * (before + gap - killed)))' \
        "$killed" <"$run/ping" || die "it does not heal"
    shell_ping red1 10.0.0.2
}
